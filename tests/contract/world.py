"""A small account with one of everything, and a valid request for every operation that the sandbox serves.

Shared by the contract walk and the fuzzing; nothing is tested here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from ccsync.sandbox.app import Sandbox, create_app
from ccsync.sandbox.clock import ManualClock
from ccsync.sandbox.operations import OPERATIONS, Operation
from ccsync.sandbox.options import ActivityMode, SandboxOptions

# The same call under the spelling of the contract's sample link, not an operation of the contract.
ALIAS = "GET /contacts_exports/{file_export_id}"
SERVED: tuple[Operation, ...] = tuple(one for one in OPERATIONS if one.name != ALIAS)


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox, a client that may do everything, and the ids of what is in the account."""

    app: Sandbox
    client: httpx.Client
    ids: dict[str, str]

    def send(self, one: Operation, *, path: dict[str, str] | None = None, **request: Any) -> httpx.Response:
        """Send a request to an operation."""
        values = self.ids | (path or {})
        parts = {name: values[name] for name in ("list_id", "custom_field_id", "contact_id", "tag_id", "activity_id",
                                                 "file_export_id")}  # fmt: skip
        return self.client.request(one.method, "/v3" + one.path.format(**parts), **request)


@contextmanager
def world() -> Iterator[World]:
    """Make the account; it is closed afterwards."""
    options = SandboxOptions(
        clock=ManualClock(), activities=ActivityMode.ON_DEMAND, requests_per_second=1e9, requests_per_day=10**9
    )
    app = create_app(options)
    headers = {"Authorization": f"Bearer {app.access_token}"}
    transport = httpx.WSGITransport(app=app)
    try:
        with httpx.Client(transport=transport, base_url="http://sandbox.example", headers=headers) as client:
            yield World(app, client, _furnish(app, client))
    finally:
        app.close()


def _furnish(app: Sandbox, client: httpx.Client) -> dict[str, str]:
    person = {
        "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "job_title": "Boss", "phone": "1",
        "birthday_month": 2, "birthday_day": 9, "anniversary": "2006-11-15", "street": "1 Main", "city": "Boston",
        "work_country": "US", "cf:Tier": "gold",
    }  # fmt: skip
    rows = [person, {"email": "bob@example.com"}, {"email": "gone@example.com"}, {"email": "out@example.com"}]
    client.post("/sandbox/seed", json={"rows": rows, "lists": ["VIP", "Others"]})
    client.post("/sandbox/people/unsubscribe", json={"emails": ["out@example.com"], "reason": "enough"})
    client.post("/sandbox/people/delete", json={"emails": ["gone@example.com"]})
    ids = {"list_id": client.get("/v3/contact_lists").json()["lists"][0]["list_id"]}
    ids["custom_field_id"] = client.get("/v3/contact_custom_fields").json()["custom_fields"][0]["custom_field_id"]
    ids["tag_id"] = client.post("/v3/contact_tags", json={"name": "hot"}).json()["tag_id"]
    ids["contact_id"] = client.get("/sandbox/people/ann@example.com").json()["contact_id"]
    ids["unsubscribed_id"] = client.get("/sandbox/people/out@example.com").json()["contact_id"]
    tagging = {"source": {"contact_ids": [ids["contact_id"]]}, "tag_ids": [ids["tag_id"]]}
    client.post("/v3/activities/contacts_taggings_add", json=tagging)
    export = client.post("/v3/activities/contact_exports", json={}).json()["activity_id"]
    app.drain()
    return ids | {"activity_id": export, "file_export_id": export}


def request_for(name: str, ids: dict[str, str]) -> dict[str, Any]:
    """Return a valid request: arguments of ``World.send``. Operations without a body or needs are not listed."""
    lists, contacts, tags = [ids["list_id"]], [ids["contact_id"]], [ids["tag_id"]]
    source = {"source": {"contact_ids": contacts}}
    email = {"address": "new@example.com", "permission_to_send": "implicit"}
    core = {"first_name": "A", "last_name": "B", "birthday_month": 1, "birthday_day": 2, "anniversary": "1/2/2003"}
    parts = {
        "custom_fields": [{"custom_field_id": ids["custom_field_id"], "value": "x"}], "list_memberships": lists,
        "phone_numbers": [{"kind": "home", "phone_number": "1"}], "taggings": tags, "notes": [{"content": "n"}],
        "street_addresses": [{"kind": "home", "street": "1 Main", "city": "B", "state": "MA", "country": "US"}],
        "sms_channel": {"full_sms_address": "15551234567",
                        "sms_channel_consents": [{"sms_consent_permission": "explicit",
                                                  "consent_type": "promotional_sms"}]},
    }  # fmt: skip
    requests: dict[str, dict[str, Any]] = {
        "GET /account/summary": {"params": {"extra_fields": "physical_address"}},
        "PUT /account/summary": {"json": {"organization_name": "X"}},
        "GET /contact_lists": {"params": {"include_membership_count": "all", "include_count": "true", "status": "all"}},
        "POST /contact_lists": {"json": {"name": "New", "favorite": True, "description": "d"}},
        "GET /contact_lists/{list_id}": {"params": {"include_membership_count": "active"}},
        "PUT /contact_lists/{list_id}": {"json": {"name": "Renamed"}},
        "GET /contact_lists/list_id_xrefs": {"params": {"sequence_ids": "1,2"}},
        "POST /contact_custom_fields": {"json": {"label": "Size", "type": "single_select",
                                                 "choices": [{"choice_label": "L", "display_order": 1}],
                                                 "metadata": {"display_type": "dropdown"}}},
        "PUT /contact_custom_fields/{custom_field_id}": {"json": {"label": "Rank"}},
        "GET /contacts": {"params": {"status": "all", "include_count": "true", "limit": "3", "include":
                          "custom_fields,list_memberships,phone_numbers,street_addresses,taggings,notes"}},
        "POST /contacts": {"json": core | parts | {"create_source": "Account", "email_address": email}},
        "PUT /contacts/{contact_id}": {"json": core | parts | {"update_source": "Account", "email_address": email}},
        "POST /contacts/sign_up_form": {"json": core | {"email_address": "s@example.com", "list_memberships": lists,
                                                        "custom_fields": parts["custom_fields"], "phone_number": "1",
                                                        "street_address": {"kind": "home", "city": "B"}}},
        "PUT /contacts/resubscribe/{contact_id}": {"json": {"list_ids": lists},
                                                   "path": {"contact_id": ids["unsubscribed_id"]}},
        "GET /contacts/contact_id_xrefs": {"params": {"sequence_ids": "1,2"}},
        "GET /contacts/counts": {"params": {"include": "new_subscriber"}},
        "GET /contact_tags": {"params": {"include_count": "true"}},
        "GET /contact_tags/{tag_id}": {"params": {"include_count": "true"}},
        "POST /contact_tags": {"json": {"name": "cold", "tag_source": "API"}},
        "PUT /contact_tags/{tag_id}": {"json": {"name": "warm"}},
        "GET /activities": {"params": {"limit": "10", "state": "completed"}},
        "POST /activities/contacts_json_import": {"json": {"import_data": [{"email": "i@example.com"}],
                                                           "list_ids": lists}},
        "POST /activities/contacts_file_import": {"files": {"file": ("a.csv", b"email\nf@example.com\n")},
                                                  "data": {"list_ids": ids["list_id"]}},
        "POST /activities/add_list_memberships": {"json": source | {"list_ids": lists}},
        "POST /activities/remove_list_memberships": {"json": source | {"list_ids": lists}},
        "POST /activities/contact_delete": {"json": {"contact_ids": contacts}},
        "POST /activities/list_delete": {"json": {"list_ids": lists}},
        "POST /activities/custom_fields_delete": {"json": {"custom_field_ids": [ids["custom_field_id"]]}},
        "POST /activities/contacts_taggings_add": {"json": source | {"tag_ids": tags}},
        "POST /activities/contacts_taggings_remove": {"json": source | {"tag_ids": tags}},
        "POST /activities/contacts_tags_delete": {"json": {"tag_ids": tags}},
        "POST /activities/contact_exports": {"json": {"list_ids": lists, "fields": ["email_address"],
                                                      "status": "active"}},
    }  # fmt: skip
    return requests.get(name, {})
