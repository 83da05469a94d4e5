"""Nobody who left is ever put back: by no plan, no apply, no other export, until somebody says so by name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ccsync.core.event import Status
from ccsync.core.record import Looked

from tests.applier.people import assert_converged, mail, one_export, person, two_exports
from tests.crash.killing import Killed, doom, spare
from tests.support.world import World


@pytest.fixture
def synced(world: World) -> World:
    """Ana and Bob on VIP by our doing."""
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    return world


def test_who_left_the_list_is_held_back(synced: World) -> None:
    synced.leave("VIP", "bob@example.com")
    plan = synced.plan().plan
    assert plan.exports[0].held_back["opted_out"] == 1
    assert not plan.has_changes


def test_who_left_stays_off_when_their_data_change(synced: World) -> None:
    synced.leave("VIP", "bob@example.com")
    one_export(synced, [person("ana", first_name="Anna"), person("bob", first_name="Robert")])
    synced.sync()
    assert synced.members("VIP") == mail("ana")
    assert_converged(synced)


def test_who_left_and_left_the_segment_too_is_forgotten_and_remembered(synced: World) -> None:
    synced.leave("VIP", "bob@example.com")
    one_export(synced, [person("ana"), person("bob", member=False)])
    planned = synced.plan()
    assert planned.plan.exports[0].counts.forget == 1
    synced.apply(planned)
    assert_converged(synced)

    one_export(synced, [person("ana"), person("bob")])
    plan = synced.plan().plan
    assert plan.exports[0].held_back["opted_out"] == 1
    assert not plan.has_changes
    assert synced.members("VIP") == mail("ana")


def test_who_leaves_before_they_are_forgotten_is_remembered(world: World) -> None:
    """Ana was there before us; leaving the segment only takes her out of the ledger."""
    world.make_list("VIP", "ana@example.com")
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana", member=False), person("bob")])
    planned = world.plan()
    assert planned.plan.exports[0].counts.forget == 1
    world.leave("VIP", "ana@example.com")
    world.apply(planned)
    assert_converged(world)
    assert_stays_off(world)


def test_who_leaves_before_a_late_settlement_forgets_them_is_remembered(world: World) -> None:
    world.make_list("VIP", "ana@example.com")
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana", member=False), person("bob"), person("cyd")])
    doom(world, "after destination.start_import")
    with pytest.raises(Killed):
        world.apply(world.plan())
    spare(world)
    world.leave("VIP", "ana@example.com")
    world.recover()
    world.sync()
    assert_stays_off(world, "cyd")


def assert_stays_off(world: World, *more: str) -> None:
    """Ana is wanted again, and held back."""
    one_export(world, [person(name) for name in ("ana", "bob", *more)])
    plan = world.plan().plan
    assert (plan.exports[0].held_back["opted_out"], plan.has_changes) == (1, False)
    assert world.members("VIP") == mail("bob", *more)


def test_who_was_refused_and_is_forgotten_did_not_leave(world: World) -> None:
    world.do("/switches", role_address="correctable")
    one_export(world, [person("admin"), person("bob")])
    world.sync()
    one_export(world, [person("admin", member=False), person("bob")])
    planned = world.plan()
    assert planned.plan.exports[0].counts.forget == 1
    world.apply(planned)
    world.do("/switches", role_address="accept")
    one_export(world, [person("admin"), person("bob")])
    world.sync()
    assert world.members("VIP") == mail("admin", "bob")


def test_who_left_is_not_added_by_another_export_on_the_list(world: World) -> None:
    bob = person("bob", in_a=True, in_b=False)
    two_exports(world, [person("ana", in_a=True, in_b=True), bob])
    world.sync()
    world.leave("VIP", "bob@example.com")
    two_exports(world, [person("ana", in_a=True, in_b=True), bob | {"in_b": True}])
    world.sync()
    assert world.members("VIP") == mail("ana")
    assert_converged(world)


def test_who_left_is_not_added_by_an_export_of_another_name(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    world.leave("VIP", "bob@example.com")
    document = (world.folder / "ccsync.yaml").read_text().replace('"vip": {', '"gold": {')
    (world.folder / "ccsync.yaml").write_text(document)
    world.sync()
    assert world.members("VIP") == mail("ana")
    world.sync()
    assert world.members("VIP") == mail("ana")


def test_who_unsubscribed_is_held_back_and_not_updated(synced: World) -> None:
    synced.unsubscribe("bob@example.com")
    one_export(synced, [person("ana"), person("bob", first_name="Robert")])
    plan = synced.plan().plan
    assert plan.exports[0].held_back["unsubscribed"] == 1
    assert not plan.has_changes


def test_a_stranger_who_unsubscribed_is_not_added(world: World) -> None:
    world.make_list("Other", "eve@example.com")
    world.unsubscribe("eve@example.com")
    one_export(world, [person("ana"), person("eve")])
    world.sync()
    assert world.members("VIP") == mail("ana")
    assert_converged(world)


def test_who_leaves_between_plan_and_apply_is_dropped(synced: World) -> None:
    one_export(synced, [person("ana", first_name="Anna"), person("bob", first_name="Robert")])
    planned = synced.plan()
    assert planned.plan.exports[0].counts.update == 2
    synced.leave("VIP", "bob@example.com")
    finished = synced.apply(planned)
    assert finished.status is Status.SUCCESSFUL
    assert finished.results[0].updated == 1
    assert finished.results[0].dropped == {"opted_out": 1}
    assert synced.members("VIP") == mail("ana")
    assert_converged(synced)


def test_who_unsubscribes_between_plan_and_apply_is_dropped(synced: World) -> None:
    synced.make_list("Other", "eve@example.com")
    one_export(synced, [person("ana"), person("bob"), person("eve")])
    planned = synced.plan()
    synced.unsubscribe("eve@example.com")
    finished = synced.apply(planned)
    assert finished.results[0].dropped == {"unsubscribed": 1}
    assert synced.members("VIP") == mail("ana", "bob")
    assert_converged(synced)


def test_who_joins_by_themselves_between_plan_and_apply_is_not_ours_to_remove(synced: World) -> None:
    one_export(synced, [person("ana"), person("bob"), person("eve")])
    planned = synced.plan()
    synced.do("/people/join", emails=["eve@example.com"], list="VIP")
    synced.apply(planned)
    assert_converged(synced)
    one_export(synced, [person("ana"), person("bob"), person("eve", member=False)])
    synced.sync()
    assert synced.members("VIP") == mail("ana", "bob", "eve")


def test_who_left_by_themselves_before_their_removal_is_remembered(synced: World) -> None:
    one_export(synced, [person("ana"), person("bob", member=False)])
    planned = synced.plan()
    synced.leave("VIP", "bob@example.com")
    synced.apply(planned)
    one_export(synced, [person("ana"), person("bob")])
    assert synced.plan().plan.exports[0].held_back["opted_out"] == 1


def test_who_comes_back_by_themselves_is_a_member_again_and_not_ours(synced: World) -> None:
    synced.leave("VIP", "bob@example.com")
    one_export(synced, [person("ana", first_name="Anna"), person("bob")])
    synced.sync()
    synced.do("/people/join", emails=["bob@example.com"], list="VIP")
    planned = synced.plan()
    assert planned.plan.exports[0].counts.adopt == 1
    synced.apply(planned)
    assert_converged(synced)
    one_export(synced, [person("ana", first_name="Anna"), person("bob", member=False)])
    synced.sync()
    assert synced.members("VIP") == mail("ana", "bob")


def test_a_person_deleted_in_the_account_is_not_revived(synced: World) -> None:
    synced.do("/people/delete", emails=["bob@example.com"])
    one_export(synced, [person("ana"), person("bob", first_name="Robert")])
    synced.sync()
    assert synced.members("VIP") == mail("ana")
    assert_converged(synced)


def test_a_person_removed_by_a_colleague_is_held_back(synced: World) -> None:
    synced.do("/people/leave", emails=["bob@example.com"], list="VIP", by="account")
    synced.sync()
    assert synced.members("VIP") == mail("ana")
    assert synced.plan().plan.exports[0].held_back["opted_out"] == 1


def test_import_remembers_who_left_and_does_not_let_them_back(synced: World) -> None:
    synced.leave("VIP", "bob@example.com")
    imported = synced.import_list("vip")
    assert (imported.members, imported.gone) == (1, 1)
    assert_converged(synced)
    assert synced.members("VIP") == mail("ana")


def test_readmit_lets_a_person_back_and_only_that_person(synced: World) -> None:
    one_export(synced, [person("ana"), person("bob"), person("cyd")])
    synced.sync()
    synced.leave("VIP", "bob@example.com", "cyd@example.com")
    found = synced.readmit("vip", "bob@example.com")
    assert found.readmitted == 1
    synced.sync()
    assert synced.members("VIP") == mail("ana", "bob")
    assert_converged(synced)


def test_readmit_can_not_bring_back_who_opted_out_of_the_account(synced: World) -> None:
    synced.unsubscribe("bob@example.com")
    found = synced.readmit("vip", "bob@example.com", "nobody@example.com", "ana@example.com")
    assert (found.readmitted, found.unsubscribed, found.unknown, found.on_list) == (0, 1, 1, 1)


def test_an_imported_list_is_adopted_and_an_owned_one_is_ours_to_remove(world: World) -> None:
    world.make_list("VIP", "ana@example.com", "old@example.com")
    one_export(world, [person("ana")])
    world.import_list("vip")
    planned = world.plan()
    assert (planned.plan.exports[0].counts.remove, planned.plan.exports[0].counts.forget) == (0, 1)
    world.import_list("vip", own=True)
    planned = world.plan()
    assert planned.plan.exports[0].counts.remove == 1
    world.apply(planned)
    assert world.members("VIP") == mail("ana")


def test_an_unsubscribed_member_who_leaves_the_segment_is_a_plain_removal(synced: World) -> None:
    synced.unsubscribe("bob@example.com")
    still_on = "bob@example.com" in synced.members("VIP")
    one_export(synced, [person("ana"), person("bob", member=False)])
    planned = synced.plan()
    counts = planned.plan.exports[0].counts
    assert (counts.remove, counts.forget) == ((1, 0) if still_on else (0, 1))
    synced.apply(planned)
    assert synced.members("VIP") == mail("ana")
    assert_converged(synced)


def test_who_left_and_came_back_by_themselves_is_not_removed_by_a_ledger_that_never_noticed(world: World) -> None:
    bob = person("bob", in_a=True, in_b=True)
    ana = person("ana", in_a=True, in_b=True)
    two_exports(world, [ana, bob])
    world.sync()
    world.leave("VIP", "bob@example.com")
    two_exports(world, [ana, bob | {"in_b": False}])
    world.apply(world.plan("b"))
    world.do("/people/join", emails=["bob@example.com"], list="VIP")
    two_exports(world, [ana, bob | {"in_a": False, "in_b": False}])
    world.sync()
    assert world.members("VIP") == mail("ana", "bob")
    assert_converged(world)


def test_readmit_works_for_an_export_that_was_never_applied_but_remembers_its_lists_leavers(world: World) -> None:
    one_export(world, [person("bob")])
    world.sync()
    world.leave("VIP", "bob@example.com")
    document = (world.folder / "ccsync.yaml").read_text().replace('"vip": {', '"gold": {')
    (world.folder / "ccsync.yaml").write_text(document)
    world.sync()
    assert not world.plan().plan.has_changes
    assert world.readmit("gold", "bob@example.com").readmitted == 1
    world.sync()
    assert world.members("VIP") == mail("bob")


class Exporting:
    """Something happens while, or something is missing when, the list is exported."""

    def __init__(self, real: Any, after: Callable[[int, Any], Any]) -> None:
        self._real, self._after, self._exports = real, after, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def export_members(self, *given: Any) -> Any:
        self._exports += 1
        return self._after(self._exports, self._real.export_members(*given))


class Waiting:
    """Two minutes pass after the first look."""

    def __init__(self, real: Any, world: World) -> None:
        self._real, self._world = real, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def append(self, record: Any) -> None:
        self._real.append(record)
        if isinstance(record, Looked) and record.number == 1:
            self._world.clock.forward(120)


def test_who_leaves_while_a_slow_look_runs_is_dropped(synced: World) -> None:
    one_export(synced, [person("ana", first_name="Anna"), person("bob", first_name="Rob")])
    planned = synced.plan()

    def slow(number: int, got: Any) -> Any:
        if number == 1:
            synced.leave("VIP", "bob@example.com")
            synced.clock.forward(3500)
        return got

    synced.wrapping.destination = lambda real: Exporting(real, slow)
    synced.apply(planned)
    assert synced.members("VIP") == mail("ana")


def test_who_joined_and_leaves_while_the_removals_run_is_not_added(synced: World) -> None:
    """Nobody else is on the list in that import, and still it is not sent on a look that is more than a minute old."""
    one_export(synced, [person("ana"), person("bob", member=False), person("eve")])
    planned = synced.plan()
    synced.do("/people/join", emails=["eve@example.com"], list="VIP")
    synced.fault(path="/activities/remove_list_memberships", kind="delay", seconds=90)

    def leave() -> None:
        if synced.clock.slept[-1] == 90:
            synced.leave("VIP", "eve@example.com")

    synced.clock.on_sleep = leave
    finished = synced.apply(planned)
    assert finished.results[0].dropped == {"opted_out": 1}
    assert synced.members("VIP") == mail("ana")
    assert_converged(synced)


def test_who_left_and_unsubscribed_before_being_taken_over_is_remembered_as_having_left(world: World) -> None:
    world.make_list("VIP", "bob@example.com")
    one_export(world, [person("ana"), person("bob")])
    planned = world.plan()
    world.leave("VIP", "bob@example.com")
    world.unsubscribe("bob@example.com")
    world.apply(planned)
    world.do("/people/resubscribe", emails=["bob@example.com"])
    assert_converged(world)
    assert world.members("VIP") == mail("ana")


def test_who_joined_and_left_between_two_looks_is_not_added(synced: World) -> None:
    one_export(synced, [person("ana", first_name="Anna"), person("bob"), person("eve")])
    planned = synced.plan()
    synced.do("/people/join", emails=["eve@example.com"], list="VIP")

    def leaves(number: int, got: Any) -> Any:
        if number == 1:
            synced.leave("VIP", "eve@example.com")
        return got

    synced.wrapping.destination = lambda real: Exporting(real, leaves)
    synced.wrapping.journal = lambda real: Waiting(real, synced)
    synced.apply(planned)
    synced.wrapping.destination = lambda real: real
    assert synced.members("VIP") == mail("ana", "bob")
    assert_converged(synced)


def test_who_is_on_the_list_after_all_is_not_filed_as_having_left(synced: World) -> None:
    one_export(synced, [person("ana", first_name="Anna"), person("bob")])

    def lagging(_: int, got: Any) -> Any:
        lines = got.path.read_text().splitlines(keepends=True)
        got.path.write_text("".join(line for line in lines if "bob@" not in line))
        return replace(got, rows=None)

    synced.wrapping.destination = lambda real: Exporting(real, lagging)
    planned = synced.plan()
    synced.wrapping.destination = lambda real: real
    synced.apply(planned)
    assert_converged(synced)
    one_export(synced, [person("ana", first_name="Anna"), person("bob", member=False)])
    synced.sync()
    assert synced.members("VIP") == mail("ana")


def test_import_does_not_make_ours_who_left_and_came_back(world: World) -> None:
    ana, bob = person("ana", in_a=True, in_b=True), person("bob", in_a=True, in_b=True)
    two_exports(world, [ana, bob])
    world.sync()
    world.leave("VIP", "bob@example.com")
    two_exports(world, [ana, bob | {"in_b": False}])
    world.apply(world.plan("b"))
    world.do("/people/join", emails=["bob@example.com"], list="VIP")
    world.import_list("a")
    two_exports(world, [ana, bob | {"in_a": False, "in_b": False}])
    world.sync()
    assert world.members("VIP") == mail("ana", "bob")
