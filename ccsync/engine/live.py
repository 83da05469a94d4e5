"""Turns a downloaded export file of the remote side into a table of its people. How it was downloaded is not here."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccsync.engine.canonical import filled_sql, folded_sql
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError, Diagnostic, RemoteError, StorageError
from ccsync.ports.desired import Relation
from ccsync.ports.live import LiveFile

MAX_LINE_BYTES = 16_777_216
"""Of one line; an export file has one line a person, with a few hundred columns at the very most."""

UNSUBSCRIBED_WORDS = ("unsubscribed", "optout", "opted out", "opt out")
"""Spellings of the permission status that stop mail. Compared in lower case. Source: FACTS 5 and 2.6."""


@dataclass(frozen=True, slots=True)
class People:
    """relation: (key VARCHAR, contact_id VARCHAR, unsubscribed BOOLEAN, then <field> VARCHAR per field of `fields`),
    one row a key; values without surrounding white space, NULL when blank. fields: those that the file has
    a column for."""

    relation: Relation
    fields: tuple[str, ...]
    size: int


def load_people(session: Session, file: LiveFile, fields: Sequence[str] = ()) -> People:
    """Reads an export file, all of it or nothing.

    fields: what is wanted of it where the file has it. Rows without an address are left out: no list knows them by a
    key. Raises RemoteError (E650) for a file that is no CSV of the headings told, or that is shorter than told.
    """
    wanted = tuple(field for field in fields if field in file.columns)
    places = _places(file)
    relation = session.fresh_name("live")
    rows = _read(session, file, places, wanted, relation)
    if file.rows is not None and rows < file.rows:
        raise _unreadable(f"it was cut off: {rows} of {file.rows} rows arrived")
    size = session.count(relation)
    if session.scalar(f"SELECT count(DISTINCT key) FROM {identifier(relation)}") != size:
        size = _collapse(session, relation, wanted)
    return People(relation, wanted, size)


def _places(file: LiveFile) -> tuple[str, ...]:
    """The headings of the file, in order."""
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as text:
            headings = tuple(next(csv.reader(text), ()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable("its first line is no CSV header") from error
    except OSError as error:
        raise StorageError(
            Diagnostic("E713", f"cannot read {file.path.name}: {error.strerror}", detail="nothing more was sent")
        ) from error
    for heading in file.columns.values():
        if heading not in headings:
            raise _unreadable("a column that was announced is missing")
    return headings


def _read(session: Session, file: LiveFile, places: Sequence[str], wanted: Sequence[str], into: Relation) -> int:
    """Fills `into` and returns how many rows the file has, those without address included."""
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(places)))
    source = (
        f"read_csv({literal(str(file.path))}, auto_detect = false, header = true, columns = {{{columns}}}, delim = ',',"
        f" quote = '\"', escape = '\"', strict_mode = true, max_line_size = {MAX_LINE_BYTES})"
    )
    at = {name: f"c{places.index(heading)}" for name, heading in file.columns.items()}
    values = "".join(f", {filled_sql(at[field])} AS {identifier(field)}" for field in wanted)
    try:
        session.execute(
            f"CREATE TEMP TABLE {identifier(into)} AS SELECT {folded_sql(at['email'])} AS key,"
            f" {_optional(at, 'contact_id')} AS contact_id, {_unsubscribed(at)} AS unsubscribed{values} FROM {source}"
        )
    except StorageError:
        raise
    except CcsyncError as error:
        raise _unreadable("a line of it does not have the columns of its header") from error
    rows = session.count(into)
    session.execute(f"DELETE FROM {identifier(into)} WHERE key IS NULL")
    return rows


def _optional(at: Mapping[str, str], name: str) -> str:
    return filled_sql(at[name]) if name in at else "NULL::VARCHAR"


def _unsubscribed(at: Mapping[str, str]) -> str:
    if "status" not in at:
        return "false"
    words = ", ".join(literal(word) for word in UNSUBSCRIBED_WORDS)
    return f"COALESCE(lower(trim({at['status']})) IN ({words}), false)"


def _collapse(session: Session, relation: Relation, fields: Sequence[str]) -> int:
    """One row a key: spellings of an address that differ in case are one person. Returns how many are left."""
    name = identifier(relation)
    # An opt-out of any spelling counts; of several contacts none is named; for the rest, the least value, so that it
    # does not depend on the file's order.
    values = "".join(f", min({identifier(field)}) AS {identifier(field)}" for field in fields)
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT key,"
        " CASE WHEN count(DISTINCT contact_id) = 1 AND count(contact_id) = count(*) THEN min(contact_id) END"
        " AS contact_id,"
        f" bool_or(unsubscribed) AS unsubscribed{values} FROM {name} GROUP BY key"
    )
    return session.count(relation)


def _unreadable(why: str) -> RemoteError:
    return RemoteError(
        Diagnostic(
            "E650",
            f"an export file of Constant Contact can't be used: {why}",
            detail="nothing was concluded from it: people who are missing in it must not be taken for people who left",
            hint="run the command again; if it stays so, report it with the heading line of the file",
        )
    )
