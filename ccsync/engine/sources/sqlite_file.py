"""A table or view of a SQLite file as the relation `source`, through the standard library: no extension is needed.

SQLite itself writes each row as a JSON object, DuckDB reads a chunk of them at a time; a row is never taken apart in
Python. The file is opened read-only and read in one transaction, so writers at the same time do no harm.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import duckdb

from ccsync.core.spec import Source
from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.files import SourceFile
from ccsync.engine.sources.opening import Opening
from ccsync.engine.sources.tables import check_table
from ccsync.errors import Diagnostic, InvalidError, Where

MAX_ROW_BYTES = 16_000_000
CHUNK_ROWS = 20_000
BUSY_TIMEOUT_S = 5.0
_TEXT_AFFINITY = re.compile("CHAR|CLOB|TEXT", re.IGNORECASE)


def make_relation(opening: Opening) -> None:
    """Makes the table `source`. Numbers are BIGINT or DOUBLE where a column holds nothing else, all else is VARCHAR;
    blobs are their hexadecimal digits, real numbers keep 15 digits.

    Raises InvalidError: E410, E416 (no database, locked), E417 (text that is not UTF-8), E418 (a row over 16 MB).
    """
    source = opening.source
    (file,) = opening.files
    try:
        with closing(_open(file.path)) as database:
            _copy(opening.connection, database, check_table(source, opening.table, _tables(database)))
    except sqlite3.Error as error:
        problem = _problem(source, file, error)
    else:
        return
    raise problem


def _open(path: Path) -> sqlite3.Connection:
    """Opens the file read-only. One in a folder that can't be written may need to be told that nobody writes it."""
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        return _connected(address)
    except sqlite3.OperationalError as error:
        log = path.with_name(path.name + "-wal")
        busy = error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if busy or (log.exists() and log.stat().st_size > 0):
            raise
        return _connected(address + "&immutable=1")


def _connected(address: str) -> sqlite3.Connection:
    database = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        database.close()
        raise
    return database


def _tables(database: sqlite3.Connection) -> list[str]:
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " ORDER BY name"
    )
    return [str(name) for (name,) in rows]


def _copy(connection: duckdb.DuckDBPyConnection, database: sqlite3.Connection, table: str) -> None:
    types = _types(database, table)
    columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in types.items())
    connection.execute(f"CREATE TABLE source ({columns})")
    shape = "[{" + ", ".join(f'"c{i}": "{kind}"' for i, kind in enumerate(types.values())) + "}]"
    insert = (
        "INSERT INTO source SELECT unnest(row) FROM"
        f" (SELECT unnest(from_json_strict(CAST(? AS VARCHAR), {literal(shape)})) AS row)"
    )
    for chunk in _chunks(database, table, types):
        connection.execute(insert, [chunk]).fetchall()


def _types(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column → DuckDB type. What a column holds is looked up row by row where its affinity leaves that open."""
    declared: dict[str, str | None] = dict(database.execute("SELECT name, type FROM pragma_table_xinfo(?)", [table]))
    names = [column[0] for column in database.execute(f"SELECT * FROM {identifier(table)} LIMIT 0").description]
    types = dict.fromkeys(names, "VARCHAR")
    open_ones = [name for name in names if not _TEXT_AFFINITY.search(declared.get(name) or "")]
    if open_ones:
        kinds = ", ".join(f"group_concat(DISTINCT typeof({identifier(name)}))" for name in open_ones)
        held = database.execute(f"SELECT {kinds} FROM {identifier(table)}").fetchone()
        types.update((name, _type(kinds)) for name, kinds in zip(open_ones, held, strict=True))
    return types


def _type(kinds: str | None) -> str:
    """The type for everything that a column holds. kinds: `integer,null`, …; None for an empty table."""
    held = set((kinds or "null").split(",")) - {"null"}
    if held == {"integer"}:
        return "BIGINT"
    return "DOUBLE" if held and held <= {"integer", "real"} else "VARCHAR"


def _chunks(database: sqlite3.Connection, table: str, types: dict[str, str]) -> Iterator[str]:
    """The rows as JSON arrays of objects with the keys c0, c1, …"""
    cells = ", ".join(f"'c{i}', {_cell(identifier(name))}" for i, name in enumerate(types))
    rows = database.execute(f"SELECT json_object({cells}) FROM {identifier(table)}")
    while some := rows.fetchmany(CHUNK_ROWS):
        yield "[" + ",".join(row for (row,) in some) + "]"


def _cell(column: str) -> str:
    """SQL for one value that JSON can hold: no blob, no infinity."""
    return (
        f"CASE typeof({column}) WHEN 'blob' THEN hex({column})"
        f" WHEN 'real' THEN CASE WHEN abs({column}) <= 1.7976931348623157e308 THEN {column} END ELSE {column} END"
    )


def _problem(source: Source, file: SourceFile, error: sqlite3.Error) -> InvalidError:
    """SQLite's messages are about the file, not its rows, but only their kind is passed on."""
    text, where = str(error), Where(file.name)
    if "too big" in text:
        summary = f"source {source.name} holds a row that is larger than any row of people can be"
        return InvalidError(Diagnostic("E418", summary, hint="leave the large column out: use a view", where=where))
    if "decode" in text:
        summary = f"source {source.name} holds text that is not UTF-8"
        return InvalidError(Diagnostic("E417", summary, hint="mend the rows, or use a view", where=where))
    why = "it is locked by another program" if "locked" in text else "it is damaged or no SQLite database"
    return InvalidError(
        Diagnostic(
            "E416",
            f"source {source.name} can't be read: {why}",
            detail=f"SQLite: {getattr(error, 'sqlite_errorname', type(error).__name__)}; nothing was sent",
            hint="check `type` and `path` of the source",
            where=where,
        )
    )
