"""The JSON Schema: every key described, its facts those of the code, found wherever the program is installed."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from ccsync.config.reference import EXAMPLE, configuration_page
from ccsync.config.schema import load_schema, schema_path
from ccsync.core.fields import ATTRIBUTES, CUSTOM_FIELDS_MAX, Kind
from ccsync.core.spec import (
    Auth,
    AuthFlow,
    Bound,
    Connection,
    ConnectionLimits,
    Duplicates,
    Endpoints,
    Export,
    Field,
    Guards,
    Keep,
    OnDelete,
    OnLeave,
    OnNull,
    OnTooLong,
    SourceType,
    Suppression,
)
from jsonschema import Draft7Validator

from tests.config.conftest import Write, load

SCHEMA = load_schema()
DEFINITIONS = SCHEMA["definitions"]
ROOT = Path(__file__).parents[2]

# Any: parts of a JSON Schema.


def objects(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part that declares properties, with its path."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict) and not path.endswith("/if"):
            yield path, part
        for key, inner in part.items():
            yield from objects(inner, f"{path}/{key}")
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from objects(inner, f"{path}/{index}")


def test_it_is_a_draft_7_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("path", "part"), list(objects(SCHEMA)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_mapping_is_closed_and_every_key_is_described(path: str, part: dict[str, Any]) -> None:
    assert part.get("additionalProperties") is False or path == "/definitions/source"
    for key, schema in part["properties"].items():
        assert schema.get("description"), f"{path}/{key}"


def test_choices_are_those_of_the_code() -> None:
    export, auth = DEFINITIONS["export"]["properties"], DEFINITIONS["connection"]["properties"]["auth"]["properties"]
    assert DEFINITIONS["source"]["properties"]["type"]["enum"] == list(SourceType)
    assert auth["flow"]["enum"] == list(AuthFlow)
    assert export["on_leave"]["enum"] == list(OnLeave)
    assert export["on_delete"]["enum"] == list(OnDelete)
    assert export["duplicates"]["properties"]["keep"]["enum"] == list(Keep)
    assert [name for name in export["attributes"]["properties"] if name != "birthday"] == list(ATTRIBUTES)
    assert export["on_too_long"]["enum"] == list(OnTooLong)
    assert export["on_null"]["enum"] == list(OnNull)
    assert export["custom_fields"]["maxProperties"] == CUSTOM_FIELDS_MAX


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attributes_description_tells_its_limit(name: str) -> None:
    spec = ATTRIBUTES[name]
    text = DEFINITIONS["export"]["properties"]["attributes"]["properties"][name]["description"]
    endings = {Kind.TEXT: f"at most {spec.max_chars} characters.", Kind.DATE: "a date."}
    assert text.endswith(endings.get(spec.kind, "a whole number."))


def default_of(kind: type, name: str) -> Any:
    (field,) = (field for field in fields(kind) if field.name == name)
    assert field.default is not MISSING
    return field.default


def test_defaults_are_those_of_the_values() -> None:
    export, connection = DEFINITIONS["export"]["properties"], DEFINITIONS["connection"]["properties"]
    for kind, part in [
        (Endpoints, connection["endpoints"]["properties"]),
        (ConnectionLimits, connection["limits"]["properties"]),
        (Auth, {"flow": connection["auth"]["properties"]["flow"]}),
        (Connection, {key: connection[key] for key in ("description", "available_to")}),
        (Field, {key: export[key] for key in ("on_too_long", "on_null")}),
        (Suppression, {"allow_empty": DEFINITIONS["suppress"]["properties"]["allow_empty"]}),
        (Duplicates, export["duplicates"]["properties"]),
        (Export, {**export["limits"]["properties"], "on_leave": export["on_leave"], "on_delete": export["on_delete"]}),
        (
            Guards,
            {key: DEFINITIONS["guards"]["properties"][key] for key in ("min_rows", "allow_empty", "max_new_contacts")},
        ),
    ]:
        for key, schema in part.items():
            default, said = default_of(kind, key), schema.get("default")
            said = None if said == "none" else tuple(said) if isinstance(said, list) else said
            assert said == default, f"{kind.__name__}.{key}"


@pytest.mark.parametrize("guard", ["max_remove", "max_update", "max_unusable", "max_source_drop"])
def test_the_percentages_said_are_those_of_the_guards(guard: str) -> None:
    bound = default_of(Guards, guard)
    assert bound == Bound(percent=bound.percent)
    assert f"Default: {bound.percent:g} percent." in DEFINITIONS["guards"]["properties"][guard]["description"]


def test_the_schema_of_a_checkout_is_found() -> None:
    assert schema_path() == ROOT / "schemas" / "config.schema.json"
    assert schema_path().read_text(encoding="utf-8") == json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


def test_a_schema_that_does_not_ship_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        schema_path("nothing.schema.json")


def test_the_reference_page_is_what_the_schema_says() -> None:
    page = configuration_page()
    assert page == configuration_page()
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == page


def test_the_reference_page_names_every_key() -> None:
    page = configuration_page()
    for path, part in objects(SCHEMA):
        for key in part["properties"]:
            if key not in ("version", "column", "sql", "value") and "/attributes" not in path:
                assert f".{key}`" in page or f"## {key}" in page, f"{path}/{key}"
    for name in ATTRIBUTES:
        assert f"| `{name}` |" in page


def test_the_example_of_the_reference_page_is_valid(write: Write) -> None:
    assert load(write(EXAMPLE)).warnings == ()
