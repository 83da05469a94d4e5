"""What the use cases (`planner`, `applier`) need of the world, as small protocols, and the values that cross.

Rows cross as files or as names of relations, never as Python objects. Implemented by `engine` (Desires, Differ,
Bodies, Outcomes), `state` (LedgerReader, LedgerWriter, Journal, PlanFiles, Lease) and `constant_contact` (LiveReader,
Destination).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NewType, Protocol

from ccsync.core.batch import Batch, Transport
from ccsync.core.change import DiffCounts
from ccsync.core.event import Event
from ccsync.core.fields import CUSTOM_FIELD_PREFIX, Definition
from ccsync.core.plan import Plan, SourceRead, StateRef
from ccsync.core.policy import Breach
from ccsync.core.record import ActivityId, Counters, Record
from ccsync.core.spec import (
    AccountId,
    ConnectionName,
    Export,
    ExportName,
    ListId,
    OnDelete,
    OnLeave,
    PolicyRule,
    Protection,
)
from ccsync.errors import Diagnostic

Sink = Callable[[Event], None]

Relation = NewType("Relation", str)
"""The name of a table in the engine's session; lives as long as the session."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock: UTC, aware. May jump; never used to measure a duration."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def sleep(self, wait_s: float) -> None:
        """Waits; returns early when the process was asked to stop."""


# ---------------------------------------------------------------- desired: segments now

Definitions = Mapping[str, Definition]
"""Target (`cf:NAME`) → what the account says of the field."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """relation: (name VARCHAR), distinct: keys, and, where hashed, lower-case hexadecimal sha256 of keys."""

    relation: Relation
    hashed: bool


@dataclass(frozen=True, slots=True)
class Desired:
    """The people an export wants on its list.

    relation: (key VARCHAR, <target> VARCHAR per field; NULL = leave the remote value alone), one row a key.
    unusable_relation: (key VARCHAR: the address as it stood, cut to 320 characters, or NULL; reason VARCHAR).
    size: rows of `relation`. rows: source rows read. unusable: count by reason; blocking: the part of them that counts
    for `max_unusable` (what the user chose to leave out doesn't: duplicates dropped by `keep: first`, rows dropped by
    `on_null: skip_row`). findings: warnings about the sources.

    filtered: source rows left out on purpose, by reason (`core.change.Filtered`); they are neither in `relation` nor in
    `unusable_relation`. filtered_relation: (key VARCHAR, reason VARCHAR), one row a key. suppressed: everyone who must
    not be sent over the export's connection, in its segments or not; None when nobody is declared.
    """

    relation: Relation
    unusable_relation: Relation
    size: int
    rows: int
    unusable: Mapping[str, int]
    blocking: int
    sources: tuple[SourceRead, ...]
    findings: tuple[Diagnostic, ...] = ()
    filtered: Mapping[str, int] = field(default_factory=dict)
    filtered_relation: Relation | None = None
    suppressed: Suppressed | None = None


class Desires(Protocol):
    def desired(self, export: Export, definitions: Definitions | None = None) -> Desired:
        """Reads the export's sources, runs its segments, formats values as the fields take them.

        definitions: of its custom fields, as far as they are known; the others are free text. Raises InvalidError with
        every problem of the data."""

    def conflicts(self, desires: Mapping[ExportName, Desired]) -> Mapping[ExportName, Mapping[str, int]]:
        """Finds people for whom two of these exports want different values of one field, and blanks that field in both
        relations (so neither writes it). Returns export → field → people; empty when there are none."""

    def in_source(self, export: Export, keys: Relation) -> Relation:
        """Which of `keys` (key VARCHAR), of people who are in none of the export's segments, its sources still hold,
        whatever the segments' conditions say."""


# ---------------------------------------------------------------- policy: rules about plans


class Policies(Protocol):
    def breaches(
        self, plan: Plan, changes: Mapping[ExportName, Path], rules: Mapping[str, PolicyRule], at: datetime
    ) -> tuple[Breach, ...]:
        """What the rules find in a plan and its changes files, in the order of rules, exports and ops. at: now.
        Raises InvalidError (E512) with every rule that can't be run: a broken rule is never a pass."""


# ---------------------------------------------------------------- ledger: what was last accepted


@dataclass(frozen=True, slots=True)
class Ledger:
    """One export's ledger in a generation, and what must be known once the export is no longer declared.

    path: Parquet (key VARCHAR, contact_id VARCHAR, status VARCHAR, ownership VARCHAR, reason VARCHAR,
    refused_content VARCHAR, first_run VARCHAR, last_run VARCHAR, changed_at VARCHAR, then <field> VARCHAR per field),
    ordered by key, one row a key. mapping, definitions: see ExportPlan. desired: usable people of the last run.
    members: rows with status `member`. protection: what stands until it is lifted, also without the export's
    declaration.
    """

    export: ExportName
    connection: ConnectionName
    account: AccountId
    list_id: ListId
    list_name: str
    path: Path
    fields: tuple[str, ...]
    mapping: Mapping[str, str]
    on_leave: OnLeave
    on_delete: OnDelete
    desired: int
    members: int
    protection: tuple[Protection, ...] = ()
    definitions: Definitions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One generation. accounts: the account pinned to each connection. optouts: Parquet (account, list_id, key, since,
    reason, run: all VARCHAR), None when nobody ever opted out. run: that wrote it. plan_id: applied by it."""

    ref: StateRef
    accounts: Mapping[ConnectionName, AccountId]
    ledgers: Mapping[ExportName, Ledger]
    optouts: Path | None
    run: str
    plan_id: str


class LedgerReader(Protocol):
    def snapshot(self) -> Snapshot:
        """The newest generation, checked against its digests. Before first use: serial 0 and nothing in it.
        Raises StaleError (E709, E710, E711) for corrupt, lost or newer state."""

    def applied_as(self, plan_id: str) -> int | None:
        """The serial that a plan of this id was applied as, or None."""


@dataclass(frozen=True, slots=True)
class NextGeneration:
    """What a generation is made of. Paths are temporary files that the store copies or moves. Ledgers of exports not
    named are dropped. plan_id: empty when no plan was applied (import, readmit)."""

    accounts: Mapping[ConnectionName, AccountId]
    ledgers: tuple[Ledger, ...]
    optouts: Path | None
    run: str
    plan_id: str
    counts: Mapping[str, int] = field(default_factory=dict)


class LedgerWriter(Protocol):
    def commit(self, base: StateRef, generation: NextGeneration) -> StateRef:
        """Makes one new generation durable and moves HEAD from `base` to it by compare-and-swap on serial and digest.
        Raises StaleError (E712) when HEAD is elsewhere; then nothing changed."""


class Lease(Protocol):
    """The lock, held."""

    def check(self) -> None:
        """Raises LockedError when the lock was taken over meanwhile. Called before every POST and every commit."""


class SharedBox(Protocol):
    """One small thing in storage that machines share, sealed there. Raises StorageError (E713), and DeniedError (E720,
    E721) or StaleError (E723) for what can't be unsealed."""

    def get(self) -> tuple[bytes, str] | None:
        """The content and its version; equal versions are equal contents. None when it was never written."""

    def swap(self, content: bytes, expected: str | None) -> bool:
        """Replaces the content if its version still is `expected` (None: never written). False, and nothing done, if
        not. Durable when it returns."""


# ---------------------------------------------------------------- live: what the list holds now


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


# ---------------------------------------------------------------- the three-way table and what follows from it


@dataclass(frozen=True, slots=True)
class Live:
    """None for a list that will be created: it has no members."""

    members: LiveFile | None
    unsubscribed: LiveFile


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another export on the same list of the same account. desired, unusable, suppressed: of its `Desired`; None when
    it is no longer declared. Who is among the unusable by a key is claimed as well: their row is there. stays: it does
    not run and is not given up either (no connection, or protected), so everybody in its ledger is claimed."""

    name: ExportName
    ledger: Path | None
    desired: Relation | None
    on_leave: OnLeave
    unusable: Relation | None = None
    stays: bool = False
    suppressed: Suppressed | None = None


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """Everything the three-way table of one export is made of.

    desired: None for an export that is no longer declared. export: the declaration, None likewise.
    ledger: None before the first apply. list_id: None for a list to be created. live: None with `--no-refresh`.
    mapping: target → digest of the expression now. ledger_mapping: the same as last applied.
    on_leave: what happens to those who left. For an export no longer declared it follows from `on_delete`: then KEEP
    means that its members are forgotten (nobody removes them), while KEEP of a declared export leaves its rows alone.
    present: which of some keys the sources still hold; None for an export no longer declared. Asked for leavers only.
    """

    name: ExportName
    fields: tuple[str, ...]
    mapping: Mapping[str, str]
    ledger_mapping: Mapping[str, str]
    on_leave: OnLeave
    account: AccountId
    list_id: ListId | None
    export: Export | None
    desired: Desired | None
    ledger: Path | None
    siblings: tuple[Sibling, ...]
    optouts: Path | None
    live: Live | None
    present: Callable[[Relation], Relation] | None = None


@dataclass(frozen=True, slots=True)
class Diffed:
    """The changes of one export.

    changes: Parquet, ordered by batch, op and key: op, key, contact_id, reason, batch INTEGER (NULL: no call),
    content (md5 of the values sent), ownership (what an add or adoption becomes), then before:<field> and
    after:<field> VARCHAR per field. `held_back` and `unusable` rows are in it.
    unresolved: removals without a contact id. people: distinct people whose data go to the vendor.
    """

    counts: DiffCounts
    changes: Path
    batches: tuple[Batch, ...]
    unresolved: int
    people: int


class Differ(Protocol):
    def diff(self, request: DiffRequest) -> Diffed: ...


@dataclass(frozen=True, slots=True)
class ImportBody:
    """The rows of one import, encoded, without the request around them. keys: how many rows.

    CSV: `rows` is the file, header line first. JSON: `rows` is the array of contacts.
    """

    transport: Transport
    rows: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Drops:
    """What a look at live takes out of an export. path: Parquet (key, op, reason, now VARCHAR), where `now` says what
    was seen: `gone`, `unsubscribed`, `present`. counts: dropped adds, updates, adoptions and removals, by reason.
    People whom the plan holds back as having left (op `held_back`) are rows when they are there, and people whom it
    forgets when they are not; neither are counted.
    ids: Parquet (key, contact_id) of the people to be removed, as this look shows them; None where its file has no ids.
    """

    path: Path
    counts: Mapping[str, int]
    ids: Path | None = None


class Firewall(Protocol):
    def drops(
        self, changes: Path, live: Live, into: Path, before: Sequence[Path] = (), ids: Path | None = None
    ) -> Drops:
        """before: the drops of this run's earlier looks; who joined by then and is gone again left by themselves.
        ids: those known so far, kept where this look says nothing."""
        ...


class Bodies(Protocol):
    """Turns batches of a changes file into what is sent. `without`: paths of Drops; `only`: Parquet (key) or None."""

    def misfits(self, changes: Path, definitions: Definitions) -> Mapping[str, int]:
        """Values to be sent that are not what these definitions would make of them: target → rows, if there are any."""

    def import_body(
        self, changes: Path, fields: Sequence[str], batch: Batch, without: Sequence[Path], only: Path | None
    ) -> ImportBody: ...

    def removal_ids(
        self, changes: Path, batch: Batch, without: Sequence[Path], ids: Path | None, only: Path | None
    ) -> tuple[str, ...]:
        """Contact ids of one removal batch by `ids` (key, contact_id), which are of this run: an older id may be
        somebody else's by now."""

    def halves(
        self, changes: Path, batch: Batch, without: Sequence[Path], only: Path | None, into: Path
    ) -> tuple[Path, Path]:
        """Parquet (key) of the first and the second half of the rows of an import. into: a folder."""

    def unresolved(self, changes: Path, without: Sequence[Path], ids: Path | None) -> tuple[str, ...]:
        """Keys of removals that `ids` has no id of. Bounded by the removals of a plan, which are looked up one by
        one."""

    def write_ids(
        self, pages: Iterator[tuple[tuple[str, str], ...]], wanted: Sequence[str], ids: Path | None, into: Path
    ) -> int:
        """Writes (key, contact_id): `ids`, and those of the wanted keys that the pages know. Returns how many."""


class Sent(StrEnum):
    """What is known of the rows of one attempt when a run is closed."""

    CLEAN = "clean"
    DOUBTFUL = "doubtful"
    NOT_SENT = "not_sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SentBatch:
    """How one batch ended. The newest attempt decides; rows of it that a second try left out are known by reading back.

    explained: how many rows of a DOUBTFUL import the counters themselves say were not taken. look: number of the look
    whose drops were left out of the first attempt that may have arrived: what later looks saw of its rows is what we
    did ourselves. persons: rows of a DOUBTFUL import that the job counts as read; shortfall: rows sent and not counted.
    Both are None when nobody says: an import that may have ended in any way. rows: Parquet (key) of the part of the
    batch that this is about, where it was halved; rows that no part names were not sent. REFUSED: by itself, while
    other rows of the export were taken.
    """

    batch: int
    sent: Sent
    explained: int = 0
    look: int = 1
    shortfall: int | None = None
    persons: int | None = None
    rows: Path | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the outcome of one export is worked out from.

    ledger: of the base generation. drops: every look's, in order. ids: (key, contact_id) as this run knows.
    read_back: live read after the last activity ended; None when no batch is doubtful. at: UTC text.
    arrived: Parquet (key) of people whom the account knows although counters say that they never arrived; it counts
    for batches of which anything arrived.
    final: False while a second try of cut-off rows may follow. late: the run was interrupted and is settled by another
    command, maybe days later. given_up: live can't be read back and never will be. list_id: of the list, the one that
    the run made included; None for the plan's.
    """

    plan: Plan
    export: ExportName
    changes: Path
    ledger: Path | None
    ledger_fields: tuple[str, ...]
    batches: tuple[SentBatch, ...]
    drops: tuple[Path, ...]
    ids: Path | None
    read_back: Live | None
    run: str
    at: str
    arrived: Path | None = None
    final: bool = False
    late: bool = False
    given_up: bool = False
    list_id: ListId | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one export's rows.

    outcomes: Parquet (key, op, outcome, reason), outcome one of applied, dropped, refused, missing, open.
    missing: rows that provably never arrived, and removals that were not carried out (worth one more try, by
    themselves). An addition that is not on the list and may have arrived is `dropped` as `opted_out`: whoever arrived
    and left must not be put back. counts: op → applied rows. dropped, refused: reason → rows. unfinished: rows neither
    applied, dropped nor refused.
    """

    outcomes: Path
    counts: Mapping[str, int]
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    missing: int
    unfinished: int


class Outcomes(Protocol):
    def outcome(self, settlement: Settlement, into: Path) -> Outcome: ...

    def not_arrived(self, outcome: Outcome, limit: int) -> tuple[str, ...]:
        """Keys of additions that count as never arrived; none when they are more than `limit`."""

    def write_keys(self, keys: Sequence[str], into: Path) -> Path:
        """Parquet (key), ordered. into: a folder."""

    def missing_keys(self, outcome: Outcome, into: Path) -> Path:
        """Parquet (key) of the rows that vanished."""

    def next_ledger(self, settlement: Settlement, outcome: Outcome, into: Path) -> tuple[Path, int]:
        """The export's ledger with the outcome in it, and its number of members."""

    def without_removed(self, ledger: Ledger, outcomes: Sequence[Outcome], into: Path) -> tuple[Path, int]:
        """The ledger of an export that had no part in a run, without those whom the run took off its list."""

    def next_optouts(
        self, optouts: Path | None, settled: Sequence[tuple[Settlement, Outcome]], into: Path
    ) -> Path | None:
        """The opt-out memory with everyone added who was found gone, and everyone taken out who came back."""


# ---------------------------------------------------------------- undoing a run


@dataclass(frozen=True, slots=True)
class UndoSibling:
    """Another export on the same list. before, now: its ledgers before the run and now. undone: the same plan takes
    back what the run did to it."""

    name: ExportName
    before: Path | None
    now: Path | None
    undone: bool


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """What one export's part of an undoing plan is made of.

    before, after: its ledger on both sides of the run; None when there was none. now: of the newest generation; fields
    are its. memories: the opt-out memories after the run and now. takes_only: people are only taken off the list, since
    an undo reads no source, and only the sources know who has consent or is suppressed.
    """

    name: ExportName
    run: str
    fields: tuple[str, ...]
    account: AccountId
    list_id: ListId
    before: Path | None
    after: Path | None
    now: Path
    siblings: tuple[UndoSibling, ...]
    memories: tuple[Path, ...]
    live: Live
    takes_only: bool = False


class Skipped(StrEnum):
    """Why something that a run did is not taken back."""

    LEFT = "left"
    CHANGED_SINCE = "changed_since"
    GONE = "gone"
    ON_LIST = "on_list"
    OTHER_EXPORT = "other_export"
    ADOPTED = "adopted"
    UNKNOWN_BEFORE = "unknown_before"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Undone:
    """diffed: as of a three-way table, its reasons all `undone`. skipped: people by why nothing is done for them.
    unknown_values: fields, over all people, whose earlier value is not known, or that somebody edited since."""

    diffed: Diffed
    skipped: Mapping[Skipped, int]
    unknown_values: int


class Undoer(Protocol):
    def touched(self, run: str, before: Path | None, after: Path | None) -> bool:
        """Whether a run changed anything between two ledgers of an export."""

    def undo(self, request: UndoRequest) -> Undone:
        """Works out what takes back what a run did to one export. Raises RemoteError for a live file of no use."""


# ---------------------------------------------------------------- what people decide about a ledger


@dataclass(frozen=True, slots=True)
class Adopted:
    """A ledger seeded from live. members: its rows with status `member`. new: of them not in the ledger before.
    gone: members of the old ledger who are not on the list; they are in `optouts` now."""

    ledger: Path
    optouts: Path | None
    members: int
    new: int
    gone: int


@dataclass(frozen=True, slots=True)
class Readmitted:
    """Ledgers and opt-out memory without those who were let in again, and how many they are.

    on_list: asked for, but on the list now, so not held back. unsubscribed: opted out of the whole account, so only
    they can come back. unknown: neither in a ledger nor in the memory of this list.
    """

    ledgers: Mapping[ExportName, tuple[Path, int]]
    optouts: Path | None
    readmitted: int
    on_list: int
    unsubscribed: int
    unknown: int


class Stewardship(Protocol):
    def adopt(
        self,
        ledger: Ledger,
        base: Path | None,
        optouts: Path | None,
        live: Live,
        *,
        own: bool,
        run: str,
        at: str,
        into: Path,
    ) -> Adopted:
        """A ledger of everyone on the list. `ledger` says what it is to be (its path is not read); `base` is the one
        before. own: they become ours to remove; else those we did not add are adopted."""

    def readmit(
        self,
        place: tuple[AccountId, ListId],
        ledgers: Sequence[Ledger],
        optouts: Path | None,
        live: Live,
        keys: Sequence[str] | None,
        into: Path,
    ) -> Readmitted:
        """Takes held-back people of one list out of its ledgers and out of the memory. place: the list. ledgers: all of
        it, maybe none. keys: None for all of them."""


# ---------------------------------------------------------------- one person


@dataclass(frozen=True, slots=True)
class PersonalFacts:
    """What the engine knows of one person and one export.

    op, reason: of the row that a plan would have for them; empty when it has none. desired: wanted by the segments now.
    unusable: why rows with their address can't be used, None when there are none. filtered: why they are left out on
    purpose, empty when they aren't. ledger: their row there, by column,
    empty for none. memory: their opt-out of this list (since, reason, run), empty for none.
    """

    op: str
    reason: str
    desired: bool
    unusable: str | None
    ledger: Mapping[str, str]
    memory: Mapping[str, str]
    filtered: str = ""


class Narrowing(Protocol):
    def narrow(
        self, request: DiffRequest, key: str, contact: Contact | None, *, asked: bool, into: Path
    ) -> DiffRequest:
        """The request with everyone else taken out. asked: `contact` is what live says; else live was not asked."""

    def facts(self, request: DiffRequest, changes: Path) -> PersonalFacts:
        """What a narrowed request and its changes file say."""


# ---------------------------------------------------------------- journal and plan files


class Journal(Protocol):
    """The journal of the one run that is under way or was interrupted. Everything is durable when a call returns."""

    run: str

    def plan(self) -> tuple[Plan, Mapping[ExportName, Path]]:
        """The plan of the run and its changes files."""

    def records(self) -> tuple[Record, ...]: ...

    def append(self, record: Record) -> None: ...

    def keep(self, file: Path, name: str) -> Path:
        """Moves a rows file into the journal under this name and returns its new place."""

    def file(self, name: str) -> Path:
        """The place of a rows file kept earlier."""

    def close(self) -> None:
        """Removes the journal: its run is in a generation, or never sent anything."""


class Journals(Protocol):
    def pending(self) -> Journal | None:
        """The run that was not settled, or None. Raises StaleError (E709) when it can't be read."""

    def begin(self, run: str, plan: Plan, changes: Mapping[ExportName, Path]) -> Journal: ...
