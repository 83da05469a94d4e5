"""Reading people: one, a page of many, the counts, and how a person looks in an answer.

Changing people through the API is in ``contact_writes``. Source: SW#P/contacts and below, FACTS 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import duckdb

from ccsync.sandbox import cursors, limits, problem
from ccsync.sandbox.account import Account
from ccsync.sandbox.clock import iso
from ccsync.sandbox.service import Answer, Call
from ccsync.sandbox.store import Row, aware, stamp
from ccsync.sandbox.validate import UUID

_COLUMNS = (
    "seq", "contact_id", "email", "first_name", "last_name", "job_title", "company_name", "birthday_month",
    "birthday_day", "anniversary", "permission", "create_source", "update_source", "created_at", "updated_at",
    "deleted_at", "email_created_at", "email_updated_at", "opt_in_source", "opt_in_date", "opt_out_source",
    "opt_out_date", "opt_out_reason", "confirm_status", "sms_number", "sms_permission", "sms_consent_date",
)  # fmt: skip
_SELECT = ", ".join(f"c.{name}" for name in _COLUMNS)

ACTIVE = "c.permission IN ('explicit', 'implicit') AND c.deleted_at IS NULL"
"""Billable and mailable. Source: knowledge base 51160."""


def status_condition(statuses: Iterable[str]) -> str:
    """Say in SQL which people have one of the statuses. Deleted people are of no other status."""
    wanted = set(statuses)
    if "all" in wanted:
        return "TRUE"
    parts = []
    if "active" in wanted:
        parts.append(f"({ACTIVE})")
    if "deleted" in wanted:
        parts.append("c.deleted_at IS NOT NULL")
    for permission in ("not_set", "pending_confirmation", "temp_hold", "unsubscribed"):
        if permission in wanted:
            parts.append(f"(c.permission = '{permission}' AND c.deleted_at IS NULL)")
    return "(" + " OR ".join(parts) + ")"


def get_contacts(call: Call) -> Answer:
    """GET /contacts: 50 a page, everyone but the deleted, core fields only, unless asked otherwise."""
    query, after = cursors.decode(call.query)
    if "segment_id" in query:
        if set(query) - {"segment_id", "limit"}:
            raise problem.invalid("segment_id can only be combined with limit")
        raise problem.not_found(f"Segment {query['segment_id']} was not found.")
    conditions, values = _conditions(call.service.account, query)
    where = " AND ".join(conditions)
    limit = query.get("limit", limits.PAGE_DEFAULT)
    with call.service.store.read() as db:
        found = _page(db, where, values, after, limit + 1)
        page = found[:limit]
        people = documents(db, call.service.account, page, query.get("include", ()))
        body: dict[str, Any] = {"contacts": people}
        if query.get("include_count"):
            row = db.execute(f"SELECT count(*) FROM contacts c WHERE {where}", values).fetchone()
            body["contacts_count"] = row[0] if row else 0
    body["_links"] = cursors.links("/v3/contacts", query, page[-1][0] if len(found) > limit else None)
    return Answer(body=body)


def _page(db: duckdb.DuckDBPyConnection, where: str, values: Mapping[str, Any], after: int, wanted: int) -> list[Row]:
    """Find the first people after a position, looking at few of a million by widening a window step by step."""
    width = 20 * wanted
    while True:
        row = db.execute(
            f"SELECT max(seq), count(*) FROM (SELECT seq FROM contacts WHERE seq > {after} ORDER BY seq LIMIT {width})"
        ).fetchone()
        upto, seen = row if row else (None, 0)
        if upto is None:
            return []
        window = f"c.seq > {after} AND c.seq <= {upto}"
        conditions = where.replace("/*window*/", f" AND seq > {after} AND seq <= {upto}")
        found = db.execute(
            f"SELECT {_SELECT} FROM contacts c WHERE {window} AND {conditions} ORDER BY c.seq LIMIT {wanted}",
            dict(values),
        ).fetchall()
        if len(found) == wanted or seen < width:
            return found
        width *= 20


def _conditions(account: Account, query: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    chosen = status_condition(query["status"]) if "status" in query else "c.deleted_at IS NULL"
    conditions, values = [chosen], dict[str, Any]()
    if "email" in query:
        conditions.append("c.email = $email")
        values["email"] = query["email"].strip().lower()
    if "lists" in query:
        numbers = [account.lists[one.lower()].number for one in query["lists"] if one.lower() in account.lists]
        conditions.append(_among("memberships", "list_no", numbers))
    if "tags" in query:
        numbers = [account.tags[one.lower()].number for one in query["tags"] if one.lower() in account.tags]
        conditions.append(_among("taggings", "tag_no", numbers))
    for name, column in (("updated", "updated_at"), ("created", "created_at"), ("optout", "opt_out_date")):
        for end, sign in (("after", ">"), ("before", "<")):
            if f"{name}_{end}" in query:
                conditions.append(f"c.{column} {sign} ${name}_{end}")
                values[f"{name}_{end}"] = stamp(query[f"{name}_{end}"])
    if any(name.startswith("optout_") for name in query):
        conditions.append("c.permission = 'unsubscribed'")
    if "sms_status" in query and "all" not in query["sms_status"]:
        wanted = ", ".join(f"'{one}'" for one in query["sms_status"])
        conditions.append(f"c.sms_number IS NOT NULL AND coalesce(c.sms_permission, 'not_set') IN ({wanted})")
    elif "sms_status" in query:
        conditions.append("c.sms_number IS NOT NULL")
    return conditions, values


def _among(table: str, column: str, numbers: list[int]) -> str:
    if not numbers:
        return "FALSE"
    listed = ", ".join(str(number) for number in numbers)
    return f"c.seq IN (SELECT seq FROM {table} WHERE {column} IN ({listed})/*window*/)"


def get_contact(call: Call) -> Answer:
    """GET /contacts/{contact_id}; a deleted person is found too."""
    include = call.query.get("include", ())
    with call.service.store.read() as db:
        row = row_or_404(db, call.path["contact_id"])
        return Answer(body=documents(db, call.service.account, [row], include)[0])


def row_or_404(db: duckdb.DuckDBPyConnection, contact_id: str) -> Row:
    """Find a person's row by id, deleted or not."""
    if not UUID.fullmatch(contact_id):
        raise problem.not_found(f"Contact {contact_id} was not found.")
    row = db.execute(f"SELECT {_SELECT} FROM contacts c WHERE c.contact_id = ?", [contact_id.lower()]).fetchone()
    if row is None:
        raise problem.not_found(f"Contact {contact_id} was not found.")
    return tuple(row)


def get_counts(call: Call) -> Answer:
    """GET /contacts/counts."""
    since = stamp(call.now - timedelta(days=limits.NEW_SUBSCRIBER_DAYS))
    row = call.service.store.rows(
        """SELECT count(*), count(*) FILTER (permission = 'explicit'), count(*) FILTER (permission = 'implicit'),
            count(*) FILTER (permission = 'pending_confirmation'), count(*) FILTER (permission = 'unsubscribed'),
            count(*) FILTER (opt_in_date > ? AND permission <> 'unsubscribed')
        FROM contacts WHERE deleted_at IS NULL""",
        [since],
    )[0]
    names = ("total", "explicit", "implicit", "pending", "unsubscribed", "new_subscriber")
    body = dict(zip(names, row, strict=True))
    if call.query.get("include") != "new_subscriber":
        del body["new_subscriber"]
    return Answer(body=body)


def get_xrefs(call: Call) -> Answer:
    """GET /contacts/contact_id_xrefs: the V2 ids of this account are its people's sequence numbers."""
    wanted = [int(one) for one in call.query["sequence_ids"] if one.isascii() and one.isdigit() and len(one) < 18]
    rows = call.service.store.rows(
        "SELECT seq, contact_id FROM contacts WHERE seq IN (SELECT unnest(?::BIGINT[])) ORDER BY seq", [wanted]
    )
    return Answer(body={"xrefs": [{"sequence_id": str(seq), "contact_id": str(one)} for seq, one in rows]})


# how a person looks ------------------------------------------------------------------------------------


def documents(
    db: duckdb.DuckDBPyConnection, account: Account, rows: Iterable[Row], include: Iterable[str]
) -> list[dict[str, Any]]:
    """Return people as the API shows them, with the sub-resources asked for. ``Any``: JSON documents."""
    people = {row[0]: _core(dict(zip(_COLUMNS, row, strict=True))) for row in rows}
    for part in include:
        for person in people.values():
            person[part] = []
        for seq, value in _SUBRESOURCES[part](db, account, list(people)):
            people[seq][part].append(value)
    return list(people.values())


def _core(row: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"contact_id": str(row["contact_id"])}
    if row["email"] is not None:
        out["email_address"] = _email(row)
    for name in (
        "first_name", "last_name", "job_title", "company_name", "birthday_month", "birthday_day", "anniversary",
        "update_source", "create_source",
    ):  # fmt: skip
        if row[name] is not None:
            out[name] = row[name]
    out |= {"created_at": _iso(row["created_at"]), "updated_at": _iso(row["updated_at"])}
    if row["deleted_at"] is not None:
        out["deleted_at"] = row["deleted_at"].date().isoformat()
    if row["sms_number"] is not None:
        out["sms_channel"] = _sms(row)
    return out


def _email(row: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "address": row["email"],
        "permission_to_send": row["permission"],
        "created_at": _iso(row["email_created_at"]),
        "updated_at": _iso(row["email_updated_at"]),
        "confirm_status": row["confirm_status"] or "off",
    }
    if row["opt_in_source"] is not None:
        out |= {"opt_in_source": row["opt_in_source"], "opt_in_date": _iso(row["opt_in_date"])}
    if row["permission"] == "unsubscribed":
        out |= {"opt_out_source": row["opt_out_source"] or "Contact", "opt_out_date": _iso(row["opt_out_date"])}
        if row["opt_out_reason"] is not None:
            out["opt_out_reason"] = row["opt_out_reason"]
    return out


def _sms(row: Mapping[str, Any]) -> dict[str, Any]:
    consent = {"sms_consent_permission": row["sms_permission"] or "not_set", "consent_type": "promotional_sms"}
    return {
        "sms_address": row["sms_number"], "dial_code": "1", "country_code": "US",
        "create_source": row["create_source"], "sms_channel_consents": [consent],
    }  # fmt: skip


def _iso(moment: datetime) -> str:
    return iso(aware(moment))


_Pairs = Iterable[tuple[int, Any]]  # Any: JSON values


def _memberships(db: duckdb.DuckDBPyConnection, account: Account, seqs: list[int]) -> _Pairs:
    ids = {one.number: one.list_id for one in account.active_lists()}
    rows = db.execute(_of("memberships", "list_no", "list_no"), {"seqs": seqs}).fetchall()
    return [(seq, ids[number]) for seq, number in rows if number in ids]


def _taggings(db: duckdb.DuckDBPyConnection, account: Account, seqs: list[int]) -> _Pairs:
    ids = {one.number: one.tag_id for one in list(account.tags.values())}
    rows = db.execute(_of("taggings", "tag_no", "tag_no"), {"seqs": seqs}).fetchall()
    return [(seq, ids[number]) for seq, number in rows if number in ids]


def _custom_fields(db: duckdb.DuckDBPyConnection, account: Account, seqs: list[int]) -> _Pairs:
    fields = {one.number: one for one in list(account.fields.values())}
    rows = db.execute(_of("custom_values", "field_no, value", "field_no"), {"seqs": seqs}).fetchall()
    out = []
    for seq, number, value in rows:
        if number in fields:
            out.append((seq, {"custom_field_id": fields[number].custom_field_id, "value": value}))
    return out


def _phones(db: duckdb.DuckDBPyConnection, account: Account, seqs: list[int]) -> _Pairs:
    del account
    rows = db.execute(
        _of("phones", "phone_id, phone_number, kind, created_at, updated_at", "kind"), {"seqs": seqs}
    ).fetchall()
    return [
        (seq, {"phone_number_id": str(one), "phone_number": number, "kind": kind, "created_at": _iso(born),
               "updated_at": _iso(changed), "create_source": "Account", "update_source": "Account"})
        for seq, one, number, kind, born, changed in rows
    ]  # fmt: skip


def _addresses(db: duckdb.DuckDBPyConnection, account: Account, seqs: list[int]) -> _Pairs:
    del account
    parts = ("street", "city", "state", "postal_code", "country")
    wanted = "address_id, kind, created_at, updated_at, " + ", ".join(parts)
    out = []
    for seq, one, kind, born, changed, *values in db.execute(
        _of("addresses", wanted, "kind"), {"seqs": seqs}
    ).fetchall():
        head = {"street_address_id": str(one), "kind": kind}
        given = {name: value for name, value in zip(parts, values, strict=True) if value is not None}
        out.append((seq, head | given | {"created_at": _iso(born), "updated_at": _iso(changed)}))
    return out


def _notes(db: duckdb.DuckDBPyConnection, account: Account, seqs: list[int]) -> _Pairs:
    del account
    rows = db.execute(
        _of("notes", "note_id, created_at, content", "created_at DESC, note_id"), {"seqs": seqs}
    ).fetchall()
    return [
        (seq, {"note_id": str(one), "created_at": _iso(born), "content": content}) for seq, one, born, content in rows
    ]


def _of(table: str, wanted: str, order: str) -> str:
    # The bounds let DuckDB skip what is far from the page.
    return (
        f"SELECT seq, {wanted} FROM {table} WHERE seq IN (SELECT unnest($seqs::BIGINT[])) "
        f"AND seq BETWEEN list_min($seqs::BIGINT[]) AND list_max($seqs::BIGINT[]) ORDER BY seq, {order}"
    )


_SUBRESOURCES = {
    "list_memberships": _memberships,
    "taggings": _taggings,
    "custom_fields": _custom_fields,
    "phone_numbers": _phones,
    "street_addresses": _addresses,
    "notes": _notes,
}
