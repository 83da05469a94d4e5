"""The DuckDB connection that a command computes with, and what DuckDB's errors become. No rule of the product."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from ccsync.engine.quote import identifier, literal
from ccsync.errors import CcsyncError, Diagnostic, StorageError
from ccsync.ports.desired import Relation

DEFAULT_MEMORY_LIMIT = "1GB"

Parameters = Sequence[object] | None


def open_instance(spill: Path, memory_limit: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    """A fresh in-memory instance that never fetches an extension, keeps no secrets on disk and spills into `spill`.

    memory_limit: with a unit (`600MB`). threads: None for one a core.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(spill),
        "memory_limit": memory_limit,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,  # a table name must never find a variable of this program
        "preserve_insertion_order": True,  # makes the Parquet we write a function of its rows
    }
    if threads is not None:
        settings["threads"] = threads
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


class Session:
    """One in-memory DuckDB that lives as long as a command. Not for text that a user wrote: see `sources/`.

    workdir: a private folder (0700) for spilled data and files under way; the caller makes it and takes it away.
    Errors of DuckDB leave as CcsyncError without their message, which may hold data.
    """

    def __init__(self, workdir: Path, *, memory_limit: str = DEFAULT_MEMORY_LIMIT, threads: int | None = None) -> None:
        self.workdir = workdir
        self.memory_limit = memory_limit
        self.threads = threads
        spill = workdir / "spill"
        spill.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection: duckdb.DuckDBPyConnection | None = open_instance(spill, memory_limit, threads)
        self._companions = ExitStack()
        self._names = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the instance and whatever was handed to `closes_with`; a second call does nothing."""
        self._companions.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None  # a connection object alive at the interpreter's end is reported on stderr

    def fresh_name(self, prefix: str) -> Relation:
        """A name for a table, never given out before by this session."""
        self._names += 1
        return Relation(f"{prefix}_{self._names}")

    def execute(self, sql: str, params: Parameters = None) -> None:
        """Runs one statement for its effect, to its end."""
        self.rows(sql, params)

    def rows(self, sql: str, params: Parameters = None) -> list[tuple[Any, ...]]:  # Any: whatever was selected
        """All rows of a small result."""
        connection = self._open()
        try:
            return connection.execute(sql, params).fetchall()
        except duckdb.Error as error:
            raise failure(error) from None  # the cause's text may hold data, and tracebacks get logged

    def row(self, sql: str, params: Parameters = None) -> tuple[Any, ...]:  # Any: whatever was selected
        """The one row of a result that has exactly one."""
        (only,) = self.rows(sql, params)
        return only

    def scalar(self, sql: str, params: Parameters = None) -> Any:  # Any: whatever was selected
        """The first column of the one row of a result that has exactly one."""
        return self.row(sql, params)[0]

    def count(self, relation: Relation) -> int:
        """How many rows a table holds."""
        return int(self.scalar(f"SELECT count(*) FROM {identifier(relation)}"))

    def drop(self, *relations: Relation) -> None:
        """Frees tables early; those that aren't there are no error."""
        for relation in relations:
            self.execute(f"DROP TABLE IF EXISTS {identifier(relation)}")

    def closes_with(self, close: Callable[[], None]) -> None:
        """Calls `close` when the session closes, before its own instance goes."""
        self._companions.callback(close)

    def pull(self, rows: duckdb.DuckDBPyRelation, statement: str, name: Relation, params: Parameters = None) -> None:
        """Runs one statement that reads another instance's rows as the table `name`, without a copy on disk.

        Those rows are computed once. Raises duckdb.Error as it is: what it means is known to who owns the rows.
        """
        connection = self._open()
        stream = _Stream(rows)
        try:
            connection.register(name, stream)
            connection.execute(statement, params).fetchall()
        finally:
            connection.unregister(name)
            calls = stream.close()
        if calls != _Stream.CALLS:
            raise CcsyncError(Diagnostic("E901", f"DuckDB asked {calls} times for a stream; its rows can't be trusted"))

    def copy_to_parquet(self, sql: str, path: Path, params: Parameters = None, options: str = "") -> None:
        """Writes the rows of a SELECT to a new file, mode 0600; an existing one is replaced in place.

        Equal rows in equal order give equal bytes. options: more of COPY's, such as `, ROW_GROUP_SIZE 50000`.
        Raises StorageError.
        """
        make_private(path)
        self.execute(
            f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false{options})",
            params,
        )

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise CcsyncError(Diagnostic("E901", "the engine's session is closed"))
        return self._connection


class _Stream:
    """Rows of one instance as another reads them: through the Arrow C stream interface.

    DuckDB 2.0 asks three times: for the columns when the name is registered, for the columns when a statement is
    bound, for the rows when it runs. Each time would compute the rows anew, so the first two get none. The number of
    calls is checked afterwards, so that a version that asks otherwise fails and does not pass for an empty source.
    """

    CALLS = 3

    def __init__(self, rows: duckdb.DuckDBPyRelation) -> None:
        self._rows: duckdb.DuckDBPyRelation | None = rows
        self._calls = 0

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        assert self._rows is not None, "the stream is closed"
        self._calls += 1
        rows = self._rows if self._calls >= self.CALLS else self._rows.limit(0)
        return rows.__arrow_c_stream__(requested_schema)

    def close(self) -> int:
        """Lets go of the rows. Returns how often they were asked for."""
        self._rows = None
        return self._calls


def make_private(path: Path) -> None:
    """Creates an empty file, mode 0600 whatever the umask, or empties the one that is there. Raises StorageError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(Diagnostic("E713", f"cannot write {path.name}: {error.strerror}")) from error


TEXT_ERRORS = (duckdb.ParserException, duckdb.SyntaxException, duckdb.BinderException, duckdb.CatalogException)
"""Errors found in the text of a statement, before any row was read: their first line holds no data."""


def failure(error: duckdb.Error) -> CcsyncError:
    """What an error of our own SQL becomes: trouble with disk or memory is told, the rest is a fault of ours."""
    match error:
        case duckdb.OutOfMemoryException():
            return StorageError(
                Diagnostic(
                    "E713",
                    "memory and temporary disk space are used up",
                    detail="nothing more was sent",
                    hint="free disk space in the temporary folder, set CCSYNC_MEMORY_LIMIT higher, or split the export",
                )
            )
        case duckdb.IOException():
            return StorageError(
                Diagnostic("E713", "a file could not be read or written", detail="nothing more was sent")
            )
        case _:
            detail = str(error).splitlines()[0] if isinstance(error, TEXT_ERRORS) else type(error).__name__
            return CcsyncError(Diagnostic("E901", "an internal query failed; nothing more was sent", detail=detail))
