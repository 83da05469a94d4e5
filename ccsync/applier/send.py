"""Sending: batches of one kind to one connection, as many in flight as allowed, until all of them have ended.

Intent is durable before the POST and the activity's id before the first look at it. Nothing is sent twice unless
looking showed that it did not arrive.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ccsync.applier.deck import Deck
from ccsync.applier.prepare import LOOK_FRESH_S, look
from ccsync.applier.watch import Pace, find_lost, watch
from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.core.event import BatchSent
from ccsync.core.plan import ExportPlan, to_text
from ccsync.core.record import Accepted, ActivityId, AttemptId, Concluded, Intended, Verdict
from ccsync.core.spec import ConnectionName
from ccsync.errors import (
    DeniedError,
    OutcomeUnknownError,
    QuotaError,
    RejectedError,
    TransientError,
    UnfitError,
)
from ccsync.ports.live import Destination, ImportBody

MAX_REFUSALS = 64
"""How many requests of one export may be refused before the rest of it waits for the next run. A row among 40,000 is
found by sixteen halvings."""

MAX_TRIES = 2
"""How often one batch is sent when looking shows that it did not arrive."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch to send. rows_file: the journal's rows file (key) with the part that is sent; None for all of it.
    half_of: see `Intended`."""

    export: ExportPlan
    batch: Batch
    rows_file: str | None = None
    half_of: AttemptId | None = None


def parcels(deck: Deck, connection: ConnectionName, kind: BatchKind) -> tuple[Parcel, ...]:
    """The batches of one kind, export by export, as the plan numbers them."""
    return tuple(
        Parcel(export, batch) for export in deck.exports(connection) for batch in export.batches if batch.kind is kind
    )


def send_all(deck: Deck, connection: ConnectionName, waiting: Iterable[Parcel]) -> None:
    """Sends the parcels and returns when every job of this connection has ended: a barrier, since jobs run unordered.

    What one export is refused is noted, and its later parcels stay behind. Raises StoppedError, LockedError,
    QuotaError, and TransientError when the connection can't go on; the journal says what is open then.
    """
    queue = deque(waiting)
    limit = deck.means.limits[connection].max_open_activities
    pace = Pace(deck.means.limits[connection].poll_seconds)
    while queue or deck.open_attempts(connection):
        while queue and len(deck.open_attempts(connection)) < limit:
            queue.extendleft(reversed(_send(deck, connection, queue.popleft())))
            pace.reset()
        watch(deck, connection, pace)
    _fail_whole_refusals(deck, connection)


def _send(deck: Deck, connection: ConnectionName, parcel: Parcel) -> tuple[Parcel, ...]:
    """Sends one parcel, once more if looking shows that it did not arrive. Returns what is to be sent instead: the
    halves of one that was refused for its content."""
    lost: OutcomeUnknownError | None = None
    for _ in range(MAX_TRIES):
        deck.check_stop()
        if parcel.export.name in deck.stopped:
            return ()
        if _writes_members(deck, parcel) and _look_age_s(deck, connection) > LOOK_FRESH_S:
            look(deck)
        content = _content(deck, parcel)
        if content is None:
            return ()
        try:
            lost = _post(deck, deck.destination(connection), parcel, content)
        except RejectedError as refused:
            return _instead(deck, parcel, content, refused)
        if lost is None:
            return ()
    deck.fail(parcel.export.name, *(lost.diagnostics if lost else ()))
    return ()


def _instead(
    deck: Deck, parcel: Parcel, content: ImportBody | tuple[str, ...], refused: RejectedError
) -> tuple[Parcel, ...]:
    """An import that was refused for its content is halved until the row stands alone that it was refused for."""
    name = parcel.export.name
    is_second_try = parcel.rows_file is not None and parcel.half_of is None
    if (
        not isinstance(refused, UnfitError)
        or not isinstance(content, ImportBody)
        or is_second_try
        or deck.refusals(name) >= MAX_REFUSALS
    ):
        deck.fail(name, *refused.diagnostics)
        return ()
    deck.unfit[name] = refused.diagnostics
    if content.count == 1:
        return ()
    attempt = deck.tries(name, parcel.batch.number)[-1].intended.attempt
    only = deck.journal.file(parcel.rows_file) if parcel.rows_file else None
    halves = deck.means.work.bodies.halves(
        deck.changes[name], parcel.batch, deck.drops(name), only, deck.fresh_folder("halves")
    )
    kept = [f"{half.stem}-of-{attempt}.parquet" for half in halves]
    for half, file in zip(halves, kept, strict=True):
        deck.journal.keep(half, file)
    return tuple(Parcel(parcel.export, parcel.batch, file, attempt) for file in kept)


def _fail_whole_refusals(deck: Deck, connection: ConnectionName) -> None:
    """Where nothing of an export was taken, it is no row that the requests were refused for."""
    for export in deck.exports(connection):
        if export.name in deck.unfit and not deck.took_rows(export.name) and export.name not in deck.stopped:
            deck.fail(export.name, *deck.unfit[export.name])


def _writes_members(deck: Deck, parcel: Parcel) -> bool:
    """Whether people in it are on the list already: as the plan has it, or because they joined by themselves since."""
    return parcel.batch.members > 0 or parcel.batch.number in deck.joined.get(parcel.export.name, frozenset())


def _look_age_s(deck: Deck, connection: ConnectionName) -> float:
    return deck.means.clock.monotonic() - deck.looked_at[connection]


def _content(deck: Deck, parcel: Parcel) -> ImportBody | tuple[str, ...] | None:
    """What the parcel sends now, less everyone the looks dropped; None when nobody is left."""
    name = parcel.export.name
    changes, drops = deck.changes[name], deck.drops(name)
    only = deck.journal.file(parcel.rows_file) if parcel.rows_file else None
    match parcel.batch.kind:
        case BatchKind.REMOVAL:
            ids = deck.means.work.bodies.removal_ids(changes, parcel.batch, drops, deck.ids(name), only)
            return ids or None
        case BatchKind.IMPORT:
            body = deck.means.work.bodies.import_body(changes, parcel.export.fields, parcel.batch, drops, only)
            return body if body.count else None


def _post(
    deck: Deck, destination: Destination, parcel: Parcel, content: ImportBody | tuple[str, ...]
) -> OutcomeUnknownError | None:
    """One POST with what must be durable around it. Returns the error when it certainly did not arrive after all.
    Raises RejectedError, once that is durable, besides what ends the run."""
    intended = _intended(deck, parcel, content)
    list_id = deck.list_id(parcel.export)
    assert list_id is not None, "lists are made before anything is sent to them"
    deck.means.lease.check()
    deck.record(intended)
    try:
        if isinstance(content, ImportBody):
            activity = destination.start_import(list_id, content, intended.file_name or "")
        else:
            activity = destination.start_removal(list_id, content)
    except OutcomeUnknownError as lost:
        return _found(deck, parcel, intended, lost)
    except UnfitError:
        deck.record(Concluded(intended.attempt, Verdict.REFUSED, why="refused"))
        raise
    except (RejectedError, TransientError, QuotaError, DeniedError):
        # Not of StoppedError: a signal raises where the program stands, which may be between the POST and its answer.
        deck.record(Concluded(intended.attempt, Verdict.NOT_SENT, why="not sent"))
        raise
    _accepted(deck, parcel, intended, activity, len(content.rows) if isinstance(content, ImportBody) else 0)
    return None


def _found(deck: Deck, parcel: Parcel, intended: Intended, lost: OutcomeUnknownError) -> OutcomeUnknownError | None:
    found = find_lost(deck, parcel.export.connection, intended)
    if isinstance(found, Accepted):
        _accepted(deck, parcel, intended, found.activity, 0)
        return None
    deck.record(found)
    return lost if found.verdict is Verdict.NOT_SENT else None


def _accepted(deck: Deck, parcel: Parcel, intended: Intended, activity: ActivityId, sent_bytes: int) -> None:
    deck.record(Accepted(intended.attempt, activity))
    batch = parcel.batch
    deck.means.sink(BatchSent(parcel.export.name, batch.kind, batch.number, intended.expected, sent_bytes, activity))


def _intended(deck: Deck, parcel: Parcel, content: ImportBody | tuple[str, ...]) -> Intended:
    export, batch = parcel.export, parcel.batch
    tries = len(deck.tries(export.name, batch.number)) + 1
    attempt = AttemptId(f"{export.name}-{batch.number}-{tries}")
    return Intended(
        attempt=attempt,
        export=export.name,
        kind=batch.kind,
        batch=batch.number,
        look=len(deck.progress.looks),
        expected=content.count if isinstance(content, ImportBody) else len(content),
        sent_at=to_text(deck.remote_now(export.connection)),
        transport=batch.transport,
        file_name=f"ccsync-{deck.journal.run}-{attempt}.csv" if batch.transport is Transport.CSV else None,
        rows_file=parcel.rows_file,
        half_of=parcel.half_of,
    )


__all__ = ["LOOK_FRESH_S", "MAX_TRIES", "Parcel", "parcels", "send_all"]
