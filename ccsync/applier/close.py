"""The end of a run: what became of every row, one new generation, and the journal gone. The only place that commits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ccsync.applier.deck import Deck
from ccsync.applier.prepare import read_live
from ccsync.applier.watch import explained
from ccsync.core.batch import BatchKind
from ccsync.core.event import ExportResult, ReadBack
from ccsync.core.plan import ExportPlan, StateRef
from ccsync.core.record import Attempt, Verdict
from ccsync.core.spec import AccountId, ExportName, ListId
from ccsync.ports.ledger import Ledger, NextGeneration
from ccsync.ports.live import Live
from ccsync.ports.outcomes import Outcome, Sent, SentBatch, Settlement


@dataclass(frozen=True, slots=True)
class Settled:
    settlement: Settlement
    outcome: Outcome


def settle_rows(deck: Deck, *, final: bool, late: bool = False) -> Mapping[ExportName, Settled]:
    """Works out what became of each export's rows. Where counters left a doubt, live is read back first.

    final, late: see `Settlement`.
    """
    doubtful = {attempt.intended.export for attempt in deck.progress.attempts.values() if _is_doubtful(attempt)}
    read_back: dict[ExportName, Live] = {}
    for connection in deck.connections():
        if connection in deck.given_up or not any(export.name in doubtful for export in deck.exports(connection)):
            continue
        with deck.may_give_up(connection):
            read_back.update({export.name: live for export, live in read_live(deck, connection, "read-back")})
    settled = {}
    for export in deck.plan.exports:
        if not export.has_changes:
            continue
        settlement = _settlement(deck, export, read_back.get(export.name), final=final, late=late)
        outcome = deck.means.work.outcomes.outcome(settlement, deck.fresh_folder("outcome"))
        if settlement.read_back is not None:
            settlement, outcome = _believed(deck, export, settlement, outcome)
            deck.means.sink(ReadBack(export.name, sum(outcome.counts.values()), outcome.missing))
        settled[export.name] = Settled(settlement, outcome)
    return settled


MAX_DOUBTS = 50
"""Of how many people who seem never to have arrived it is asked whether the account knows them."""


def _believed(deck: Deck, export: ExportPlan, settlement: Settlement, outcome: Outcome) -> tuple[Settlement, Outcome]:
    """Counters count rows and name nobody: who joined by themselves hides one who arrived and left. Whom the account
    knows may have arrived, and is not sent again."""
    destination = deck.destination(export.connection)
    doubted = deck.means.work.outcomes.not_arrived(outcome, MAX_DOUBTS)
    arrived = [key for key in doubted if destination.knows(key)]
    if not arrived:
        return settlement, outcome
    keys = deck.means.work.outcomes.write_keys(arrived, deck.fresh_folder("arrived"))
    settlement = replace(settlement, arrived=keys)
    return settlement, deck.means.work.outcomes.outcome(settlement, deck.fresh_folder("outcome"))


def _is_doubtful(attempt: Attempt) -> bool:
    return attempt.concluded is None or attempt.concluded.verdict is Verdict.DOUBTFUL or _is_second(attempt)


def _is_second(attempt: Attempt) -> bool:
    """A try of a part of a batch: the rest of the batch is known from reading back only."""
    return attempt.intended.rows_file is not None and attempt.intended.half_of is None


def _settlement(deck: Deck, export: ExportPlan, read_back: Live | None, *, final: bool, late: bool) -> Settlement:
    ledger = deck.means.snapshot.ledgers.get(export.name)
    return Settlement(
        plan=deck.plan,
        export=export.name,
        changes=deck.changes[export.name],
        ledger=ledger.path if ledger else None,
        ledger_fields=ledger.fields if ledger else (),
        batches=tuple(_sent_batches(deck, export)),
        drops=deck.drops(export.name),
        ids=deck.ids(export.name),
        read_back=read_back,
        run=deck.journal.run,
        at=deck.now(),
        final=final,
        late=late,
        given_up=export.connection in deck.given_up,
        list_id=deck.list_id(export),
    )


def _sent_batches(deck: Deck, export: ExportPlan) -> list[SentBatch]:
    found = []
    for batch in export.batches:
        tries = deck.tries(export.name, batch.number)
        halved = {attempt.intended.half_of for attempt in tries} - {None}
        rest = tuple(attempt for attempt in tries if attempt.intended.attempt not in halved)
        parts = {attempt.intended.rows_file for attempt in rest} if halved else {None} if rest else set()
        for rows in sorted(parts, key=str):
            part = tuple(attempt for attempt in rest if attempt.intended.rows_file == rows) if halved else rest
            sent = _sent_batch(batch.number, part)
            if sent.sent is Sent.NOT_SENT and _is_refused_alone(deck, part[-1]):
                sent = replace(sent, sent=Sent.REFUSED)
            found.append(replace(sent, rows=deck.journal.file(rows) if rows and halved else None))
    return found


def _is_refused_alone(deck: Deck, attempt: Attempt) -> bool:
    """Whether it is certain that the remote side won't have this very row."""
    alone = attempt.intended.kind is BatchKind.IMPORT and attempt.intended.expected == 1
    return alone and attempt.is_refused and deck.took_rows(attempt.intended.export)


def _sent_batch(number: int, tries: tuple[Attempt, ...]) -> SentBatch:
    newest = tries[-1]
    arrived = [attempt for attempt in tries if attempt.may_have_arrived]
    look = arrived[0].intended.look if arrived else newest.intended.look
    if not arrived:
        return SentBatch(number, Sent.NOT_SENT, look=look)
    if not any(_is_doubtful(attempt) for attempt in arrived if attempt is newest or _is_second(newest)):
        return SentBatch(number, Sent.CLEAN, look=look)
    newest = arrived[-1]
    if newest.concluded is None:
        return SentBatch(number, Sent.DOUBTFUL, look=look)
    counters = newest.concluded.counters
    shortfall = None if counters.persons is None else newest.intended.expected - counters.persons
    # A second try counts its own rows only; that more are on the list is the first one's doing.
    persons = sum((one.concluded.counters.persons or 0 for one in arrived if one.concluded), 0)
    return SentBatch(
        number, Sent.DOUBTFUL, explained(counters), look, shortfall, None if counters.persons is None else persons
    )


def commit(deck: Deck, settled: Mapping[ExportName, Settled]) -> StateRef:
    """One new generation with everything that is known, then no journal. Raises LockedError, StaleError (E712) and
    StorageError; the journal then stays, and the next command settles it."""
    before = deck.means.snapshot
    ledgers = {name: _beside(deck, ledger, settled) for name, ledger in before.ledgers.items() if name not in settled}
    for name, part in settled.items():
        ledger = _next_ledger(deck, deck.plan.export(name), part)
        if ledger is not None:
            ledgers[name] = ledger
    optouts = deck.means.work.outcomes.next_optouts(
        before.optouts,
        [(part.settlement, part.outcome) for part in settled.values()],
        deck.fresh_folder("optouts"),
    )
    deck.means.lease.check()
    ref = deck.means.writer.commit(
        before.ref,
        NextGeneration(
            accounts={**before.accounts, **deck.accounts},
            ledgers=tuple(ledgers[name] for name in sorted(ledgers)),
            optouts=optouts,
            run=deck.journal.run,
            plan_id=deck.plan.plan_id,
            counts=_totals(settled),
        ),
    )
    deck.journal.close()
    return ref


def _beside(deck: Deck, ledger: Ledger, settled: Mapping[ExportName, Settled]) -> Ledger:
    """The ledger of an export that had no part in this run. Whom another export took off the list it shares is no
    member of it any more; by the next plan they would look like people who left."""
    removed = [
        part.outcome
        for name, part in settled.items()
        if part.outcome.counts.get("remove") and _place(deck, name) == (ledger.account, ledger.list_id)
    ]
    if not removed:
        return ledger
    path, members = deck.means.work.outcomes.without_removed(ledger, removed, deck.fresh_folder("beside"))
    return replace(ledger, path=path, members=members)


def _place(deck: Deck, name: ExportName) -> tuple[AccountId, ListId | None]:
    export = deck.plan.export(name)
    return deck.accounts.get(export.connection, export.account), deck.list_id(export)


def _next_ledger(deck: Deck, export: ExportPlan, part: Settled) -> Ledger | None:
    """None when there is nothing to keep: no list was made, or a deleted export has no rows left."""
    list_id = deck.list_id(export)
    if list_id is None:
        return None
    path, members = deck.means.work.outcomes.next_ledger(part.settlement, part.outcome, deck.fresh_folder("ledger"))
    if export.deleted and not _has_rows(members, part):
        return None
    return Ledger(
        export=export.name,
        connection=export.connection,
        account=deck.accounts.get(export.connection, export.account),
        list_id=list_id,
        list_name=export.list.name,
        path=path,
        fields=export.fields,
        mapping=export.mapping,
        on_leave=export.on_leave,
        on_delete=export.on_delete,
        protection=export.protection,
        desired=export.desired,
        members=members,
        definitions=export.definitions,
    )


def _has_rows(members: int, part: Settled) -> bool:
    return members > 0 or part.outcome.unfinished > 0


def _totals(settled: Mapping[ExportName, Settled]) -> Mapping[str, int]:
    totals: dict[str, int] = {}
    for part in settled.values():
        for op, rows in part.outcome.counts.items():
            totals[op] = totals.get(op, 0) + rows
    return totals


def results(settled: Mapping[ExportName, Settled]) -> tuple[ExportResult, ...]:
    return tuple(
        ExportResult(
            export=name,
            added=part.outcome.counts.get("add", 0),
            updated=part.outcome.counts.get("update", 0),
            removed=part.outcome.counts.get("remove", 0),
            adopted=part.outcome.counts.get("adopt", 0),
            forgotten=part.outcome.counts.get("forget", 0),
            dropped=part.outcome.dropped,
            refused=part.outcome.refused,
            unfinished=part.outcome.unfinished,
        )
        for name, part in settled.items()
    )


__all__ = ["Settled", "commit", "results", "settle_rows"]
