"""The deeds of the control API: one function for each of its calls, from a JSON object to a JSON document.

Routing and the table of calls are in ``control``; what people, faults and seeding do is in their own modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb

from ccsync.sandbox import lists, people, seeding, truth
from ccsync.sandbox.account import PRIVILEGES, ContactList
from ccsync.sandbox.clock import iso
from ccsync.sandbox.contract import FIELD_TYPES
from ccsync.sandbox.options import SandboxUsageError
from ccsync.sandbox.service import Service
from ccsync.sandbox.switches import SWITCHES
from ccsync.sandbox.tokens import SCOPES, RefreshMode

Document = Mapping[str, Any]  # a JSON object from the request


def _text(given: Document, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise SandboxUsageError(f"{name} is needed, as a string")
    return value


def _emails(given: Document) -> list[str]:
    value = given.get("emails", given.get("email"))
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise SandboxUsageError("emails is needed: an array of addresses")
    return value


def find_list(service: Service, name_or_id: str) -> ContactList:
    """Find a live list by id or by name."""
    account = service.account
    found = account.lists.get(name_or_id.lower())
    if found is None or found.deleted_at is not None:
        found = account.list_named(name_or_id)
    if found is None:
        raise SandboxUsageError(f"there is no list {name_or_id!r}")
    return found


def _list(service: Service, given: Document) -> ContactList:
    return find_list(service, _text(given, "list"))


# seeding and people ------------------------------------------------------------------------------------


def seed(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Seed from ``rows``, a ``document`` or a ``file`` on this machine; ``lists``: names that everybody joins."""
    joined = [str(one) for one in given.get("lists", ())]
    if "file" in given:
        return asdict(seeding.load_file(service, Path(_text(given, "file")), joined))
    try:
        if "document" in given:
            return asdict(seeding.load_document(service, given["document"], joined))
        return asdict(seeding.load_rows(service, given.get("rows", []), joined))
    except duckdb.Error as unfit:
        raise SandboxUsageError(str(unfit)) from unfit


def unsubscribe(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Opt people out of everything."""
    count = people.unsubscribe(
        service, _emails(given), source=str(given.get("source", "Contact")), reason=given.get("reason"),
        leave_lists=bool(given.get("leave_lists", False)),
    )  # fmt: skip
    return {"people": count}


def resubscribe(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Let people come back by their own act."""
    return {"people": people.resubscribe(service, _emails(given))}


def leave(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Take people off one ``list``, ``by`` their own choice (contact) or a colleague (account)."""
    by = str(given.get("by", "contact"))
    if by not in ("contact", "account"):
        raise SandboxUsageError("by is contact or account")
    return {"people": people.leave_list(service, _emails(given), _list(service, given), by=by)}


def join(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Put people on one ``list`` by hand; unknown ones are created when ``create`` is true."""
    emails = _emails(given)
    if given.get("create", True):
        seeding.load_rows(service, [{"email": one} for one in emails])
    return {"people": people.join_list(service, emails, _list(service, given))}


def edit(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Change ``fields`` as somebody in the web interface would."""
    fields = given.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise SandboxUsageError("fields is needed: an object")
    try:
        return {"people": people.edit(service, _emails(given), fields)}
    except duckdb.Error as unfit:
        raise SandboxUsageError(str(unfit)) from unfit


def delete(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Delete people in the web interface."""
    return {"people": people.delete(service, _emails(given))}


def person(service: Service, _: Document, path: Mapping[str, str]) -> Any:
    """Tell all there is to know of one address."""
    return truth.person(service, path["email"])


def members(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Tell who is on a ``list`` (query), with the columns that ``fields`` (query, comma-separated) names."""
    fields = [one for one in str(given.get("fields", "")).split(",") if one]
    return truth.members(service, _list(service, given), fields)


# lists and fields --------------------------------------------------------------------------------------


def show_lists(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell every list with its members counted, deleted ones too."""
    counts = lists.member_counts(service, "all")
    active = lists.member_counts(service, "active")
    return [
        lists.document(one, members=counts.get(one.number, 0))
        | {"active_count": active.get(one.number, 0), "in_use": one.in_use}
        for one in list(service.account.lists.values())
    ]


def add_list(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Create a list by hand."""
    made = service.account.add_list(_text(given, "name"), service.clock.now())
    service.save()
    return lists.document(made)


def rename_list(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Rename a ``list`` to ``name``."""
    made = service.account.change_list(_list(service, given), service.clock.now(), name=_text(given, "name"))
    service.save()
    return lists.document(made)


def delete_list(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Delete a ``list`` in the web interface, at once."""
    return {"lists": lists.drop(service, _list(service, given).list_id)}


def use_list(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Say that a scheduled campaign uses a ``list``, or (``in_use`` false) no longer."""
    one = _list(service, given)
    service.account.lists[one.list_id] = replace(one, in_use=bool(given.get("in_use", True)))
    return {"in_use": service.account.lists[one.list_id].in_use}


def add_field(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Create a custom field by hand: ``label`` and ``type``."""
    kind = str(given.get("type", "string"))
    if kind not in FIELD_TYPES:
        raise SandboxUsageError(f"type is one of {', '.join(FIELD_TYPES)}")
    made = service.account.add_field(_text(given, "label"), kind, service.clock.now())
    service.save()
    return {"custom_field_id": made.custom_field_id, "name": made.name, "label": made.label}


# faults, time, tokens, limits --------------------------------------------------------------------------


def show_faults(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell the faults ordered, and how often each was seen and hit."""
    return service.faults.listing()


def add_fault(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Order a fault."""
    return {"fault_id": service.faults.add(given).fault_id}


def clear_faults(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Take back every fault, let go of what hangs and what is stuck."""
    service.faults.clear()
    service.faults.released.set()
    service.faults.released.clear()
    service.queue.release()
    return {}


def remove_fault(service: Service, _: Document, path: Mapping[str, str]) -> Any:
    """Take back one fault."""
    if not path["fault_id"].isdecimal() or not service.faults.remove(int(path["fault_id"])):
        raise SandboxUsageError("there is no such fault")
    return {}


def show_switches(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell every switch: its setting, default, allowed values, meaning and evidence."""
    now = service.switches.as_dict()
    return {
        name: {"value": now[name], "default": one.default, "allowed": list(one.allowed), "meaning": one.meaning,
               "evidence": one.evidence}
        for name, one in SWITCHES.items()
    }  # fmt: skip


def set_switches(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Set switches: an object of names and values."""
    for name, value in given.items():
        service.switches.set(name, str(value))
    return service.switches.as_dict()


def show_clock(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell the account's time."""
    return {"now": iso(service.clock.now())}


def move_clock(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Move time forward by ``days``, ``hours`` and ``seconds``."""
    unknown = set(given) - {"days", "hours", "seconds"}
    if unknown:
        raise SandboxUsageError("the clock moves by days, hours and seconds")
    seconds = float(given.get("days", 0)) * 86_400 + float(given.get("hours", 0)) * 3_600
    seconds += float(given.get("seconds", 0))
    if not 0 <= seconds <= 3_650 * 86_400:
        raise SandboxUsageError("the clock moves forward, by ten years at most")
    service.clock.forward(seconds)
    return {"now": iso(service.clock.now())}


def new_token(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Make an access token by hand, with ``scopes`` (all if left out)."""
    scopes = tuple(str(one) for one in given.get("scopes", SCOPES))
    made = service.tokens.issue(service.tokens.new_grant(), scopes, service.clock.now())
    out = {"access_token": made.access.value, "scopes": list(scopes)}
    return out | ({"refresh_token": made.refresh.value} if made.refresh else {})


def expire_tokens(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Let all access tokens be over; refresh tokens go on."""
    return {"tokens": service.tokens.expire_access()}


def revoke_tokens(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Revoke all grants: access and refresh tokens."""
    return {"tokens": service.tokens.revoke()}


def set_oauth(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Say what happens to requests for consent: ``auto`` is ask, approve or deny; or decide one device by its
    ``user_code`` with ``decision`` approve or deny."""
    if "user_code" in given:
        if given.get("decision") not in ("approve", "deny"):
            raise SandboxUsageError("decision is approve or deny")
        if not service.desk.decide(_text(given, "user_code"), given["decision"]):
            raise SandboxUsageError("no device waits with this code")
        return {}
    if given.get("auto") not in ("ask", "approve", "deny"):
        raise SandboxUsageError("auto is ask, approve or deny")
    service.desk.auto = given["auto"]
    return {"auto": service.desk.auto}


def set_limits(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Set ``requests_per_second``, ``requests_per_day``, ``used_today``, ``queue_capacity``, ``speed``,
    ``token_calls_per_second``."""
    gateway, queue = service.gateway, service.queue
    for name, value in given.items():
        match name:
            case "requests_per_second":
                gateway.set_rate(float(value))
            case "requests_per_day":
                gateway.requests_per_day = int(value)
            case "used_today":
                gateway.used_today = int(value)
            case "token_calls_per_second":
                service.desk.token_rate = float(value)
            case "queue_capacity":
                queue.capacity = int(value)
            case "speed":
                queue.rules = replace(queue.rules, speed=None if value is None else int(value))
            case _:
                raise SandboxUsageError(f"there is no limit {name!r}")
    return show_limits(service, {}, {})


def show_limits(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell the limits and what is used of them."""
    gateway, queue = service.gateway, service.queue
    return {
        "requests_per_second": gateway.rate, "requests_per_day": gateway.requests_per_day,
        "used_today": gateway.used_today, "queue_capacity": queue.capacity, "speed": queue.rules.speed,
        "token_calls_per_second": service.desk.token_rate,
    }  # fmt: skip


def set_account(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Change the account or the application: ``privileges``, ``confirmed_opt_in``, ``encoded_account_id``,
    ``organization_name``, ``application_active``, ``device_flow``, ``refresh_mode``, ``access_token_seconds``."""
    account, tokens = service.account, service.tokens
    for name, value in given.items():
        match name:
            case "privileges":
                unknown = set(value) - {known for _, known in PRIVILEGES}
                if unknown:
                    raise SandboxUsageError(f"there is no privilege {', '.join(sorted(unknown))}")
                account.privileges = tuple(value)
            case "confirmed_opt_in":
                account.confirmed_opt_in = bool(value)
            case "encoded_account_id" | "organization_name":
                account.owner[name] = str(value)
            case "application_active":
                tokens.application = replace(tokens.application, active=bool(value))
            case "device_flow":
                tokens.application = replace(tokens.application, device_flow=bool(value))
            case "refresh_mode":
                tokens.application = replace(tokens.application, refresh_mode=RefreshMode(value))
            case "access_token_seconds":
                tokens.lifetime_s = int(value)
            case _:
                raise SandboxUsageError(f"the account has no {name!r}")
    service.save()
    return {"privileges": list(account.privileges), "confirmed_opt_in": account.confirmed_opt_in}


# looking -----------------------------------------------------------------------------------------------


def drain(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Finish every activity that can finish, at once."""
    return {"finished": service.queue.drain()}


def show_activities(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell the activities with what the API does not show: their kind and rows."""
    return [job.document() | {"kind": job.kind, "rows": job.rows} for job in service.queue.listing(None)]


def show_requests(service: Service, given: Document, _: Mapping[str, str]) -> Any:
    """Tell the last requests, newer than number ``since`` (query)."""
    since = str(given.get("since", "0"))
    return {"requests": service.log.since(int(since) if since.isdecimal() else 0, limit=500)}


def show_statistics(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Tell the counts since the start."""
    return truth.statistics(service)


def reset(service: Service, _: Document, __: Mapping[str, str]) -> Any:
    """Make the account as new; tokens stay valid."""
    service.reset()
    return {}
