"""Exports that go: detached, deleted, protected against deletion; and connections that go with them."""

import json
from typing import Any

import pytest
from ccsync.errors import GuardError, InvalidError

from tests.applier.people import assert_converged, mail, one_export, person, two_exports
from tests.support.world import World

BOTH = {"in_a": True, "in_b": True}
ONLY_A = {"in_a": True, "in_b": False}
ONLY_B = {"in_a": False, "in_b": True}
NONE = {"in_a": False, "in_b": False}
ANA, BOB = person("ana", **BOTH), person("bob", **BOTH)


def change(world: World, **exports: dict[str, Any] | None) -> None:
    """Changes keys of exports; None deletes the block."""
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    for name, keys in exports.items():
        if keys is None:
            del document["exports"][name]
        else:
            document["exports"].setdefault(name, {}).update(keys)
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))


def codes(world: World) -> set[str]:
    plan = world.plan().plan
    return {finding.code for part in (plan, *plan.exports) for finding in part.findings}


def test_a_detached_export_keeps_its_members_and_does_not_run(world: World) -> None:
    two_exports(world, [ANA, BOB, person("eva", **ONLY_B)])
    world.sync()
    two_exports(world, [ANA, person("bob", **NONE), person("eva", **NONE)])
    change(world, b={"connection": None, "on_delete": "remove_members"})
    planned = world.plan()
    assert [export.name for export in planned.plan.exports] == ["a"]
    assert "W213" in {finding.code for finding in planned.plan.findings}
    assert planned.plan.totals().remove == 0  # b put bob there too, and b was not given up
    if planned.plan.has_changes:
        world.apply(planned)
    assert world.members("VIP") == mail("ana", "bob", "eva")
    assert_converged(world)
    with pytest.raises(InvalidError, match="E213"):
        world.plan("b")

    change(world, b={"connection": "newsletter"})
    assert world.plan().plan.totals().remove == 2
    world.sync(allowed=("b:max_remove",))
    assert world.members("VIP") == mail("ana")
    assert_converged(world)


def test_what_counts_after_deletion_is_recorded_though_nobody_changes(world: World) -> None:
    """Else deleting the block would do what it said at the last change of a member."""
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    world.sync()
    change(world, b={"on_delete": "remove_members"})
    planned = world.plan()
    assert planned.plan.has_changes
    assert planned.plan.export("b").unrecorded == ("on_delete",)
    world.apply(planned)
    assert_converged(world)
    change(world, b=None)
    assert world.plan().plan.totals().remove == 1


def test_a_protected_export_survives_the_deletion_of_its_block(world: World) -> None:
    two_exports(world, [ANA, BOB], on_delete="remove_members")
    world.sync()
    change(world, b={"prevent_delete": True})
    world.sync()
    block = json.loads((world.folder / "ccsync.yaml").read_text())["exports"]["b"]
    change(world, b=None)
    assert "E222" in codes(world)
    with pytest.raises(GuardError, match="E222"):
        world.apply(world.plan(), allowed=("b:max_remove",))
    two_exports(world, [ANA, person("bob", **NONE)])
    change(world, b=None)
    assert world.plan("a").plan.totals().remove == 0  # b put bob there, and b must not be deleted
    assert world.members("VIP") == mail("ana", "bob")

    two_exports(world, [ANA, BOB])
    change(world, b={**block, "prevent_delete": False})
    assert world.plan().plan.export("b").unrecorded == ("prevent_delete",)
    world.sync()
    change(world, b=None)
    assert "E222" not in codes(world)


def test_a_protected_list_keeps_every_export_that_writes_to_it(world: World) -> None:
    two_exports(world, [ANA, BOB])
    change(world, a={"list": {"name": "VIP", "create": True, "prevent_delete": True}})
    world.sync()
    change(world, b=None)
    assert "E222" in codes(world)
    with pytest.raises(GuardError, match="E222"):
        world.apply(world.plan())


def test_a_protected_export_and_its_connection_can_not_go_together(world: World) -> None:
    one_export(world, [person("ana")], prevent_delete=True)
    world.sync()
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    document |= {"connections": {}, "exports": {}}
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))
    plan = world.plan().plan
    assert plan.blocked
    assert {finding.code for finding in plan.findings} == {"E222"}
