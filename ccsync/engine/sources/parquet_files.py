"""Parquet files, one or many, Hive folders too, as the relation `source`."""

from ccsync.engine.quote import literal
from ccsync.engine.sources.opening import Opening


def make_relation(opening: Opening) -> None:
    """Makes the view `source`. Columns named by Hive folders are text, whatever the folders of the day are called."""
    paths = ", ".join(literal(str(file.path)) for file in opening.files)
    hive = opening.source.options.get("hive_partitioning", "auto")
    hive_partitioning = "" if hive == "auto" else f" hive_partitioning = {'true' if hive else 'false'},"
    opening.connection.execute(
        f"CREATE VIEW source AS SELECT * FROM read_parquet([{paths}],"
        f"{hive_partitioning} binary_as_string = true, hive_types_autocast = false)"
    )
