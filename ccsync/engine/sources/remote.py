"""A database elsewhere, asked through ADBC, its rows streamed as Arrow into the relation `source`. No SQL of a dialect.

Messages of a database may hold rows and addresses, so of an error only its kind is passed on; the text of one about
the SQL itself holds names of the user's own, and its first line is shown.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any

import duckdb

from ccsync.core.spec import Secret, Source
from ccsync.engine.complaints import first_line
from ccsync.engine.sources.extras import load_extra
from ccsync.errors import CcsyncError, Diagnostic, InvalidError

# Any: the objects of adbc_driver_manager, an extra that is imported late and has no types.

_END = re.compile(r";\s*(?:--[^\n]*\s*)*\Z")
_STREAM = "stream_of_remote"
_SQL_STATE = "42"  # SQLSTATE class 42: syntax error or access rule violation; its texts hold names, no rows


class Remote:
    """One connection. Nothing is ever committed over it."""

    def __init__(self, source: Source, manager: Any, connection: Any) -> None:
        self._source = source
        self._manager = manager
        self._connection = connection

    def execute(self, sql: str) -> None:
        """Runs one statement for its effect. Raises InvalidError (E402)."""
        with self._asked(), closing(self._manager.AdbcStatement(self._connection)) as statement:
            statement.set_sql_query(sql)
            statement.execute_update()

    def commit_nothing(self) -> None:
        """Has everything undone at the end, and writing refused, as far as the driver knows how."""
        for option in ({"adbc.connection.readonly": "true"}, {"adbc.connection.autocommit": "false"}):
            with suppress(self._manager.Error):
                self._connection.set_options(**option)

    def columns(self, into: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, ...]:
        """The names of the columns that a query gives; its rows are not read. Raises InvalidError (E402)."""
        described = self._pull(into, sql, f"SELECT column_name FROM (DESCRIBE {_STREAM})")
        return tuple(str(name) for (name,) in described)

    def rows(self, into: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result. Raises InvalidError (E402)."""
        return self._pull(into, sql, f"SELECT * FROM {_STREAM}")

    def copy(self, into: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Makes the table `source` of a query's rows, batch by batch. Raises InvalidError (E402)."""
        self._pull(into, sql, f"CREATE TABLE source AS SELECT * FROM {_STREAM}")

    def _pull(self, into: duckdb.DuckDBPyConnection, sql: str, statement: str) -> list[tuple[Any, ...]]:
        with self._asked(), closing(self._manager.AdbcStatement(self._connection)) as asked:
            asked.set_sql_query(sql)
            stream, _ = asked.execute_query()
            into.register(_STREAM, _Rows(stream))
            try:
                return into.execute(statement).fetchall()
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                problem = self._problem(f"its rows can't be read ({type(error).__name__})", None)
            finally:
                into.unregister(_STREAM)
                stream.release()
        raise problem

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
            return
        except self._manager.Error as error:
            state = error.sqlstate or ""
            said = first_line(_message(error)) if state.startswith(_SQL_STATE) else f"SQLSTATE {state or 'unknown'}"
            problem = self._problem("the database refuses the query", said)
        raise problem from None  # the with statement would keep what the database said as its context

    def _problem(self, what: str, detail: str | None) -> CcsyncError:
        told = f"{detail}; nothing was sent" if detail else "nothing was sent"
        hint = "run the SQL in the database itself; a value that can't be converted makes all of it fail"
        return InvalidError(Diagnostic("E402", f"source {self._source.name}: {what}", detail=told, hint=hint))


def _message(error: Exception) -> str:
    """What the database said, without what the driver put before it."""
    text = str(error)
    at = text.find("ERROR:")
    return text[at:] if at >= 0 else text


@contextmanager
def connected(
    source: Source, extra: str, driver: str, options: Mapping[str, str], entrypoint: str | None = None
) -> Iterator[Remote]:
    """A connection that is closed again, whatever happened. driver: a file, or a name that ADBC's manager knows.

    options: of the database, secrets among them. Raises InvalidError: E424 (extra missing), E425 (no connection).
    """
    manager = load_extra(source, extra, "adbc_driver_manager")
    entry = {"entrypoint": entrypoint} if entrypoint else {}
    try:
        database = manager.AdbcDatabase(driver=driver, **entry, **options)
    except manager.Error as error:
        problem = _unreachable(source, error)
    else:
        with closing(database):
            try:
                connection = manager.AdbcConnection(database)
            except manager.Error as error:
                problem = _unreachable(source, error)
            else:
                with closing(connection):
                    yield Remote(source, manager, connection)
                return
    raise problem


def revealed(value: object) -> str:
    """The text behind an option that may be a secret."""
    return (value.value or "") if isinstance(value, Secret) else str(value)


def without_end(query: str) -> str:
    """The query without a semicolon at its end and the line comments behind it."""
    return _END.sub("", query).strip()


def _unreachable(source: Source, error: Any) -> InvalidError:
    if getattr(error.status_code, "name", "") == "NOT_FOUND" and "[Driver Manager]" in str(error):
        driver = str(source.options.get("driver", source.type)).removeprefix("adbc_driver_")
        summary = f"source {source.name}: there is no ADBC driver called {driver}"
        hint = f"pip install adbc-driver-{driver}, or check its name"
        return InvalidError(Diagnostic("E424", summary, detail="nothing was read", hint=hint))
    state = f"SQLSTATE {error.sqlstate}" if error.sqlstate else f"{getattr(error.status_code, 'name', 'unknown')}"
    return InvalidError(
        Diagnostic(
            "E425",
            f"source {source.name}: the database can't be reached, or refuses the sign-in",
            detail=f"the driver says {state}; nothing was read",
            hint="check the address, the user and the password behind the source's references",
        )
    )


class _Rows:
    """A stream that can be read once: DuckDB takes the columns from the schema, and the rows when it runs."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __arrow_c_schema__(self) -> object:
        return self._stream.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._stream.__arrow_c_stream__(requested_schema)
