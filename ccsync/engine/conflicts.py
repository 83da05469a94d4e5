"""Exports that want different values for one field of one person: found, counted, and blanked in all of them."""

from collections.abc import Mapping, Sequence

from ccsync.core.spec import ExportName
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports import Relation


def blank_conflicts(session: Session, relations: Mapping[ExportName, Relation]) -> dict[ExportName, dict[str, int]]:
    """Looks at relations (key, <field> VARCHAR per field). Where two hold different values for one field of one key,
    that field becomes NULL in all of them. Returns export → field → people whose value was taken out.

    NULL differs from nothing: it means that the value is left alone.
    """
    fields = {name: _fields(session, relation) for name, relation in relations.items()}
    shared = sorted({field for name in fields for field in fields[name] if _count(fields, field) > 1})
    involved = [name for name in relations if set(fields[name]) & set(shared)]
    if not shared:
        return {}
    disputed = session.fresh_name("disputed")
    session.execute(f"CREATE TABLE {identifier(disputed)} AS {_disputed_sql(relations, fields, shared, involved)}")
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


def _disputed_sql(
    relations: Mapping[ExportName, Relation],
    fields: Mapping[ExportName, Sequence[str]],
    shared: Sequence[str],
    involved: Sequence[ExportName],
) -> str:
    """SELECT of (key, <field> BOOLEAN per shared field: whether it is disputed), disputed keys only.

    People are sought by the hashes of keys and values, which costs a fifth of comparing texts; only those found are
    compared. That two different values of one person share a 64-bit hash is left out of account.
    """
    texts, hashes = [], []
    for name in involved:
        table, mine = identifier(relations[name]), fields[name]
        texts.append(f"SELECT key, {', '.join(_text(field, mine) for field in shared)} FROM {table}")
        hashes.append(f"SELECT hash(key) AS hashed, {', '.join(_hash(field, mine) for field in shared)} FROM {table}")
    differs = {field: f"coalesce(min({identifier(field)}) <> max({identifier(field)}), false)" for field in shared}
    disputed = " OR ".join(differs.values())
    suspects = f"SELECT hashed FROM ({' UNION ALL '.join(hashes)}) GROUP BY hashed HAVING {disputed}"
    flags = ", ".join(f"{sql} AS {identifier(field)}" for field, sql in differs.items())
    rows = " UNION ALL ".join(texts)
    return f"SELECT key, {flags} FROM ({rows}) WHERE hash(key) IN ({suspects}) GROUP BY key HAVING {disputed}"


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
