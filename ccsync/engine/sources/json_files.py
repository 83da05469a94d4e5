"""JSON files, an array of objects or one object a line, as the relation `source`."""

import re

import duckdb

from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.opening import Opening
from ccsync.errors import Diagnostic, InvalidError

MAX_OBJECT_BYTES = 4_000_000  # of one person; DuckDB's read buffers follow it, so more would cost memory
_KEPT = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "BOOLEAN")
_NUMBERED = re.compile(r"(.+)_\d+")


def make_relation(opening: Opening) -> None:
    """Makes the view `source`. All rows are looked at for the types, so that none is a guess from a sample.

    Texts stay texts, even those that look like dates or numbers; so do values of several kinds. What is nested is of
    type JSON. Raises InvalidError: E414 (keys that differ in case only), E415 (records that are no objects).
    """
    form = literal(str(opening.source.options.get("format", "auto")))
    paths = "[" + ", ".join(literal(str(file.path)) for file in opening.files) + "]"
    reading = f"{paths}, format = {form}, maximum_object_size = {MAX_OBJECT_BYTES}"
    types = _types(opening, reading)
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
    names = ", ".join(identifier(name) for name in types)
    opening.connection.execute(
        f"CREATE VIEW source AS SELECT {names} FROM read_json({reading}, records = 'true', columns = {{{columns}}})"
    )


def _types(opening: Opening, reading: str) -> dict[str, str]:
    """Column → type. One column that nothing is called where there are no rows to tell of any."""
    described = opening.connection.execute(
        "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM"
        f" read_json({reading}, sample_size = -1, maximum_sample_files = 1000000, maximum_depth = 2,"
        " map_inference_threshold = -1, union_by_name = true))"
    ).fetchall()
    kinds = {str(name): str(kind) for name, kind in described}
    if list(kinds) == ["json"] and not _has_key(opening.connection, reading, "json"):
        _check_objects(opening, reading)
        return {"json": "VARCHAR"}
    for name in kinds:
        before = _NUMBERED.fullmatch(name)
        twin = before is not None and before.group(1).lower() in (other.lower() for other in kinds)
        if before is not None and twin and not _has_key(opening.connection, reading, name):
            summary = f"source {opening.source.name}: two keys are {before.group(1)!r}, but for upper and lower case"
            raise InvalidError(Diagnostic("E414", summary, hint="SQL takes them for one column; rename one"))
    return {name: _type(kind) for name, kind in kinds.items()}


def _type(kind: str) -> str:
    if kind in _KEPT:
        return kind
    return "JSON" if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")) else "VARCHAR"


def _has_key(connection: duckdb.DuckDBPyConnection, reading: str, key: str) -> bool:
    """Whether any record has the key; DuckDB makes up names for columns where it finds none it can use."""
    path = '$."' + key.replace('"', '""') + '"'
    rows = connection.execute(
        f"SELECT 1 FROM read_json_objects({reading}) WHERE json_exists(json, {literal(path)}) LIMIT 1"
    ).fetchall()
    return bool(rows)


def _check_objects(opening: Opening, reading: str) -> None:
    others = opening.connection.execute(
        f"SELECT 1 FROM read_json_objects({reading}) WHERE json_type(json) <> 'OBJECT' LIMIT 1"
    ).fetchall()
    if others:
        summary = f"source {opening.source.name} can't be read: its records are not all JSON objects"
        raise InvalidError(Diagnostic("E415", summary, hint='one object a person: {"email": …}'))
