"""Runs an apply from its first check to its report. Settling one that was interrupted is `settle`."""

from collections.abc import Mapping
from pathlib import Path

from ccsync.applier.close import Settled, commit, results, settle_rows
from ccsync.applier.deck import Deck, Means
from ccsync.applier.prepare import check_remote, create_lists, look, resolve_ids
from ccsync.applier.send import Parcel, parcels, send_all
from ccsync.core.batch import BatchKind
from ccsync.core.event import ApplyFinished, ApplyStarted, Status
from ccsync.core.guard import blocking
from ccsync.core.plan import Plan
from ccsync.core.spec import ConnectionName, ExportName
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
from ccsync.ports.journal import Journals


def apply_plan(
    plan: Plan,
    changes: Mapping[ExportName, Path],
    means: Means,
    *,
    run: str,
    journals: Journals,
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
    means.lease.check()  # whoever took over may have begun a journal by now, and this would clear it away
    journal = journals.begin(run, plan, changes)
    deck = Deck(plan, changes, journal, means, means.clock.monotonic(), allowed=(*plan.allowed, *allowed))
    batches = sum(len(export.batches) for export in plan.exports)
    means.sink(ApplyStarted(run, plan.plan_id, len(plan.exports), deck.rows_done()[1], batches))
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
        # What is doubtful of a batch that was halved is not sent again: its parts would have to be told apart.
        doubtful = {batch.batch for batch in part.settlement.batches if batch.sent == "doubtful" and not batch.rows}
        if not doubtful:
            continue
        export = deck.plan.export(name)
        rows_file = f"again-{name}.parquet"
        keys = deck.means.work.outcomes.missing_keys(part.outcome, deck.fresh_folder("again"))
        deck.journal.keep(keys, rows_file)
        again.setdefault(export.connection, []).extend(
            Parcel(export, batch, rows_file) for batch in export.batches if batch.number in doubtful
        )
    return again


# ---------------------------------------------------------------- how it ended


def _finished(deck: Deck, settled: Mapping[ExportName, Settled], serial: int) -> ApplyFinished:
    found = results(settled)
    whole = not deck.problems and not any(result.unfinished for result in found)
    finished = ApplyFinished(
        deck.journal.run,
        deck.plan.plan_id,
        Status.SUCCESSFUL if whole else Status.PARTIAL,
        serial,
        found,
        _calls(deck),
        deck.means.clock.monotonic() - deck.started_at,
        tuple(deck.problems),
    )
    deck.means.sink(finished)
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
        deck.journal.run,
        deck.plan.plan_id,
        status,
        deck.means.snapshot.ref.serial,
        (),
        _calls(deck),
        deck.means.clock.monotonic() - deck.started_at,
        (*deck.problems, *error.diagnostics),
    )
    deck.means.sink(finished)
    return finished


def _calls(deck: Deck) -> int:
    return sum(deck.destination(connection).calls_made() for connection in deck.connections())
