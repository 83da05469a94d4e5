"""Events as JSON lines: `{"format": 1, "event": "batch_sent", …}`. Described by `schemas/events.schema.json`."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from ccsync.core.event import ApplyFinished, Event, Noticed, Status
from ccsync.core.plan import to_text
from ccsync.errors import Diagnostic
from ccsync.views.document import FORMAT, Document, diagnostic_document

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def event_name(kind: type) -> str:
    """`BatchSent` as `batch_sent`."""
    return _HUMP.sub("_", kind.__name__).lower()


def event_document(event: Event, at: datetime | None = None) -> Document:
    """An event as one document; `event` comes first and, at the end of an apply, `status` second."""
    document: dict[str, Any] = {"format": FORMAT, "event": event_name(type(event))}  # Any: JSON
    if isinstance(event, ApplyFinished):
        document["status"] = str(event.status)
    if at is not None:
        document["at"] = to_text(at)
    for name in (each.name for each in fields(event)):
        document[name] = _value(event, name)
    return document


def failed_document(status: Status, exit_code: int, diagnostics: Iterable[Diagnostic], at: datetime) -> Document:
    """The last line of a command that ended before it had anything to tell of a run."""
    return {
        "format": FORMAT,
        "event": event_name(ApplyFinished),
        "status": str(status),
        "at": to_text(at),
        "run": None,
        "plan_id": None,
        "serial": None,
        "results": [],
        "calls": 0,
        "seconds": 0.0,
        "diagnostics": [diagnostic_document(each) for each in diagnostics],
        "exit_code": exit_code,
    }


def json_line(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _value(event: Event, name: str) -> Any:  # Any: JSON
    if isinstance(event, Noticed):
        return diagnostic_document(event.diagnostic)
    value = getattr(event, name)
    if isinstance(event, ApplyFinished) and name == "diagnostics":
        return [diagnostic_document(each) for each in value]
    if isinstance(event, ApplyFinished) and name == "results":
        return [asdict(each) for each in value]
    return str(value) if isinstance(value, str) else dict(value) if hasattr(value, "items") else value
