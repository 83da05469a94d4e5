"""Small worlds to start from: one source, one segment, one export to the list VIP."""

from collections.abc import Sequence
from typing import Any

from tests.support.world import World, configuration, export


def person(name: str, **more: Any) -> dict[str, Any]:
    """A source row of an invented person."""
    return {"email": f"{name}@example.com", "first_name": name.title(), "last_name": "Example", "member": True} | more


def mail(*names: str) -> set[str]:
    return {f"{name}@example.com" for name in names}


def one_export(world: World, rows: Sequence[dict[str, Any]], **more: Any) -> None:
    """Everyone whose row says `member`, on the list VIP."""
    world.rows("people.json", rows)
    world.configure(
        configuration(
            sources={"crm": {"type": "json", "path": "people.json"}},
            segments={"members": {"source": "crm", "where": "member"}},
            exports={"vip": export("VIP", "members", **more)},
        )
    )


def two_exports(world: World, rows: Sequence[dict[str, Any]], **more: Any) -> None:
    """Two exports, `a` and `b`, on one list; the columns `in_a` and `in_b` say who belongs."""
    world.rows("people.json", rows)
    world.configure(
        configuration(
            sources={"crm": {"type": "json", "path": "people.json"}},
            segments={"sa": {"source": "crm", "where": "in_a"}, "sb": {"source": "crm", "where": "in_b"}},
            exports={
                "a": export("VIP", "sa", guards={"allow_empty": True}),
                "b": export("VIP", "sb", guards={"allow_empty": True}, **more),
            },
        )
    )


def assert_converged(world: World) -> None:
    """A fresh plan is empty: held-back people don't count as changes."""
    plan = world.plan().plan
    assert not plan.has_changes, [(export.name, export.counts, export.reasons) for export in plan.exports]
