"""The JSON documents and lines, held against the schemas that ship."""

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from ccsync.core.batch import BatchKind
from ccsync.core.change import Op
from ccsync.core.event import (
    ApplyFinished,
    ApplyStarted,
    BatchFinished,
    BatchSent,
    Event,
    ExportResult,
    FirewallClosed,
    ListMade,
    Noticed,
    ReadBack,
    RecoveryFinished,
    RecoveryStarted,
    RefreshFinished,
    RefreshStarted,
    SegmentRead,
    Status,
    Waiting,
)
from ccsync.core.row import ChangeRow
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, Severity, Where
from ccsync.views.document import Page, error_document, plan_document, with_rows
from ccsync.views.jsonl import event_document, event_name, json_line

from tests.views import plans

SCHEMAS = Path(__file__).parents[2] / "schemas"


def schema(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(found)
    return found


EVENTS: tuple[Event, ...] = (
    SegmentRead("weekly", 10, 9),
    RefreshStarted("newsletter", "Weekly"),
    RefreshFinished("newsletter", "Weekly", 9),
    RefreshFinished("newsletter", "unsubscribed contacts"),
    RecoveryStarted("run-1", 2, 1),
    RecoveryFinished("run-1", 5, 1, 42),
    ApplyStarted("run-2", "abc", 1, 10, 1),
    FirewallClosed("weekly", {"unsubscribed": 1}),
    ListMade("weekly", "VIP", "id-1"),
    BatchSent("weekly", BatchKind.IMPORT, 1, 10, 900, "activity-1"),
    BatchFinished("weekly", BatchKind.IMPORT, 1, 10, True, 10, 10),
    Waiting("jobs", 1.5, 1, 40),
    ReadBack("weekly", 9, 1),
    Noticed(Diagnostic("W210", "no consent", Severity.WARNING)),
    ApplyFinished("run-2", "abc", Status.PARTIAL, 42, (ExportResult("weekly", added=9),), 12, 3.5, (plans.BLOCKED,)),
)


def test_the_plan_document_fits_its_schema() -> None:
    plan = plans.plan_of(plans.busy_export(), plans.new_list_export(), plans.export_plan(findings=(plans.BLOCKED,)))
    document = plan_document(plan, (plans.WARNED,))
    jsonschema.validate(document, schema("plan_output"))


def test_the_plan_document_has_the_promised_names() -> None:
    document = plan_document(plans.plan_of(plans.busy_export()))
    promised = (
        "format ccsync plan_id created_at expires_at workspace refreshed complete applyable has_changes base"
        " config_digest exports summary"
    )
    assert set(promised.split()) <= set(document)
    export = document["exports"][0]
    names = "name connection list members counts held_back unusable filtered fields_changed reasons findings estimate"
    assert set(names.split()) <= set(export)
    assert export["counts"] == {
        "add": 3,
        "update": 1,
        "remove": 2,
        "adopt": 2,
        "forget": 1,
        "unchanged": 11998,
        "foreign": 14,
    }
    assert document["summary"] == {"add": 3, "update": 1, "remove": 2, "adopt": 2, "forget": 1, "lists_created": 0}
    assert export["estimate"] == {"api_calls": 14, "seconds": 30, "bytes": 1234}


def test_every_event_has_a_line_that_fits_the_schema() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    lines = schema("events")
    for event in EVENTS:
        document = json.loads(json_line(event_document(event, plans.NOW)))
        if isinstance(event, ApplyFinished):
            document["exit_code"] = 6
        jsonschema.validate(document, lines)
        assert list(document)[:2] == ["format", "event"]


def test_the_last_line_starts_with_its_status() -> None:
    line = json_line(event_document(EVENTS[-1]))
    assert line.startswith('{"format":1,"event":"apply_finished","status":"partial",')


def test_the_schema_knows_each_event_by_name() -> None:
    known = {each["title"] for each in schema("events")["oneOf"]}  # type: ignore[union-attr, index]  # JSON
    assert {event_name(kind) for kind in get_args(Event)} <= known


def test_an_error_document_leads_with_the_first_error_and_has_them_all() -> None:
    warning = Diagnostic("W101", "w", Severity.WARNING)
    error = Diagnostic("E104", "unknown key", hint="did you mean x?", where=Where("a.yaml", 3, 5))
    document = error_document((warning, error, Diagnostic("E105", "more")))
    assert {k: document["error"][k] for k in ("code", "summary", "detail", "hint", "where")} == {
        "code": "E104",
        "summary": "unknown key",
        "detail": None,
        "hint": "did you mean x?",
        "where": {"file": "a.yaml", "line": 3, "column": 5},
    }
    assert [each["code"] for each in document["errors"]] == ["E104", "E105"]
    assert [each["code"] for each in document["warnings"]] == ["W101"]
    jsonschema.validate(document, schema("events"))


@pytest.mark.parametrize(
    ("reveal", "email", "value"),
    [(False, "a***@e***.com", "m***@e***.com"), (True, "ann@example.com", "me@example.com")],
)
def test_rows_are_masked_unless_asked_for(reveal: bool, email: str, value: str) -> None:
    row = ChangeRow(Op.UPDATE, "ann@example.com", "field_changed:x", "c1", {"x": "old"}, {"x": "me@example.com"})
    plan = plan_document(plans.plan_of(plans.busy_export()))
    whole = with_rows(plan, {ExportName("weekly_newsletter"): Page((row,), 7)}, reveal=reveal)
    jsonschema.validate(whole, schema("plan_output"))
    assert whole["exports"][0]["rows_total"] == 7
    (document,) = whole["exports"][0]["rows"]
    assert document["email"] == email
    assert document["after"] == {"x": value}
    assert document["changed"] == ["x"]
