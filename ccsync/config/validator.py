"""Runs the JSON Schema over plain data and gives what it refuses as values. How that is said is in `findings.py`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend

from ccsync.config.schema import load_schema

# Any: instances and schemas are JSON data of every shape.


@dataclass(frozen=True, slots=True)
class Refusal:
    """keyword: the schema's word that refused, `value` what stands beside it. instance: the refused data, at `path`.

    schema: the part of the schema that holds the keyword. is_name: the instance is a key of the mapping at `path`.
    """

    keyword: str
    value: Any
    instance: Any
    schema: dict[str, Any]
    path: tuple[str | int, ...]
    is_name: bool


@cache
def config_schema() -> dict[str, Any]:
    return load_schema()


def refusals(data: Any) -> Iterator[Refusal]:
    """Everything the configuration's schema refuses in the data of one file."""
    for error in _validator().iter_errors(data):
        for leaf in _leaves(error):
            yield _refusal(leaf)


@cache
def _validator() -> Any:
    return extend(Draft7Validator, {"pattern": _pattern})(config_schema())  # type: ignore[no-untyped-call]


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`$` is the very end, as in the ECMA expressions JSON Schema asks for; Python's also stops before a newline."""
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError("does not match")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Where a value has one of several shapes: what is wrong with the shape it was meant to have, if that is clear."""
    branches: dict[object, list[ValidationError]] = {}
    if error.validator == "anyOf":
        for inner in error.context or ():
            branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [found for found in branches.values() if not any(_is_other_shape(inner) for inner in found)]
    if len(meant) == 1:
        for inner in meant[0]:
            yield from _leaves(inner)
    else:
        yield error


def _is_other_shape(error: ValidationError) -> bool:
    return not error.relative_path and error.validator in ("type", "const", "enum")


def _refusal(error: ValidationError) -> Refusal:
    schema = error.schema if isinstance(error.schema, dict) else {}
    return Refusal(
        keyword=str(error.validator),
        value=error.validator_value,
        instance=error.instance,
        schema=schema,
        path=tuple(error.absolute_path),
        is_name="propertyNames" in error.absolute_schema_path,
    )
