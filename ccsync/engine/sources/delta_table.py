"""A Delta Lake table as the relation `source`: the files of its newest version, as the table's own log lists them.

The log is read by `deltalake`, an extra; the rows by DuckDB. Old versions lie in the same folder,
so it is never globbed.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

import duckdb

from ccsync.core.spec import Source
from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.cloud import Bucket, is_cloud
from ccsync.engine.sources.extras import load_extra
from ccsync.engine.sources.files import SourceFile, describe_file
from ccsync.engine.sources.opening import Made, Opening
from ccsync.errors import Diagnostic, InvalidError, Where

# Any: the objects of deltalake, an extra that is imported late.

_READABLE = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening", "typeWidening-preview"}
_ACTIONS = "files_of_delta"


def make_relation(opening: Opening) -> Made:
    """Makes the view `source`. Columns that the table is partitioned by are text; columns added later are NULL in
    files that are older.

    Raises InvalidError: E401 (no table), E416 (a file is missing), E422 (a feature that is not supported), E424.
    """
    source = opening.source
    bucket = Bucket(source, opening.downloads) if opening.downloads and is_cloud(source.path) else None
    folder = opening.root / source.path if bucket is None else _fetched_log(bucket, opening.downloads)
    table = open_table(source, folder)
    _check_features(source, table)
    parts = paths_of(table, opening.connection)
    if any(".." in Path(unquote(name)).parts or Path(name).is_absolute() or "://" in name for name, _ in parts):
        _refuse(source, "E422", "files of the table lie outside of its folder", "read the table that they belong to")
    if bucket is not None:
        _fetch_rows(bucket, [name for name, _ in parts])
    files = [_file(opening, folder, name) for name, _ in parts]
    groups: dict[tuple[tuple[str, str | None], ...], list[SourceFile]] = {}
    for file, (_, values) in zip(files, parts, strict=True):
        groups.setdefault(tuple(values.items()), []).append(file)
    columns = [str(field.name) for field in table.schema().fields]
    rows = " UNION ALL BY NAME ".join(_rows(values, group) for values, group in groups.items())
    there = _columns(opening.connection, rows) if rows else []
    cells = [identifier(name) if name in there else f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in columns]
    opening.connection.execute(
        f"CREATE VIEW source AS SELECT {', '.join(cells)} {f'FROM ({rows})' if rows else 'WHERE false'}"
    )
    return Made(tuple(files))


def open_table(source: Source, folder: Path) -> Any:
    """The table in a folder. Raises InvalidError: E401 (there is none), E416 (its log is damaged), E424 (extra)."""
    deltalake = load_extra(source, "delta", "deltalake")
    failures = load_extra(source, "delta", "deltalake.exceptions")
    if not (folder / "_delta_log").is_dir():
        _refuse(source, "E401", "no Delta table at its path", "the path is the table's folder, which holds _delta_log")
    table = None
    with suppress(failures.DeltaError, OSError, ValueError):
        table = deltalake.DeltaTable(str(folder))
    if table is not None:
        return table
    return _refuse(
        source, "E416", "the log of the table can't be read", "check the table with the engine that writes it"
    )


def paths_of(table: Any, connection: duckdb.DuckDBPyConnection) -> list[tuple[str, dict[str, str | None]]]:
    """The files of the table's version, below its folder, each with the values of the columns it is partitioned by."""
    connection.register(_ACTIONS, table.get_add_actions(flatten=True))
    try:
        found = connection.execute(f"SELECT * FROM {_ACTIONS} LIMIT 0").description or []
        names = [str(column[0]) for column in found if str(column[0]).startswith("partition.")]
        values = "".join(f", CAST({identifier(name)} AS VARCHAR)" for name in names)
        rows = connection.execute(f"SELECT path{values} FROM {_ACTIONS} ORDER BY path").fetchall()
    finally:
        connection.unregister(_ACTIONS)
    plain = [name.removeprefix("partition.") for name in names]
    return [(str(path), dict(zip(plain, row, strict=True))) for path, *row in rows]


def _check_features(source: Source, table: Any) -> None:
    """What a reader that does not know it would read wrongly is refused."""
    protocol, settings = table.protocol(), table.metadata().configuration
    unknown = sorted(set(protocol.reader_features or ()) - _READABLE)
    if str(settings.get("delta.columnMapping.mode", "none")) != "none":
        unknown.append("columnMapping")
    if settings.get("delta.enableDeletionVectors") == "true":
        unknown.append("deletionVectors")
    if unknown:
        features = ", ".join(dict.fromkeys(unknown))
        hint = "have a copy written without it, or read the table through its engine with an adbc source"
        _refuse(source, "E422", f"the table uses what is not supported: {features}", hint)


def _file(opening: Opening, folder: Path, name: str) -> SourceFile:
    path = folder / name
    if not path.is_file():  # the log writes names as addresses do
        path = folder / unquote(name)
    if not path.is_file():
        where = Where(path.name)
        summary = f"source {opening.source.name}: a file of the table is listed but not there"
        raise InvalidError(Diagnostic("E416", summary, hint="copy the table again, log and files", where=where))
    found = describe_file(path, opening.root, opening.source)
    return replace(found, name=f"{opening.source.path}/{name}") if is_cloud(opening.source.path) else found


def _fetched_log(bucket: Bucket, downloads: Path | None) -> Path:
    """A folder of our own with the log of a table in an object store."""
    assert downloads is not None, "there is a folder for what is fetched"
    bucket.fetch(bucket.keys(f"{bucket.prefix}/_delta_log"))
    return downloads / bucket.prefix


def _fetch_rows(bucket: Bucket, names: Sequence[str]) -> None:
    """Downloads the files that the log lists, as far as they are there."""
    there = set(bucket.keys(bucket.prefix))
    keys = [f"{bucket.prefix}/{name}" for name in names]
    bucket.fetch([key if key in there else unquote(key) for key in keys if {key, unquote(key)} & there])


def _rows(values: Sequence[tuple[str, str | None]], files: Sequence[SourceFile]) -> str:
    paths = ", ".join(literal(str(file.path)) for file in files)
    fixed = "".join(
        f", CAST({'NULL' if text is None else literal(text)} AS VARCHAR) AS {identifier(name)}" for name, text in values
    )
    return f"SELECT *{fixed} FROM read_parquet([{paths}], hive_partitioning = false, union_by_name = true)"


def _columns(connection: duckdb.DuckDBPyConnection, rows: str) -> Mapping[str, None]:
    described = connection.execute(f"SELECT column_name FROM (DESCRIBE {rows})").fetchall()
    return dict.fromkeys(str(name) for (name,) in described)


def _refuse(source: Source, code: str, what: str, hint: str) -> NoReturn:
    summary = f"source {source.name}: {what}"
    raise InvalidError(Diagnostic(code, summary, detail="nothing was sent", hint=hint))
