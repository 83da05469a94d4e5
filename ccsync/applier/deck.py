"""What one run works with: the plan, the ports and the journal, and what is known so far. Sends and decides nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from ccsync.core.batch import BatchKind
from ccsync.core.plan import ExportPlan, Plan, to_text
from ccsync.core.record import ActivityId, Attempt, Progress, Record, advanced
from ccsync.core.spec import AccountId, ConnectionLimits, ConnectionName, ExportName, ListId
from ccsync.errors import (
    CcsyncError,
    DeniedError,
    Diagnostic,
    ExitCode,
    InvalidError,
    QuotaError,
    RejectedError,
    RemoteError,
    StoppedError,
    TransientError,
)
from ccsync.ports.bodies import Bodies, Firewall
from ccsync.ports.clock import Clock, Sink
from ccsync.ports.journal import Journal
from ccsync.ports.ledger import Lease, LedgerWriter, Snapshot
from ccsync.ports.live import Destination
from ccsync.ports.outcomes import Outcomes


class StopSignal(Protocol):
    def requested(self) -> ExitCode | None:
        """INTERRUPTED or TERMINATED once a signal asked this process to stop."""


@dataclass(frozen=True, slots=True)
class Work:
    """The engine's half of an apply."""

    firewall: Firewall
    bodies: Bodies
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Means:
    """What the caller gives a run: the state, the lock that it holds, the outside world and the engine.

    snapshot: the state that the run starts from. destinations: the account behind a connection. workdir: an empty
    folder for files that nobody needs afterwards.
    """

    snapshot: Snapshot
    writer: LedgerWriter
    lease: Lease
    destinations: Callable[[ConnectionName], Destination]
    limits: Mapping[ConnectionName, ConnectionLimits]
    work: Work
    workdir: Path
    clock: Clock
    sink: Sink
    stop: StopSignal


@dataclass(slots=True)
class Deck:
    """Everything one run works with, and the little that changes while it runs.

    progress: the journal's records, added up; changes only through `record`. looked_at: monotonic time that the
    newest look of a connection counts from. joined: batches with somebody to be added whom the newest look saw on the
    list. problems: what went wrong without stopping everything. stopped: exports that take no further batches.
    gone_lists: lists of deleted exports that no longer exist. allowed: `EXPORT:GUARD`s. unfit: what was said of rows
    that were refused by themselves.
    giving_up: connections that can't be asked are noted in given_up instead of ending the run.
    """

    plan: Plan
    changes: Mapping[ExportName, Path]
    journal: Journal
    means: Means
    started_at: float
    progress: Progress = field(default_factory=Progress)
    looked_at: dict[ConnectionName, float] = field(default_factory=dict)
    joined: dict[ExportName, frozenset[int]] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    stopped: set[ExportName] = field(default_factory=set)
    gone_lists: set[ListId] = field(default_factory=set)
    accounts: dict[ConnectionName, AccountId] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    unfit: dict[ExportName, tuple[Diagnostic, ...]] = field(default_factory=dict)
    giving_up: bool = False
    given_up: set[ConnectionName] = field(default_factory=set)
    files: int = 0

    def record(self, record: Record) -> None:
        """Makes a record durable, then counts it in."""
        self.journal.append(record)
        self.progress = advanced(self.progress, record)

    def destination(self, connection: ConnectionName) -> Destination:
        return self.means.destinations(connection)

    def now(self) -> str:
        return to_text(self.means.clock.now())

    def remote_now(self, connection: ConnectionName) -> datetime:
        """The time by the clock that stamps jobs, as far as its answers tell; ours may be hours off."""
        return self.means.clock.now() - timedelta(seconds=self.destination(connection).clock_ahead_s())

    def check_stop(self) -> None:
        """Raises StoppedError once a signal came. Nothing that must follow a POST may call this in between."""
        code = self.means.stop.requested()
        if code is not None:
            raise StoppedError(
                code,
                Diagnostic(
                    "E902",
                    "stopped by a signal; nothing more was sent",
                    hint="`ccsync recover` settles what was under way; the next plan or apply does so first",
                ),
            )

    def exports(self, connection: ConnectionName) -> tuple[ExportPlan, ...]:
        """The exports with changes on this connection, by name."""
        return tuple(e for e in self.plan.exports if e.connection == connection and e.has_changes)

    def connections(self) -> tuple[ConnectionName, ...]:
        return tuple(sorted({export.connection for export in self.plan.exports if export.has_changes}))

    def list_id(self, export: ExportPlan) -> ListId | None:
        """The list's id: of the plan, or of the list this run made."""
        return export.list.id or self.progress.created_lists.get(export.name)

    def drops(self, export: ExportName) -> tuple[Path, ...]:
        """Every look's drops of an export, in order."""
        names = (look.drops[export] for look in self.progress.looks if export in look.drops)
        return tuple(self.journal.file(name) for name in names)

    def ids(self, export: ExportName) -> Path | None:
        name = self.progress.resolved.get(export)
        return self.journal.file(name) if name else None

    def tries(self, export: ExportName, batch: int) -> tuple[Attempt, ...]:
        """The attempts of one batch, oldest first."""
        return tuple(
            attempt
            for attempt in self.progress.attempts.values()
            if attempt.intended.export == export and attempt.intended.batch == batch
        )

    def refusals(self, export: ExportName) -> int:
        """How many requests of an export were refused."""
        return sum(
            attempt.intended.export == export and attempt.is_refused for attempt in self.progress.attempts.values()
        )

    def took_rows(self, export: ExportName) -> bool:
        """Whether an import of this export was taken, so that what is refused is refused for its rows."""
        return any(
            attempt.intended.export == export and attempt.intended.kind is BatchKind.IMPORT and attempt.activity
            for attempt in self.progress.attempts.values()
        )

    def known_activities(self) -> frozenset[ActivityId]:
        return frozenset(a.activity for a in self.progress.attempts.values() if a.activity is not None)

    def open_attempts(self, connection: ConnectionName) -> tuple[Attempt, ...]:
        names = {export.name for export in self.exports(connection)}
        return tuple(attempt for attempt in self.progress.open if attempt.intended.export in names)

    def rows_done(self) -> tuple[int, int]:
        """Rows of batches that ended, and rows of all batches of the plan."""
        attempts = self.progress.attempts.values()
        ended = sum(a.intended.expected for a in attempts if a.concluded is not None and a.may_have_arrived)
        total = sum(batch.rows for export in self.plan.exports for batch in export.batches)
        return min(ended, total), total

    def sent_anything(self, failed: CcsyncError | None = None) -> bool:
        """Whether the remote side may have changed: from the first intent on, that is possible, until it is known that
        nothing came of it. failed: what ended the run; a list that was refused in so many words was not made."""
        if any(attempt.may_have_arrived for attempt in self.progress.attempts.values()):
            return True
        refused = isinstance(failed, DeniedError | QuotaError | RejectedError | TransientError)
        return bool(self.progress.created_lists or (self.progress.intended_lists and not refused))

    @contextmanager
    def may_give_up(self, connection: ConnectionName) -> Iterator[None]:
        """Asks a connection. One that can't be asked is given up where that is allowed; a used-up quota is no reason,
        for tomorrow it can."""
        try:
            yield
        except (DeniedError, InvalidError, RemoteError) as failed:
            if not self.giving_up or isinstance(failed, QuotaError):
                raise
            self.given_up.add(connection)

    def fresh_folder(self, name: str) -> Path:
        """A new folder for files of this run; each call another one."""
        self.files += 1
        folder = self.means.workdir / f"{self.files:04}-{name}"
        folder.mkdir(mode=0o700)
        return folder

    def fail(self, export: ExportName, *diagnostics: Diagnostic) -> None:
        """Notes what went wrong and lets this export send no more; others go on."""
        self.problems.extend(diagnostics)
        self.stopped.add(export)
