"""Which account and list an export means: connections doubled, renamed, re-pointed; plans of one export alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from ccsync.errors import InvalidError
from ccsync.sandbox.app import create_app
from ccsync.sandbox.options import ActivityMode, SandboxOptions

from tests.applier.people import mail, one_export, person, two_exports
from tests.support.world import HOST, World, connection, open_world

BOTH = {"in_a": True, "in_b": True}
ONLY_B = {"in_a": False, "in_b": True}
ANA = person("ana", **BOTH)
Document = dict[str, Any]


def edit(world: World, change: Callable[[Document], object]) -> None:
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    change(document)
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))


def over_a_second_connection(document: Document) -> None:
    document["connections"]["second"] = connection()
    document["exports"]["b"]["connection"] = "second"


def code_of(world: World, *exports: str, refresh: bool = True) -> list[str]:
    with pytest.raises(InvalidError) as refused:
        world.plan(*exports, refresh=refresh)
    return [problem.code for problem in refused.value.diagnostics]


def test_a_claim_over_another_connection_to_the_same_account_counts(world: World) -> None:
    two_exports(world, [ANA, person("bob", **BOTH)])
    edit(world, over_a_second_connection)
    world.apply(world.plan("a"))
    world.sync()
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    edit(world, over_a_second_connection)
    assert world.plan("a").plan.totals().remove == 0


def pointed_at_another_list(document: Document) -> None:
    document["exports"]["a"]["list"]["name"] = "Other"


def renamed_with_its_connection(document: Document) -> None:
    document["connections"]["renamed"] = document["connections"].pop("newsletter")
    document["exports"] = {"c": document["exports"]["b"] | {"connection": "renamed", "segments": ["sa", "sb"]}}


@pytest.mark.parametrize(
    ("change", "asked"),
    [(pointed_at_another_list, ("b",)), (renamed_with_its_connection, ())],
    ids=["pointed at another list", "gone with its connection"],
)
def test_the_ledger_of_an_export_that_can_not_run_counts_for_the_others_on_its_list(
    world: World, change: Callable[[Document], object], asked: tuple[str, ...]
) -> None:
    """Who left it unnoticed is not added, and whom it holds is not removed, by another export."""
    two_exports(world, [ANA, person("bob", in_a=True, in_b=False), person("cyd", **BOTH)])
    world.sync()
    world.leave("VIP", "bob@example.com")
    two_exports(world, [ANA, person("bob", **ONLY_B), person("cyd", in_a=False, in_b=False)])
    edit(world, change)
    planned = world.plan(*asked)
    assert planned.plan.exports[0].held_back["opted_out"] == 1
    if planned.plan.has_changes:
        world.apply(planned)
    assert world.members("VIP") == mail("ana", "cyd")


def test_a_claim_of_a_new_export_by_the_lists_name_counts_without_refresh(world: World) -> None:
    two_exports(world, [ANA, person("bob", **BOTH)])
    edit(world, lambda document: document["exports"].pop("b"))
    world.sync()
    two_exports(world, [ANA, person("bob", **ONLY_B)])
    assert world.plan("a", refresh=False).plan.totals().remove == 0


def renamed(document: Document) -> None:
    document["connections"]["renamed"] = document["connections"].pop("newsletter")
    document["exports"]["vip"]["connection"] = "renamed"


def test_a_connection_whose_account_is_not_known_is_not_planned_without_refresh(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    world.leave("VIP", "bob@example.com")
    one_export(world, [person("ana"), person("bob", member=False)])
    world.sync()
    one_export(world, [person("ana"), person("bob")])
    edit(world, renamed)
    assert code_of(world, refresh=False) == ["E616"]
    world.sync()
    assert world.members("VIP") == mail("ana")


def test_an_export_pointed_at_another_account_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        options = SandboxOptions(clock=world.clock, activities=ActivityMode.WHEN_POLLED, random_seed=7)
        app = create_app(options)
        other = httpx.WSGITransport(app=app)
        with httpx.Client(transport=other, base_url=HOST) as control:
            assert control.post("/sandbox/account", json={"encoded_account_id": "p0other00001"}).status_code == 200
        one_export(world, [person("ana"), person("bob")])
        world.sync()
        edit(world, renamed)
        world.transport, world.token = other, app.access_token
        assert code_of(world) == ["E615"]
        with pytest.raises(InvalidError) as refused:
            world.import_list("vip")
        assert [problem.code for problem in refused.value.diagnostics] == ["E615"]
        app.close()


def test_a_guard_can_be_allowed_for_a_deleted_export(world: World) -> None:
    rows = [person(f"p{at:02}", in_a=at < 2, in_b=True) for at in range(20)]
    two_exports(world, rows, on_delete="remove_members")
    world.sync()
    edit(world, lambda document: document["exports"].pop("b"))
    assert world.plan().plan.blocked
    assert not world.plan(allowed=("b:max_remove",)).plan.blocked


def test_the_contract_limit_counts_all_exports_on_the_account(world: World) -> None:
    rows = [person(f"a{at}", in_a=True, in_b=False) for at in range(3)]
    rows += [person(f"b{at}", in_a=False, in_b=True) for at in range(3)]
    two_exports(world, rows)
    edit(world, lambda document: document["connections"]["newsletter"]["limits"].update(max_contacts=4))
    plan = world.plan().plan
    assert {finding.code for export in plan.exports for finding in export.findings} == {"E506"}
