"""`ccsync run`: what is due, what a run leaves behind, and what waits for whom."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ccsync.core.spec import DAYS
from ccsync.state.lock import Holder

from tests.cli.conftest import Run
from tests.cli.world import PEOPLE, World
from tests.support.world import StillClock

SECOND = """\
  vip:
    connection: newsletter
    list: {name: "VIP", create: true}
    segments: [everyone]
    data_matching: {email: email}
    schedule: {active: true, times: ["07:30"], days: [tue]}
  paused:
    connection: newsletter
    list: {name: "Paused", create: true}
    segments: [everyone]
    data_matching: {email: email}
    schedule: {active: false}
"""


def configure(world: World, refresh: str = '{times: ["06:00", "18:00"], timezone: Europe/Amsterdam}') -> None:
    text = (world.folder / "ccsync.yaml").read_text().rstrip()
    text = text.replace(
        "workspace: {name: contoso_marketing}", f"workspace: {{name: contoso_marketing, refresh: {refresh}}}"
    )
    (world.folder / "ccsync.yaml").write_text(f"{text}\n{SECOND}")


def due(run: Run, now: str, code: int = 0) -> tuple[dict[str, str], dict[str, str]]:
    """Export → outcome of those that ran, export → standing of the others."""
    done = run("run", "--due", "--now", now, "--json")
    assert done.code == code, done.err
    document = json.loads(done.out)
    assert document["exit_code"] == code
    return (
        {each["export"]: each["outcome"] for each in document["ran"]},
        {each["export"]: each["standing"] for each in document["others"]},
    )


def schedule(run: Run, export: str) -> dict[str, Any]:
    (found,) = [
        each for each in json.loads(run("exports", "schedule", "--json").out)["exports"] if each["export"] == export
    ]
    return dict(found)


def test_what_is_due_runs_once_and_in_words_that_say_what_happened(world: World, run: Run) -> None:
    configure(world)
    waiting = {"weekly_newsletter": "first_seen", "vip": "first_seen", "paused": "inactive"}
    assert due(run, "2026-11-23T20:00:00Z") == ({}, waiting)  # declaring a schedule runs nothing by itself
    waiting |= {"weekly_newsletter": "not_due", "vip": "not_due"}
    assert due(run, "2026-11-24T04:59:59Z") == ({}, waiting)
    assert world.members_or_none() is None
    done = run("run", "--due", "--now", "2026-11-24T05:00:00Z")
    assert done.code == 0
    assert done.out.splitlines() == [
        "export             why                            outcome",
        "weekly_newsletter  refresh, 2026-11-24 06:00 CET  successful: add 5",
        "paused: inactive; `ccsync run paused` runs it all the same",
        "vip: not due; next 2026-11-24 07:30 CET",
    ]
    assert len(world.members()) == 5
    # Three days off: every moment that was missed is made up for with one run.
    ran, others = due(run, "2026-11-27T12:00:00Z")
    assert ran == {"vip": "successful", "weekly_newsletter": "no_changes"}
    assert others == {"paused": "inactive"}
    assert due(run, "2026-11-27T12:00:01Z")[0] == {}
    runs = json.loads(run("history", "--json").out)["runs"]
    assert [(each["command"], each["trigger"], each["outcome"]) for each in runs] == [
        ("run", "refresh", "successful"),
        ("run", "own_schedule", "successful"),
        ("run", "refresh", "successful"),
    ]
    assert "successful, refresh, " in run("exports", "schedule").out


def test_an_inactive_export_runs_by_name_and_all_means_the_active_ones(world: World, run: Run) -> None:
    configure(world, '{enabled: false, times: ["06:00"]}')
    assert run("run", "--all").code == 0
    assert world.members_or_none("Paused") is None
    assert len(world.members("VIP")) == 5
    assert run("run", "paused").code == 0
    assert len(world.members("Paused")) == 5
    assert schedule(run, "paused")["last"]["trigger"] == "on_demand"
    assert due(run, "2026-11-24T05:00:00Z")[1]["weekly_newsletter"] == "no_times"
    assert run("run", "nobody").code == 7
    for wrong in ((), ("--due", "--all"), ("vip", "--all"), ("--all", "--now", "2026-11-24T05:00:00Z")):
        assert run("run", *wrong).code == 64
    assert run("run", "--due", "--now", "2026-11-24T05:00:00").code == 64


def test_one_that_is_blocked_does_not_keep_the_others_and_one_that_fails_for_now_stays_due(
    world: World, run: Run
) -> None:
    configure(world)
    due(run, "2026-11-23T20:00:00Z")
    assert due(run, "2026-11-24T08:00:00Z")[0] == {"weekly_newsletter": "successful", "vip": "successful"}
    world.people(())
    blocked = run("run", "--due", "--now", "2026-11-24T18:00:00Z")
    assert blocked.code == 3
    assert "blocked (E500): nothing was sent" in " ".join(blocked.out.split())
    assert "error[E500]" in blocked.err
    assert due(run, "2026-11-24T18:30:00Z")[0] == {}  # asking again changes nothing until the next time
    world.people(("anna",))
    world.control("faults", kind="status", status=400, path="/account/summary")
    assert due(run, "2026-11-25T06:00:00Z", code=1)[0] == {"weekly_newsletter": "failed"}
    assert schedule(run, "weekly_newsletter")["last"]["outcome"] == "failed"
    assert due(run, "2026-11-25T06:15:00Z")[0] == {"weekly_newsletter": "successful"}


def test_while_another_run_holds_the_lock_nothing_is_done_and_what_is_due_stays_due(world: World, run: Run) -> None:
    from tests.support.states import open_state

    configure(world)
    due(run, "2026-11-23T20:00:00Z")
    state = open_state(world.folder / ".ccsync", StillClock(), lambda: "x")
    with state.lock.acquire(Holder("bob", "elsewhere", 1, "apply", "2026-11-24T05:00:00Z", "")):
        done = run("run", "--due", "--now", "2026-11-24T05:00:00Z")
        assert done.code == 4
        assert "What is due stays due" in done.err
        assert due(run, "2026-11-24T04:00:00Z")[0] == {}  # nothing is due: no lock is needed to say so
    assert due(run, "2026-11-24T05:05:00Z")[0] == {"weekly_newsletter": "successful"}


def test_a_clock_that_was_wrong_once_silences_nothing_and_a_damaged_memory_is_a_first_look(
    world: World, run: Run
) -> None:
    configure(world)
    due(run, "2035-01-01T00:00:00Z")
    assert due(run, "2026-11-23T20:00:00Z")[1]["weekly_newsletter"] == "first_seen"
    for damaged in (
        '{"handled": "x", "held_back": 1, "failed": false}',
        '{"handled": "2026-11-24", "held_back": 1, "failed": false}',
        "[]",
    ):
        entries = f'{{"format": 1, "entries": {{"vip": {damaged}}}}}'
        (world.folder / ".ccsync" / "schedule.json").write_text(entries)
        assert due(run, "2026-11-24T05:00:00Z")[1]["vip"] == "first_seen"


NOTIFY = """
notifications:
  ops:
    type: command
    command: [sh, -c, "cat >> told.jsonl; echo >> told.jsonl"]
  hook: {type: webhook, url: "${env:HOOK_URL}", events: [failure]}
"""


def told_lines(world: World) -> list[str]:
    path = world.folder / "told.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    assert all("@" not in each for each in lines)
    return lines


def told(world: World) -> list[tuple[str, str, bool]]:
    """Subject, trouble and whether it is well again, of what was told since the last look."""
    notices = [json.loads(each) for each in told_lines(world)]
    return [(each["subject"], each["trouble"], each["recovered"]) for each in notices if each["trouble"] != "sign_in"]


def test_trouble_is_told_once_and_so_is_its_end_and_telling_never_fails_a_run(world: World, run: Run) -> None:
    configure(world)
    with (world.folder / "ccsync.yaml").open("a") as file:
        file.write(NOTIFY)
    assert run("run", "weekly_newsletter").code == 0
    assert told(world) == []
    world.people(())
    assert [run("run", "weekly_newsletter").code for _ in range(2)] == [3, 3]
    assert told(world) == [("weekly_newsletter", "guard", False)]
    world.people((*PEOPLE, *(f"p{number}" for number in range(15))))
    assert run("run", "weekly_newsletter").code == 0
    assert told(world) == [("weekly_newsletter", "guard", True)]
    # Trouble that may pass is worth a word when it is there twice; the webhook's address is not even set.
    failure = ("weekly_newsletter", "failure", False)
    for expected in ([], [failure], []):
        world.control("faults", kind="status", status=400, path="/account/summary")
        done = run("run", "weekly_newsletter")
        assert done.code == 1
        assert told(world) == expected
    assert "warning[W790] the notification hook could not be delivered: what its url" in done.err
    world.control("people/leave", emails=[f"p{number}@example.com" for number in range(12)], list="Weekly newsletter")
    assert run("run", "weekly_newsletter").code == 0
    assert told(world) == [("weekly_newsletter", "failure", True), ("weekly_newsletter", "held_back", False)]
    assert run("run", "weekly_newsletter").code == 0
    assert told(world) == [("weekly_newsletter", "held_back", True)]


def test_a_sign_in_that_ends_before_the_next_run_is_told(world: World, run: Run) -> None:
    path = world.folder / "ccsync.yaml"
    plain = path.read_text() + NOTIFY
    in_three_days = DAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]

    def ends(days: str) -> list[tuple[str, str, bool]]:
        refresh = f'refresh: {{times: ["00:00", "12:00"], days: [{days}]}}'
        path.write_text(plain.replace("{name: contoso_marketing}", f"{{name: contoso_marketing, {refresh}}}"))
        assert run("run", "--all").code == 0
        notices = [json.loads(each) for each in told_lines(world)]
        return [(each["subject"], each["trouble"], each["recovered"]) for each in notices]

    assert ends(in_three_days) == [("newsletter", "sign_in", False)]  # the token of the sandbox is good for a day
    assert ends(in_three_days) == []
    assert ends(", ".join(DAYS)) == [("newsletter", "sign_in", True)]


def test_a_test_message_shows_what_arrives_and_what_does_not(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (world.folder / "ccsync.yaml").open("a") as file:
        file.write(NOTIFY)
    monkeypatch.setenv("HOOK_URL", "http://hooks.example/s3cret")
    assert run("notify", "ops").code == 0
    assert told(world) == [("test", "failure", True)]
    done = run("notify")
    assert done.code == 1
    assert "s3cret" not in done.err + done.out
    assert "no https address" in done.err
    assert run("notify", "nobody").code == 7
