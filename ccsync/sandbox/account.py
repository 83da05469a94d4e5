"""The small things of the account: lists, custom fields, tags, the owner and the users' rights, with their rules.

People are not here; they live in the store. Everything in here is a handful of values under one lock.
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from ccsync.sandbox import limits, problem

# Source: DOC user_privileges; the names are those of x-authorization-privileges in the contract.
PRIVILEGES: tuple[tuple[int, str], ...] = (
    (1, "account:read"),
    (2, "account:update"),
    (3, "contacts:read"),
    (4, "contacts:write"),
    (5, "contacts:lists:read"),
    (6, "contacts:lists:write"),
    (7, "campaign:read"),
    (8, "campaign:write"),
    (9, "campaign:send"),
    (10, "ui:campaign:metrics"),
)

OWNER: dict[str, object] = {
    "contact_email": "owner@sandbox.example",
    "contact_phone": "5551234567",
    "country_code": "US",
    "encoded_account_id": "p0sandbox0001",
    "first_name": "Sandy",
    "last_name": "Box",
    "organization_name": "Sandbox Account",
    "organization_phone": "555-123-4567",
    "state_code": "MA",
    "time_zone_id": "US/Eastern",
    "website": "https://sandbox.example",
}

ADDRESS: dict[str, object] = {
    "address_line1": "1 Sand Lane",
    "city": "Boston",
    "state_code": "MA",
    "postal_code": "02110",
    "country_code": "US",
}


@dataclass(frozen=True, slots=True)
class ContactList:
    """One list. ``number`` is its key in the store; ``in_use`` means that a scheduled campaign needs it."""

    number: int
    list_id: str
    name: str
    description: str
    favorite: bool
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class CustomField:
    """One custom field. ``name`` is made from the label and is what ``cf:`` means in an import."""

    number: int
    custom_field_id: str
    label: str
    name: str
    type: str
    metadata: dict[str, object]
    version: int
    choices: tuple[dict[str, object], ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag."""

    number: int
    tag_id: str
    name: str
    tag_source: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Account:
    """All the small state. Callers hold ``lock`` for any step that reads and then writes, and copy (``list``) what they
    walk through without it."""

    seed: int = 0
    owner: dict[str, object] = field(default_factory=lambda: dict(OWNER))
    physical_address: dict[str, object] = field(default_factory=lambda: dict(ADDRESS))
    privileges: tuple[str, ...] = tuple(name for _, name in PRIVILEGES)
    confirmed_opt_in: bool = False
    lists: dict[str, ContactList] = field(default_factory=dict)
    fields: dict[str, CustomField] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    peak_active: int = 0
    asked_back: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Who was mailed to come back, and the lists that a confirmation puts them on."""
    next_number: int = 1
    busy: set[str] = field(default_factory=set)
    """Addresses that a sign-up is at work on."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def new_id(self) -> str:
        """Make the next identifier: a UUID, the same ones for the same seed."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _number(self) -> int:
        self.next_number += 1
        return self.next_number - 1

    # lists ----------------------------------------------------------------------------------------------

    def active_lists(self) -> list[ContactList]:
        """Return the lists that are not deleted, oldest first."""
        return [one for one in list(self.lists.values()) if one.deleted_at is None]

    def list_named(self, name: str) -> ContactList | None:
        """Find a live list by its whole name, whatever the case. Source: whether case counts is unknown."""
        wanted = name.casefold()
        return next((one for one in self.active_lists() if one.name.casefold() == wanted), None)

    def list_or_404(self, list_id: str, *, deleted: bool = False) -> ContactList:
        """Find a list by id; a deleted one only when asked for."""
        found = self.lists.get(list_id.lower())
        if found is None or (found.deleted_at is not None and not deleted):
            raise problem.not_found(f"List {list_id} was not found.")
        return found

    def known_lists(self, list_ids: Iterable[str]) -> list[ContactList]:
        """Find the lists of a request body; an unknown one is 400 there, not 404."""
        found = []
        for list_id in dict.fromkeys(one.lower() for one in list_ids):
            one = self.lists.get(list_id)
            if one is None or one.deleted_at is not None:
                raise problem.invalid(f"list_ids: list {list_id} does not exist")
            found.append(one)
        return found

    def add_list(self, name: str, now: datetime, *, description: str = "", favorite: bool = False) -> ContactList:
        """Create a list; 409 for a name in use, 400 beyond 1,000. Source: SW#P/contact_lists/post."""
        with self.lock:
            if self.list_named(name):
                raise problem.conflict(f"A list with the name {name} already exists.")
            if len(self.active_lists()) >= limits.LISTS_PER_ACCOUNT:
                raise problem.invalid("The account has reached the maximum number of lists.")
            made = ContactList(self._number(), self.new_id(), name, description, favorite, now, now)
            self.lists[made.list_id] = made
            return made

    def change_list(self, old: ContactList, now: datetime, **changes: Any) -> ContactList:  # Any: dataclass fields
        """Replace properties of a list; 409 when the new name belongs to another."""
        with self.lock:
            other = self.list_named(str(changes.get("name", old.name)))
            if other is not None and other.list_id != old.list_id:
                raise problem.invalid("A list with this name already exists.")
            new = replace(old, updated_at=now, **changes)
            self.lists[new.list_id] = new
            return new

    # custom fields --------------------------------------------------------------------------------------

    def field_named(self, name: str) -> CustomField | None:
        """Find a custom field by its API name, whatever the case."""
        wanted = name.casefold()
        return next((one for one in list(self.fields.values()) if one.name.casefold() == wanted), None)

    def add_field(
        self,
        label: str,
        kind: str,
        now: datetime,
        *,
        metadata: dict[str, object] | None = None,
        choices: Sequence[dict[str, object]] = (),
        version: int = 1,
    ) -> CustomField:
        """Create a custom field; the name is the label with blanks as underscores. Source: SW#D/CustomField."""
        with self.lock:
            name = "_".join(label.split(" "))
            if any(one.label.casefold() == label.casefold() for one in self.fields.values()) or self.field_named(name):
                raise problem.conflict(f"A custom field with the label {label} already exists.")
            if len(self.fields) >= limits.FIELDS_PER_ACCOUNT:
                raise problem.invalid("The account has reached the maximum number of custom fields.")
            number, field_id = self._number(), self.new_id()
            made = CustomField(number, field_id, label, name, kind, metadata or {}, version, tuple(choices), now, now)
            self.fields[field_id] = made
            return made

    def add_tag(self, name: str, source: str, now: datetime) -> Tag:
        """Create a tag; whether the name is free is the caller's check."""
        with self.lock:
            made = Tag(self._number(), self.new_id(), name, source, now, now)
            self.tags[made.tag_id] = made
            return made

    def forget(self) -> None:
        """Drop every list, field and tag, and go back to the owner and the rights of a new account."""
        with self.lock:
            self.lists, self.fields, self.tags, self.asked_back = {}, {}, {}, {}
            self.owner, self.physical_address = dict(OWNER), dict(ADDRESS)
            self.privileges = tuple(name for _, name in PRIVILEGES)
            self.confirmed_opt_in, self.peak_active = False, 0

    # persistence ----------------------------------------------------------------------------------------

    def to_document(self) -> str:
        """Write everything as JSON."""
        with self.lock:
            document = {
                "owner": self.owner,
                "physical_address": self.physical_address,
                "confirmed_opt_in": self.confirmed_opt_in,
                "peak_active": self.peak_active,
                "next_number": self.next_number,
                "lists": [asdict(one) for one in self.lists.values()],
                "fields": [asdict(one) for one in self.fields.values()],
                "tags": [asdict(one) for one in self.tags.values()],
            }
        return json.dumps(document, default=lambda moment: moment.isoformat())

    def load_document(self, text: str) -> None:
        """Read back what ``to_document`` wrote."""
        document = json.loads(text)
        with self.lock:
            self.owner = document["owner"]
            self.physical_address = document["physical_address"]
            self.confirmed_opt_in = document["confirmed_opt_in"]
            self.peak_active = document["peak_active"]
            self.next_number = document["next_number"]
            self._random.seed(f"{self.seed}:{self.next_number}")
            self.lists = {one["list_id"]: ContactList(**_moments(one)) for one in document["lists"]}
            for one in document["fields"]:
                one["choices"] = tuple(one["choices"])
            self.fields = {one["custom_field_id"]: CustomField(**_moments(one)) for one in document["fields"]}
            self.tags = {one["tag_id"]: Tag(**_moments(one)) for one in document["tags"]}


def _moments(record: dict[str, Any]) -> dict[str, Any]:
    # Any: the fields of the three dataclasses above
    moments = {
        name: datetime.fromisoformat(value)
        for name, value in record.items()
        if name.endswith("_at") and value is not None
    }
    return record | moments
