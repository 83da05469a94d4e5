"""What a plan says in numbers, counted from the three-way table. The table itself is `diff.py`."""

from collections.abc import Mapping
from pathlib import Path

from ccsync.core.change import CHANGING_OPS, Counts, DiffCounts, Filtered, zero_held_back
from ccsync.engine.encode import after, before
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.engine.sides import Sides
from ccsync.ports.desired import Relation
from ccsync.ports.live import Live


def drift(field: str) -> str:
    """The column that says whether somebody edited the field on the other side."""
    return identifier(f"drift:{field}")


def count_changes(session: Session, sides: Sides, table: Relation) -> DiffCounts:
    """Everything the plan says in numbers. Most unchanged people have no row in the table: they are what is left."""
    name, fields = identifier(table), sides.request.fields
    ops = dict(session.rows(f"SELECT op, count(*) FROM {name} GROUP BY op"))
    desired = session.count(sides.request.desired.relation) if sides.request.desired else 0
    moved, stayed, gone = session.row(
        "SELECT count(*) FILTER (desired AND op <> 'unchanged'), count(*) FILTER (NOT desired AND op = 'unchanged'),"
        f" count(*) FILTER (member AND NOT on_list) FROM {name}"
    )
    return DiffCounts(
        counts=Counts(
            **{str(op): ops.get(op, 0) for op in CHANGING_OPS},
            unchanged=desired - moved + stayed,
            foreign=_foreign(session, sides, table, desired),
        ),
        held_back={**zero_held_back(), **_tally(session, table, "op = 'held_back'")},
        reasons=_tally(session, table, "op NOT IN ('held_back', 'unchanged')"),
        fields_changed=_tally_fields(
            session,
            table,
            {
                field: f"op = 'update' AND {after(field)} IS NOT NULL"
                f" AND {after(field)} IS DISTINCT FROM {before(field)}"
                for field in fields
            },
        ),
        drift=_tally_fields(session, table, {field: drift(field) for field in fields if field in sides.live_fields}),
        managed=_managed(session, sides.request.ledger),
        live=_live_size(sides),
        gone=gone,
        suppressed_stay=_suppressed_stay(session, sides, table),
    )


def _tally(session: Session, table: Relation, where: str) -> Mapping[str, int]:
    """Rows by reason."""
    return dict(
        session.rows(f"SELECT reason, count(*) FROM {identifier(table)} WHERE {where} GROUP BY reason ORDER BY reason")
    )


def _tally_fields(session: Session, table: Relation, conditions: Mapping[str, str]) -> Mapping[str, int]:
    """Rows by field for which the field's condition holds; fields without any are left out."""
    if not conditions:
        return {}
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions.values())
    found = session.row(f"SELECT {counts} FROM {identifier(table)}")
    return {field: rows for field, rows in zip(conditions, found, strict=True) if rows}


def _foreign(session: Session, sides: Sides, table: Relation, desired: int) -> int:
    """Members of the list that are neither wanted nor in any ledger of it.

    Everyone wanted who is not on the list has a row in the table, and so has every ledger row that isn't wanted.
    """
    if sides.members is None:
        return 0
    off, known = session.row(
        "SELECT count(*) FILTER (desired AND NOT on_list), count(*) FILTER (NOT desired AND member AND on_list)"
        f" FROM {identifier(table)}"
    )
    return int(sides.members.size - (desired - off) - known - _known_to_siblings_only(session, sides))


def _known_to_siblings_only(session: Session, sides: Sides) -> int:
    request = sides.request
    if sides.siblings is None or sides.members is None:
        return 0
    known = [f"SELECT key FROM {identifier(request.desired.relation)}"] if request.desired else []
    if request.ledger:
        known.append(f"SELECT key FROM read_parquet({literal(str(request.ledger))}) WHERE status = 'member'")
    others = "".join(f" AND NOT EXISTS (FROM ({keys}) AS k WHERE k.key = o.key)" for keys in known)
    return int(
        session.scalar(
            f"SELECT count(*) FROM {identifier(sides.siblings)} AS o WHERE o.member"
            f" AND EXISTS (FROM {identifier(sides.members.relation)} AS v WHERE v.key = o.key){others}"
        )
    )


def _suppressed_stay(session: Session, sides: Sides, table: Relation) -> int:
    """Suppressed people on the list whom no export of ours may take off; without a refresh, those in the ledger."""
    if sides.filtered is None:
        return 0
    name = identifier(table)
    on_list = f"SELECT key FROM {name} WHERE on_list"
    if sides.members is not None:
        on_list = f"SELECT key FROM {identifier(sides.members.relation)}"
    removed = f"SELECT key FROM {name} WHERE op = 'remove'"
    if sides.siblings is not None:
        removed += f" UNION ALL SELECT key FROM {identifier(sides.siblings)} WHERE suppressor IS NOT NULL"
    return int(
        session.scalar(
            f"SELECT count(*) FROM {identifier(sides.filtered)} WHERE reason = {literal(Filtered.SUPPRESSED)}"
            f" AND key IN ({on_list}) AND key NOT IN ({removed})"
        )
    )


def _managed(session: Session, ledger: Path | None) -> int:
    if ledger is None:
        return 0
    return int(session.scalar("SELECT count(*) FROM read_parquet($1) WHERE status = 'member'", [str(ledger)]))


def _live_size(sides: Sides) -> int | None:
    live: Live | None = sides.request.live
    if live is None:
        return None
    return sides.members.size if sides.members else 0
