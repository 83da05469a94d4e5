"""What is really so in the account, beyond what the API shows: for tests, for the page and for curious people.

Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ccsync.sandbox import columns
from ccsync.sandbox.account import ContactList
from ccsync.sandbox.clock import iso
from ccsync.sandbox.contacts import ACTIVE
from ccsync.sandbox.options import SandboxUsageError
from ccsync.sandbox.service import Service
from ccsync.sandbox.store import aware


def person(service: Service, email: str) -> dict[str, Any]:
    """Tell all there is to know of one address. ``Any``: a JSON document."""
    rows = service.store.rows(
        """SELECT seq, contact_id, permission, opt_out_source, deleted_at IS NOT NULL, first_name, last_name, job_title,
            company_name, anniversary, birthday_month, birthday_day, updated_at
        FROM contacts WHERE email = ?""",
        [email.strip().lower()],
    )
    if not rows:
        return {"known": False}
    seq, contact_id, permission, opt_out_source, deleted, *values, updated_at = rows[0]
    names = ("first_name", "last_name", "job_title", "company_name", "anniversary", "birthday_month", "birthday_day")
    fields = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    labels = {one.number: f"cf:{one.name}" for one in list(service.account.fields.values())}
    for number, value in service.store.rows("SELECT field_no, value FROM custom_values WHERE seq = ?", [seq]):
        if number in labels:
            fields[labels[number]] = value
    list_names = {one.number: one.name for one in list(service.account.lists.values())}
    on = service.store.rows("SELECT list_no FROM memberships WHERE seq = ? ORDER BY list_no", [seq])
    left = service.store.rows(
        "SELECT list_no, left_at, returned_at, returned_by FROM left_lists WHERE seq = ? ORDER BY left_at, list_no",
        [seq],
    )
    return {
        "known": True, "contact_id": str(contact_id), "permission": permission, "deleted": deleted,
        "opt_out_source": opt_out_source, "updated_at": iso(aware(updated_at)), "fields": fields,
        "lists": [list_names[number] for (number,) in on],
        "left": [
            {"list": list_names[number], "left_at": iso(aware(at)),
             "returned_at": iso(aware(back)) if back else None, "returned_by": by}
            for number, at, back, by in left
        ],
    }  # fmt: skip


def members(service: Service, one: ContactList, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Tell who is on a list, by address; with ``fields``, their values too. ``Any``: a JSON document."""
    known = {*columns.CORE_TEXT, *columns.BIRTHDAY, "permission"}
    cells, joins = ["c.email"], ""
    for at, name in enumerate(fields):
        custom = service.account.field_named(name[3:]) if name.startswith("cf:") else None
        if custom is not None:
            joins += f" LEFT JOIN custom_values v{at} ON v{at}.seq = c.seq AND v{at}.field_no = {custom.number}"
            cells.append(f"v{at}.value")
        elif name in known:
            cells.append(f"c.{name}")
        else:
            raise SandboxUsageError(f"people have no {name}")
    rows = service.store.rows(
        f"""SELECT {", ".join(cells)} FROM contacts c JOIN memberships m ON m.seq = c.seq{joins}
        WHERE m.list_no = {one.number} AND c.deleted_at IS NULL ORDER BY c.email"""
    )
    if not fields:
        return {"list": one.name, "count": len(rows), "members": [email for (email,) in rows]}
    shown = [dict(zip(("email", *fields), row, strict=True)) for row in rows]
    return {"list": one.name, "count": len(rows), "members": shown}


def statistics(service: Service) -> dict[str, Any]:
    """Tell the counts since the start, and the size of the account. ``Any``: a JSON document."""
    contacts, active, unsubscribed, deleted = service.store.rows(
        f"""SELECT count(*), count(*) FILTER ({ACTIVE}),
            count(*) FILTER (permission = 'unsubscribed' AND deleted_at IS NULL),
            count(*) FILTER (deleted_at IS NOT NULL) FROM contacts c"""
    )[0]
    put_back = service.store.number("SELECT count(*) FROM left_lists WHERE returned_by IN ('import', 'activity')")
    account = {
        "contacts": contacts, "active": active, "unsubscribed": unsubscribed, "deleted": deleted,
        "peak_active": service.account.peak_active, "lists": len(service.account.active_lists()),
        "leavers_put_back": put_back,
    }  # fmt: skip
    limits = {"requests_today": service.gateway.used_today, "requests_per_day": service.gateway.requests_per_day}
    return service.log.totals() | {"account": account, "limits": limits, "open_activities": service.queue.open_jobs()}
