"""A run whose account can't be asked any more is closed on request, and nothing of it is guessed."""

import json

import pytest
from ccsync.errors import DeniedError, QuotaError

from tests.applier.interrupting import days_pass, interrupt
from tests.applier.people import assert_converged, mail, one_export, person, two_exports
from tests.support.world import World, connection


def signed_out(world: World) -> str:
    """The account refuses our token from now on; returns the one that was good."""
    good, world.token = world.token, "gone"
    return good


def test_who_may_have_been_added_by_a_run_that_was_given_up_is_held_back(world: World) -> None:
    one_export(world, [person("ana")])
    world.sync()
    one_export(world, [person("ana", first_name="Anna"), person("bob")])
    interrupt(world)
    world.leave("VIP", "bob@example.com")
    good = signed_out(world)
    with pytest.raises(DeniedError):
        world.plan(refresh=False)
    (finished,) = world.recover(give_up=True)
    assert (finished.given_up, finished.held_back) == (("newsletter",), 1)
    plan = world.plan(refresh=False).plan.exports[0]
    assert (plan.counts.add, plan.counts.update, plan.held_back["opted_out"]) == (0, 1, 1)
    world.token = good
    world.sync()
    assert world.members("VIP") == mail("ana")
    assert_converged(world)
    assert world.readmit("vip", "bob@example.com").readmitted == 1


def test_who_may_have_been_taken_over_by_a_run_that_was_given_up_is_held_back_if_they_left(world: World) -> None:
    world.make_list("VIP", "bob@example.com", "cyd@example.com")
    one_export(world, [person("bob"), person("cyd")])
    interrupt(world)
    world.leave("VIP", "bob@example.com")
    good = signed_out(world)
    world.recover(give_up=True)
    world.token = good
    world.sync()
    assert world.members("VIP") == mail("cyd")
    assert_converged(world)


def test_a_removal_of_a_run_that_was_given_up_is_not_taken_for_done(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    one_export(world, [person("ana"), person("bob", member=False)])
    interrupt(world)
    assert world.members("VIP") == mail("ana")
    good = signed_out(world)
    (finished,) = world.recover(give_up=True)
    assert (finished.applied, finished.not_applied, finished.held_back) == (0, 1, 0)
    assert world.plan(refresh=False).plan.exports[0].counts.remove == 1
    world.token = good
    assert world.plan().plan.exports[0].reasons == {"already_gone": 1}
    world.sync()
    assert_converged(world)


def test_only_what_can_not_be_asked_is_given_up(world: World) -> None:
    both = {"in_a": True, "in_b": True}
    two_exports(world, [person("ana", **both)])
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    document["connections"]["other"] = connection()
    document["exports"]["b"] |= {"connection": "other", "list": {"name": "Other", "create": True}}
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))
    interrupt(world)
    document["connections"]["newsletter"]["auth"]["access_token"] = "${file:none}"
    (world.folder / "none").write_text("gone")
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))
    (finished,) = world.recover(give_up=True)
    assert (finished.given_up, finished.held_back) == (("newsletter",), 1)


def test_a_connection_whose_quota_is_used_up_is_not_given_up(world: World) -> None:
    one_export(world, [person("ana")])
    interrupt(world)
    world.fault(kind="quota_exceeded", path="/account/summary")
    with pytest.raises(QuotaError):
        world.recover(give_up=True)
    days_pass(world, 1)
    (finished,) = world.recover(give_up=True)
    assert finished.given_up == ()
    assert_converged(world)
