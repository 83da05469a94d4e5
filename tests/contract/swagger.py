"""The vendor's contract as data: read from the shared folder, its known defects patched here and nowhere else.

Nothing is tested here. Where the shared folder is absent, ``load`` skips the test that asks, with the reason.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator, FormatChecker

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "constant-contact" / "openapi.yml"

Document = dict[str, Any]  # JSON

# Where the contract contradicts itself. Each entry: where, what to put there, why.
_REMOVE, _ADD = ("definitions", "ListActivityRemoveContacts"), ("definitions", "ListActivityAddContacts")
_SOURCE = ("properties", "source", "properties")
DEFECTS: tuple[tuple[tuple[str, ...], object, str], ...] = (
    ((*_REMOVE, *_SOURCE, "list_ids", "maxItems"), 50, "maxItems 0 would refuse every request; the text says 50"),
    ((*_REMOVE, *_SOURCE, "contact_ids", "maxItems"), 500, "the text says 500"),
    ((*_REMOVE, *_SOURCE, "tag_ids", "maxItems"), 50, "no number in the text; as for taggings"),
    ((*_REMOVE, "properties", "list_ids", "maxItems"), 50, "the text says 50"),
    ((*_ADD, *_SOURCE, "tag_ids", "maxItems"), 50, "no number in the text; as for taggings"),
    (("definitions", "CustomFieldId100", "properties", "custom_field_ids", "maxItems"), 100, "the text says 100"),
)

UNDOCUMENTED = {
    400: "the vendor's own sample of an error is a wrong parameter, yet some calls with parameters do not list 400",
    429: "rate limits come from the gateway and can hit any call, whatever the call lists",
}
"""Statuses that may come from any call although its own list lacks them."""


@functools.cache
def _read() -> Document:
    document: Document = yaml.load(FILE.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for path, value, _ in DEFECTS:
        at: Any = document
        for step in path[:-1]:
            at = at[step]
        assert path[-1] in at, f"the contract changed: {'/'.join(path)} is gone"
        at[path[-1]] = value
    return document


def load() -> Document:
    """Return the patched contract, or skip the test."""
    if not FILE.is_file():
        pytest.skip(f"the vendor's contract is not here: no {FILE.parent.parent.name}/ folder beside the project")
    return _read()


def operation(method: str, path: str) -> Document:
    """Return an operation of the contract."""
    found: Document = load()["paths"][path][method.lower()]
    return found


def resolve(schema: Any) -> Any:
    """Follow references until there are none left."""
    document = load()
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            return resolve(document["definitions"][schema["$ref"].rsplit("/", 1)[1]])
        return {name: resolve(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [resolve(value) for value in schema]
    return schema


@functools.cache
def body_schema(method: str, path: str) -> Document | None:
    """Return the schema of the request body, if the operation takes JSON."""
    for parameter in operation(method, path).get("parameters", ()):
        if parameter["in"] == "body":
            found: Document = resolve(parameter["schema"])
            return found
    return None


def parameters(method: str, path: str, where: str) -> dict[str, Document]:
    """Return the parameters of a place: ``query`` or ``path``."""
    return {one["name"]: one for one in operation(method, path).get("parameters", ()) if one["in"] == where}


def closed(schema: Any) -> Any:
    """Refuse properties that the contract does not name, at every depth."""
    schema = deepcopy(schema)
    for part in _objects(schema):
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def _objects(schema: Any) -> Iterator[Document]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _objects(value)


_FORMATS = FormatChecker(formats=())
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@_FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(_UUID.fullmatch(value))


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_FORMATS.checks("date", raises=ValueError)
def _is_day(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


ERROR_ARRAY = {
    "type": "array", "minItems": 1,
    "items": {"type": "object", "required": ["error_key", "error_message"], "additionalProperties": False,
              "properties": {"error_key": {"type": "string"}, "error_message": {"type": "string"}}},
}  # fmt: skip
ERROR_OBJECT = ERROR_ARRAY["items"]


def problems_with(method: str, path: str, status: int, body: Any) -> list[str]:
    """Hold an answer against the contract; returns what is wrong with it."""
    listed = operation(method, path)["responses"]
    if str(status) not in listed and status not in UNDOCUMENTED:
        return [f"{method} {path}: status {status} is not in the contract ({', '.join(listed)})"]
    return [
        f"{method} {path} {status}: {'/'.join(map(str, one.path))}: {one.message[:200]}"
        for one in _validator(method, path, status).iter_errors(body)
    ]


@functools.cache
def _validator(method: str, path: str, status: int) -> Draft4Validator:
    if status in (401, 403, 429):
        schema: Any = ERROR_OBJECT
    elif status >= 400:
        schema = ERROR_ARRAY
    else:
        schema = closed(resolve(operation(method, path)["responses"][str(status)].get("schema", {})))
    return Draft4Validator(schema, format_checker=_FORMATS)
