"""One row may spoil a whole request: it is found by halving, filed as rejected, and the others go."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.applier.send import MAX_REFUSALS
from ccsync.core.event import Status

from tests.applier.interrupting import interrupt
from tests.applier.people import assert_converged, mail, one_export, person
from tests.support.world import World, open_world

NAMES = ("ana", "bob", "cyd", "dan", "eve", "fay", "gus", "hal")


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    """An account that answers 400 to an import with an address that it calls invalid."""
    with open_world(tmp_path, switches={"invalid_address": "refuse"}) as world:
        yield world


def posts(world: World) -> int:
    return sum(one["method"] == "POST" and "import" in one["path"] for one in world.ask("/requests")["requests"])


@pytest.mark.parametrize("gap", [None, "Example"], ids=["json", "csv"])
def test_a_row_that_spoils_a_request_is_rejected_and_the_others_go(strict: World, gap: str | None) -> None:
    rows = [person(name, last_name=gap) for name in NAMES]
    rows[2]["email"] = "cyd..@example.com"
    one_export(strict, rows)
    finished = strict.sync()
    assert finished is not None
    assert (finished.status, finished.results[0].refused) == (Status.SUCCESSFUL, {"rejected": 1})
    assert posts(strict) == 1 + 2 * 3  # the whole, then two halves of each half that holds the row
    assert strict.members("VIP") == mail(*NAMES) - mail("cyd")
    assert strict.plan().plan.exports[0].held_back["rejected"] == 1
    assert_converged(strict)
    rows[2]["email"] = "cyd@example.com"
    one_export(strict, rows)
    strict.sync()
    assert strict.members("VIP") == mail(*NAMES)


def test_a_rejected_row_is_tried_again_when_its_content_changes(strict: World) -> None:
    rows = [person(name) for name in NAMES]
    rows[0]["email"] = "ana..@example.com"
    one_export(strict, rows)
    strict.sync()
    rows[0]["last_name"] = "Roe"
    rows[1]["last_name"] = "Doe"
    one_export(strict, rows)
    planned = strict.plan().plan.exports[0]
    assert (planned.counts.add, planned.counts.update, planned.reasons["content_changed"]) == (1, 1, 1)
    strict.sync()
    assert_converged(strict)


def test_a_rejected_row_stays_rejected_when_the_list_is_imported(world: World) -> None:
    world.do("/switches", role_address="correctable")
    one_export(world, [person("ana"), person("admin")])
    world.sync()
    assert world.import_list("vip").members == 1
    assert_converged(world)


def test_a_refusal_that_says_nothing_of_the_row_is_not_held_against_it(world: World) -> None:
    one_export(world, [person("ana", last_name=None), person("bob")])
    world.fault(method="POST", path="/activities/contacts_json_import", status=409)
    finished = world.sync()
    assert finished is not None
    assert (finished.status, finished.results[0].refused) == (Status.PARTIAL, {})
    assert world.members("VIP") == mail("bob")
    world.sync()
    assert world.members("VIP") == mail("ana", "bob")


def test_when_nothing_is_taken_no_row_is_to_blame(world: World) -> None:
    one_export(world, [person(f"p{at:03}") for at in range(200)])
    world.fault(method="POST", path="/activities/contacts_file_import", status=400, times=None)
    finished = world.sync()
    assert finished is not None
    assert [problem.code for problem in finished.diagnostics] == ["E620"]
    assert finished.status is Status.PARTIAL
    assert finished.results[0].refused == {}
    assert posts(world) == MAX_REFUSALS
    world.control.delete("/sandbox/faults")
    world.sync()
    assert len(world.members("VIP")) == 200


def test_who_left_before_the_halves_are_judged_is_not_put_back_and_a_killed_halving_converges(strict: World) -> None:
    rows = [person(name) for name in NAMES]
    rows[-1]["email"] = "hal..@example.com"
    one_export(strict, rows)
    interrupt(strict)
    assert strict.members("VIP") == mail("ana", "bob", "cyd", "dan")
    strict.leave("VIP", "ana@example.com")
    strict.sync()
    assert strict.members("VIP") == mail(*NAMES) - mail("ana", "hal")
    assert_converged(strict)


@pytest.mark.parametrize("setting", ["accept", "correctable"])
def test_addresses_beyond_ascii_are_taken_or_held_back(tmp_path: Path, setting: str) -> None:
    with open_world(tmp_path, switches={"non_ascii_address": setting}) as world:
        one_export(world, [person("ana"), person("josé"), person("zoë", email="zoë@exämple.com")])
        world.sync()
        taken = {"josé@example.com", "zoë@exämple.com"} if setting == "accept" else set()
        assert world.members("VIP") == mail("ana") | taken
        assert world.plan().plan.exports[0].held_back["rejected"] == (0 if taken else 2)
        assert_converged(world)
