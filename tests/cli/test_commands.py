"""The commands around the main job, each through the program."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ccsync.sandbox.switches import SWITCHES

from tests.cli.conftest import Run
from tests.cli.test_main_job import applied
from tests.cli.world import PEOPLE, Configuration, World


def document(text: str) -> Any:  # Any: JSON
    found = json.loads(text)
    assert found["format"] == 1
    return found


# ---------------------------------------------------------------- init, validate


def test_a_scaffolded_project_is_valid(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("init", "project")
    assert done.code == 0
    assert done.out.endswith("Next: cd project && ccsync validate\n")
    monkeypatch.chdir(tmp_path / "project")
    valid = run("validate")
    assert (valid.code, valid.err) == (0, "")
    assert valid.out.startswith("The configuration is valid: ")
    assert run("init", ".").code == 7


def test_validate_needs_no_secret(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC_ACCESS_TOKEN")
    assert run("validate").code == 0
    missing = run("plan")
    assert missing.code == 7
    assert "CC_ACCESS_TOKEN" in missing.err


def test_validate_tells_every_problem_with_its_place(world: World, run: Run) -> None:
    world.configure(Configuration(more="on_leaf: keep\n    nonsense: 1"))
    done = run("validate")
    assert done.code == 7
    assert done.err.count("error[") >= 2
    assert "ccsync.yaml:" in done.err
    assert "errors" in done.err.splitlines()[-1]
    told = document(run("validate", "--json").out)
    assert told["valid"] is False
    assert told["error"] == told["errors"][0]
    assert told["error"]["where"]["line"] > 1
    assert len(told["diagnostics"]) >= 2
    schema = json.loads((Path(__file__).parents[2] / "schemas" / "events.schema.json").read_text())
    jsonschema.validate(
        {key: told[key] for key in ("format", "error", "errors", "warnings")}, schema["oneOf"][0] | schema_parts(schema)
    )
    world.configure(Configuration())
    fine = document(run("validate", "--json").out)
    assert (fine["valid"], fine["diagnostics"]) == (True, [])


def schema_parts(schema: Any) -> dict[str, Any]:  # Any: JSON
    return {"definitions": schema["definitions"]}


def test_a_config_directory_that_is_not_there_is_7(tmp_path: Path, run: Run) -> None:
    assert run("validate", "-C", str(tmp_path / "nothing")).code == 7


# ---------------------------------------------------------------- what is declared and what is there


def test_what_is_declared_can_be_listed(world: World, run: Run) -> None:
    assert "weekly_newsletter" in run("exports", "list").out
    assert document(run("exports", "list", "--json").out)["exports"][0]["members"] is None
    assert "everyone" in run("segments", "list").out
    assert document(run("segments", "list", "--json").out)["segments"][0]["exports"] == ["weekly_newsletter"]
    assert "agreed" in run("connections", "list").out
    assert document(run("connections", "list", "--json").out)["connections"][0]["consent"] is True


def test_a_connection_can_be_checked(world: World, run: Run) -> None:
    done = run("connections", "check", "newsletter")
    assert done.code == 0
    assert "left today" in done.out
    told = document(run("connections", "check", "newsletter", "--json").out)
    assert told["account"]["id"]
    assert run("connections", "check", "nothing").code == 7
    world.control("tokens/revoke")
    assert run("connections", "check", "newsletter").code == 8


def test_lists_of_an_account_are_shown(world: World, run: Run) -> None:
    applied(world, run)
    assert "Weekly newsletter" in run("lists", "newsletter").out
    (found,) = [each for each in document(run("lists", "newsletter", "--json").out)["lists"] if each["members"]]
    assert (found["name"], found["members"]) == ("Weekly newsletter", len(PEOPLE))


def test_a_segment_can_be_previewed(world: World, run: Run) -> None:
    done = run("segments", "preview", "everyone", "--limit", "2")
    assert done.code == 0
    assert "everyone: 5 people of 5 rows" in done.out
    assert "a***@e***.com" in done.out
    told = document(run("segments", "preview", "everyone", "--json", "--reveal", "--limit", "1").out)
    assert told["sample"] == [{"email": "anna@example.com", "values": {"first_name": "Anna", "last_name": "Example"}}]
    assert told["top_values"]["last_name"] == [{"value": "Example", "people": 5}]
    assert told["filtered"] == {"consent_missing": 0, "suppressed": 0}
    assert run("segments", "preview", "nothing").code == 7
    assert world.requests() == []


def test_what_an_export_sends_is_told_field_by_field(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = document(run("exports", "fields", "weekly_newsletter", "--json").out)
    assert (told["account_asked"], told["people"]) == (True, 5)
    first = told["fields"][0]
    assert [first[key] for key in ("target", "from", "type", "max_chars", "filled", "sample")] == [
        "first_name", "first_name", "text", 50, 5, "Anna"
    ]  # fmt: skip
    monkeypatch.delenv("CC_ACCESS_TOKEN")
    told = run("exports", "fields", "weekly_newsletter")
    assert (told.code, "the account was not asked" in told.out) == (0, True)


# ---------------------------------------------------------------- status, history, state


def test_status_before_and_after_the_first_run(world: World, run: Run) -> None:
    assert "no state yet" in run("status").out
    assert run("history").out == "No run yet.\n"
    applied(world, run)
    said = run("status").out
    assert "state serial 1" in said
    assert "Acting: anna@example.com (CCSYNC_ACTOR), administrator." in said
    told = document(run("status", "--json").out)
    assert told["exports"][0]["members"] == len(PEOPLE)
    assert told["pending_run"] is None
    assert told["last_run"]["outcome"] == "successful"


def test_history_tells_who_did_what(world: World, run: Run) -> None:
    applied(world, run)
    world.people(PEOPLE[1:])
    applied(world, run)
    runs = document(run("history", "--json").out)["runs"]
    assert [each["counts"] for each in runs] == [
        {"weekly_newsletter": {"remove": 1}},
        {"weekly_newsletter": {"add": 5}},
    ]
    assert {each["actor"] for each in runs} == {"anna@example.com"}
    assert len(document(run("history", "--json", "--limit", "1").out)["runs"]) == 1
    assert document(run("history", "--json", "--export", "nothing").out)["runs"] == []
    assert "remove 1" in run("history").out


def test_generations_can_be_listed_and_shown(world: World, run: Run) -> None:
    applied(world, run)
    world.people(PEOPLE[1:])
    applied(world, run)
    told = document(run("state", "list", "--json").out)["generations"]
    assert [(each["serial"], each["current"]) for each in told] == [(2, True), (1, False)]
    assert "current" in run("state", "list").out
    assert "serial 1 " in run("state", "show", "1").out
    assert document(run("state", "show", "--json").out)["serial"] == 2
    assert run("state", "show", "9").code == 7


def test_an_older_generation_can_be_restored(world: World, run: Run) -> None:
    applied(world, run)
    world.people(PEOPLE[1:])
    applied(world, run)
    assert run("state", "restore", "1").code == 9
    done = run("state", "restore", "1", "--auto-approve")
    assert done.code == 0
    assert "serial 3" in done.out
    assert document(run("state", "list", "--json").out)["generations"][0]["restored_from"] == 1


def test_a_lock_can_be_taken_away(world: World, run: Run) -> None:
    from ccsync.cli.clock import SystemClock
    from ccsync.cli.wiring import new_lineage
    from ccsync.errors import LockedError
    from ccsync.state.lock import Holder

    from tests.support.states import open_state

    assert "not locked" in run("state", "unlock").out
    lock = open_state(world.folder / ".ccsync", SystemClock(), new_lineage).lock
    with lock.acquire(Holder("carla", "elsewhere", 7, "apply", "2026-11-24T00:00:00Z")) as held:
        assert "Locked by `ccsync apply` on elsewhere" in run("status").out
        assert run("state", "unlock").code == 9
        assert "carla on elsewhere" in run("state", "unlock", "--auto-approve").out
        with pytest.raises(LockedError):
            held.check()


# ---------------------------------------------------------------- import, readmit


def test_import_takes_a_list_over_and_sends_nothing(world: World, run: Run) -> None:
    world.control("lists", name="Weekly newsletter")
    world.control("people/join", emails=["old@example.com", "anna@example.com"], list="Weekly newsletter")
    done = run("import", "weekly_newsletter")
    assert done.code == 0, done
    assert '2 members of list "Weekly newsletter" are known; 2 are new.' in done.out
    assert "those who were ours already are not" in done.out
    assert run("plan").out.count("to remove") == 1
    assert "Plan: 4 to add, 0 to update, 0 to remove." in run("plan").out or "to update" in run("plan").out
    told = document(run("import", "weekly_newsletter", "--own", "--json").out)
    assert (told["members"], told["new"]) == (2, 0)
    assert "1 to remove." in run("plan").out
    assert not [path for method, path in world.requests() if "import" in path and method == "POST"]
    assert run("import", "nothing").code == 7


def test_who_left_is_held_back_until_readmitted_with_a_reason(world: World, run: Run) -> None:
    applied(world, run)
    world.control("people/leave", emails=["bob@example.com"], list="Weekly newsletter")
    held = run("plan")
    assert "1 held back" in held.out
    applied(world, run)
    asked = run("readmit", "weekly_newsletter", "bob@example.com")
    assert asked.code == 9
    done = run("readmit", "weekly_newsletter", "bob@example.com", "--reason", "asked by phone")
    assert done.code == 0, done
    assert "1 readmitted" in done.out
    assert document(run("history", "--json").out)["runs"][0]["reason"] == "asked by phone"
    applied(world, run)
    assert "bob@example.com" in world.members()


@pytest.mark.parametrize("args", [(), ("not-an-address",), ("--all", "bob@example.com")])
def test_readmit_wants_addresses_or_all(world: World, run: Run, args: tuple[str, ...]) -> None:
    assert run("readmit", "weekly_newsletter", "--reason", "x", *args).code == 64


def test_people_held_back_can_be_listed(world: World, run: Run) -> None:
    applied(world, run)
    world.control("people/leave", emails=["bob@example.com"], list="Weekly newsletter")
    world.people((*PEOPLE[2:], "frank"))
    applied(world, run)
    told = document(run("state", "list", "--held-back", "--json").out)["held_back"]
    assert all("@example.com" not in each["key"] for each in told)


# ---------------------------------------------------------------- sandbox


def test_every_switch_is_listed(run: Run) -> None:
    told = document(run("sandbox", "switches", "--json").out)["switches"]
    assert [each["name"] for each in told] == list(SWITCHES)
    assert "empty_value=ignore" in run("sandbox", "switches").out


def test_a_switch_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    assert run("sandbox", "serve", "--port", "0", "--set", "nonsense=1").code == 64
    assert run("sandbox", "serve", "--port", "0", "--set", "nonsense").code == 64


def test_a_sandbox_on_another_address_must_be_asked_for(run: Run) -> None:
    refused = run("sandbox", "serve", "--port", "0", "--host", "0.0.0.0")
    assert refused.code == 64
    assert "--allow-other-hosts" in refused.err


def test_the_limit_of_memory_is_checked_before_anything_is_read(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCSYNC_MEMORY_LIMIT", "all")
    refused = run("plan", "--no-refresh")
    assert (refused.code, "error[E907]" in refused.err) == (7, True)
    monkeypatch.setenv("CCSYNC_MEMORY_LIMIT", "300MB")
    assert run("plan", "--no-refresh").code == 0
