"""Settles a run that was interrupted: finds out what it did, and records that. Sends nothing."""

from collections.abc import Mapping

from ccsync.applier.close import Settled, commit, settle_rows
from ccsync.applier.deck import Deck, Means
from ccsync.applier.prepare import check_account, list_named
from ccsync.applier.watch import Pace, check_age, find_lost, watch
from ccsync.core.change import HeldBack
from ccsync.core.event import RecoveryFinished, RecoveryStarted
from ccsync.core.record import ListCreated, progress_of
from ccsync.core.spec import ConnectionName, ExportName
from ccsync.ports.journal import Journal


def settle(
    journal: Journal,
    means: Means,
    *,
    give_up: bool = False,
) -> RecoveryFinished | None:
    """Finds out what an interrupted run did, records it as one generation and removes its journal. Sends nothing: what
    the run did not get to is found by planning again.

    give_up: a connection that can't be asked any more is not asked: what it may have done stays unknown. Additions that
    may have arrived go into the opt-out memory, and everything else stays as the ledger has it.

    None when the run had sent nothing or was recorded already. Raises what the ports raise; the journal then stays.
    """
    progress = progress_of(journal.records())
    if means.snapshot.run == journal.run or not (progress.attempts or progress.intended_lists):
        journal.close()
        return None
    plan, changes = journal.plan()
    deck = Deck(plan, changes, journal, means, means.clock.monotonic(), progress, giving_up=give_up)
    unknown = sum(1 for attempt in progress.open if attempt.activity is None)
    means.sink(RecoveryStarted(journal.run, len(progress.open), unknown))
    for connection in deck.connections():
        with deck.may_give_up(connection):
            check_account(deck, connection)
            _settle_lists(deck, connection)
            _settle_attempts(deck, connection)
    settled = settle_rows(deck, final=False, late=True)
    ref = commit(deck, settled)
    applied = sum(sum(part.outcome.counts.values()) for part in settled.values())
    unfinished = sum(part.outcome.unfinished for part in settled.values())
    finished = RecoveryFinished(
        journal.run, applied, unfinished, ref.serial, tuple(sorted(deck.given_up)), _held_back(deck, settled)
    )
    means.sink(finished)
    return finished


def _held_back(deck: Deck, settled: Mapping[ExportName, Settled]) -> int:
    """People who may have been added over connections that were given up."""
    return sum(
        part.outcome.dropped.get(HeldBack.OPTED_OUT, 0)
        for name, part in settled.items()
        if deck.plan.export(name).connection in deck.given_up
    )


def _settle_lists(deck: Deck, connection: ConnectionName) -> None:
    """Learns the ids of lists whose making was interrupted, and which lists are gone by now."""
    destination = deck.destination(connection)
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
    pace = Pace(deck.means.limits[connection].poll_seconds)
    while deck.open_attempts(connection):
        watch(deck, connection, pace)
        check_age(deck, connection)
