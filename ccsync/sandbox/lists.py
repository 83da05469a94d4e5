"""The calls on contact lists.

The rules of names and numbers are the account's; who is on a list is in the store.
Source: SW#P/contact_lists and below, FACTS 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ccsync.sandbox import cursors, limits, problem
from ccsync.sandbox.account import ContactList
from ccsync.sandbox.activities import Activity
from ccsync.sandbox.clock import iso
from ccsync.sandbox.service import Answer, Call, Service

T = TypeVar("T")
MAILABLE = "c.permission IN ('explicit', 'implicit') AND c.deleted_at IS NULL"


def document(one: ContactList, *, members: int | None = None) -> dict[str, Any]:
    """Return a list as the API shows it; ``membership_count`` only when asked for. ``Any``: a JSON document."""
    out: dict[str, Any] = {
        "list_id": one.list_id,
        "name": one.name,
        "description": one.description,
        "favorite": one.favorite,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
    }
    if one.deleted_at is not None:
        out["deleted_at"] = iso(one.deleted_at)
    if members is not None:
        out["membership_count"] = members
    return out


def member_counts(service: Service, which: str) -> dict[int, int]:
    """Count the members of every list: ``active`` ones who may be mailed, or ``all``."""
    condition = MAILABLE if which == "active" else "c.deleted_at IS NULL"
    return dict(
        service.store.rows(
            f"""SELECT m.list_no, count(*) FROM memberships m JOIN contacts c ON c.seq = m.seq
            WHERE {condition} GROUP BY m.list_no ORDER BY m.list_no"""
        )
    )


def get_lists(call: Call) -> Answer:
    """GET /contact_lists."""
    query, after = cursors.decode(call.query)
    statuses = set(query.get("status", ("active",)))
    found = [one for one in list(call.service.account.lists.values()) if _wanted(one, statuses, query)]
    page, after_next = page_of(found, after, query.get("limit", limits.PAGE_DEFAULT))
    which = query.get("include_membership_count")
    counts = member_counts(call.service, which) if which else {}
    body: dict[str, Any] = {
        "lists": [document(one, members=counts.get(one.number, 0) if which else None) for one in page],
        "_links": cursors.links("/v3/contact_lists", query, after_next),
    }
    if query.get("include_count"):
        body["lists_count"] = len(found)
    return Answer(body=body)


def _wanted(one: ContactList, statuses: set[str], query: dict[str, Any]) -> bool:
    state = "deleted" if one.deleted_at is not None else "active"
    named = "name" not in query or one.name.casefold() == query["name"].casefold()
    return ("all" in statuses or state in statuses) and named and query.get("channel_type") != "sms"


def page_of(found: Sequence[T], after: int, limit: int) -> tuple[Sequence[T], int | None]:
    """Cut a page out of a sequence; the position is None after the last."""
    page = found[after : after + limit]
    return page, after + limit if after + limit < len(found) else None


def get_xrefs(call: Call) -> Answer:
    """GET /contact_lists/list_id_xrefs: the V2 ids of this account are its lists' numbers."""
    known = {str(one.number): one.list_id for one in list(call.service.account.lists.values())}
    wanted = sorted({one for one in call.query["sequence_ids"] if one in known}, key=int)
    return Answer(body={"xrefs": [{"sequence_id": one, "list_id": known[one]} for one in wanted]})


def post_list(call: Call) -> Answer:
    """POST /contact_lists."""
    made = call.service.account.add_list(
        call.body["name"].strip() or _no_name(),
        call.now,
        description=call.body.get("description") or "",
        favorite=bool(call.body.get("favorite")),
    )
    call.service.save()
    return Answer(201, document(made))


def _no_name() -> str:
    raise problem.invalid("name must not be blank")


def get_list(call: Call) -> Answer:
    """GET /contact_lists/{list_id}; a deleted list is found, with ``deleted_at``."""
    one = call.service.account.list_or_404(call.path["list_id"], deleted=True)
    which = call.query.get("include_membership_count")
    counts = member_counts(call.service, which) if which else {}
    return Answer(body=document(one, members=counts.get(one.number, 0) if which else None))


def put_list(call: Call) -> Answer:
    """PUT /contact_lists/{list_id}; what is left out of the body is emptied."""
    account = call.service.account
    changed = account.change_list(
        account.list_or_404(call.path["list_id"]), call.now, name=call.body["name"].strip() or _no_name(),
        description=call.body.get("description") or "", favorite=bool(call.body.get("favorite")),
    )  # fmt: skip
    call.service.save()
    return Answer(body=document(changed))


def delete_list(call: Call) -> Answer:
    """DELETE /contact_lists/{list_id}: 202 and an activity."""
    one = call.service.account.list_or_404(call.path["list_id"])
    job = queue_deletion(call.service, [one], "list_delete")
    shown = job.document()
    headers = {"Location": f"/v3/activities/{job.activity_id}"}
    return Answer(202, {name: value for name, value in shown.items() if name != "status"}, headers)


def queue_deletion(service: Service, doomed: Sequence[ContactList], kind: str) -> Activity:
    """Queue the deletion of lists; their members stay in the account. Returns the activity."""
    if service.switches["delete_list_in_use"] == "409" and any(one.in_use for one in doomed):
        raise problem.conflict("A list is in use by a scheduled campaign.")
    ids = [one.list_id for one in doomed]

    def work(share: float) -> dict[str, int]:
        return {"list_count": sum(drop(service, list_id) for list_id in ids[: max(1, int(len(ids) * share))])}

    return service.submit(kind, work, rows=len(ids), status={"list_count": 0})


def drop(service: Service, list_id: str) -> int:
    """Delete one list now: its memberships and opt-out memory go, its members stay. Returns 1, or 0 if gone."""
    account = service.account
    with account.lock:
        one = account.lists.get(list_id)
        if one is None or one.deleted_at is not None:
            return 0
        now = service.clock.now()
        account.lists[list_id] = replace(one, deleted_at=now, updated_at=now)
    with service.store.write() as db:
        db.execute("DELETE FROM memberships WHERE list_no = ?", [one.number])
        db.execute("DELETE FROM left_lists WHERE list_no = ?", [one.number])
    service.save()
    return 1
