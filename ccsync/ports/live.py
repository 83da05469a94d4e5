"""What the remote side holds and does: asked of `constant_contact`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ccsync.core.batch import Transport
from ccsync.core.fields import CUSTOM_FIELD_PREFIX, Definition
from ccsync.core.record import ActivityId, Counters
from ccsync.core.spec import AccountId, ListId


@dataclass(frozen=True, slots=True)
class LiveFile:
    """An export file of the remote side as it was downloaded: CSV, UTF-8, one header row.

    columns: what of ours stands under which heading: `email` always; `contact_id` and fields where the file has them.
    rows: how many data rows were announced, None when not known; a file with fewer was cut off and is refused.
    """

    path: Path
    columns: Mapping[str, str]
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteList:
    """members: None when the API did not say."""

    id: ListId
    name: str
    members: int | None = None


@dataclass(frozen=True, slots=True)
class CustomField:
    id: str
    name: str
    label: str
    definition: Definition

    @property
    def target(self) -> str:
        return CUSTOM_FIELD_PREFIX + self.name


@dataclass(frozen=True, slots=True)
class AccountInfo:
    id: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as a look-up by address gives it. status: the permission to send."""

    id: str
    status: str
    list_ids: tuple[ListId, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """None for a list that will be created: it has no members."""

    members: LiveFile | None
    unsubscribed: LiveFile


@dataclass(frozen=True, slots=True)
class ImportBody:
    """The rows of one import, encoded, without the request around them. keys: how many rows.

    CSV: `rows` is the file, header line first. JSON: `rows` is the array of contacts.
    """

    transport: Transport
    rows: bytes
    count: int


class LiveReader(Protocol):
    """The reading half of a destination. Every method may raise DeniedError, QuotaError, TransientError, RejectedError.
    Each call draws on the request budget."""

    def account(self) -> AccountInfo: ...

    def check_access(self) -> None:
        """Raises DeniedError naming what is missing: a scope, a privilege of the user, or the app."""

    def contacts_total(self) -> int:
        """Active contacts of the account (what the fee follows)."""

    def lists(self) -> tuple[RemoteList, ...]:
        """All active lists, by name."""

    def custom_fields(self) -> tuple[CustomField, ...]: ...

    def export_members(self, list_id: ListId, fields: Sequence[str], into: Path) -> LiveFile:
        """Everyone on the list now, whatever their status. `into` is a folder. Raises NotFoundError for a list gone."""

    def export_unsubscribed(self, into: Path) -> LiveFile:
        """Everyone in the account who unsubscribed from it. `into` is a folder."""

    def contact(self, email: str) -> Contact | None:
        """One look-up by address, whatever the contact's status. Deleted contacts count as None."""

    def knows(self, email: str) -> bool:
        """Whether the account has a contact of this address, or had one that was deleted. One call."""

    def calls_left_today(self) -> int:
        """What is left of the day's request quota, as far as this machine knows."""

    def calls_made(self) -> int:
        """Requests made through this object."""

    def clock_ahead_s(self) -> float:
        """How far our clock is ahead of the remote one (negative: behind), by its last answer; 0 while nobody knows."""

    def jobs_made(self) -> frozenset[ActivityId]:
        """Every job that is known to have been started through this object, those of exports included."""


class ActivityState(StrEnum):
    """RUNNING covers `initialized`, `processing` and every word that isn't documented. GONE: the remote no longer knows
    the activity (its history is ten days)."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Activity:
    """A bulk job as the remote tells it. created_at: None when not told or not readable."""

    id: ActivityId
    state: ActivityState
    percent: int | None = None
    counters: Counters = field(default_factory=Counters)
    file_name: str | None = None
    created_at: datetime | None = None
    errors: tuple[str, ...] = ()


class Destination(LiveReader, Protocol):
    """The writing half. A POST whose answer is lost raises OutcomeUnknownError; one that certainly did nothing raises
    TransientError (not now) or RejectedError (never)."""

    def create_list(self, name: str) -> ListId: ...

    def start_import(self, list_id: ListId, body: "ImportBody", file_name: str) -> ActivityId: ...

    def start_removal(self, list_id: ListId, contact_ids: Sequence[str]) -> ActivityId:
        """Takes at most MAX_REMOVAL_IDS people off one list. There is no other way to name them."""

    def look(self, activities: Sequence[ActivityId]) -> tuple[Activity, ...]:
        """The state of these activities, in as few calls as there are pages to read."""

    def recent(self, since: datetime) -> tuple[Activity, ...]:
        """Every activity of the account created at `since` or later, newest first."""

    def page_members(self, list_id: ListId) -> Iterator[tuple[tuple[str, str], ...]]:
        """(e-mail, contact id) of the list's members, page by page. A listing that changes may repeat people."""
