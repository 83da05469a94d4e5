"""One run that has everything: removals, an update, an adoption, imports as CSV and as JSON, a refused row, people who
left, a stranger, and a list to be created."""

from typing import Any

from tests.applier.people import mail, person
from tests.support.world import World, configuration, export

STRANGER = "stranger@example.com"
VIP = mail("ana", "bob", "dan", "kim", "gap", "old") | {STRANGER}
NEW = mail("ana", "dan", "gap")
BEFORE = [
    person("ana", vip=True, new=False),
    person("bob", vip=True, new=False),
    person("cyd", vip=True, new=False),
    person("fay", vip=True, new=False),
    person("lea", vip=True, new=False),
    person("kim", vip=True, new=False),
]
AFTER = [
    person("ana", vip=True, new=True),
    person("bob", vip=True, new=False, first_name="Robert"),
    person("cyd", vip=False, new=False),
    person("lea", vip=True, new=False, first_name="Leah"),
    person("kim", vip=True, new=False),
    person("dan", vip=True, new=True),
    person("gap", vip=True, new=True, first_name=None),
    person("old", vip=True, new=False),
    person("admin", vip=True, new=False),
]


def before(world: World) -> None:
    """Six members of ours, a stranger, one of our future members on the list by hand, and Lea has left."""
    world.do("/switches", role_address="correctable")
    world.make_list("VIP", STRANGER, "old@example.com")
    _configure(world, BEFORE, vip=export("VIP", "vip"))
    world.sync()
    world.leave("VIP", "lea@example.com")
    _configure(world, AFTER, vip=_wide("VIP", "vip"), fresh=_wide("New", "new"))


def _wide(name: str, segment: str) -> dict[str, Any]:
    return export(name, segment, guards={"max_remove": {"percent": 90}, "max_update": {"percent": 90}})


def _configure(world: World, rows: list[dict[str, Any]], **exports: dict[str, Any]) -> None:
    world.rows("people.json", rows)
    world.configure(
        configuration(
            sources={"crm": {"type": "json", "path": "people.json"}},
            segments={"vip": {"source": "crm", "where": "vip"}, "new": {"source": "crm", "where": "new"}},
            exports=exports,
        )
    )


def converge(world: World) -> None:
    """Plan and apply until nothing is left to do, as people do after a crash; then everything must be as it should."""
    planned = world.plan()
    for _ in range(4):
        if not planned.plan.has_changes:
            break
        world.apply(planned)
        planned = world.plan()
    assert not planned.plan.has_changes, [(e.name, e.counts, e.reasons) for e in planned.plan.exports]
    assert world.state().journals.pending() is None
    assert_truth(world)


def assert_truth(world: World) -> None:
    """Nobody lost, nobody put back, no stranger touched, and the ledger says what is so."""
    assert world.members("VIP") == VIP
    assert world.members("New") == NEW
    assert world.fields("bob@example.com")["first_name"] == "Robert"
    assert world.fields("lea@example.com")["first_name"] == "Lea"
    assert ledger(world, "vip") == {
        **dict.fromkeys(mail("ana", "bob", "dan", "kim", "gap"), ("member", "ours")),
        "old@example.com": ("member", "adopted"),
        "admin@example.com": ("rejected", ledger(world, "vip")["admin@example.com"][1]),
        "lea@example.com": ("opted_out", "ours"),
    }
    assert ledger(world, "fresh") == dict.fromkeys(NEW, ("member", "ours"))


def ledger(world: World, export: str) -> dict[str, tuple[str, str]]:
    """key → (status, ownership)."""
    import duckdb

    path = world.state().generations.snapshot().ledgers[export].path  # type: ignore[index]
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT key, status, ownership FROM read_parquet(?)", [str(path)]).fetchall()
    return {key: (status, ownership) for key, status, ownership in rows}


def jobs(world: World) -> int:
    """Imports and removals that the account was asked for: more than in a calm run means that one was sent twice."""
    requests = world.ask("/statistics")["requests"]
    kinds = ("contacts_file_import", "contacts_json_import", "remove_list_memberships")
    return sum(count for name, count in requests.items() if any(kind in name for kind in kinds))
