"""One Constant Contact account: the ports `LiveReader` and `Destination` of this product. How calls travel is below."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx

from ccsync.constant_contact import activities, failures, live
from ccsync.constant_contact.auth import GivenToken, TokenSource
from ccsync.constant_contact.budget import RequestBudget, budget_key
from ccsync.constant_contact.checkup import Checkup, examine
from ccsync.constant_contact.folder import user_folder
from ccsync.constant_contact.grants import StoredGrant
from ccsync.constant_contact.http import ApiClient
from ccsync.constant_contact.oauth import OAuthClient
from ccsync.constant_contact.routes import NEEDED_PRIVILEGES, find_route
from ccsync.constant_contact.tokenplaces import OpenBox, open_store
from ccsync.constant_contact.wire import Call, Timeouts
from ccsync.core.event import Noticed
from ccsync.core.fields import DECIMALS_MAX, Definition
from ccsync.core.key import SPACE
from ccsync.core.record import ActivityId
from ccsync.core.spec import AccountId, AuthFlow, Connection, ListId
from ccsync.errors import Diagnostic, NotFoundError
from ccsync.ports.clock import Clock, Sink
from ccsync.ports.live import AccountInfo, Activity, Contact, CustomField, ImportBody, LiveFile, RemoteList

LISTS_PAGE = 500  # FACTS 0: the contract's maximum is 1000, its text says 500
FIELDS_PAGE = 100  # openapi.yml 3.0.178, /contact_custom_fields; an account has at most 100 (FACTS 5)
CONTACTS_PAGE = 500  # openapi.yml 3.0.178, /contacts


class ConstantContact:
    """The account behind one connection. Implements `Destination`; see there what the methods promise."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._members: dict[ListId, int | None] = {}
        self._fields: tuple[CustomField, ...] | None = None

    # ---------------------------------------------------------------- reading

    def account(self) -> AccountInfo:
        document = self._api.get("/account/summary")
        account_id = _text(document.get("encoded_account_id"))
        if not account_id:
            raise failures.in_trouble(
                self._api.connection, find_route("GET", "/account/summary"), "it names no account"
            )
        return AccountInfo(AccountId(account_id), _text(document.get("organization_name")) or account_id)

    def check_access(self) -> None:
        """Privileges by one call; each scope by a call that needs it, unless one has worked already."""
        missing = set(NEEDED_PRIVILEGES) - self._api.privileges()
        if missing:
            raise failures.privilege_missing(self._api.connection, missing)
        if "account_read" not in self._api.scopes_seen:
            self.account()
        if "contact_data" not in self._api.scopes_seen:
            self.contacts_total()

    def contacts_total(self) -> int:
        """Everyone but the unsubscribed: bounced people and those on no list are billed too. Source: KB 51160 (FACTS
        8); openapi.yml 3.0.178, #/definitions/ContactsCounts, whose sample adds up to `total` with the unsubscribed."""
        counts = self._api.get("/contacts/counts")
        return max(0, _number(counts.get("total")) - _number(counts.get("unsubscribed")))

    def lists(self) -> tuple[RemoteList, ...]:
        params: dict[str, str | int] = {"limit": LISTS_PAGE, "include_membership_count": "all", "status": "active"}
        found = {
            one.id: one
            for page in self._api.pages("/contact_lists", params, "lists")
            for one in map(_remote_list, page)
            if one is not None
        }
        self._members.update({one.id: one.members for one in found.values()})
        return tuple(sorted(found.values(), key=lambda one: (one.name, one.id)))

    def list_of_number(self, number: int) -> ListId | None:
        """The list that had this id in the old V2 API. Source: openapi.yml 3.0.178, /contact_lists/list_id_xrefs."""
        rows = self._api.get("/contact_lists/list_id_xrefs", {"sequence_ids": number}).get("xrefs")
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and str(row.get("sequence_id")) == str(number):
                return ListId(_text(row.get("list_id"))) if _text(row.get("list_id")) else None
        return None

    def examine(self) -> Checkup:
        """Everything that can be known to be missing, at once. Raises DeniedError when nothing can be asked at all, and
        as the API does."""
        return examine(self._api, self)

    def custom_fields(self) -> tuple[CustomField, ...]:
        rows = [
            row
            for page in self._api.pages("/contact_custom_fields", {"limit": FIELDS_PAGE}, "custom_fields")
            for row in page
        ]
        self._fields = tuple(
            CustomField(
                _text(row.get("custom_field_id")),
                _text(row.get("name")),
                _text(row.get("label")),
                _definition(row),
            )
            for row in rows
            if _text(row.get("name"))
        )
        return self._fields

    def export_members(self, list_id: ListId, fields: Sequence[str], into: Path) -> LiveFile:
        wanted = live.Wanted(
            list_id, f"list {list_id}", tuple(fields), self._members.get(list_id), lambda: self._count(list_id)
        )
        return live.export(self._api, wanted, self._known_fields, into)

    def export_unsubscribed(self, into: Path) -> LiveFile:
        return live.export(self._api, live.Wanted(None, "unsubscribed contacts"), self._known_fields, into)

    def contact(self, email: str) -> Contact | None:
        """The vendor documents an exact match; it is checked all the same, so that nobody else's id is used."""
        found = (_contact(row) for row in self._of_address(email) if not row.get("deleted_at"))
        return next((contact for contact in found if contact is not None), None)

    def knows(self, email: str) -> bool:
        """See `contact`; the deleted count as well."""
        return any(True for _ in self._of_address(email))

    def _of_address(self, email: str) -> Iterator[Mapping[str, Any]]:  # Any: JSON
        params = {"email": email, "status": "all", "include": "list_memberships"}
        rows = self._api.get("/contacts", params).get("contacts")
        key = email.strip().lower()
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and _address(row).lower() == key:
                yield row

    def page_members(self, list_id: ListId) -> Iterator[tuple[tuple[str, str], ...]]:
        """Without `status` everyone but the deleted is listed, the unsubscribed included; the deleted are on no list.
        Source: openapi.yml 3.0.178, /contacts."""
        for page in self._api.pages("/contacts", {"lists": list_id, "limit": CONTACTS_PAGE}, "contacts"):
            pairs = ((_address(row).lower(), _text(row.get("contact_id"))) for row in page if not row.get("deleted_at"))
            yield tuple((email, contact_id) for email, contact_id in pairs if email and contact_id)

    def look(self, activities_: Sequence[ActivityId]) -> tuple[Activity, ...]:
        return activities.look(self._api, activities_)

    def recent(self, since: datetime) -> tuple[Activity, ...]:
        return activities.recent(self._api, since)

    def calls_left_today(self) -> int:
        return self._api.calls_left_today()

    def calls_made(self) -> int:
        return self._api.calls_made()

    def clock_ahead_s(self) -> float:
        return self._api.clock_skew_s() or 0.0

    def jobs_made(self) -> frozenset[ActivityId]:
        return frozenset(ActivityId(one) for one in self._api.jobs_made)

    # ---------------------------------------------------------------- writing

    def create_list(self, name: str) -> ListId:
        """Raises RejectedError (E610) for a name that is taken; see Destination for the rest."""
        body = json.dumps({"name": name}).encode()
        call = Call("POST", "/contact_lists", json=body)
        try:
            document = self._api.post(call)
        except failures.ConflictError as error:
            raise failures.name_taken(self._api.connection, name) from error
        list_id = _text(document.get("list_id"))
        if not list_id:
            raise failures.unknown_outcome(self._api.connection, find_route("POST", call.path), "it names no list")
        return ListId(list_id)

    def start_import(self, list_id: ListId, body: ImportBody, file_name: str) -> ActivityId:
        return activities.start_import(self._api, list_id, body, file_name)

    def start_removal(self, list_id: ListId, contact_ids: Sequence[str]) -> ActivityId:
        return activities.start_removal(self._api, list_id, contact_ids)

    # ---------------------------------------------------------------- for the export

    def _count(self, list_id: ListId) -> int | None:
        """Members of one list now. Raises NotFoundError (E601) for a list gone."""
        try:
            document = self._api.get(f"/contact_lists/{list_id}", {"include_membership_count": "all"})
        except NotFoundError as error:
            raise failures.list_gone(self._api.connection, list_id) from error
        if document.get("deleted_at"):
            raise failures.list_gone(self._api.connection, list_id)
        self._members[list_id] = _optional_number(document.get("membership_count"))
        return self._members[list_id]

    def _known_fields(self) -> tuple[CustomField, ...]:
        return self._fields if self._fields is not None else self.custom_fields()


def _definition(row: dict[str, Any]) -> Definition:
    """Leniently: what can't be read counts as not said. Source: openapi.yml 3.0.178, #/definitions/CustomField."""
    kind = _text(row.get("type"))
    metadata = row.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    places = 0 if said.get("integer") is True else said.get("decimal_places")
    decimals = places if type(places) is int and 0 <= places <= DECIMALS_MAX else None
    # A number is not negative unless that is said; of an amount of money nothing is said about it.
    negative = said.get("allow_negative") is True if kind == "number" else said.get("allow_negative") is not False
    offered = row.get("choices")
    labels = [
        _text(choice.get("choice_label")).strip(SPACE)
        for choice in (offered if isinstance(offered, list) else ())
        if isinstance(choice, dict) and not choice.get("deleted_at")
    ]
    return Definition(
        kind, decimals, negative, tuple(dict.fromkeys(each for each in labels if each and "\0" not in each))
    )


@contextmanager
def open_destination(
    connection: Connection, *, clock: Clock, random: Random, environ: Mapping[str, str],
    transport: httpx.BaseTransport | None = None, sink: Sink | None = None, timeouts: Timeouts | None = None,
    box: OpenBox | None = None,
) -> Iterator[ConstantContact]:  # fmt: skip
    """The account behind a connection, until the block ends. No request is made by opening.

    transport: for tests, instead of the network. environ: where the user's own folder is. box: for sign-ins that are
    kept in the state. Raises DeniedError (E301, E316, E317) when there is no token, InvalidError (E622) for an address
    that a token must not be sent to.
    """

    def warn(diagnostic: Diagnostic) -> None:
        if sink is not None:
            sink(Noticed(diagnostic))

    budget = RequestBudget(user_folder(environ), budget_key(connection), connection.limits, clock, warn)
    tokens: TokenSource
    if connection.auth.flow is AuthFlow.ACCESS_TOKEN:
        tokens = GivenToken(connection)
    else:
        store = open_store(connection, environ, clock, box)
        tokens = StoredGrant(connection, store, clock, lambda: OAuthClient(connection, budget, clock, transport))
    api = ApiClient(
        connection, tokens, budget, clock=clock, random=random, sink=sink, transport=transport, timeouts=timeouts
    )
    try:
        yield ConstantContact(api)
    finally:
        api.close()


def _remote_list(row: Mapping[str, Any]) -> RemoteList | None:  # Any: JSON
    list_id, name = _text(row.get("list_id")), _text(row.get("name"))
    if not list_id or row.get("deleted_at"):
        return None
    return RemoteList(ListId(list_id), name, _optional_number(row.get("membership_count")))


def _contact(row: Mapping[str, Any]) -> Contact | None:  # Any: JSON
    """None for a row that names no contact."""
    address = row.get("email_address")
    status = _text(address.get("permission_to_send")) if isinstance(address, dict) else ""
    contact_id, lists = _text(row.get("contact_id")), row.get("list_memberships")
    if not contact_id:
        return None
    ids = tuple(ListId(one) for one in lists if isinstance(one, str)) if isinstance(lists, list) else ()
    return Contact(contact_id, status, ids)


def _address(row: Mapping[str, Any]) -> str:  # Any: JSON
    address = row.get("email_address")
    return _text(address.get("address")).strip() if isinstance(address, dict) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return _optional_number(value) or 0


def _optional_number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
