"""`schemas/plan.schema.json` describes every key of a plan, and only those."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.core.change import Counts
from ccsync.core.fields import Definition
from ccsync.core.plan import (
    Estimate,
    ExportPlan,
    ListAction,
    ListTarget,
    Plan,
    SourceRead,
    StateRef,
    sealed,
    to_document,
)
from ccsync.errors import Diagnostic, Severity, Where

from tests.state.world import plan_with

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))


def full_document(tmp_path: Path) -> dict[str, Any]:  # Any: a JSON document
    plan, _ = plan_with(tmp_path, {"news": b"", "vips": b""})
    news, vips = plan.exports
    news = replace(
        news,
        list=ListTarget(None, "VIP", ListAction.CREATE),
        batches=(Batch(1, BatchKind.REMOVAL, 1, 40), Batch(2, BatchKind.IMPORT, 3, 120, 1, Transport.CSV)),
        sources=(SourceRead("crm", 13, (("a.csv", 5),)),),
        drift={"first_name": 2},
        definitions={"cf:Size": Definition("single_select", choices=("S", "M"))},
        findings=(
            Diagnostic("W512", "renamed", Severity.WARNING, where=Where("a.yaml", 1, 2)),
            Diagnostic("E501", "too many", detail="d", hint="h", guard="max_remove"),
        ),
    )
    finding = Diagnostic("E507", "quota", where=Where("a.yaml"))
    return to_document(
        sealed(
            replace(
                plan,
                base=StateRef("l", 3, "d"),
                exports=(news, replace(vips, changes_sha256="")),
                findings=(finding,),
                allowed=("news:max_remove",),
            )
        )
    )


def test_the_schema_is_draft_07() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_a_plan_with_everything_in_it_conforms(tmp_path: Path) -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(json.loads(json.dumps(full_document(tmp_path))))


@pytest.mark.parametrize("key", [field.name for field in fields(Plan)])
def test_no_key_can_be_missing(tmp_path: Path, key: str) -> None:
    document = json.loads(json.dumps(full_document(tmp_path)))
    del document[key]
    assert not jsonschema.Draft7Validator(SCHEMA).is_valid(document)


def test_the_keys_of_the_schema_are_those_of_the_values() -> None:
    parts = {
        "export": ExportPlan,
        "list": ListTarget,
        "base": StateRef,
        "counts": Counts,
        "batch": Batch,
        "source": SourceRead,
        "estimate": Estimate,
        "finding": Diagnostic,
        "where": Where,
        "definition": Definition,
    }
    assert set(SCHEMA["properties"]) == {field.name for field in fields(Plan)}
    assert set(SCHEMA["definitions"]) == set(parts)
    for name, kind in parts.items():
        assert set(SCHEMA["definitions"][name]["properties"]) == {field.name for field in fields(kind)}, name  # type: ignore[arg-type]  # all are dataclasses


def objects(schema: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield path, schema
        for key, part in schema.items():
            yield from objects(part, f"{path}/{key}")
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from objects(part, f"{path}/{number}")


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    for path, schema in objects(SCHEMA):
        assert schema["additionalProperties"] is False, path
        for key, part in schema["properties"].items():
            described = SCHEMA["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
            assert described.get("description"), f"{path}/{key}"
