"""A table or view of a DuckDB file as the relation `source`; the file is opened read-only."""

from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.opening import Opening
from ccsync.engine.sources.tables import check_table


def make_relation(opening: Opening) -> None:
    """Makes the view `source`. table: `name` or `schema.name`. Raises InvalidError (E410)."""
    connection = opening.connection
    (file,) = opening.files
    connection.execute(f"ATTACH {literal(str(file.path))} AS attached (READ_ONLY)")
    found = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'attached' ORDER BY ALL"
    ).fetchall()
    places = {name if schema == "main" else f"{schema}.{name}": (schema, name) for schema, name in found}
    schema, name = places[check_table(opening.source, opening.table, tuple(places))]
    connection.execute(f"CREATE VIEW source AS SELECT * FROM attached.{identifier(schema)}.{identifier(name)}")
