"""The export activity and its file: whom it takes, and how the file is served. Columns are in ``export_columns``.

Source: SW#D/ContactsExport, SW#P/contact_exports, FACTS 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ccsync.sandbox import bulk, problem
from ccsync.sandbox.activities import State
from ccsync.sandbox.contacts import status_condition
from ccsync.sandbox.export_columns import file_query
from ccsync.sandbox.service import Answer, Call, Service
from ccsync.sandbox.store import literal
from ccsync.sandbox.validate import UUID

CHUNK = 1 << 18
SORTED_UP_TO = 50_000  # the vendor promises no order; a big file is spared the sorting
_FILTERS = ("contact_ids", "list_ids", "tag_ids", "new_subscriber", "segment_id")

Body = Mapping[str, Any]  # a checked JSON document


def export(call: Call) -> Answer:
    """POST /activities/contact_exports. Without any filter it takes the whole account but the deleted."""
    body, service = call.body, call.service
    given = [name for name in _FILTERS if body.get(name) not in (None, False)]
    _check_filters(body, given)
    condition, values = _whom(service, body, given)
    with service.store.read() as db:
        row = db.execute(f"SELECT count(*) FROM contacts c WHERE {condition}", dict(values)).fetchone()
    total = int(row[0]) if row else 0
    made_id = service.account.new_id()
    file = _file_of(service, made_id)

    def work(share: float) -> dict[str, int]:
        cut = f" LIMIT {int(total * share)}" if share < 1 else ""
        with service.store.read() as db:
            db.execute(
                f"CREATE OR REPLACE TEMP TABLE exported AS "
                f"SELECT c.seq FROM contacts c WHERE {condition} ORDER BY c.seq{cut}",
                dict(values),
            )
            count = db.execute("SELECT count(*) FROM exported").fetchone()
            done = int(count[0]) if count else 0
            sort = done <= SORTED_UP_TO
            query = file_query(service.account, body.get("fields"), with_id=_with_id(service), sort=sort)
            db.execute(f"COPY ({query}) TO {literal(str(file))} (FORMAT csv, HEADER)")
        service.log.count("rows", "contact_exports", done)
        return {"items_total_count": max(total, done), "items_completed_count": done}

    status = {"items_total_count": total, "items_completed_count": 0}
    job = service.submit("contact_exports", work, rows=total, status=status, has_results=True, activity_id=made_id)
    return Answer(201, job.document())


def _with_id(service: Service) -> bool:
    return service.switches["export_has_contact_id"] == "yes"


def _check_filters(body: Body, given: list[str]) -> None:
    # Which filters exclude each other. Source: the texts of SW#D/ContactsExport.
    pair = set(given)
    if len(pair) > 1 and pair != {"list_ids", "new_subscriber"}:
        raise problem.invalid(f"{given[0]} and {given[1]} are mutually exclusive")
    if body.get("status") is not None and pair - {"contact_ids", "list_ids"}:
        raise problem.invalid(f"status and {given[0]} are mutually exclusive")
    if (body.get("exclude") or {}).get("contact_ids") and not pair & {"list_ids", "new_subscriber"}:
        raise problem.invalid("exclude is valid only with list_ids or new_subscriber")
    if body.get("segment_id") is not None:
        raise problem.not_found(f"Segment {body['segment_id']} was not found.")
    for name in (*given, *(["fields"] if "fields" in body else [])):
        if body[name] == []:
            raise problem.invalid(f"{name} must not be empty")
    fields = body.get("fields") or ["email_address"]
    needing = [one for one in fields if one.startswith("email_opt")]
    if needing and "email_address" not in fields:
        raise problem.invalid(f"{needing[0]} can only be exported together with email_address")


def _whom(service: Service, body: Body, given: list[str]) -> tuple[str, dict[str, object]]:
    # Everyone the filters mean, whatever the status, unless a status is given; the deleted only when asked for.
    status = body.get("status")
    conditions = ["c.deleted_at IS NULL" if status is None else status_condition([status])]
    values: dict[str, object] = {}
    for name in given:
        condition, more = bulk.source_condition(service, body, name)
        conditions.append(f"({condition})")
        values |= more
    excluded = (body.get("exclude") or {}).get("contact_ids")
    if excluded:
        conditions.append("c.contact_id NOT IN (SELECT unnest($excluded::UUID[]))")
        values["excluded"] = list(excluded)
    return " AND ".join(conditions), values


def _file_of(service: Service, export_id: str) -> Path:
    return service.store.scratch / f"export-{export_id}.csv"


def get_export(call: Call) -> Answer:
    """GET /contact_exports/{file_export_id}: the file of a completed export, streamed."""
    export_id = call.path["file_export_id"].lower()
    if not UUID.fullmatch(export_id):
        raise problem.not_found()
    job = call.service.queue.find(export_id)
    file = _file_of(call.service, export_id)
    if job.state is not State.COMPLETED or not file.exists():
        raise problem.not_found("The export file was not found.")
    headers = {
        "Content-Length": str(file.stat().st_size),
        "Content-Disposition": f'attachment; filename="contact_export_{export_id}.csv"',
    }
    return Answer(200, stream=_chunks(file), headers=headers, media="text/csv")


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk
