"""People who must never be sent: who they are, whether somebody is one of them, and how they are left out.

Opening sources is not done here; `desired.py` does it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ccsync.core.change import Filtered
from ccsync.core.key import SPACE
from ccsync.core.spec import Column, ConnectionName, SegmentName, SourceName, Suppression, TableSegment
from ccsync.engine.canonical import folded_sql
from ccsync.engine.people import EMAIL
from ccsync.engine.projection import Wish
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.errors import Diagnostic, InvalidError, Severity
from ccsync.ports.desired import Relation, Suppressed

_HASH = literal("[0-9a-f]{64}")


ReadColumn = Callable[[TableSegment, Wish, str, Relation], Sequence[Diagnostic]]
"""Runs a statement over one column of a segment's rows, named as the relation; returns what is to be said of them."""


@dataclass(frozen=True, slots=True)
class Barred:
    """What the lists of suppressed people of one connection gave. rows: that aren't blank, by source."""

    suppressed: Suppressed
    rows: Counter[SourceName]
    findings: tuple[Diagnostic, ...]


def read_barred(
    session: Session, connection: ConnectionName, entries: Sequence[Suppression], read: ReadColumn
) -> Barred:
    """Reads everyone suppressed on a connection. Raises InvalidError: E430, and what reading raises."""
    names = session.fresh_name("suppressed")
    session.execute(f"CREATE TABLE {identifier(names)} (name VARCHAR)")
    rows: Counter[SourceName] = Counter()
    findings: list[Diagnostic] = []
    for entry in entries:
        table, stream = session.fresh_name("names"), session.fresh_name("rows")
        wish = Wish(EMAIL, f"connection {connection}, suppress {entry.source}", Column(entry.column))
        statement = f"CREATE TABLE {identifier(table)} AS {_names_sql(stream, entry)}"
        findings += read(_rows_of(entry), wish, statement, stream)
        total, named = session.row(f"SELECT count(*), count(name) FROM {identifier(table)}")
        if not named and (total or not entry.allow_empty):
            raise InvalidError(_nobody(connection, entry))
        if total > named:
            findings.append(_unclear(connection, entry, total - named))
        session.execute(
            f"INSERT INTO {identifier(names)} SELECT DISTINCT name FROM {identifier(table)}"
            f" WHERE name IS NOT NULL AND name NOT IN (SELECT name FROM {identifier(names)})"
        )
        session.drop(table)
        rows[entry.source] += total
    return Barred(Suppressed(names, any(entry.hashed for entry in entries)), rows, tuple(findings))


def leave_out_barred(session: Session, barred: Barred, people: Relation, filtered: Relation, unusable: Relation) -> int:
    """Moves suppressed people to `filtered` and returns how many. Those with an unusable row, or without consent, are
    suppressed there too."""
    wanted, left = identifier(people), identifier(filtered)
    keys = " UNION ALL ".join(f"SELECT key FROM {identifier(table)}" for table in (people, filtered, unusable))
    hits = session.fresh_name("hits")
    session.execute(f"CREATE TABLE {identifier(hits)} AS {among_sql(keys, barred.suppressed)}")
    those = f"key IN (SELECT key FROM {identifier(hits)})"
    moved = 0
    if session.count(hits):
        moved = int(session.scalar(f"SELECT count(*) FROM {wanted} WHERE {those}"))
        session.execute(f"DELETE FROM {wanted} WHERE {those}")
        session.execute(f"DELETE FROM {left} WHERE {those}")
        session.execute(f"INSERT INTO {left} SELECT key, '{Filtered.SUPPRESSED}' FROM {identifier(hits)}")
    session.drop(hits)
    return moved


def _rows_of(entry: Suppression) -> TableSegment:
    """The rows of a list of suppressed people, as a segment that nobody sends."""
    return TableSegment(
        SegmentName(f"suppress {entry.source}"),
        entry.source,
        entry.table,
        query=entry.query,
        query_file=entry.query_file,
    )


def _names_sql(rows: Relation, entry: Suppression) -> str:
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


def _nobody(connection: str, entry: Suppression) -> Diagnostic:
    """E430: an empty list of suppressed people is taken for a broken source, not for "nobody"."""
    what = "sha256 digests (64 hexadecimal digits)" if entry.hashed else "e-mail addresses"
    return Diagnostic(
        "E430",
        f"connection {connection}, suppress: column {entry.column} of source {entry.source} holds no {what}",
        detail="Who must not be sent isn't known, so nothing was planned.",
        hint="mend the source; if nobody is meant, say `allow_empty: true` there",
    )


def _unclear(connection: str, entry: Suppression, rows: int) -> Diagnostic:
    """W432: rows that are neither blank nor a name."""
    what = "no sha256 digest" if entry.hashed else "no e-mail address"
    return Diagnostic(
        "W432",
        f"connection {connection}, suppress: {rows:,} rows of source {entry.source} hold {what} in {entry.column}",
        Severity.WARNING,
        detail="Whom they mean isn't known, so those people are not suppressed.",
        hint="mend the source",
    )
