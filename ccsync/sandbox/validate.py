"""Checks requests against small schemas, strictly: a mistake gets the vendor's 400, never a guess.

The schemas themselves are in ``contract``; this module knows types, lengths, choices and formats, and no endpoint.
Unknown properties and parameters are refused. The contract is silent on them; refusing makes a client's slip visible.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ccsync.sandbox import problem

UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
INT32 = 2**31

# A schema is a subset of JSON Schema: type, properties, required, items, maxItems, minItems, maxLength, minLength,
# minimum, maximum, enum, format (uuid, date-time), open (properties beyond those named are let through).
Schema = Mapping[str, Any]


def check_body(value: Any, schema: Schema, where: str = "") -> None:
    """Raise 400 when a JSON value does not fit. ``Any``: a JSON document."""
    kind = schema["type"]
    name = where or "The request body"
    if not _is(value, kind):
        raise problem.invalid(f"{name} must be of type {kind}")
    if kind == "object":
        _check_object(value, schema, where)
    elif kind == "array":
        _check_bounds(len(value), schema, name, "items", ("minItems", "maxItems"))
        for at, item in enumerate(value):
            check_body(item, schema["items"], f"{where}[{at}]")
    elif kind == "string":
        _check_bounds(len(value), schema, name, "characters", ("minLength", "maxLength"))
        _check_text(value, schema, name)
    elif kind == "integer":
        _check_bounds(value, schema, name, "", ("minimum", "maximum"))
        if not -INT32 <= value < INT32:
            raise problem.invalid(f"{name} is out of range")
    if "enum" in schema and value not in schema["enum"]:
        raise problem.invalid(f"{name} does not have a valid value")


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return isinstance(value, int) and not isinstance(value, bool)


def _check_object(value: Mapping[str, Any], schema: Schema, where: str) -> None:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    prefix = f"{where}." if where else ""
    for name in schema.get("required", ()):
        if name not in value:
            raise problem.invalid(f"{prefix}{name} is required")
    for name, item in value.items():
        if name in properties:
            if item is None and name not in schema.get("required", ()):
                continue
            check_body(item, properties[name], prefix + name)
        elif not schema.get("open"):
            raise problem.invalid(f"{prefix}{name} is not a known property")


def _check_bounds(size: int, schema: Schema, name: str, unit: str, keys: tuple[str, str]) -> None:
    low, high = schema.get(keys[0]), schema.get(keys[1])
    if low is not None and size < low:
        raise problem.invalid(f"{name} must have at least {low} {unit}".rstrip())
    if high is not None and size > high:
        raise problem.invalid(f"{name} must have at most {high} {unit}".rstrip())


def _check_text(value: str, schema: Schema, name: str) -> None:
    if "\x00" in value or any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise problem.invalid(f"{name} holds characters that are not text")
    match schema.get("format"):
        case "uuid":
            if not UUID.fullmatch(value):
                raise problem.invalid(f"{name} is not a valid UUID")
        case "date-time":
            parse_moment(value, name)
        case _:
            pass


def check_query(given: Mapping[str, list[str]], rules: Mapping[str, Schema]) -> dict[str, Any]:
    """Read query parameters: unknown or repeated ones, wrong types and values out of bounds are 400.

    ``csv`` gives a tuple of strings, ``integer`` an int, ``boolean`` a bool, ``date-time`` an aware datetime.
    """
    out: dict[str, Any] = {}
    for name, values in given.items():
        if name not in rules:
            raise problem.invalid(f"{name} is not a known parameter")
        if len(values) != 1:
            raise problem.invalid(f"{name} may be given once")
        out[name] = _query_value(name, values[0], rules[name])
    for name, rule in rules.items():
        if rule.get("required") and name not in out:
            raise problem.invalid(f"{name} is required")
    return out


def _query_value(name: str, text: str, rule: Schema) -> Any:
    _check_text(text, {}, name)
    match rule["type"]:
        case "integer":
            if not re.fullmatch(r"-?[0-9]{1,9}", text):
                raise problem.invalid(f"{name} must be an integer")
            check_body(int(text), rule, name)
            return int(text)
        case "boolean":
            if text not in ("true", "false"):
                raise problem.invalid(f"{name} does not have a valid value")
            return text == "true"
        case "date-time":
            return parse_moment(text, name)
        case "csv":
            items = tuple(item.strip() for item in text.split(","))
            for item in items:
                check_body(item, {"type": "string", "minLength": 1} | dict(rule.get("items", {})), name)
            if len(items) > rule.get("maxItems", 500):
                raise problem.invalid(f"{name} takes at most {rule.get('maxItems', 500)} values")
            return items
        case _:
            check_body(text, rule, name)
            return text


def parse_moment(text: str, name: str) -> datetime:
    """Read an ISO-8601 date or date-time; without a zone it is UTC. A ``+`` that arrived as a blank is mended."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise problem.invalid(f"{name} is not an ISO-8601 date") from None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise problem.invalid(f"{name} is out of range") from None
