"""Parquet files, one or many, Hive folders too, as the relation `source`."""

from ccsync.engine.quote import literal
from ccsync.engine.sources.opening import Opening
from ccsync.errors import Diagnostic, InvalidError, Where


def make_relation(opening: Opening) -> None:
    """Makes the view `source`. Columns named by Hive folders are text, whatever the folders of the day are called.

    Where a column's type differs from file to file, all values take the wider one. Raises InvalidError (E413) when
    files do not have the same columns.
    """
    paths = "[" + ", ".join(literal(str(file.path)) for file in opening.files) + "]"
    if len(opening.files) > 1:
        _check_alike(opening, paths)
    hive = opening.source.options.get("hive_partitioning", "auto")
    hive_partitioning = "" if hive == "auto" else f" hive_partitioning = {'true' if hive else 'false'},"
    union_by_name = "true" if len(opening.files) > 1 else "false"
    opening.connection.execute(
        f"CREATE VIEW source AS SELECT * FROM read_parquet({paths},{hive_partitioning}"
        f" binary_as_string = true, hive_types_autocast = false, union_by_name = {union_by_name})"
    )


def _check_alike(opening: Opening, paths: str) -> None:
    """Compares the names of all columns, file by file; DuckDB would fill what is missing with NULL."""
    kinds = opening.connection.execute(
        "SELECT columns, min(file_name) FROM"
        f" (SELECT file_name, list(name ORDER BY name) AS columns FROM parquet_schema({paths}) GROUP BY file_name)"
        " GROUP BY columns ORDER BY min(file_name) LIMIT 2"
    ).fetchall()
    if len(kinds) == 1:
        return
    (first, _), (other, path) = kinds
    missing, extra = sorted(set(first) - set(other)), sorted(set(other) - set(first))
    parts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(extra)} besides"] * bool(extra)
    name = next(file.name for file in opening.files if str(file.path) == path)
    raise InvalidError(
        Diagnostic(
            "E413",
            f"the files of source {opening.source.name} do not have the same columns",
            detail=f"compared with the first file, this one {' and '.join(parts)}; nothing was sent",
            hint="make the files alike, or narrow the path",
            where=Where(name),
        )
    )
