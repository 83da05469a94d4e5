"""Tables and queries of a PostgreSQL database as the relation `source`. What the segment says runs in the database.

One transaction, read-only, over one connection, and never committed. How rows travel is in `remote.py`.
"""

from collections.abc import Sequence

from ccsync.engine.quote import identifier
from ccsync.engine.sources.extras import load_extra
from ccsync.engine.sources.opening import Made, Opening
from ccsync.engine.sources.remote import Remote, connected, revealed, without_end
from ccsync.engine.sources.tables import check_table

_BEGIN = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_NATIVE = {
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "text",
    "character varying",
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
}
_TABLES = (
    "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
    " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname <> 'information_schema'"
    " AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2"
)


def make_relation(opening: Opening) -> Made:
    """Makes the table `source`. Exact numbers and what Arrow has no type for are text, bytes are hexadecimal digits.

    Raises InvalidError: E402 (SQL), E410 (table), E424 (extra), E425 (connection).
    """
    source = opening.source
    driver = load_extra(source, "postgres", "adbc_driver_postgresql")._driver_path()
    with connected(source, "postgres", driver, {"uri": revealed(source.options["dsn"])}) as remote:
        remote.execute(_BEGIN)
        rows = _rows_of(opening, remote)
        columns = remote.columns(opening.connection, f"SELECT * FROM {rows} LIMIT 0")
        kinds = _kinds(opening, remote, rows, columns)
        cells = ", ".join(_cell(column, kind) for column, kind in zip(columns, kinds, strict=True))
        remote.copy(opening.connection, f"SELECT {cells} FROM {rows}")
    return Made(())


def _rows_of(opening: Opening, remote: Remote) -> str:
    """What stands behind FROM: the query, which as a subquery can be nothing but a SELECT, or the table."""
    if opening.query is not None:
        return f"(\n{without_end(opening.query)}\n) AS source"
    found = remote.rows(opening.connection, _TABLES)
    places = {
        str(name) if schema == "public" else f"{schema}.{name}": (str(schema), str(name)) for schema, name in found
    }
    schema, name = places[check_table(opening.source, opening.table, tuple(places))]
    table = f"{identifier(schema)}.{identifier(name)} AS source"
    return table if opening.where is None else f"(SELECT * FROM {table} WHERE (\n{opening.where}\n)) AS source"


def _kinds(opening: Opening, remote: Remote, rows: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The types of the columns, as the database calls them; asked of no row at all."""
    asked = ", ".join(f"pg_catalog.pg_typeof(source.{identifier(column)})::text" for column in columns)
    none = f"(SELECT * FROM {rows} LIMIT 0) AS source"
    (kinds,) = remote.rows(opening.connection, f"SELECT {asked} FROM (SELECT 1) AS one LEFT JOIN {none} ON true")
    return tuple(str(kind) for kind in kinds)


def _cell(column: str, kind: str) -> str:
    """SQL for a column in a type that travels well and is spelled as elsewhere."""
    name = f"source.{identifier(column)}"
    if kind in _NATIVE or (kind.endswith("[]") and kind.removesuffix("[]") in _NATIVE):
        return name
    if kind == "numeric":
        return f"pg_catalog.trim_scale({name})::text AS {identifier(column)}"
    if kind == "bytea":
        return f"pg_catalog.upper(pg_catalog.encode({name}, 'hex')) AS {identifier(column)}"
    return f"{name}::text AS {identifier(column)}"
