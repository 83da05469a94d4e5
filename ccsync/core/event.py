"""Everything that can be shown while working. Events go out through one `Sink`; views turn them into text.

`events.schema.json` describes them as JSON lines; the type's snake_case name is the line's `event`. No event holds an
e-mail address or a field's value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ccsync.core.batch import BatchKind
from ccsync.errors import Diagnostic


class Status(StrEnum):
    """How an apply ended. Words of the product replaced, kept."""

    SUCCESSFUL = "successful"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class SegmentRead:
    """The desired members of an export were computed."""

    export: str
    rows: int
    usable: int


@dataclass(frozen=True, slots=True)
class RefreshStarted:
    connection: str
    what: str  # a list's name, or "unsubscribed contacts"


@dataclass(frozen=True, slots=True)
class RefreshFinished:
    connection: str
    what: str
    members: int | None = None


@dataclass(frozen=True, slots=True)
class RecoveryStarted:
    run: str
    attempts: int
    unknown: int


@dataclass(frozen=True, slots=True)
class RecoveryFinished:
    """given_up: connections that were not asked. held_back: people who may have been added over those."""

    run: str
    applied: int
    not_applied: int
    serial: int
    given_up: tuple[str, ...] = ()
    held_back: int = 0


@dataclass(frozen=True, slots=True)
class ApplyStarted:
    run: str
    plan_id: str
    exports: int
    rows: int
    batches: int


@dataclass(frozen=True, slots=True)
class FirewallClosed:
    """Live was read again; dropped counts people of the plan who are left out, by reason."""

    export: str
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListMade:
    export: str
    name: str
    list_id: str


@dataclass(frozen=True, slots=True)
class BatchSent:
    export: str
    kind: BatchKind
    batch: int
    rows: int
    bytes: int
    activity: str


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """done and total count rows over the whole apply."""

    export: str
    kind: BatchKind
    batch: int
    rows: int
    clean: bool
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """why: `jobs`, `throttled`, `queue_full` or `retry`. open: activities still running; percent: mean of theirs."""

    why: str
    wait_s: float
    open: int = 0
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Counters did not add up, so membership was read; found and missing count rows."""

    export: str
    found: int
    missing: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something worth a line: a warning that belongs to no plan."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What became of one export's rows. dropped: by the firewall, by reason; refused: by the remote, by reason."""

    export: str
    added: int = 0
    updated: int = 0
    removed: int = 0
    adopted: int = 0
    forgotten: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    unfinished: int = 0


@dataclass(frozen=True, slots=True)
class ApplyFinished:
    """serial: of the state afterwards. calls: API calls made. diagnostics: what stopped it, empty when successful."""

    run: str
    plan_id: str
    status: Status
    serial: int
    results: tuple[ExportResult, ...]
    calls: int
    seconds: float
    diagnostics: tuple[Diagnostic, ...] = ()


Event = (
    SegmentRead
    | RefreshStarted
    | RefreshFinished
    | RecoveryStarted
    | RecoveryFinished
    | ApplyStarted
    | FirewallClosed
    | ListMade
    | BatchSent
    | BatchFinished
    | Waiting
    | ReadBack
    | Noticed
    | ApplyFinished
)
