"""The main job against a sandbox: what the plan says happens, and a fresh plan is empty afterwards."""

import json

import pytest
from ccsync.core.event import Status
from ccsync.core.plan import ListAction
from ccsync.errors import GuardError

from tests.applier.people import assert_converged, mail, one_export, person
from tests.support.world import World


def test_the_first_apply_creates_the_list_and_adds_everyone(world: World) -> None:
    one_export(world, [person("ana"), person("bob"), person("eve", member=False)])
    planned = world.plan()
    (export,) = planned.plan.exports
    assert export.list.action is ListAction.CREATE
    assert export.counts.add == 2

    finished = world.apply(planned)

    assert finished.status is Status.SUCCESSFUL
    assert world.members("VIP") == mail("ana", "bob")
    assert world.fields("ana@example.com")["first_name"] == "Ana"
    assert_converged(world)


def test_who_leaves_the_segment_is_removed_and_strangers_stay(world: World) -> None:
    world.make_list("VIP", "stranger@example.com")
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana"), person("bob", member=False)])

    planned = world.plan()
    (export,) = planned.plan.exports
    assert (export.counts.remove, export.counts.foreign) == (1, 1)
    assert export.reasons == {"segment_left": 1}
    world.apply(planned)

    assert world.members("VIP") == mail("ana", "stranger")
    assert_converged(world)


def test_a_row_gone_from_the_source_is_told_from_one_that_left_the_segment(world: World) -> None:
    one_export(world, [person("ana"), person("bob"), person("cyd")])
    world.sync()
    one_export(world, [person("ana"), person("bob", member=False)])
    assert world.plan().plan.exports[0].reasons == {"segment_left": 1, "source_row_gone": 1}


def test_a_changed_field_is_updated_and_named(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana", first_name="Anna"), person("bob")])

    planned = world.plan()
    assert planned.plan.exports[0].fields_changed == {"first_name": 1}
    assert planned.plan.exports[0].reasons == {"field_changed:first_name": 1}
    world.apply(planned)

    assert world.fields("ana@example.com")["first_name"] == "Anna"
    assert_converged(world)


def test_a_blank_field_leaves_the_remote_value_alone(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana", first_name="", last_name="Roe"), person("bob", first_name=None)])
    world.sync()
    ana = world.fields("ana@example.com")
    assert (ana["first_name"], ana["last_name"]) == ("Ana", "Roe")
    assert world.fields("bob@example.com")["first_name"] == "Bob"
    assert_converged(world)


def test_members_who_were_there_before_us_are_adopted_and_never_removed(world: World) -> None:
    world.make_list("VIP", "ana@example.com", "bob@example.com")
    one_export(world, [person("ana"), person("bob")])
    planned = world.plan()
    assert planned.plan.exports[0].counts.adopt == 2
    assert "W510" in {finding.code for finding in planned.plan.exports[0].findings}
    world.apply(planned)
    assert_converged(world)

    one_export(world, [person("ana"), person("bob", member=False)])
    planned = world.plan()
    assert (planned.plan.exports[0].counts.forget, planned.plan.exports[0].counts.remove) == (1, 0)
    world.apply(planned)
    assert world.members("VIP") == mail("ana", "bob")
    assert_converged(world)


def test_members_kept_on_leaving_stay(world: World) -> None:
    one_export(world, [person("ana"), person("bob")], on_leave="keep")
    world.sync()
    one_export(world, [person("ana"), person("bob", member=False)], on_leave="keep")
    assert_converged(world)
    assert world.members("VIP") == mail("ana", "bob")


def test_removals_of_people_whose_ids_are_not_known_are_looked_up(world: World) -> None:
    one_export(world, [person("ana"), person("bob"), person("cyd")])
    world.sync()
    one_export(world, [person("ana"), person("bob", member=False), person("cyd", member=False)])
    planned = world.plan()
    assert planned.plan.exports[0].unresolved == 2
    finished = world.apply(planned)
    assert finished.results[0].removed == 2
    assert world.members("VIP") == mail("ana")


def test_rows_with_gaps_and_line_breaks_arrive_whole(world: World) -> None:
    rows = [
        person("ana", first_name=None),
        person("bob", last_name='Ob"rien,\nof two lines'),
        person("cyd", first_name="Čapek 🎈", last_name="Ø'Ñ"),
    ]
    one_export(world, rows)
    world.sync()
    assert world.fields("cyd@example.com")["first_name"] == "Čapek 🎈"
    assert world.fields("bob@example.com")["last_name"] == 'Ob"rien,\nof two lines'
    assert_converged(world)


def test_nothing_to_do_makes_no_generation(world: World) -> None:
    one_export(world, [person("ana")])
    world.sync()
    before = world.state().generations.snapshot().ref
    assert world.sync() is None
    assert world.state().generations.snapshot().ref == before


def test_an_address_in_other_letters_is_the_same_person(world: World) -> None:
    one_export(world, [person("ana")])
    world.sync()
    one_export(world, [person("ana", email="  ANA@Example.COM ")])
    assert_converged(world)


def test_no_refresh_plans_against_the_ledger_alone(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    calls = len(world.ask("/requests"))
    one_export(world, [person("ana"), person("bob"), person("cyd")])
    plan = world.plan(refresh=False).plan
    assert plan.exports[0].counts.add == 1
    assert not plan.refreshed
    assert len(world.ask("/requests")) == calls


def test_a_member_whose_row_can_not_be_used_any_more_is_left_alone(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana"), person("bob", first_name="x" * 51)], guards={"max_unusable": {"percent": 60}})
    planned = world.plan()
    assert planned.plan.exports[0].unusable["field_too_long"] == 1
    assert not planned.plan.has_changes
    assert world.members("VIP") == mail("ana", "bob")


def test_the_contract_is_held_against_the_account_again_before_anything_is_sent(world: World) -> None:
    one_export(world, [person("ana"), person("bob"), person("cyd")])
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    document["connections"]["newsletter"]["limits"]["max_contacts"] = 1
    world.configure(document)
    planned = world.plan(refresh=False)
    with pytest.raises(GuardError) as refused:
        world.apply(planned)
    assert refused.value.diagnostics[0].code == "E506"
    assert not any(each["name"] == "VIP" for each in world.ask("/lists"))
    world.apply(planned, allowed=("vip:max_contacts",))
    assert world.members("VIP") == mail("ana", "bob", "cyd")
