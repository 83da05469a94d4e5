"""What the values of wanted people look like, column by column, for people to check a mapping by.

Relations are those of `ports.desired.Desired`.
"""

from collections.abc import Mapping, Sequence

from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation


def filled_fields(session: Session, people: Relation, fields: Sequence[str]) -> Mapping[str, tuple[int, str | None]]:
    """Field → how many people have a value, and the value of the first of them by key."""
    if not fields:
        return {}
    columns = (f"count({identifier(field)}), arg_min({identifier(field)}, key)" for field in fields)
    found = session.row(f"SELECT {', '.join(columns)} FROM {identifier(people)}")
    return {field: (int(found[2 * at]), found[2 * at + 1]) for at, field in enumerate(fields)}


def top_values(session: Session, people: Relation, field: str, limit: int) -> tuple[tuple[str, int], ...]:
    """The values that most people have, and how many do; equally frequent ones in their own order."""
    value = identifier(field)
    found = session.rows(
        f"SELECT {value}, count(*) AS people FROM {identifier(people)} WHERE {value} IS NOT NULL"
        f" GROUP BY {value} ORDER BY people DESC, {value} LIMIT $1",
        [limit],
    )
    return tuple((str(text), int(count)) for text, count in found)


def count_reasons(session: Session, rows: Relation) -> Mapping[str, int]:
    """Rows by reason, the field named where there is one."""
    found = session.rows(f"SELECT reason, count(*) FROM {identifier(rows)} GROUP BY reason ORDER BY reason")
    return {str(reason): int(count) for reason, count in found}
