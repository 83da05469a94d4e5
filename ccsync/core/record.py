"""What the journal of a run holds: one record a step, and what the records so far add up to (`Progress`).

A record is durable before the next thing happens, so a run that was killed at any moment can be settled from them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, NewType

from ccsync.core.batch import BatchKind, Transport
from ccsync.core.spec import ExportName, ListId

ActivityId = NewType("ActivityId", str)
AttemptId = NewType("AttemptId", str)
"""Names one POST of one batch: `<export>-<batch>-<try>`. A CSV import's file name is built from run and attempt."""


class Verdict(StrEnum):
    """What became of an attempt. CLEAN: finished and every counter says that all rows landed. NOT_SENT: nothing came of
    it, whatever the reason. REFUSED: likewise, and its rows are why."""

    CLEAN = "clean"
    DOUBTFUL = "doubtful"
    NOT_SENT = "not_sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Counters:
    """What a finished activity says of its rows; None where the kind of activity has no such counter.

    Source: openapi.yml 3.0.178, #/definitions/ActivityImport and #/definitions/ActivityListsMembership.
    """

    items: int | None = None
    persons: int | None = None
    errors: int | None = None
    correctable: int | None = None
    cannot_add: int | None = None
    completed: int | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """Live was read again. number: 1, 2, …; drops: export → name of the journal's rows file with the people dropped."""

    number: int
    at: str
    drops: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListIntended:
    export: ExportName
    name: str


@dataclass(frozen=True, slots=True)
class ListCreated:
    export: ExportName
    list_id: ListId


@dataclass(frozen=True, slots=True)
class IdsResolved:
    """rows: name of the journal's rows file (key, contact_id) with all ids that the run knows."""

    export: ExportName
    rows: str


@dataclass(frozen=True, slots=True)
class Intended:
    """Durable before the POST. look: number of the look whose drops were taken out of the batch.

    rows_file: the journal's rows file with the keys sent; None when the whole batch (less drops) is.
    half_of: the refused attempt whose rows these are a half of; None for a batch, and for a second try of a part of it.
    sent_at: UTC text, by the remote clock as far as it is known. expected: rows sent.
    """

    attempt: AttemptId
    export: ExportName
    kind: BatchKind
    batch: int
    look: int
    expected: int
    sent_at: str
    transport: Transport | None = None
    file_name: str | None = None
    rows_file: str | None = None
    half_of: AttemptId | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Durable before the first look at the activity."""

    attempt: AttemptId
    activity: ActivityId


@dataclass(frozen=True, slots=True)
class Concluded:
    """The end of an attempt. why: for people, never with personal data."""

    attempt: AttemptId
    verdict: Verdict
    counters: Counters = Counters()
    why: str = ""


Record = Looked | ListIntended | ListCreated | IdsResolved | Intended | Accepted | Concluded

_KINDS: Mapping[str, type[Any]] = {  # Any: the record types share no base
    kind.__name__: kind for kind in (Looked, ListIntended, ListCreated, IdsResolved, Intended, Accepted, Concluded)
}


def record_document(record: Record) -> dict[str, Any]:  # Any: a JSON document
    return {"record": type(record).__name__, **asdict(record)}


def record_from(document: Mapping[str, Any]) -> Record:  # Any: a JSON document
    """The inverse of `record_document`. Raises KeyError, TypeError or ValueError for what is no record."""
    fields = {key: value for key, value in document.items() if key != "record"}
    if "kind" in fields:
        fields["kind"] = BatchKind(fields["kind"])
    if fields.get("transport"):
        fields["transport"] = Transport(fields["transport"])
    if "verdict" in fields:
        fields["verdict"] = Verdict(fields["verdict"])
        fields["counters"] = Counters(**fields["counters"])
    record: Record = _KINDS[document["record"]](**fields)
    return record


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt and what is known of it: no activity and no conclusion means that its outcome is unknown."""

    intended: Intended
    activity: ActivityId | None = None
    concluded: Concluded | None = None

    @property
    def may_have_arrived(self) -> bool:
        """Whether the remote side may have acted on it."""
        return self.concluded is None or self.concluded.verdict in (Verdict.CLEAN, Verdict.DOUBTFUL)

    @property
    def is_refused(self) -> bool:
        return self.concluded is not None and self.concluded.verdict is Verdict.REFUSED


@dataclass(frozen=True, slots=True)
class Progress:
    """The records of a run, added up. attempts: in the order sent."""

    attempts: Mapping[AttemptId, Attempt] = field(default_factory=dict)
    looks: tuple[Looked, ...] = ()
    intended_lists: Mapping[ExportName, str] = field(default_factory=dict)
    created_lists: Mapping[ExportName, ListId] = field(default_factory=dict)
    resolved: Mapping[ExportName, str] = field(default_factory=dict)

    @property
    def open(self) -> tuple[Attempt, ...]:
        """Attempts without a conclusion."""
        return tuple(attempt for attempt in self.attempts.values() if attempt.concluded is None)


def progress_of(records: Iterable[Record]) -> Progress:
    """Adds records up, in the order they were written."""
    progress = Progress()
    for record in records:
        progress = advanced(progress, record)
    return progress


def advanced(progress: Progress, record: Record) -> Progress:
    """Progress after one more record."""
    match record:
        case Looked():
            return replace(progress, looks=(*progress.looks, record))
        case ListIntended():
            return replace(progress, intended_lists={**progress.intended_lists, record.export: record.name})
        case ListCreated():
            return replace(progress, created_lists={**progress.created_lists, record.export: record.list_id})
        case IdsResolved():
            return replace(progress, resolved={**progress.resolved, record.export: record.rows})
        case Intended():
            return _with(progress, Attempt(record))
        case Accepted():
            return _with(progress, replace(progress.attempts[record.attempt], activity=record.activity))
        case Concluded():
            return _with(progress, replace(progress.attempts[record.attempt], concluded=record))


def _with(progress: Progress, attempt: Attempt) -> Progress:
    return replace(progress, attempts={**progress.attempts, attempt.intended.attempt: attempt})
