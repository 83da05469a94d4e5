"""Undoing a run: what it did is taken back, what came in between stays, and nobody who left is put back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ccsync.core.plan import Plan
from ccsync.errors import InvalidError

from tests.applier.people import assert_converged, mail, one_export, person, two_exports
from tests.support.world import World, open_world

KEEP = {"guards": {"allow_empty": True, "max_remove": {"percent": 100}, "max_update": {"percent": 100}}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path) as opened:
        yield opened


def said(plan: Plan, code: str) -> str:
    findings = [*plan.findings, *(each for export in plan.exports for each in export.findings)]
    return "\n".join(f"{each.summary} {each.detail}" for each in findings if each.code == code)


def sync(world: World) -> str:
    finished = world.sync()
    assert finished is not None
    return finished.run


def test_adds_removals_and_updates_of_a_run_are_taken_back_and_planned_again(world: World) -> None:
    world.make_list("VIP", "foreign@example.com")
    one_export(world, [person("ana"), person("bob"), person("carla")], **KEEP)
    sync(world)
    before = {who: world.fields(f"{who}@example.com") for who in ("ana", "bob", "carla")}
    one_export(world, [person("ana", first_name="Anna"), person("bob"), person("dries")], **KEEP)
    run = sync(world)
    planned = world.undo(run)
    counts = planned.plan.totals()
    assert (counts.add, counts.update, counts.remove) == (1, 1, 1)
    assert said(planned.plan, "W780").startswith(f"this plan undoes run {run}")
    assert "Whoever is taken off a list (1) stays a contact" in said(planned.plan, "W782")
    assert said(planned.plan, "W781") == ""
    world.apply(planned)
    assert world.members("VIP") == mail("ana", "bob", "carla", "foreign")
    assert {who: world.fields(f"{who}@example.com") for who in before} == before
    again = world.plan().plan.totals()
    assert (again.add, again.update, again.remove) == (1, 1, 1)
    one_export(world, [person("ana"), person("bob"), person("carla")], **KEEP)
    assert_converged(world)


def test_nobody_who_left_unsubscribed_or_was_held_back_is_put_back(world: World) -> None:
    names = ("ana", "bob", "carla", "dries", "eva")
    one_export(world, [person(name) for name in names], **KEEP)
    sync(world)
    world.leave("VIP", "dries@example.com")
    one_export(world, [person("eva")], **KEEP)
    run = sync(world)  # removes ana, bob, carla; finds that dries had left
    world.unsubscribe("bob@example.com")
    world.do("/people/join", emails=["carla@example.com"], list="VIP")
    world.leave("VIP", "eva@example.com")
    planned = world.undo(run)
    (export,) = planned.plan.exports
    assert export.counts.add == 1
    assert export.held_back == {"opted_out": 1, "unsubscribed": 1, "rejected": 0}
    assert "on the list: 1" in said(planned.plan, "W781")
    world.unsubscribe("ana@example.com")  # after the plan: the look before sending finds it
    world.apply(planned)
    assert world.members("VIP") & mail("ana", "bob", "dries", "eva") == set()


def test_who_left_after_the_run_added_them_is_left_alone_and_who_changed_since_too(world: World) -> None:
    one_export(world, [person("ana")], **KEEP)
    sync(world)
    one_export(world, [person(name) for name in ("ana", "bob", "carla", "dries")], **KEEP)
    run = sync(world)
    world.leave("VIP", "bob@example.com")
    one_export(world, [person("ana"), person("bob"), person("carla", first_name="Karla"), person("dries")], **KEEP)
    sync(world)
    planned = world.undo(run)
    assert planned.plan.totals().remove == 1
    assert "changed again since: 2" in said(planned.plan, "W781")
    world.apply(planned)
    assert world.members("VIP") == mail("ana", "carla")
    assert world.fields("carla@example.com")["first_name"] == "Karla"


def test_a_value_that_was_not_there_or_was_edited_since_stays(world: World) -> None:
    one_export(world, [person("ana", first_name=None), person("bob"), person("carla")], **KEEP)
    sync(world)
    one_export(world, [person(name, first_name="New", last_name="Too") for name in ("ana", "bob", "carla")], **KEEP)
    run = sync(world)
    world.do("/people/edit", email="bob@example.com", fields={"first_name": "Edited", "last_name": "Edited"})
    planned = world.undo(run)
    assert planned.plan.totals().update == 2
    assert "without a value before, or edited since: 1; values that stay, as" in said(planned.plan, "W781")
    world.apply(planned)
    fields = {name: world.fields(f"{name}@example.com") for name in ("ana", "bob", "carla")}
    assert [(each["first_name"], each["last_name"]) for each in fields.values()] == [
        ("New", "Example"),
        ("Edited", "Edited"),
        ("Carla", "Example"),
    ]


def test_people_taken_over_from_the_list_are_never_removed(world: World) -> None:
    world.make_list("VIP", "ana@example.com")
    one_export(world, [person("ana"), person("bob")], prevent_delete=True, **KEEP)
    run = sync(world)
    before = world.state().generations.snapshot().ledgers
    planned = world.undo(run)
    assert planned.plan.totals().remove == 1
    assert "only taken over, or only forgotten: 1" in said(planned.plan, "W781")
    world.apply(planned)
    assert world.members("VIP") == mail("ana")
    after = world.state().generations.snapshot().ledgers
    kept = {name: replace(ledger, path=before[name].path, members=2) for name, ledger in after.items()}
    assert kept == before, "what a ledger says besides its people stays"


def test_who_two_exports_added_is_removed_once_and_who_another_run_gave_stays(world: World) -> None:
    one, both = {"in_a": True, "in_b": False}, {"in_a": True, "in_b": True}
    two_exports(world, [person("ana", **one)])
    sync(world)
    two_exports(world, [person("ana", **both), person("bob", **both), person("carla", **both)])
    run = sync(world)
    planned = world.undo(run)
    counts = planned.plan.totals()
    assert (counts.remove, counts.forget) == (2, 2)
    world.apply(planned)
    assert world.members("VIP") == mail("ana")
    assert world.plan().plan.totals().add == 4
    sync(world)
    assert world.members("VIP") == mail("ana", "bob", "carla")


def test_what_is_no_apply_or_did_nothing_is_refused_by_name(world: World) -> None:
    world.make_list("VIP", "ana@example.com")
    one_export(world, [person("ana")], **KEEP)
    world.import_list("vip", own=True)
    owned = world.state().generations.snapshot().run
    for run in (owned, "never"):
        with pytest.raises(InvalidError) as refused:
            world.undo(run)
        assert [each.code for each in refused.value.diagnostics] == ["E780"]
    one_export(world, [person(f"p{number}") for number in range(12)], guards={"max_remove": {"percent": 90}})
    run = sync(world)
    assert world.undo(run).plan.blocked, "a large undoing is stopped by the guards as any plan"
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    document["exports"] = {"other": document["exports"]["vip"] | {"list": {"name": "Other", "create": True}}}
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))
    planned = world.undo(run)
    assert planned.plan.exports == ()
    assert "vip: it is no longer declared, so nothing of it is undone." in said(planned.plan, "W782")


def _history(world: World, random: Random) -> None:
    """Two runs over people by chance, things that happen in between, and the first one's undoing."""
    names = [f"p{number}" for number in range(9)]

    def rows() -> list[dict[str, Any]]:
        chosen = random.sample(names, random.randint(3, 7))
        return [person(name, first_name=random.choice(["Ada", "Bo", None])) for name in chosen]

    world.make_list("VIP", *(f"{name}@example.com" for name in random.sample(names, 2)), "foreign@example.com")
    one_export(world, rows(), **KEEP)
    world.sync()
    base = world.members("VIP")
    one_export(world, rows(), **KEEP)
    finished = world.sync()
    if finished is None:
        return
    gone: set[str] = set()
    for name in random.sample(sorted(world.members("VIP") - mail("foreign")), 2):
        random.choice([lambda who: world.leave("VIP", who), world.unsubscribe])(name)
        gone.add(name)
    if random.random() < 0.5:
        one_export(world, rows(), **KEEP)
        world.sync()
    there = world.members("VIP") - gone
    world.apply(world.undo(finished.run))
    after = world.members("VIP") - gone
    assert not world.members("VIP") - there & gone - base, "nobody who left is put back"
    assert "foreign@example.com" in after
    assert after - there <= base, "only who was there before the run is added"
    assert not (there - after) & base, "nobody who was there before the run is removed"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60))
def test_many_histories_by_chance(tmp_path: Path, seed: int) -> None:
    with open_world(tmp_path) as world:
        _history(world, Random(seed))


def test_where_the_sources_say_who_may_be_sent_nobody_is_put_back(world: World) -> None:
    agreed = {"require": "agreed", **KEEP}
    one_export(world, [person("ana", agreed=True), person("bob", agreed=True)], **agreed)
    sync(world)
    rows = [person("ana", agreed=True, first_name="A"), person("bob", agreed=False), person("eve", agreed=True)]
    one_export(world, rows, **agreed)
    run = sync(world)
    planned = world.undo(run)
    counts = planned.plan.totals()
    assert (counts.add, counts.update, counts.remove) == (0, 0, 1)
    assert "sent only if the sources say so" in said(planned.plan, "W781")
    world.apply(planned)
    assert world.members("VIP") == mail("ana")
