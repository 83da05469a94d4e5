"""What a Common Data Model folder says of itself: `model.json`, or `manifest.cdm.json` with schemas. Reads no row.

Source: Common Data Model metadata file (model.json) 1.0, and the CDM manifest; keys with a prefix of their own
(`pbi:…`, `cdm:…`) and whatever else is not known are passed over.
"""

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ccsync.core.spec import Source
from ccsync.engine.sources.csv_files import Dialect
from ccsync.engine.sources.files import SourceFile
from ccsync.errors import Diagnostic, InvalidError, Where

# Any: JSON documents, not checked yet.

MAX_MODEL_BYTES = 64_000_000
_ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16", "iso8859-1": "latin-1", "ascii": "utf-8"}
_CSV_TRAIT, _PARQUET_TRAIT = "is.partition.format.csv", "is.partition.format.parquet"


@dataclass(frozen=True, slots=True)
class Partition:
    """One file of a table. location: as it stands in the model. csv: None for a Parquet file.

    refreshed: when its rows were computed (UTC), None when that is not said.
    """

    location: str
    csv: Dialect | None
    refreshed: datetime | None = None


@dataclass(frozen=True, slots=True)
class CdmTable:
    """attributes: the names of the columns in order; None where the schema is left to the files (Parquet).

    key: the column that an annotation calls the primary key.
    """

    name: str
    attributes: tuple[str, ...] | None
    partitions: tuple[Partition, ...]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """tables: by name. elsewhere: names of tables that are only references to another model. modified: UTC."""

    file: SourceFile
    tables: Mapping[str, CdmTable]
    elsewhere: tuple[str, ...] = ()
    modified: datetime | None = None
    schemas: tuple[SourceFile, ...] = field(default=())


class _UnreadableError(Exception):
    """The text says what is wrong with the model, as the rest of a sentence."""


def load_model(source: Source, file: SourceFile, describe: Callable[[Path], SourceFile]) -> Model:
    """Reads the description of a folder. describe: makes a SourceFile of the schema files that a manifest names.

    Raises InvalidError (E401, E422).
    """
    try:
        document = _document(file)
        if isinstance(document.get("manifestName"), str) or file.path.name.endswith("manifest.cdm.json"):
            return _manifest(document, file, describe)
        return _model(document, file)
    except _UnreadableError as problem:
        raise InvalidError(
            Diagnostic(
                "E422",
                f"source {source.name}: its description {problem}",
                detail="nothing was read",
                hint="`path` names the folder's model.json or *.manifest.cdm.json",
                where=Where(file.name),
            )
        ) from None


def _document(file: SourceFile) -> dict[str, Any]:
    if file.size > MAX_MODEL_BYTES:
        raise _UnreadableError("is larger than 64 MB")
    try:
        document = json.loads(file.path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError):
        raise _UnreadableError("is not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise _UnreadableError("is no JSON object")
    return document


def _listed(document: Mapping[str, Any], *keys: str) -> Iterator[dict[str, Any]]:
    """The objects in the list under the first of these keys that is there."""
    for key in keys:
        value = document.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            raise _UnreadableError(f"holds something else than a list of objects under {key!r}")
        yield from value
        return


def _name(document: Mapping[str, Any], *keys: str) -> str:
    for key in keys:
        if isinstance(document.get(key), str) and document[key]:
            return str(document[key])
    raise _UnreadableError(f"lacks {keys[0]!r} in a place where it is needed")


# ---------------------------------------------------------------- model.json


def _model(document: dict[str, Any], file: SourceFile) -> Model:
    if "entities" not in document and "tables" not in document:
        raise _UnreadableError("holds neither `entities` nor `tables`")
    tables: dict[str, CdmTable] = {}
    elsewhere = []
    for entity in _listed(document, "entities", "tables"):
        name = _name(entity, "name")
        if str(entity.get("$type", "LocalEntity")).endswith("ReferenceEntity"):
            elsewhere.append(name)
            continue
        if name in tables:
            raise _UnreadableError(f"holds the table {name!r} twice")
        attributes = tuple(_name(attribute, "name") for attribute in _listed(entity, "attributes"))
        partitions = tuple(_partition(part) for part in _listed(entity, "partitions") if part.get("location"))
        tables[name] = CdmTable(name, _distinct(name, attributes), partitions, _primary_key(entity))
    return Model(file, tables, tuple(elsewhere), _moment(document.get("modifiedTime")))


def _partition(part: dict[str, Any]) -> Partition:
    settings = part.get("fileFormatSettings")
    settings = settings if isinstance(settings, dict) else {}
    kind = str(settings.get("$type", "")).lower()
    location = _name(part, "location")
    is_parquet = "parquet" in kind or (not kind and _path_of(location).endswith(".parquet"))
    if kind and not is_parquet and "csv" not in kind:
        raise _UnreadableError("names a file format that is neither CSV nor Parquet")
    return Partition(location, None if is_parquet else _dialect(settings), _moment(part.get("refreshTime")))


def _path_of(location: str) -> str:
    return location.partition("?")[0].partition("#")[0].lower()


def _dialect(settings: Mapping[str, Any]) -> Dialect:
    """The defaults are those of the format: no header, a comma, UTF-8, quotes as in RFC 4180."""
    delimiter = settings.get("delimiter", ",")
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise _UnreadableError("names a delimiter that is not one plain character")
    try:
        codec = codecs.lookup(str(settings.get("encoding") or "utf-8")).name
    except LookupError:
        codec = ""
    if codec not in _ENCODINGS:
        raise _UnreadableError("names an encoding other than UTF-8, UTF-16 and Latin-1")
    quoted = str(settings.get("quoteStyle", "QuoteStyle.Csv")).rpartition(".")[2].lower() != "none"
    quote = '"' if quoted else ""
    return Dialect(_truth(settings.get("columnHeaders")), delimiter, quote, quote, "", _ENCODINGS[codec])


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _primary_key(entity: Mapping[str, Any]) -> str | None:
    for annotation in _listed(entity, "annotations"):
        if annotation.get("name") == "c360:PrimaryKey" and isinstance(annotation.get("value"), str):
            return str(annotation["value"])
    return None


def _distinct(table: str, attributes: tuple[str, ...]) -> tuple[str, ...]:
    lowered = [name.casefold() for name in attributes]
    if len(set(lowered)) != len(lowered):
        raise _UnreadableError(f"gives the table {table!r} two columns of one name")
    return attributes


def _moment(value: Any) -> datetime | None:
    """A moment in UTC; one without a zone is taken for UTC. None for what can't be read."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# ---------------------------------------------------------------- manifest.cdm.json


def _manifest(document: dict[str, Any], file: SourceFile, describe: Callable[[Path], SourceFile]) -> Model:
    schemas: dict[Path, SourceFile] = {}
    tables: dict[str, CdmTable] = {}
    elsewhere = []
    for entity in _listed(document, "entities"):
        name = _name(entity, "entityName", "name")
        if str(entity.get("type", "LocalEntity")) == "ReferencedEntity":
            elsewhere.append(name)
            continue
        partitions = tuple(_manifest_partition(part) for part in _listed(entity, "dataPartitions"))
        if not partitions and entity.get("dataPartitionPatterns"):
            partitions = (Partition("", None),)  # refused where the table is used: others of the folder may be well
        attributes = _attributes(name, entity, file, schemas, describe)
        if attributes is None and any(partition.csv is not None for partition in partitions):
            raise _UnreadableError(f"names no schema for the table {name!r}, whose files are CSV")
        tables[name] = CdmTable(name, attributes, partitions)
    modified = _moment(document.get("lastFileModifiedTime")) or _moment(document.get("lastFileStatusCheckTime"))
    return Model(file, tables, tuple(elsewhere), modified, tuple(schemas.values()))


def _manifest_partition(part: dict[str, Any]) -> Partition:
    location = _name(part, "location")
    is_parquet = _path_of(location).endswith(".parquet")
    settings: dict[str, Any] = {}
    for trait in part.get("exhibitsTraits") or ():
        reference = trait if isinstance(trait, str) else str(trait.get("traitReference", ""))
        if reference.lower() == _PARQUET_TRAIT:
            is_parquet = True
        if reference.lower() == _CSV_TRAIT:
            is_parquet = False
            arguments = trait.get("arguments", ()) if isinstance(trait, dict) else ()
            settings = {str(it.get("name")): it.get("value") for it in arguments if isinstance(it, dict)}
    refreshed = _moment(part.get("lastFileModifiedTime"))
    return Partition(location, None if is_parquet else _dialect(settings), refreshed)


def _attributes(
    name: str,
    entity: Mapping[str, Any],
    manifest: SourceFile,
    schemas: dict[Path, SourceFile],
    describe: Callable[[Path], SourceFile],
) -> tuple[str, ...] | None:
    """The columns that the table's schema file names; None where there is no schema beside the manifest."""
    place = entity.get("entityPath", entity.get("entityDeclaration"))
    file, _, definition = str(place or "").rpartition("/")
    path = manifest.path.parent / file.removeprefix("local:/").lstrip("/")
    if not file or ".." in Path(file).parts or not path.is_file():
        return None
    schemas.setdefault(path, describe(path))
    for candidate in _listed(_document(schemas[path]), "definitions"):
        if candidate.get("entityName") == definition:
            return _distinct(name, tuple(_attribute_names(name, candidate.get("hasAttributes"))))
    return None


def _attribute_names(table: str, members: Any) -> Iterator[str]:
    for member in members if isinstance(members, list) else ():
        group = member.get("attributeGroupReference") if isinstance(member, dict) else None
        if isinstance(group, dict):
            yield from _attribute_names(table, group.get("members"))
        elif isinstance(member, dict) and isinstance(member.get("name"), str):
            yield member["name"]
        else:
            raise _UnreadableError(f"gives the table {table!r} columns that are defined in yet another file")
