"""Exports that want different values for one field of one person: found, counted, and blanked in all of them."""

from collections.abc import Mapping, Sequence

from ccsync.core.spec import ExportName
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation

PART_ROWS = 2_000_000
"""How many rows are compared at a time, about; their hash table takes some 200 MB."""


def blank_conflicts(
    session: Session, relations: Mapping[ExportName, Relation], part_rows: int = PART_ROWS
) -> dict[ExportName, dict[str, int]]:
    """Looks at relations (key, <field> VARCHAR per field). Where two hold different values for one field of one key,
    that field becomes NULL in all of them. Returns export → field → people whose value was taken out.

    NULL differs from nothing: it means that the value is left alone.
    """
    fields = {name: _fields(session, relation) for name, relation in relations.items()}
    shared = sorted({field for name in fields for field in fields[name] if _count(fields, field) > 1})
    involved = [name for name in relations if set(fields[name]) & set(shared)]
    if not shared:
        return {}
    mine = {relations[name]: fields[name] for name in involved}
    disputed = _find_disputed(session, mine, shared, part_rows)
    counts: dict[ExportName, dict[str, int]] = {}
    if session.count(disputed):
        for name in involved:
            blanked = _blank(session, relations[name], disputed, [field for field in shared if field in fields[name]])
            if blanked:
                counts[name] = blanked
    session.drop(disputed)
    return counts


def _fields(session: Session, relation: Relation) -> tuple[str, ...]:
    names = session.rows(f"SELECT column_name FROM (DESCRIBE {identifier(relation)})")
    return tuple(name for (name,) in names if name != "key")


def _count(fields: Mapping[ExportName, Sequence[str]], field: str) -> int:
    return sum(field in mine for mine in fields.values())


def _find_disputed(
    session: Session, fields: Mapping[Relation, Sequence[str]], shared: Sequence[str], part_rows: int
) -> Relation:
    """A table (key, <field> BOOLEAN per shared field: whether it is disputed) of keys with a dispute.

    People are sought by the hashes of keys and values, which costs a fifth of comparing texts; only those found are
    compared. That two different values of one person share a 64-bit hash is left out of account. It is done for a part
    of the people after the other, so that it takes no more memory for many exports than for few.
    """
    disputed, suspects = session.fresh_name("disputed"), session.fresh_name("suspects")
    columns = "".join(f", {identifier(field)} BOOLEAN" for field in shared)
    session.execute(f"CREATE TABLE {identifier(disputed)} (key VARCHAR{columns})")
    parts = 1 + sum(session.count(relation) for relation in fields) // part_rows
    for part in range(parts):
        of_part = f"hash(key) % {parts} = {part}"
        session.execute(f"CREATE TABLE {identifier(suspects)} AS {_suspects_sql(fields, shared, of_part)}")
        if session.count(suspects):
            session.execute(f"INSERT INTO {identifier(disputed)} {_disputed_sql(fields, shared, suspects)}")
        session.drop(suspects)
    return disputed


def _suspects_sql(fields: Mapping[Relation, Sequence[str]], shared: Sequence[str], condition: str) -> str:
    """SELECT of (hashed) of those keys that meet the condition and seem to have a dispute."""
    rows = " UNION ALL ".join(
        f"SELECT hash(key) AS hashed, {', '.join(_hash(field, mine) for field in shared)}"
        f" FROM {identifier(relation)} WHERE {condition}"
        for relation, mine in fields.items()
    )
    return f"SELECT hashed FROM ({rows}) GROUP BY hashed HAVING {' OR '.join(map(_differs, shared))}"


def _disputed_sql(fields: Mapping[Relation, Sequence[str]], shared: Sequence[str], suspects: Relation) -> str:
    """SELECT of (key, whether each shared field is disputed) of those suspects that do have a dispute."""
    rows = " UNION ALL ".join(
        f"SELECT key, {', '.join(_text(field, mine) for field in shared)}"
        f" FROM {identifier(relation)} WHERE hash(key) IN (SELECT hashed FROM {identifier(suspects)})"
        for relation, mine in fields.items()
    )
    flags = ", ".join(map(_differs, shared))
    return f"SELECT key, {flags} FROM ({rows}) GROUP BY key HAVING {' OR '.join(map(_differs, shared))}"


def _differs(field: str) -> str:
    return f"coalesce(min({identifier(field)}) <> max({identifier(field)}), false)"


def _text(field: str, mine: Sequence[str]) -> str:
    return identifier(field) if field in mine else f"CAST(NULL AS VARCHAR) AS {identifier(field)}"


def _hash(field: str, mine: Sequence[str]) -> str:
    column = identifier(field)
    value = f"CASE WHEN {column} IS NOT NULL THEN hash({column}) END" if field in mine else "CAST(NULL AS UBIGINT)"
    return f"{value} AS {column}"


def _blank(session: Session, relation: Relation, disputed: Relation, fields: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for field in fields:
        column = identifier(field)
        ((changed,),) = session.rows(
            f"UPDATE {identifier(relation)} AS mine SET {column} = NULL FROM {identifier(disputed)} AS disputed"
            f" WHERE mine.key = disputed.key AND disputed.{column} AND mine.{column} IS NOT NULL"
        )
        if changed:
            counts[field] = int(changed)
    return counts
