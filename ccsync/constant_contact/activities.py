"""Bulk activities: starting them, and reading what the API tells of them. What they are for is decided by the callers.

Source: openapi.yml 3.0.178, /activities and below; FACTS 2.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ccsync.constant_contact import failures
from ccsync.constant_contact.answers import clean
from ccsync.constant_contact.http import ApiClient, Document
from ccsync.constant_contact.routes import find_route, not_sent
from ccsync.constant_contact.wire import Call
from ccsync.core.batch import MAX_CSV_ROWS, MAX_REMOVAL_IDS, Transport, max_rows
from ccsync.core.record import ActivityId, Counters
from ccsync.core.spec import ListId
from ccsync.errors import NotFoundError
from ccsync.ports.live import Activity, ActivityState, ImportBody

PAGE = 500  # openapi.yml 3.0.178, /activities: limit 1 to 500, default 50
LOOK_SINGLY = 2
"""Up to so many activities are looked at one by one: a page of 500 is a third of a megabyte."""

FILE_IMPORT = "/activities/contacts_file_import"
JSON_IMPORT = "/activities/contacts_json_import"
REMOVAL = "/activities/remove_list_memberships"
EXPORT = "/activities/contact_exports"

_STATES: Mapping[str, ActivityState] = {
    "completed": ActivityState.COMPLETED,
    "failed": ActivityState.FAILED,
    "timed_out": ActivityState.FAILED,
    "cancelled": ActivityState.FAILED,
    "canceled": ActivityState.FAILED,
}
"""What isn't here is running, documented or not: only a deadline ends the waiting (FACTS 2.7)."""


# ---------------------------------------------------------------- starting


def start_import(api: ApiClient, list_id: ListId, body: ImportBody, file_name: str) -> ActivityId:
    """Queues one import onto one list. file_name: comes back as `source_file_name`; must end in `.csv` (else a 415).

    Raises as ApiClient.post; RejectedError (E625) for a body beyond a cap, before anything is sent.
    """
    _check_id(list_id)
    rows = max_rows(body.transport)
    if not 1 <= body.count <= rows:
        raise not_sent(f"an import holds 1 to {rows:,} contacts; this one has {body.count:,}")
    call = _csv_call(list_id, body, file_name) if body.transport is Transport.CSV else _json_call(list_id, body)
    return _started(api, call)


def _csv_call(list_id: ListId, body: ImportBody, file_name: str) -> Call:
    # The API counts lines, so the check does too; a value with a line break would count twice.
    if body.rows.count(b"\n") > MAX_CSV_ROWS + 1:
        raise not_sent(f"a CSV import holds at most {MAX_CSV_ROWS + 1:,} lines, the header included")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,200}\.csv", file_name):
        raise not_sent("the file name of an import is letters, digits, `.`, `_` and `-`, and ends in .csv")
    return Call("POST", FILE_IMPORT, form={"list_ids": list_id}, file=(file_name, body.rows))


def _json_call(list_id: ListId, body: ImportBody) -> Call:
    head = b'{"list_ids":' + _json([list_id]) + b',"import_data":'
    return Call("POST", JSON_IMPORT, json=head + body.rows + b"}")


def start_removal(api: ApiClient, list_id: ListId, contact_ids: Sequence[str]) -> ActivityId:
    """Queues one removal from one list. contact_ids: 1 to 500. Raises as ApiClient.post; RejectedError (E625)."""
    _check_id(list_id)
    if not 1 <= len(contact_ids) <= MAX_REMOVAL_IDS:
        raise not_sent(f"a removal names 1 to {MAX_REMOVAL_IDS} contacts; this one has {len(contact_ids):,}")
    document = {"source": {"contact_ids": list(contact_ids)}, "list_ids": [list_id]}
    return _started(api, Call("POST", REMOVAL, json=_json(document)))


def start_export(api: ApiClient, list_id: ListId | None, fields: Sequence[str]) -> ActivityId:
    """Queues the export of one list, or of everyone unsubscribed (None). fields: API names; empty for all.

    There is no third kind: without a filter the API exports the whole account (SURPRISES 21).
    """
    document: dict[str, object] = {"status": "unsubscribed"}
    if list_id is not None:
        _check_id(list_id)
        document = {"list_ids": [list_id]}
    if fields:
        document["fields"] = list(fields)
    return _started(api, Call("POST", EXPORT, json=_json(document)))


def _started(api: ApiClient, call: Call) -> ActivityId:
    document = api.post(call)
    activity = document.get("activity_id")
    if not isinstance(activity, str) or not _is_id(activity):
        why = "the answer names no activity"
        raise failures.unknown_outcome(api.connection, find_route(call.method, call.path), why)
    api.jobs_made.add(activity)
    return ActivityId(activity)


def _check_id(list_id: str) -> None:
    # A comma would make a second list of it in `list_ids`.
    if not _is_id(list_id):
        raise not_sent("a list id is letters, digits and hyphens")


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) is not None


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


# ---------------------------------------------------------------- looking


def look(api: ApiClient, wanted: Sequence[ActivityId]) -> tuple[Activity, ...]:
    """These activities as they are now, in the order asked for. Raises as ApiClient.get.

    Many are read from the collection, 500 a call; those it does not show are asked for singly, and a 404 to that means
    that the remote has forgotten them (after ten days: FACTS 2.7).
    """
    found: dict[str, Activity] = {}
    missing = set(wanted)
    if len(missing) > LOOK_SINGLY:
        for page in api.pages("/activities", {"limit": PAGE}, "activities"):
            found |= {one.id: one for one in map(parse_activity, page) if one.id in missing}
            missing -= set(found)
            if len(missing) <= LOOK_SINGLY:
                break
    for activity in sorted(missing):
        found[activity] = look_at(api, activity)
    return tuple(found[activity] for activity in wanted)


def look_at(api: ApiClient, activity: ActivityId) -> Activity:
    """One activity as it is now. Raises as ApiClient.get."""
    return parse_activity(fetch(api, activity)[0], activity)


def fetch(api: ApiClient, activity: ActivityId) -> tuple[Document, bool]:
    """One activity's document, and whether there is one; a forgotten one's is empty but for the state."""
    try:
        return api.get(f"/activities/{activity}"), True
    except NotFoundError:
        return {"activity_id": activity, "state": str(ActivityState.GONE)}, False


def recent(api: ApiClient, since: datetime) -> tuple[Activity, ...]:
    """Every activity of the account created at `since` or later, newest first, those without a readable time last.

    All pages are read: the API does not say in which order they come. Raises as ApiClient.get.
    """
    found = [
        one
        for page in api.pages("/activities", {"limit": PAGE}, "activities")
        for one in map(parse_activity, page)
        if one.id and (one.created_at is None or one.created_at >= since)
    ]
    unique = {one.id: one for one in found}
    oldest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(unique.values(), key=lambda one: one.created_at or oldest, reverse=True))


# ---------------------------------------------------------------- reading


def parse_activity(document: Mapping[str, Any], activity: ActivityId | None = None) -> Activity:  # Any: JSON
    """An activity object of any kind, read leniently: what makes no sense is None, an unknown state is running.

    activity: the id that was asked for, for an answer that does not repeat it.
    """
    state = str(document.get("state") or "").strip().lower()
    status = document.get("status")
    file_name = document.get("source_file_name")
    said = activity or document.get("activity_id")
    errors = _errors(document.get("activity_errors"))
    kind = ActivityState.GONE if state == ActivityState.GONE else _STATES.get(state, ActivityState.RUNNING)
    if kind is ActivityState.FAILED and state != "failed":
        errors = (state.replace("_", " "), *errors)
    percent = _count(document.get("percent_done"))
    return Activity(
        id=ActivityId(said if isinstance(said, str) else ""),
        state=kind,
        percent=percent if percent is not None and percent <= 100 else None,
        counters=_counters(status if isinstance(status, dict) else {}),
        file_name=file_name if isinstance(file_name, str) and file_name else None,
        created_at=_moment(document.get("created_at")),
        errors=errors,
    )


def _counters(status: Mapping[str, Any]) -> Counters:  # Any: JSON
    """Source: openapi.yml 3.0.178, #/definitions/ActivityStatus, which holds the counters of every kind."""
    return Counters(
        items=_count(status.get("items_total_count")),
        persons=_count(status.get("person_count")),
        errors=_count(status.get("error_count")),
        correctable=_count(status.get("correctable_count")),
        cannot_add=_count(status.get("cannot_add_to_list_count")),
        completed=_count(status.get("items_completed_count")),
    )


def _count(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _moment(value: object) -> datetime | None:
    """A time stamp, in UTC; None for what is none (a sample of the guide holds the word "completed": FACTS 2.7)."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _errors(value: object) -> tuple[str, ...]:
    """The messages, strings or objects (`{"message": …}`), fit for people's eyes."""
    rows = value if isinstance(value, list) else []
    texts = (row.get("message") or row.get("error_message") if isinstance(row, dict) else row for row in rows)
    return tuple(text for text in (clean(text, personal=True) for text in texts) if text)
