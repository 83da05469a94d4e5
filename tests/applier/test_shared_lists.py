"""Two exports on one list: a person stays while one of them claims them, and ownership belongs to the list."""

import json

from tests.applier.people import assert_converged, mail, person, two_exports
from tests.support.world import World

BOTH = {"in_a": True, "in_b": True}
ONLY_A = {"in_a": True, "in_b": False}
ONLY_B = {"in_a": False, "in_b": True}
NONE = {"in_a": False, "in_b": False}
ANA = person("ana", **BOTH)


def test_a_member_stays_while_another_export_claims_them(world: World) -> None:
    two_exports(world, [ANA, person("bob", **BOTH)])
    world.sync()
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    world.sync()
    assert world.members("VIP") == mail("ana", "bob")
    assert_converged(world)


def test_a_member_is_removed_once_when_no_export_claims_them_any_more(world: World) -> None:
    two_exports(world, [ANA, person("bob", **BOTH)])
    world.sync()
    two_exports(world, [ANA, person("bob", **NONE)])
    planned = world.plan()
    assert planned.plan.totals().remove == 1
    world.apply(planned)
    assert world.members("VIP") == mail("ana")
    assert_converged(world)


def test_ownership_passes_to_the_export_that_claims_last(world: World) -> None:
    two_exports(world, [ANA, person("bob", **ONLY_A)])
    world.sync()
    two_exports(world, [ANA, person("bob", **BOTH)])
    world.sync()
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    world.sync()
    two_exports(world, [ANA, person("bob", **NONE)])
    world.sync()
    assert world.members("VIP") == mail("ana")
    assert_converged(world)


def test_planning_one_export_alone_respects_what_the_other_claims(world: World) -> None:
    two_exports(world, [ANA, person("bob", **ONLY_A)])
    world.sync()
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    planned = world.plan("a")
    assert not planned.plan.complete
    assert planned.plan.totals().remove == 0
    if planned.plan.has_changes:
        world.apply(planned)
    world.sync()
    assert world.members("VIP") == mail("ana", "bob")
    two_exports(world, [ANA, person("bob", **NONE)])
    world.sync()
    assert world.members("VIP") == mail("ana")


def test_who_is_removed_by_one_export_planned_alone_did_not_leave_by_themselves(world: World) -> None:
    two_exports(world, [ANA, person("bob", **BOTH)])
    world.sync()
    two_exports(world, [ANA, person("bob", **NONE)])
    world.apply(world.plan("a"))
    assert world.members("VIP") == mail("ana")
    assert_converged(world)
    two_exports(world, [ANA, person("bob", **BOTH)])
    world.sync()
    assert world.members("VIP") == mail("ana", "bob")


def _without(world: World, *names: str) -> None:
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    for name in names:
        del document["exports"][name]
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))


def test_members_of_a_deleted_export_stay_by_default(world: World) -> None:
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    world.sync()
    _without(world, "b")
    planned = world.plan()
    assert planned.plan.export("b").deleted
    assert (planned.plan.totals().remove, planned.plan.totals().forget) == (0, 2)
    world.apply(planned)
    assert world.members("VIP") == mail("ana", "bob")
    assert_converged(world)
    assert set(world.state().generations.snapshot().ledgers) == {"a"}


def test_members_of_a_deleted_export_are_removed_when_it_said_so_and_nobody_claims_them(world: World) -> None:
    two_exports(world, [ANA, person("bob", **ONLY_B)], on_delete="remove_members")
    world.sync()
    _without(world, "b")
    planned = world.plan()
    assert planned.plan.totals().remove == 1
    world.apply(planned, allowed=("b:max_remove",))
    assert world.members("VIP") == mail("ana")
    assert_converged(world)


def test_two_exports_that_disagree_on_a_field_leave_it_alone(world: World) -> None:
    two_exports(world, [ANA, person("bob", **BOTH)])
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    document["exports"]["b"]["attributes"]["first_name"] = {"sql": "upper(first_name)"}
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))
    plan = world.plan().plan
    assert all("E117" in {finding.code for finding in export.findings} for export in plan.exports)
    world.sync()
    assert not world.fields("ana@example.com").get("first_name")
    assert world.fields("ana@example.com")["last_name"] == "Example"
    assert_converged(world)
