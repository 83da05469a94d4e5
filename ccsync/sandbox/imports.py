"""The two import activities: from an accepted body to a queued merge and its counters.

Bodies are read in ``upload``, rows are merged in ``merge``. Source: SW#P/activities/contacts_json_import and
/contacts_file_import, SW#D/ActivityImport.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb
from werkzeug.exceptions import RequestEntityTooLarge

from ccsync.sandbox import contract, limits, problem, upload
from ccsync.sandbox.account import ContactList
from ccsync.sandbox.contacts import ACTIVE
from ccsync.sandbox.merge import Incoming, MergeCounts, MergeFailed, MergeRules, merge
from ccsync.sandbox.service import Answer, Call, Service
from ccsync.sandbox.upload import Upload
from ccsync.sandbox.validate import UUID, check_body

NO_COUNTS = {
    "items_total_count": 0, "person_count": 0, "error_count": 0, "correctable_count": 0, "cannot_add_to_list_count": 0,
}  # fmt: skip


def json_import(call: Call) -> Answer:
    """POST /activities/contacts_json_import."""
    service = call.service
    body = call.request.get_data()
    got, rest = upload.read_json(body, service.account, service.switches, service.store)
    try:
        check_body(rest, contract.JSON_IMPORT_REST)
        targets = service.account.known_lists(rest["list_ids"])
        return Answer(201, _queue(service, got, targets, "contacts_json_import", None))
    except problem.Problem:
        got.file.unlink(missing_ok=True)
        raise


def file_import(call: Call) -> Answer:
    """POST /activities/contacts_file_import: multipart with ``file`` and ``list_ids``."""
    service, request = call.service, call.request
    try:
        files, form = request.files, request.form
    except RequestEntityTooLarge:
        raise problem.invalid("The form is too large.") from None
    for name in (*form, *files):
        if name not in ("file", "list_ids", "sms_permission_to_send"):
            raise problem.invalid(f"{name} is not a known form field")
    sent = files.get("file")
    if sent is None or not sent.filename:
        raise problem.invalid("file is required")
    if not sent.filename.lower().endswith(".csv"):
        raise problem.unsupported_media("Wrong file format, upload file must be of type .csv")
    list_ids = [one.strip() for one in form.get("list_ids", "").split(",") if one.strip()]
    if not list_ids or len(list_ids) > limits.LISTS_PER_ACTIVITY or not all(map(UUID.fullmatch, list_ids)):
        raise problem.invalid("list_ids must be 1 to 50 list ids")
    if form.get("sms_permission_to_send", "not_set") not in ("not_set", "explicit"):
        raise problem.invalid("sms_permission_to_send does not have a valid value")
    targets = service.account.known_lists(list_ids)
    body = sent.stream.read()
    got = upload.read_csv(body, request.content_length or len(body), service.account, service.switches, service.store)
    return Answer(201, _queue(service, got, targets, "contacts_file_import", sent.filename))


def _queue(
    service: Service, got: Upload, targets: list[ContactList], kind: str, file_name: str | None
) -> dict[str, object]:
    for violation in got.violations:
        service.log.count("violations", violation)
    service.log.count("rows", kind, got.rows)

    def work(share: float) -> dict[str, int]:
        try:
            return _run(service, got, targets, share)
        finally:
            got.file.unlink(missing_ok=True)

    try:
        job = service.submit(kind, work, rows=got.rows, status=NO_COUNTS, source_file_name=file_name)
    except problem.Problem:
        got.file.unlink(missing_ok=True)
        raise
    return job.document()


def _run(service: Service, got: Upload, targets: list[ContactList], share: float) -> dict[str, int]:
    switches, account = service.switches, service.account
    alive = [one.number for one in targets if account.lists[one.list_id].deleted_at is None]
    rules = MergeRules(
        list_nos=tuple(alive), empty_value=switches["empty_value"], bad_cf_value=switches["bad_cf_value"],
        dup_winner=switches["dup_winner"],
        unsub_fields=switches["unsub_fields"], role_address=switches["role_address"],
        non_ascii_address=switches["non_ascii_address"],
        fifty_list_overflow=switches["fifty_list_overflow"],
        membership_bumps=switches["membership_bumps_updated_at"] == "yes",
        max_rows=min(limits.ROWS_PER_IMPORT, int(got.rows * share)) if share < 1 else limits.ROWS_PER_IMPORT,
        may_overflow_lists=len(account.active_lists()) > limits.LISTS_PER_CONTACT,
        salt=service.options.random_seed,
    )  # fmt: skip
    counts = _merge(service, got.incoming, rules)
    service.log.count("harm", "leavers_put_back", counts.readded)
    service.log.count("people", "created", counts.created)
    service.log.count("people", "updated", counts.updated)
    service.log.count("people", "revived", counts.revived)
    note_peak(service)
    return {
        "items_total_count": counts.rows + 1,  # the header row is counted, for JSON too
        "person_count": counts.rows,
        "error_count": counts.errors,
        "correctable_count": counts.correctable,
        "cannot_add_to_list_count": counts.cannot_add,
    }


def _merge(service: Service, incoming: Incoming, rules: MergeRules) -> MergeCounts:
    try:
        with service.store.write() as db:
            return merge(db, incoming, rules, service.clock.now())
    except duckdb.InvalidInputException as unreadable:
        if incoming.fallback is None:
            raise MergeFailed("The file can't be read.") from unreadable
    return _merge(service, replace(incoming, relation=incoming.fallback, fallback=None), rules)


def note_peak(service: Service) -> None:
    """Remember the most active people there ever were: what the vendor bills. Source: knowledge base 51160."""
    active = service.store.number(f"SELECT count(*) FROM contacts c WHERE {ACTIVE}")
    with service.account.lock:
        service.account.peak_active = max(service.account.peak_active, active)
