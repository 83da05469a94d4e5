"""Runs an apply from its first check to its report, and settles one that was interrupted."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ccsync.applier.close import Settled, commit, results, settle_rows
from ccsync.applier.deck import Deck, StopSignal, Work
from ccsync.applier.prepare import check_account, check_remote, create_lists, list_named, look, resolve_ids
from ccsync.applier.send import Parcel, parcels, send_all
from ccsync.applier.watch import Pace, check_age, find_lost, watch
from ccsync.core.batch import BatchKind
from ccsync.core.event import ApplyFinished, ApplyStarted, RecoveryFinished, RecoveryStarted, Status
from ccsync.core.guard import blocking
from ccsync.core.plan import Plan
from ccsync.core.record import ListCreated, progress_of
from ccsync.core.spec import ConnectionLimits, ConnectionName, ExportName
from ccsync.errors import (
    CcsyncError,
    DeniedError,
    GuardError,
    InvalidError,
    QuotaError,
    RemoteError,
    StaleError,
    StoppedError,
)
from ccsync.ports import Clock, Destination, Journal, Journals, Lease, LedgerWriter, Sink, Snapshot


def apply_plan(
    plan: Plan,
    changes: Mapping[ExportName, Path],
    *,
    run: str,
    snapshot: Snapshot,
    journals: Journals,
    writer: LedgerWriter,
    lease: Lease,
    destinations: Callable[[ConnectionName], Destination],
    limits: Mapping[ConnectionName, ConnectionLimits],
    work: Work,
    workdir: Path,
    clock: Clock,
    sink: Sink,
    stop: StopSignal,
    allowed: tuple[str, ...] = (),
) -> ApplyFinished:
    """Does what the plan says, or less. The caller holds the lock, has settled what was pending and has checked that
    the plan is neither stale nor edited.

    Returns how it ended: successful, partial (a part was applied and recorded; plan again), or canceled (a signal; the
    journal holds what is open). Raises GuardError, DeniedError, InvalidError or StaleError when nothing was sent;
    LockedError, StaleError (E712) and StorageError when the state can't be written: the journal then stays.
    """
    blocked = blocking(plan, (*plan.allowed, *allowed))
    if blocked:
        raise GuardError(*blocked)
    journal = journals.begin(run, plan, changes)
    deck = Deck(
        plan, changes, run, snapshot, journal, writer, lease, destinations, limits, work, workdir, clock, sink, stop
    )
    deck.started_at = clock.monotonic()
    deck.allowed = (*plan.allowed, *allowed)
    batches = sum(len(export.batches) for export in plan.exports)
    sink(ApplyStarted(run, plan.plan_id, len(plan.exports), deck.rows_done()[1], batches))
    try:
        settled = _carry_out(deck)
    except StoppedError as stopped:
        return _canceled(deck, stopped)
    except (RemoteError, DeniedError) as failed:
        if not deck.sent_anything(failed):
            journal.close()
            raise
        return _suspended(deck, failed)
    except (GuardError, InvalidError, StaleError):
        if not deck.sent_anything():
            journal.close()
        raise
    ref = commit(deck, settled)
    return _finished(deck, settled, ref.serial)


def _carry_out(deck: Deck) -> Mapping[ExportName, Settled]:
    for connection in deck.connections():
        check_remote(deck, connection)
    look(deck)
    for connection in deck.connections():
        _carry_out_on(deck, connection)
    settled = settle_rows(deck, final=False)
    again = _second_tries(deck, settled)
    if not again:
        return settled
    for connection, waiting in again.items():
        for kind in (BatchKind.REMOVAL, BatchKind.IMPORT):
            send_all(deck, connection, [parcel for parcel in waiting if parcel.batch.kind is kind])
    return settle_rows(deck, final=True)


def _carry_out_on(deck: Deck, connection: ConnectionName) -> None:
    """One connection's part. Another connection's trouble is noted and doesn't stop this one."""
    try:
        create_lists(deck, connection)
        resolve_ids(deck, connection)
        send_all(deck, connection, parcels(deck, connection, BatchKind.REMOVAL))
        send_all(deck, connection, parcels(deck, connection, BatchKind.IMPORT))
    except (DeniedError, RemoteError) as failed:
        if not deck.sent_anything(failed) or deck.open_attempts(connection) or isinstance(failed, QuotaError):
            raise
        for export in deck.exports(connection):
            deck.stopped.add(export.name)
        deck.problems.extend(failed.diagnostics)


def _second_tries(deck: Deck, settled: Mapping[ExportName, Settled]) -> Mapping[ConnectionName, list[Parcel]]:
    """Rows that vanished without a counter that explains them, and removals that did not happen, are sent once more,
    by themselves."""
    again: dict[ConnectionName, list[Parcel]] = {}
    for name, part in settled.items():
        if not part.outcome.missing or name in deck.stopped:
            continue
        export = deck.plan.export(name)
        rows_file = f"again-{name}.parquet"
        keys = deck.work.outcomes.missing_keys(part.outcome, deck.fresh_folder("again"))
        deck.journal.keep(keys, rows_file)
        doubtful = {batch.batch for batch in part.settlement.batches if batch.sent == "doubtful"}
        again.setdefault(export.connection, []).extend(
            Parcel(export, batch, rows_file) for batch in export.batches if batch.number in doubtful
        )
    return again


# ---------------------------------------------------------------- how it ended


def _finished(deck: Deck, settled: Mapping[ExportName, Settled], serial: int) -> ApplyFinished:
    found = results(settled)
    whole = not deck.problems and not any(result.unfinished for result in found)
    finished = ApplyFinished(
        deck.run,
        deck.plan.plan_id,
        Status.SUCCESSFUL if whole else Status.PARTIAL,
        serial,
        found,
        _calls(deck),
        deck.clock.monotonic() - deck.started_at,
        tuple(deck.problems),
    )
    deck.sink(finished)
    return finished


def _suspended(deck: Deck, failed: CcsyncError) -> ApplyFinished:
    """The remote side can't be asked any more: the journal holds what is open, and a later command settles it."""
    return _unsettled(deck, Status.PARTIAL, failed)


def _canceled(deck: Deck, stopped: StoppedError) -> ApplyFinished:
    if not deck.sent_anything():
        deck.journal.close()
    return _unsettled(deck, Status.CANCELED, stopped)


def _unsettled(deck: Deck, status: Status, error: CcsyncError) -> ApplyFinished:
    finished = ApplyFinished(
        deck.run,
        deck.plan.plan_id,
        status,
        deck.snapshot.ref.serial,
        (),
        _calls(deck),
        deck.clock.monotonic() - deck.started_at,
        (*deck.problems, *error.diagnostics),
    )
    deck.sink(finished)
    return finished


def _calls(deck: Deck) -> int:
    return sum(deck.destinations(connection).calls_made() for connection in deck.connections())


# ---------------------------------------------------------------- what was interrupted


def settle(
    journal: Journal,
    *,
    snapshot: Snapshot,
    writer: LedgerWriter,
    lease: Lease,
    destinations: Callable[[ConnectionName], Destination],
    limits: Mapping[ConnectionName, ConnectionLimits],
    work: Work,
    workdir: Path,
    clock: Clock,
    sink: Sink,
    stop: StopSignal,
) -> RecoveryFinished | None:
    """Finds out what an interrupted run did, records it as one generation and removes its journal. Sends nothing: what
    the run did not get to is found by planning again.

    None when the run had sent nothing or was recorded already. Raises what the ports raise; the journal then stays.
    """
    progress = progress_of(journal.records())
    if snapshot.run == journal.run or not (progress.attempts or progress.intended_lists):
        journal.close()
        return None
    plan, changes = journal.plan()
    deck = Deck(
        plan,
        changes,
        journal.run,
        snapshot,
        journal,
        writer,
        lease,
        destinations,
        limits,
        work,
        workdir,
        clock,
        sink,
        stop,
    )
    deck.progress = progress
    deck.started_at = clock.monotonic()
    unknown = sum(1 for attempt in progress.open if attempt.activity is None)
    sink(RecoveryStarted(journal.run, len(progress.open), unknown))
    for connection in deck.connections():
        check_account(deck, connection)
        _settle_lists(deck, connection)
        _settle_attempts(deck, connection)
    settled = settle_rows(deck, final=False, late=True)
    ref = commit(deck, settled)
    applied = sum(sum(part.outcome.counts.values()) for part in settled.values())
    unfinished = sum(part.outcome.unfinished for part in settled.values())
    finished = RecoveryFinished(journal.run, applied, unfinished, ref.serial)
    sink(finished)
    return finished


def _settle_lists(deck: Deck, connection: ConnectionName) -> None:
    """Learns the ids of lists whose making was interrupted, and which lists are gone by now."""
    destination = deck.destinations(connection)
    alive = {known.id for known in destination.lists()}
    for export in deck.exports(connection):
        if export.name in deck.progress.intended_lists and export.name not in deck.progress.created_lists:
            found = list_named(destination, export.list.name)
            if found is not None:
                deck.record(ListCreated(export.name, found))
        list_id = deck.list_id(export)
        if list_id is not None and list_id not in alive:
            deck.gone_lists.add(list_id)


def _settle_attempts(deck: Deck, connection: ConnectionName) -> None:
    """Brings every open attempt of a connection to its conclusion."""
    for attempt in deck.open_attempts(connection):
        if attempt.activity is not None:
            continue
        found = find_lost(deck, connection, attempt.intended)
        deck.record(found)
    pace = Pace(deck.limits[connection].poll_seconds)
    while deck.open_attempts(connection):
        watch(deck, connection, pace)
        check_age(deck, connection)
