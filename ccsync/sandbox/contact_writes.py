"""Changing one person at a time: create, replace, delete, the sign-up form, the mail that asks to come back.

Bulk changes are activities. Source: SW#P/contacts and below, FACTS 3.2; the dangers are the vendor's own (SURPRISES
2, 13, 19): a PUT empties what it leaves out, and the sign-up form re-subscribes the unsubscribed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb

from ccsync.sandbox import columns, limits, problem
from ccsync.sandbox.account import Account
from ccsync.sandbox.bulk import delete_chosen
from ccsync.sandbox.contacts import documents, row_or_404
from ccsync.sandbox.imports import note_peak
from ccsync.sandbox.people import explicit_again
from ccsync.sandbox.service import Answer, Call, Service
from ccsync.sandbox.store import stamp
from ccsync.sandbox.validate import parse_moment

Body = Mapping[str, Any]  # a checked JSON document

_CORE = (
    "first_name", "last_name", "job_title", "company_name", "birthday_month", "birthday_day", "anniversary",
)  # fmt: skip
_ALL_PARTS = ("custom_fields", "list_memberships", "phone_numbers", "street_addresses", "taggings", "notes")


def post_contact(call: Call) -> Answer:
    """POST /contacts: 409 for an address that exists, even on a deleted person."""
    body, service = call.body, call.service
    if not any(body.get(name) for name in ("first_name", "last_name", "email_address", "sms_channel")):
        raise problem.invalid("first_name, last_name, email_address or sms_channel is required")
    _check_core(body)
    email = _address(body, limits.EMAIL)
    source = body["create_source"]
    with service.store.write() as db:
        _refuse_taken(db, email, None)
        asked = (body.get("email_address") or {}).get("permission_to_send")
        seq = create(service, db, email, asked or _permission(service, source), source, call.now)
        _write_core(db, seq, {name: body.get(name) for name in _CORE})
        _write_sms(db, seq, body)
        _write_parts(call, db, seq, body)
        shown = _shown(service, db, seq)
    note_peak(service)
    return Answer(201, shown)


def put_contact(call: Call) -> Answer:
    """PUT /contacts/{contact_id}: what is left out of the core becomes null; sub-resources given replace whole."""
    body, service = call.body, call.service
    service.log.count("violations", "put_contact")
    _check_core(body)
    email = _address(body, limits.EMAIL)
    source, now = body["update_source"], stamp(call.now)
    with service.store.write() as db:
        old = row_or_404(db, call.path["contact_id"])
        seq, deleted = int(old[0]), old[15] is not None
        if deleted and source != "Account":
            raise problem.invalid("To restore a deleted contact, update_source must be Account")
        _refuse_taken(db, email, seq)
        _change_permission(call, db, seq, str(old[10] or "not_set"), str(old[20] or ""), body)
        _write_core(db, seq, {name: body.get(name) for name in _CORE})
        db.execute(
            """UPDATE contacts SET email = coalesce($email, email), updated_at = $now, update_source = $source,
                deleted_at = NULL WHERE seq = $seq""",
            {"email": email, "now": now, "source": source, "seq": seq},
        )
        _write_sms(db, seq, body)
        _write_parts(call, db, seq, body)
        shown = _shown(service, db, seq)
    note_peak(service)
    return Answer(body=shown)


def delete_contact(call: Call) -> Answer:
    """DELETE /contacts/{contact_id}: soft; 204."""
    with call.service.store.write() as db:
        row = row_or_404(db, call.path["contact_id"])
        db.execute("CREATE OR REPLACE TEMP TABLE chosen AS SELECT ?::BIGINT AS seq", [row[0]])
        delete_chosen(call.service, db)
    return Answer(204)


@contextmanager
def _alone(account: Account, email: str) -> Iterator[None]:
    """Refuse a second sign-up of one person at the same time with 409. Source: SW#P/contacts/sign_up_form."""
    with account.lock:
        if email in account.busy:
            raise problem.conflict("The contact is being changed by another call.")
        account.busy.add(email)
    try:
        yield
    finally:
        with account.lock:
            account.busy.discard(email)


def sign_up(call: Call) -> Answer:
    """POST /contacts/sign_up_form: creates or updates, appends lists and fields, and makes the consent explicit,
    even for somebody who had unsubscribed."""
    body, service = call.body, call.service
    service.log.count("violations", "sign_up_form")
    _check_core(body)
    if not body.get("email_address"):
        raise problem.invalid("email_address is required; an SMS number alone is not supported by this account")
    email = _checked_address(body["email_address"], limits.IMPORT_EMAIL)
    targets = service.account.known_lists(body["list_memberships"])
    numbers = _field_numbers(service, body.get("custom_fields") or ())
    with _alone(service.account, email), service.store.write() as db:
        row = db.execute("SELECT seq, permission FROM contacts WHERE email = ?", [email]).fetchone()
        if row is None:
            wish = "pending_confirmation" if service.account.confirmed_opt_in else "explicit"
            seq, action = create(service, db, email, wish, "Contact", call.now), "created"
        else:
            seq, action = int(row[0]), "updated"
            if row[1] == "unsubscribed":
                service.log.count("harm", "unsubscribed_resubscribed")
            explicit_again(db, f"seq = {seq}", stamp(call.now))
            db.execute(
                "UPDATE contacts SET updated_at = ?, update_source = 'Contact', deleted_at = NULL WHERE seq = ?",
                [stamp(call.now), seq],
            )
        _write_core(db, seq, {name: body[name] for name in _CORE if body.get(name) is not None})
        for number, value in numbers:
            _write_value(db, seq, number, value)
        if body.get("phone_number"):
            _replace_phones(db, seq, [{"kind": "other", "phone_number": body["phone_number"]}], call.now)
        if body.get("street_address"):
            _replace_addresses(db, seq, [body["street_address"]], call.now)
        _append_lists(service, db, seq, [one.number for one in targets], call.now)
        contact_id = str(_one(db, "SELECT contact_id FROM contacts WHERE seq = ?", seq))
    note_peak(service)
    return Answer(201 if action == "created" else 200, {"contact_id": contact_id, "action": action})


def resubscribe(call: Call) -> Answer:
    """PUT /contacts/resubscribe/{contact_id}: a mail that asks; once a person. Nothing changes until they confirm."""
    service = call.service
    targets = service.account.known_lists(call.body["list_ids"])
    with service.store.write() as db:
        row = row_or_404(db, call.path["contact_id"])
        if row[10] != "unsubscribed" or row[15] is not None:
            raise problem.invalid("The contact is not unsubscribed.")
        if _one(db, "SELECT resubscribe_sent FROM contacts WHERE seq = ?", row[0]):
            raise problem.conflict("A resubscribe email was already sent to this contact.")
        db.execute("UPDATE contacts SET resubscribe_sent = TRUE WHERE seq = ?", [row[0]])
        service.account.asked_back[int(row[0])] = tuple(one.number for one in targets)
        return Answer(body=_shown(service, db, int(row[0])))


# parts -------------------------------------------------------------------------------------------------


def create(
    service: Service, db: duckdb.DuckDBPyConnection, email: str | None, permission: str, source: str, now: datetime
) -> int:
    """Insert a person with nothing but an address and a consent; returns the sequence number."""
    seq = int(_one(db, "SELECT coalesce(max(seq), 0) + 1 FROM contacts"))
    made_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{service.options.random_seed}:{seq}:{email}")
    moment, there = stamp(now), email is not None
    out = permission == "unsubscribed"
    db.execute(
        """INSERT INTO contacts (seq, contact_id, email, permission, create_source, created_at, updated_at,
            email_created_at, email_updated_at, opt_in_source, opt_in_date, opt_out_source,
            opt_out_date, confirm_status)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [seq, str(made_id), email, permission if there else None, source, moment, moment, moment if there else None,
         moment if there else None, source if there else None, moment if there else None, source if out else None,
         moment if out else None, "pending" if permission == "pending_confirmation" else "off"],
    )  # fmt: skip
    return seq


def _permission(service: Service, source: str) -> str:
    if source == "Account":
        return "implicit"
    return "pending_confirmation" if service.account.confirmed_opt_in else "explicit"


def _check_core(body: Body) -> None:
    if (body.get("birthday_month") is None) != (body.get("birthday_day") is None):
        raise problem.invalid("birthday_month and birthday_day require each other")
    given = body.get("anniversary")
    if given and not _is_date(given):
        raise problem.invalid("anniversary is not a valid date")


def _is_date(text: str) -> bool:
    for form in columns.ANNIVERSARY_FORMATS:
        try:
            datetime.strptime(text, form)  # noqa: DTZ007  a day without a zone
        except ValueError:
            continue
        return True
    return False


def _address(body: Body, most: int) -> str | None:
    given = body.get("email_address")
    return None if given is None else _checked_address(given["address"], most)


def _checked_address(text: str, most: int) -> str:
    email = text.strip().lower()
    if len(email) > most or not re.fullmatch(columns.EMAIL, email):
        raise problem.invalid("email_address is not a valid email address")
    return email


def _refuse_taken(db: duckdb.DuckDBPyConnection, email: str | None, own: int | None) -> None:
    if email is None:
        return
    row = db.execute("SELECT seq, contact_id FROM contacts WHERE email = ?", [email]).fetchone()
    if row is not None and row[0] != own:
        raise problem.conflict(f"Validation failed: the email address already exists for contact {row[1]}")


def _change_permission(
    call: Call, db: duckdb.DuckDBPyConnection, seq: int, old: str, opted_out_by: str, body: Body
) -> None:
    given = body.get("email_address") or {}
    new = given.get("permission_to_send")
    if new is None or new == old:
        return
    moment, source = stamp(call.now), body["update_source"]
    if old == "unsubscribed":
        if opted_out_by == "Contact" and source == "Account":
            raise problem.invalid("The contact opted out and can come back only by an own action")
        call.service.log.count("harm", "unsubscribed_resubscribed")
        explicit_again(db, f"seq = {seq}", moment)
    if new == "unsubscribed":
        db.execute(
            """UPDATE contacts SET permission = 'unsubscribed', opt_out_source = ?, opt_out_date = ?,
                opt_out_reason = ?, email_updated_at = ? WHERE seq = ?""",
            [source, moment, given.get("opt_out_reason"), moment, seq],
        )
    else:
        db.execute("UPDATE contacts SET permission = ?, email_updated_at = ? WHERE seq = ?", [new, moment, seq])


def _write_core(db: duckdb.DuckDBPyConnection, seq: int, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        db.execute(f"UPDATE contacts SET {name} = ? WHERE seq = ?", [None if value == "" else value, seq])


def _write_sms(db: duckdb.DuckDBPyConnection, seq: int, body: Body) -> None:
    given = body.get("sms_channel")
    if given:
        consent = next((one["sms_consent_permission"] for one in given["sms_channel_consents"]), "not_set")
        db.execute(
            "UPDATE contacts SET sms_number = ?, sms_permission = ? WHERE seq = ?",
            [given["full_sms_address"][:16], consent, seq],
        )


def _write_parts(call: Call, db: duckdb.DuckDBPyConnection, seq: int, body: Body) -> None:
    """Replace each sub-resource that the body has; those it lacks stay."""
    service = call.service
    if body.get("custom_fields") is not None:
        numbers = _field_numbers(service, body["custom_fields"])
        db.execute("DELETE FROM custom_values WHERE seq = ?", [seq])
        for number, value in numbers:
            _write_value(db, seq, number, value)
    if body.get("phone_numbers") is not None:
        _replace_phones(db, seq, body["phone_numbers"], call.now)
    if body.get("street_addresses") is not None:
        _replace_addresses(db, seq, body["street_addresses"], call.now)
    if body.get("list_memberships") is not None:
        numbers_wanted = [one.number for one in service.account.known_lists(body["list_memberships"])]
        _replace_lists(service, db, seq, numbers_wanted, call.now, by_contact=body.get("update_source") == "Contact")
    if body.get("taggings") is not None:
        _replace_tags(service, db, seq, body["taggings"])
    if body.get("notes") is not None:
        db.execute("DELETE FROM notes WHERE seq = ?", [seq])
        for note in body["notes"]:
            born = parse_moment(note["created_at"], "created_at") if note.get("created_at") else call.now
            values = [seq, note.get("note_id") or service.account.new_id(), note.get("content") or "", stamp(born)]
            db.execute("INSERT INTO notes VALUES (?, ?, ?, ?)", values)


def _field_numbers(service: Service, given: Any) -> list[tuple[int, str]]:
    out = []
    for one in given:
        field_id = one.get("custom_field_id")
        found = service.account.fields.get((field_id or "").lower())
        if found is None:
            raise problem.invalid(f"custom_field_id {field_id} does not exist")
        labels = {str(choice["choice_id"]): str(choice["choice_label"]) for choice in found.choices}
        chosen = [labels.get(str(choice), str(choice)) for choice in one.get("choice_ids") or ()]
        out.append((found.number, ", ".join(chosen) if chosen else one.get("value") or ""))
    return out


def _write_value(db: duckdb.DuckDBPyConnection, seq: int, number: int, value: str) -> None:
    db.execute("DELETE FROM custom_values WHERE seq = ? AND field_no = ?", [seq, number])
    if value:
        db.execute("INSERT INTO custom_values VALUES (?, ?, ?)", [seq, number, value])


def _replace_phones(db: duckdb.DuckDBPyConnection, seq: int, given: Any, now: datetime) -> None:
    db.execute("DELETE FROM phones WHERE seq = ?", [seq])
    for one in given:
        values = [seq, one.get("kind") or "other", one.get("phone_number") or "", stamp(now), stamp(now)]
        db.execute("INSERT INTO phones VALUES (?, ?, ?, uuid(), ?, ?)", values)


def _replace_addresses(db: duckdb.DuckDBPyConnection, seq: int, given: Any, now: datetime) -> None:
    db.execute("DELETE FROM addresses WHERE seq = ?", [seq])
    for one in given:
        parts = [one.get(name) for name in ("street", "city", "state", "postal_code", "country")]
        values = [seq, one["kind"], *parts, stamp(now), stamp(now)]
        db.execute("INSERT INTO addresses VALUES (?, ?, ?, ?, ?, ?, ?, uuid(), ?, ?)", values)


def _replace_lists(
    service: Service, db: duckdb.DuckDBPyConnection, seq: int, wanted: list[int], now: datetime, *, by_contact: bool
) -> None:
    kept = ", ".join(str(number) for number in wanted) or "-1"
    if by_contact:
        db.execute(
            f"""INSERT INTO left_lists SELECT list_no, seq, $now, NULL, NULL FROM memberships
            WHERE seq = $seq AND list_no NOT IN ({kept}) ORDER BY list_no""",
            {"now": stamp(now), "seq": seq},
        )
    db.execute(f"DELETE FROM memberships WHERE seq = ? AND list_no NOT IN ({kept})", [seq])
    _append_lists(service, db, seq, wanted, now)


def _append_lists(service: Service, db: duckdb.DuckDBPyConnection, seq: int, wanted: list[int], now: datetime) -> None:
    on = {number for (number,) in db.execute("SELECT list_no FROM memberships WHERE seq = ?", [seq]).fetchall()}
    if len(on | set(wanted)) > limits.LISTS_PER_CONTACT:
        raise problem.invalid("A contact can be a member of at most 50 lists")
    for number in wanted:
        if number in on:
            continue
        db.execute("INSERT INTO memberships VALUES (?, ?)", [number, seq])
        back = db.execute(
            """UPDATE left_lists SET returned_at = ?, returned_by = 'write'
            WHERE list_no = ? AND seq = ? AND returned_at IS NULL""",
            [stamp(now), number, seq],
        ).fetchone()
        if back and back[0]:
            service.log.count("harm", "leavers_put_back", int(back[0]))


def _replace_tags(service: Service, db: duckdb.DuckDBPyConnection, seq: int, given: list[str]) -> None:
    db.execute("DELETE FROM taggings WHERE seq = ?", [seq])
    for tag_id in dict.fromkeys(one.lower() for one in given):
        found = service.account.tags.get(tag_id)
        if found is None:
            raise problem.invalid(f"tag {tag_id} does not exist")
        db.execute("INSERT INTO taggings VALUES (?, ?)", [found.number, seq])


def _shown(service: Service, db: duckdb.DuckDBPyConnection, seq: int) -> dict[str, Any]:
    contact_id = str(_one(db, "SELECT contact_id FROM contacts WHERE seq = ?", seq))
    return documents(db, service.account, [row_or_404(db, contact_id)], _ALL_PARTS)[0]


def _one(db: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> Any:  # Any: a value of a column
    row = db.execute(sql, list(values)).fetchone()
    return row[0] if row else None
