"""A few rows of a changes file as values, for people to look at. Never the whole file, never on the way of an apply.

How the file is laid out is `ports.diff.Diffed.changes`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ccsync.core.change import Op
from ccsync.core.row import ChangeDetail, ChangeRow, HeldRow
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation

_BEFORE, _AFTER = "before:", "after:"


def read_detail(session: Session, changes: Path, samples: int) -> ChangeDetail:
    """Counts of rows by op and reason, and the first `samples` rows of each op, by key."""
    reasons: dict[Op, dict[str, int]] = {}
    for op, reason, rows in session.rows(
        "SELECT op, reason, count(*) FROM read_parquet($1) WHERE reason IS NOT NULL GROUP BY op, reason"
        " ORDER BY op, reason",
        [str(changes)],
    ):
        reasons.setdefault(Op(op), {})[reason] = rows
    if not samples:
        return ChangeDetail(reasons)
    return ChangeDetail(reasons, {op: read_rows(session, changes, op, samples) for op in reasons})


def read_rows(session: Session, changes: Path, op: Op | None, limit: int, offset: int = 0) -> tuple[ChangeRow, ...]:
    """At most `limit` rows of an op (None: of all), ordered by op, key and reason."""
    fields = _fields(session, changes)
    values = "".join(f", {identifier(part + field)}" for part in (_BEFORE, _AFTER) for field in fields)
    found = session.rows(
        f"SELECT op, key, reason, contact_id{values} FROM read_parquet($1)"
        " WHERE $2::VARCHAR IS NULL OR op = $2 ORDER BY op, key NULLS LAST, reason LIMIT $3 OFFSET $4",
        [str(changes), op.value if op else None, limit, offset],
    )
    return tuple(_row(each, fields) for each in found)


def count_rows(session: Session, changes: Path, op: Op | None) -> int:
    """How many rows of an op (None: of all) the file has."""
    return int(
        session.scalar(
            "SELECT count(*) FROM read_parquet($1) WHERE $2::VARCHAR IS NULL OR op = $2",
            [str(changes), op.value if op else None],
        )
    )


def count_people(session: Session, changes: Sequence[Path]) -> int:
    """How many addresses stand in these files, those of unusable rows included."""
    if not changes:
        return 0
    return int(session.scalar("SELECT count(DISTINCT key) FROM read_parquet($1)", [[str(path) for path in changes]]))


def _fields(session: Session, changes: Path) -> tuple[str, ...]:
    """The fields of the file, in its order."""
    names = session.rows("SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet($1))", [str(changes)])
    return tuple(name.removeprefix(_AFTER) for (name,) in names if name.startswith(_AFTER))


def _row(found: tuple[str | None, ...], fields: tuple[str, ...]) -> ChangeRow:
    op, key, reason, contact_id, *values = found
    before, after = values[: len(fields)], values[len(fields) :]
    assert op is not None, "every row of a changes file has an op"
    return ChangeRow(
        Op(op),
        key,
        reason or "",
        contact_id,
        dict(zip(fields, before, strict=True)),
        dict(zip(fields, after, strict=True)),
    )


# ---------------------------------------------------------------- desired people


def read_people(session: Session, relation: Relation, limit: int) -> tuple[ChangeRow, ...]:
    """A few people of a `Desired.relation`, by key: the key, and their values in `after`."""
    rows = session.rows(f"SELECT * FROM {identifier(relation)} ORDER BY key LIMIT $1", [limit])
    columns = session.rows("SELECT column_name FROM (DESCRIBE SELECT * FROM query_table($1))", [relation])
    fields = tuple(name for (name,) in columns)
    found = (dict(zip(fields, row, strict=True)) for row in rows)
    return tuple(
        ChangeRow(Op.ADD, each["key"], "", after={name: each[name] for name in fields if name != "key"})
        for each in found
    )


# ---------------------------------------------------------------- ledgers and the opt-out memory


def count_statuses(session: Session, ledger: Path) -> Mapping[str, int]:
    """Rows of a ledger by status."""
    found = session.rows("SELECT status, count(*) FROM read_parquet($1) GROUP BY status ORDER BY status", [str(ledger)])
    return {str(status): int(rows) for status, rows in found}


def read_held_back(session: Session, ledger: Path, limit: int) -> tuple[HeldRow, ...]:
    """People of a ledger who are kept off its list, by key: at most `limit`."""
    found = session.rows(
        "SELECT key, status, reason, changed_at, last_run FROM read_parquet($1)"
        " WHERE status IS DISTINCT FROM 'member' ORDER BY key LIMIT $2",
        [str(ledger), limit],
    )
    return tuple(HeldRow(*(value or "" for value in row)) for row in found)


def count_rows_of(session: Session, file: Path) -> int:
    """Rows of any Parquet file of ours."""
    return int(session.scalar("SELECT count(*) FROM read_parquet($1)", [str(file)]))
