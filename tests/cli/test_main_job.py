"""Plan, show, apply, recover through the program: sentences, documents and exit codes."""

import json
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ccsync.views.human import NO_CHANGES

from tests.cli.conftest import Run
from tests.cli.world import PEOPLE, Configuration, World

SCHEMAS = Path(__file__).parents[2] / "schemas"


def schema(name: str) -> Any:  # Any: JSON
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def addresses(*names: str) -> set[str]:
    return {f"{name}@example.com" for name in names}


def applied(world: World, run: Run) -> None:
    done = run("apply", "--auto-approve")
    assert done.code == 0, done


def last(lines: str) -> Any:  # Any: JSON
    return json.loads(lines.splitlines()[-1])


# ---------------------------------------------------------------- plan


def test_the_main_job(world: World, run: Run) -> None:
    planned = run("plan", "-o", "first.ccplan")
    assert planned.code == 0
    assert "Plan: 5 to add, 0 to update, 0 to remove." in planned.out.splitlines()
    assert "5 people's email, first_name, last_name go to 127.0.0.1" in planned.out
    done = run("apply", "first.ccplan", "--auto-approve")
    assert done.code == 0
    assert "Apply complete: 5 added, 0 updated, 0 removed." in done.out.splitlines()
    assert world.members() == addresses(*PEOPLE)
    world.people(("anna", "bob", "carla", "dries", "frank"))
    again = run("plan")
    assert "Plan: 1 to add, 0 to update, 1 to remove." in again.out.splitlines()
    applied(world, run)
    assert world.members() == addresses("anna", "bob", "carla", "dries", "frank")
    empty = run("plan", "--detailed-exitcode")
    assert empty.code == 0
    assert NO_CHANGES in empty.out.splitlines()


def test_detailed_exitcode_is_2_when_there_are_changes(world: World, run: Run) -> None:
    assert run("plan", "--detailed-exitcode").code == 2
    assert run("plan").code == 0


def test_plan_json_is_one_document_that_fits_the_schema(world: World, run: Run) -> None:
    done = run("plan", "--json")
    document = json.loads(done.out)
    jsonschema.validate(document, schema("plan_output"))
    assert document["summary"]["add"] == 5
    assert document["exports"][0]["list"] == {"id": None, "name": "Weekly newsletter", "action": "create"}
    assert "@example.com" not in done.out


def test_plan_without_refresh_says_so_and_asks_nobody(world: World, run: Run) -> None:
    applied(world, run)
    before = len(world.requests())
    world.people(("anna", "bob", "carla", "dries"))
    done = run("plan", "--no-refresh")
    assert done.code == 0
    assert "--no-refresh" in done.out
    assert "Plan: 0 to add, 0 to update, 1 to remove." in done.out
    assert len(world.requests()) == before


def test_a_plan_of_named_exports_says_that_it_is_partial(world: World, run: Run) -> None:
    done = run("plan", "weekly_newsletter", "--json")
    assert json.loads(done.out)["complete"] is False
    assert "other exports were not looked at" in run("plan", "weekly_newsletter").out
    unknown = run("plan", "weekly")
    assert unknown.code == 7
    assert "error[E110]" in unknown.err


def test_a_blocked_plan_is_shown_saved_and_exits_3(world: World, run: Run) -> None:
    names = [f"p{number}" for number in range(40)]
    world.people(names)
    applied(world, run)
    world.people(names[:20])
    done = run("plan", "-o", "blocked.ccplan")
    assert done.code == 3
    assert "Plan: 0 to add, 0 to update, 20 to remove." in done.out
    assert "Blocked by E501 max_remove" in done.out
    assert "Saved to blocked.ccplan" in done.out
    assert "not saved" not in done.out
    assert "Apply it with" not in done.out
    told = json.loads(run("plan", "--json").out)
    kept = json.loads(run("show", "blocked.ccplan", "--json").out)
    assert (told["applyable"], told["has_changes"]) == (kept["applyable"], kept["has_changes"]) == (False, True)
    assert "not saved" not in run("plan").out
    assert run("apply", "blocked.ccplan", "--auto-approve").code == 3
    assert len(world.members()) == 40
    allowed = run("apply", "blocked.ccplan", "--auto-approve", "--allow", "weekly_newsletter:max_remove")
    assert allowed.code == 0
    assert len(world.members()) == 20


def test_an_allowed_guard_is_recorded_in_the_plan_and_the_run(world: World, run: Run) -> None:
    applied(world, run)
    world.people(())
    done = run("plan", "-o", "empty.ccplan", "--allow", "weekly_newsletter:min_rows")
    assert done.code == 0
    assert "(allowed)" in done.out
    assert run("apply", "empty.ccplan", "--auto-approve").code == 0
    document = json.loads(run("history", "--json").out)
    assert document["runs"][0]["allowed"] == ["weekly_newsletter:min_rows"]


@pytest.mark.parametrize("given", ["max_remove", "weekly_newsletter:max_profiles", "weekly_newsletter:everything"])
def test_what_can_not_be_allowed_is_wrong_usage(world: World, run: Run, given: str) -> None:
    assert run("plan", "--allow", given).code == 64


# ---------------------------------------------------------------- show


def test_show_tells_the_saved_plan(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    assert "Plan: 5 to add, 0 to update, 0 to remove." in run("show", "p.ccplan").out
    jsonschema.validate(json.loads(run("show", "p.ccplan", "--json").out), schema("plan_output"))


def test_show_pages_rows_masked_unless_revealed(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    rows = run("show", "p.ccplan", "--op", "add", "--limit", "2")
    assert "a***@e***.com" in rows.out
    assert "3 more" in rows.out
    assert "anna@" not in rows.out
    document = json.loads(run("show", "p.ccplan", "--json", "--limit", "1", "--reveal").out)
    jsonschema.validate(document, schema("plan_output"))
    export = document["exports"][0]
    assert export["rows_total"] == 5
    assert [row["email"] for row in export["rows"]] == ["anna@example.com"]
    assert run("show", "p.ccplan", "--export", "nothing").code == 7


def test_show_warns_of_a_stale_plan_and_does_not_fail(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    applied(world, run)
    done = run("show", "p.ccplan")
    assert done.code == 0
    assert "warning[E704]" in done.err


def test_show_works_without_a_configuration(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    (world.folder / "ccsync.yaml").unlink()
    done = run("show", "p.ccplan")
    assert done.code == 0
    assert "Plan: 5 to add" in done.out


# ---------------------------------------------------------------- apply


def test_apply_without_a_terminal_exits_9_at_once(world: World, run: Run) -> None:
    done = run("apply")
    assert done.code == 9
    assert "error[E801]" in done.err
    assert world.requests() == []
    run("plan", "-o", "p.ccplan")
    before = len(world.requests())
    assert run("apply", "p.ccplan").code == 9
    assert len(world.requests()) == before


def test_apply_json_is_lines_and_the_last_tells_the_end(world: World, run: Run) -> None:
    done = run("apply", "--auto-approve", "--json")
    assert done.code == 0
    for each in done.out.splitlines():
        jsonschema.validate(json.loads(each), schema("events"))
    finished = last(done.out)
    assert (finished["event"], finished["status"], finished["exit_code"]) == ("apply_finished", "successful", 0)
    assert finished["results"][0]["added"] == 5
    assert [json.loads(each).get("event") for each in done.out.splitlines()].count("apply_finished") == 1
    assert "@example.com" not in done.out
    nothing = run("apply", "--auto-approve", "--json")
    assert last(nothing.out)["status"] == "successful"


def test_apply_json_ends_with_apply_finished_even_when_it_fails(world: World, run: Run) -> None:
    for args in (("missing.ccplan", "--auto-approve"), ("--auto-approve", "nothing"), ()):
        done = run("apply", "--json", *args)
        lines = [json.loads(each) for each in done.out.splitlines()]
        assert lines[-1]["event"] == "apply_finished"
        assert lines[-1]["status"] == ("canceled" if done.code == 9 else "failed")
        assert lines[-1]["exit_code"] == done.code != 0
        assert "error" in lines[-2]
        for each in lines:
            jsonschema.validate(each, schema("events"))


def test_a_plan_is_applied_once(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    assert run("apply", "p.ccplan", "--auto-approve").code == 0
    before = len(world.requests())
    done = run("apply", "p.ccplan", "--auto-approve")
    assert done.code == 5
    assert "error[E704]" in done.err
    assert len(world.requests()) == before


def test_a_plan_of_an_older_state_is_refused_before_any_call(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    world.people(("anna",))
    applied(world, run)
    before = len(world.requests())
    done = run("apply", "p.ccplan", "--auto-approve")
    assert done.code == 5
    assert "error[E706]" in done.err
    assert len(world.requests()) == before


def test_a_plan_of_another_configuration_is_refused(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    world.configure(Configuration(more="on_leave: keep"))
    done = run("apply", "p.ccplan", "--auto-approve")
    assert done.code == 5
    assert "error[E707]" in done.err


def test_an_edited_plan_is_refused(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    path = world.folder / "p.ccplan"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for command in (("apply", "p.ccplan", "--auto-approve"), ("show", "p.ccplan")):
        done = run(*command)
        assert done.code == 5
        assert "error[E702]" in done.err


def test_a_missing_plan_file_is_7(world: World, run: Run) -> None:
    assert run("apply", "nothing.ccplan", "--auto-approve").code == 7
    assert run("show", "nothing.ccplan").code == 7


def test_a_part_of_a_saved_plan_can_be_applied(world: World, run: Run) -> None:
    run("plan", "-o", "p.ccplan")
    missing = run("apply", "p.ccplan", "winback", "--auto-approve")
    assert missing.code == 5
    assert "error[E714]" in missing.err
    assert run("apply", "p.ccplan", "weekly_newsletter", "--auto-approve").code == 0
    assert world.members() == addresses(*PEOPLE)


def test_a_plan_in_a_file_without_a_suffix_is_found(world: World, run: Run) -> None:
    run("plan", "-o", "weekly")
    assert zipfile.is_zipfile(world.folder / "weekly")
    assert run("apply", "weekly", "--auto-approve").code == 0


def test_who_left_since_the_plan_is_left_out_and_said(world: World, run: Run) -> None:
    applied(world, run)
    world.people((*PEOPLE, "frank"), last_name="Changed")
    run("plan", "-o", "p.ccplan", "--allow", "weekly_newsletter:max_update")
    world.control("people/unsubscribe", emails=["bob@example.com"])
    done = run("apply", "p.ccplan", "--auto-approve")
    assert done.code == 0
    assert "left out, gone since the plan" in done.out
    assert "1 added" in done.out
    assert NO_CHANGES in run("plan").out


def test_a_token_that_does_not_work_is_8(world: World, run: Run) -> None:
    world.control("tokens/revoke")
    done = run("plan")
    assert done.code == 8
    assert "error[E3" in done.err


def test_an_endpoint_that_is_not_there_is_1(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC_API", "https://127.0.0.1:1/v3")
    world.configure(Configuration())
    done = run("plan")
    assert done.code in (1, 7)


def test_without_consent_a_plan_warns_and_an_apply_refuses(world: World, run: Run) -> None:
    world.configure(Configuration(consent="description: none"))
    planned = run("plan", "-o", "p.ccplan")
    assert planned.code == 0
    assert "warning[W210]" in planned.err
    for command in (("apply", "p.ccplan", "--auto-approve"), ("apply", "--auto-approve")):
        done = run(*command)
        assert done.code == 8
        assert "error[E210]" in done.err
    assert not [path for method, path in world.requests() if method == "POST" and "imports" in path]


ROLES = "roles: {administrators: [anna@example.com], contributors: [bob@example.com], viewers: ['*']}"


def test_roles_decide_who_may(world: World, run: Run) -> None:
    world.configure(Configuration(roles=ROLES))
    assert run("plan", "--as", "eve").code == 0
    assert run("plan", "--as", "eve", "-o", "x.ccplan").code == 8
    refused = run("apply", "--auto-approve", "--as", "bob@example.com")
    assert refused.code == 8
    assert "error[E202]" in refused.err
    assert run("apply", "--auto-approve", "--as", "eve").code == 8
    world.configure(Configuration(roles=ROLES, available_to="administrators_and_contributors"))
    assert run("apply", "--auto-approve", "--as", "bob@example.com").code == 0
    assert run("plan", "--as", "bob@example.com", "--allow", "weekly_newsletter:max_remove").code == 8


def test_a_held_lock_is_4_and_names_the_holder(world: World, run: Run) -> None:
    from ccsync.cli.clock import SystemClock
    from ccsync.cli.wiring import new_lineage
    from ccsync.state.lock import Holder

    from tests.support.states import open_state

    lock = open_state(world.folder / ".ccsync", SystemClock(), new_lineage).lock
    with lock.acquire(Holder("carla", "elsewhere", 7, "apply", "2026-11-24T00:00:00Z")):
        done = run("apply", "--auto-approve")
        assert done.code == 4
        assert "carla on elsewhere" in done.err
        assert run("plan").code == 0
    assert run("apply", "--auto-approve").code == 0


def test_damaged_state_is_5_with_the_way_out(world: World, run: Run) -> None:
    applied(world, run)
    (world.folder / ".ccsync" / "HEAD").write_text("nonsense")
    done = run("plan")
    assert done.code == 5
    assert run("state", "check").code == 5
    assert run("state", "restore", "--auto-approve").code == 0
    assert run("state", "check").code == 0
    assert NO_CHANGES in run("plan").out


def test_nothing_of_a_person_stands_in_an_error(world: World, run: Run) -> None:
    (world.folder / "people.csv").write_bytes(b'email,first_name,last_name\nanna@example.com,"Secretname\x00,x\n')
    done = run("plan")
    assert "anna" not in done.err
    assert "Secretname" not in done.err


def test_an_interrupted_run_is_settled_first_and_said(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    world.control("faults", kind="drop_after", method="POST", path="/activities/contacts_file_import")
    world.control("faults", kind="quota_exceeded", method="GET", path="/activities", times=None)
    run("plan", "-o", "before.ccplan")
    first = run("apply", "--auto-approve")
    assert first.code == 6, first
    assert "Apply incomplete" in first.out
    unsettled = run("verify", "before.ccplan")
    assert (unsettled.code, "warning[W741]" in unsettled.err) == (0, True)
    _clear_faults(world)
    monkeypatch.setenv("CCSYNC_HOME", str(world.folder / "tomorrow"))  # where the day's quota is noted
    second = run("plan")
    assert second.code == 0, second
    assert "was interrupted; settling it first." in second.err
    assert run("recover").out.startswith("Nothing to settle.")
    applied(world, run)
    assert world.members() == addresses(*PEOPLE)


def test_a_restore_settles_an_interrupted_run_first(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(world, run)
    world.people([*PEOPLE, "new"])
    world.control("faults", kind="drop_after", method="POST", path="/activities/contacts_file_import")
    world.control("faults", kind="quota_exceeded", method="GET", path="/activities", times=None)
    assert run("apply", "--auto-approve").code == 6
    _clear_faults(world)
    monkeypatch.setenv("CCSYNC_HOME", str(world.folder / "tomorrow"))
    done = run("state", "restore", "1", "--auto-approve")
    assert done.code == 0, done
    assert "was interrupted; settling it first." in done.err
    assert [each["serial"] for each in json.loads(run("state", "list", "--json").out)["generations"]] == [3, 2, 1]
    assert json.loads(run("status", "--json").out)["pending_run"] is None
    assert run("apply", "--auto-approve").code == 0
    assert world.members() == addresses(*PEOPLE, "new")


def test_a_run_whose_account_is_gone_can_be_given_up(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    world.control("faults", kind="drop_after", method="POST", path="/activities/contacts_file_import")
    world.control("faults", kind="quota_exceeded", method="GET", path="/activities", times=None)
    assert run("apply", "--auto-approve").code == 6
    monkeypatch.setenv("CCSYNC_HOME", str(world.folder / "tomorrow"))
    monkeypatch.delenv("CC_ACCESS_TOKEN")
    assert run("plan").code == 7
    monkeypatch.setenv("CC_ACCESS_TOKEN", "gone")
    refused = run("plan")
    assert refused.code == 8, refused
    (pending,) = [json.loads(run("status", "--json").out)["pending_run"]]
    assert "W651" in refused.err
    assert f"ccsync recover --give-up {pending}" in " ".join(refused.err.split())
    monkeypatch.delenv("CC_ACCESS_TOKEN")
    assert run("recover", "--give-up", "other", "--auto-approve").code == 7
    assert run("recover", "--give-up", pending).code == 9
    done = run("recover", "--give-up", pending, "--auto-approve")
    assert done.code == 0, done
    assert f"Given up: newsletter; {len(PEOPLE)} people who may have been added are held back." in done.err
    assert json.loads(run("history", "--json").out)["runs"][0]["outcome"] == "given_up"
    assert json.loads(run("status", "--json").out)["pending_run"] is None


def _clear_faults(world: World) -> None:
    import urllib.request

    request = urllib.request.Request(f"{world.endpoints.control}/faults", method="DELETE", data=b"{}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request):
        pass


def test_who_applies_a_saved_plan_needs_no_source(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (world.folder / "ccsync.yaml").read_text(encoding="utf-8")
    (world.folder / "ccsync.yaml").write_text(text.replace("path: people.csv", 'path: "${env:CRM}"'), encoding="utf-8")
    monkeypatch.setenv("CRM", "people.csv")
    assert run("plan", "-o", "p.ccplan").code == 0
    monkeypatch.delenv("CRM")
    (world.folder / "people.csv").unlink()
    assert run("plan").code == 7
    assert run("apply", "p.ccplan", "--auto-approve").code == 0
    assert run("status").code == 0


def test_who_plans_offline_needs_no_token(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(world, run)
    monkeypatch.delenv("CC_ACCESS_TOKEN")
    assert run("plan", "--no-refresh").code == 0
    assert run("plan").code == 7
