"""People who must never be sent: whether somebody is one of them. SQL text; what is read from where is `desired.py`."""

from ccsync.core.key import SPACE
from ccsync.core.spec import SegmentName, Suppression, TableSegment
from ccsync.engine.canonical import folded_sql
from ccsync.engine.people import EMAIL
from ccsync.engine.quote import identifier, literal
from ccsync.errors import Diagnostic, Severity
from ccsync.ports import Relation, Suppressed

_HASH = literal("[0-9a-f]{64}")


def rows_of(entry: Suppression) -> TableSegment:
    """The rows of a list of suppressed people, as a segment that nobody sends."""
    return TableSegment(
        SegmentName(f"suppress {entry.source}"),
        entry.source,
        entry.table,
        query=entry.query,
        query_file=entry.query_file,
    )


def names_sql(rows: Relation, entry: Suppression) -> str:
    """SELECT of (name VARCHAR) from rows with a column `email`: NULL where a row that isn't blank names nobody."""
    if entry.hashed:
        text = f"lower(trim({EMAIL}, {literal(SPACE)}))"
        name, is_name = text, f"regexp_full_match({text}, {_HASH})"
    else:
        name = folded_sql(EMAIL)
        is_name = f"contains({name}, '@')"
    return (
        f"SELECT CASE WHEN {is_name} THEN {name} END AS name FROM {identifier(rows)}"
        f" WHERE trim({EMAIL}, {literal(SPACE)}) <> ''"
    )


def among_sql(keys: str, suppressed: Suppressed) -> str:
    """SELECT of the distinct keys (key VARCHAR) who are suppressed. keys: SELECT of (key VARCHAR)."""
    names = identifier(suppressed.relation)
    found = f"SELECT key FROM ({keys}) AS k SEMI JOIN {names} AS n ON k.key = n.name"
    if suppressed.hashed:
        found += f" UNION ALL SELECT key FROM ({keys}) AS k SEMI JOIN {names} AS n ON sha256(k.key) = n.name"
    return f"SELECT DISTINCT key FROM ({found})"


def nobody(connection: str, entry: Suppression) -> Diagnostic:
    """E430: an empty list of suppressed people is taken for a broken source, not for "nobody"."""
    what = "sha256 digests (64 hexadecimal digits)" if entry.hashed else "e-mail addresses"
    return Diagnostic(
        "E430",
        f"connection {connection}, suppress: column {entry.column} of source {entry.source} holds no {what}",
        detail="Who must not be sent isn't known, so nothing was planned.",
        hint="mend the source; if nobody is meant, say `allow_empty: true` there",
    )


def unclear(connection: str, entry: Suppression, rows: int) -> Diagnostic:
    """W432: rows that are neither blank nor a name."""
    what = "no sha256 digest" if entry.hashed else "no e-mail address"
    return Diagnostic(
        "W432",
        f"connection {connection}, suppress: {rows:,} rows of source {entry.source} hold {what} in {entry.column}",
        Severity.WARNING,
        detail="Whom they mean isn't known, so those people are not suppressed.",
        hint="mend the source",
    )
