"""Waiting: looks at running jobs until they end, judges how they ended, and finds jobs whose answer was lost.

Sends nothing that changes anything.
"""

from datetime import datetime, timedelta

from ccsync.applier.deck import Deck
from ccsync.core.batch import BatchKind
from ccsync.core.event import BatchFinished, Waiting
from ccsync.core.record import Accepted, ActivityId, Attempt, Concluded, Counters, Intended, Verdict
from ccsync.core.spec import ConnectionName
from ccsync.errors import Diagnostic, TransientError
from ccsync.ports.live import Activity, ActivityState

JOB_DEADLINE_S = 2 * 60 * 60.0
"""How long jobs may go without a sign of progress before a run stops waiting and leaves them to `recover`. FACTS 2.7
asks for an hour at least."""

CLOCK_SKEW = timedelta(minutes=10)
"""How far the time of a POST may be from its job's when a lost one is looked for by time."""

HISTORY = timedelta(days=10)
"""How long the remote side knows its jobs (FACTS 2.7)."""

FIND_WITHIN = HISTORY - timedelta(days=1)
"""How old a POST may be for the absence of its job to say that it never arrived."""

ABANDON_AFTER = timedelta(hours=24)
"""After this, an interrupted run is settled without the end of a job that shows none. Until then it is waited for, as
a job that is settled as doubtful may still write."""

FIND_LOOKS = 3
"""How often a job whose answer was lost is looked for before it counts as never made."""

WAIT_GROWTH = 1.5


class Pace:
    """How long to wait between looks: a little more each time, up to a bound, and from the start after new work."""

    def __init__(self, poll_seconds: tuple[float, float]) -> None:
        self._first, self._longest = poll_seconds
        self._next = self._first
        self.seen: tuple[tuple[ActivityId, int | None], ...] = ()
        self.progress_at: float | None = None

    def next_s(self) -> float:
        wait_s, self._next = self._next, min(self._next * WAIT_GROWTH, self._longest)
        return wait_s

    def reset(self) -> None:
        self._next = self._first


def watch(deck: Deck, connection: ConnectionName, pace: Pace) -> None:
    """One wait and one look at all open jobs of a connection; records the ends it finds.

    Raises StoppedError when asked to stop, and TransientError (E605) when jobs show no progress for too long.
    """
    attempts = {attempt.activity: attempt for attempt in deck.open_attempts(connection) if attempt.activity}
    if not attempts:
        return
    wait_s = pace.next_s()
    deck.means.sink(Waiting("jobs", wait_s, len(attempts), _mean(pace)))
    deck.means.clock.sleep(wait_s)
    deck.check_stop()
    activities = deck.destination(connection).look(tuple(attempts))
    for activity in activities:
        if activity.state is not ActivityState.RUNNING:
            conclude(deck, attempts[activity.id], activity)
    _check_progress(deck, pace, activities)


def _mean(pace: Pace) -> int | None:
    percents = [percent for _, percent in pace.seen if percent is not None]
    return sum(percents) // len(percents) if percents else None


def _check_progress(deck: Deck, pace: Pace, activities: tuple[Activity, ...]) -> None:
    seen = tuple((activity.id, activity.percent) for activity in activities if activity.state is ActivityState.RUNNING)
    now = deck.means.clock.monotonic()
    if seen != pace.seen or pace.progress_at is None:
        pace.seen, pace.progress_at = seen, now
    elif now - pace.progress_at > JOB_DEADLINE_S:
        raise _no_end(len(seen), f"show no progress for {JOB_DEADLINE_S / 3600:g} hours")


def _no_end(jobs: int, trouble: str) -> TransientError:
    return TransientError(
        Diagnostic(
            "E605",
            f"{jobs} jobs at Constant Contact {trouble}",
            detail="They are noted in the journal; nothing more was sent.",
            hint="run `ccsync recover` later: it waits for them and records what they did",
        )
    )


def conclude(deck: Deck, attempt: Attempt, activity: Activity) -> None:
    """Records how a job ended."""
    intended = attempt.intended
    verdict, why = judge(intended, activity)
    deck.record(Concluded(intended.attempt, verdict, activity.counters, why))
    done, total = deck.rows_done()
    clean = verdict is Verdict.CLEAN
    deck.means.sink(
        BatchFinished(intended.export, intended.kind, intended.batch, intended.expected, clean, done, total)
    )


def judge(intended: Intended, activity: Activity) -> tuple[Verdict, str]:
    """CLEAN only when the job completed and its counters account for every row sent; a missing counter is no proof."""
    if activity.state is not ActivityState.COMPLETED:
        return Verdict.DOUBTFUL, f"the job ended as {activity.state}"
    if activity.errors:
        return Verdict.DOUBTFUL, "the job reports errors"
    if _accounts_for_all(intended, activity.counters):
        return Verdict.CLEAN, ""
    return Verdict.DOUBTFUL, "the counters do not account for every row"


def _accounts_for_all(intended: Intended, counters: Counters) -> bool:
    match intended.kind:
        case BatchKind.IMPORT:
            return counters.persons == intended.expected and explained(counters) == 0
        case BatchKind.REMOVAL:
            return counters.completed == intended.expected and counters.items in (None, intended.expected)


def explained(counters: Counters) -> int:
    """How many rows an import itself says it did not take."""
    return (counters.errors or 0) + (counters.correctable or 0) + (counters.cannot_add or 0)


def check_age(deck: Deck, connection: ConnectionName) -> None:
    """Settling an interrupted run: doesn't wait for jobs that had their time.

    Concludes as DOUBTFUL, without counters, what is still running ABANDON_AFTER it was sent: nothing is known of it,
    so its rows are filed as those of a job that is gone. Raises TransientError (E605) for younger jobs that have been
    running for longer than JOB_DEADLINE_S.
    """
    for attempt in deck.open_attempts(connection):
        if _age(deck, connection, attempt.intended) > ABANDON_AFTER:
            deck.record(Concluded(attempt.intended.attempt, Verdict.DOUBTFUL, why="the job never ended"))
    deadline = timedelta(seconds=JOB_DEADLINE_S)
    slow = [each for each in deck.open_attempts(connection) if _age(deck, connection, each.intended) > deadline]
    if slow:
        raise _no_end(len(slow), f"have been running for more than {JOB_DEADLINE_S / 3600:g} hours")


def _age(deck: Deck, connection: ConnectionName, intended: Intended) -> timedelta:
    return deck.remote_now(connection) - datetime.fromisoformat(intended.sent_at)


def find_lost(deck: Deck, connection: ConnectionName, intended: Intended) -> Accepted | Concluded:
    """Looks for the job of a POST whose answer was lost, and returns the record of what was found.

    A CSV import is known by its file name. Anything else is told by elimination: when no job that isn't ours was made
    since, it never arrived (NOT_SENT); otherwise those jobs are waited for, and reading back decides (DOUBTFUL). What
    the remote side may have forgotten by now is DOUBTFUL too.
    """
    pace = Pace(deck.means.limits[connection].poll_seconds)
    for attempt in range(FIND_LOOKS):
        if attempt:
            deck.means.clock.sleep(pace.next_s())
        strangers = _strangers(deck, connection, intended)
        if intended.file_name is not None:
            named = [activity for activity in strangers if activity.file_name == intended.file_name]
            if named:
                return Accepted(intended.attempt, named[0].id)
        elif strangers:
            ended = _wait_for(deck, connection, intended, strangers, pace)
            return Concluded(intended.attempt, Verdict.DOUBTFUL, _eliminated(intended, ended), "its answer was lost")
    verdict = Verdict.NOT_SENT if _age(deck, connection, intended) < FIND_WITHIN else Verdict.DOUBTFUL
    return Concluded(intended.attempt, verdict, why="its answer was lost")


def _eliminated(intended: Intended, ended: tuple[Activity, ...] | None) -> Counters:
    """What is known of an import from the jobs that may be it. Only imports count persons: where no job does, none is
    it, so nothing was read; where the one that does counts our number of rows, it is. None of the rest is known."""
    if ended is None or intended.kind is not BatchKind.IMPORT:
        return Counters()
    imports = [one for one in ended if one.counters.persons is not None and one.file_name is None]
    if any(activity.state is ActivityState.GONE for activity in ended):
        return Counters()
    if not imports:
        return Counters(persons=0)
    if len(imports) == 1 and imports[0].counters.persons == intended.expected:
        return imports[0].counters
    return Counters()


def _strangers(deck: Deck, connection: ConnectionName, intended: Intended) -> tuple[Activity, ...]:
    """Jobs that neither a record of this run nor the destination itself knows.

    A file name is unique, so all of the history is searched for it; else they are those made since the POST, corrected
    by what the jobs that we know of show of the remote clock.
    """
    destination = deck.destination(connection)
    sent_at = datetime.fromisoformat(intended.sent_at)
    recent = destination.recent(sent_at - HISTORY)
    known = deck.known_activities() | destination.jobs_made()
    since = sent_at - CLOCK_SKEW + min(timedelta(0), _clock_offset(deck, recent))
    return tuple(
        activity
        for activity in recent
        if activity.id not in known
        and (intended.file_name is not None or activity.created_at is None or activity.created_at >= since)
    )


def _clock_offset(deck: Deck, recent: tuple[Activity, ...]) -> timedelta:
    """How far jobs are stamped before their POST (negative) at most, by those whose POST we know the time of."""
    made = {activity.id: activity.created_at for activity in recent if activity.created_at}
    return min(
        (
            made[attempt.activity] - datetime.fromisoformat(attempt.intended.sent_at)
            for attempt in deck.progress.attempts.values()
            if attempt.activity in made
        ),
        default=timedelta(0),
    )


def _wait_for(
    deck: Deck, connection: ConnectionName, intended: Intended, activities: tuple[Activity, ...], pace: Pace
) -> tuple[Activity, ...] | None:
    """The ends of these jobs; None when some have none and the POST is so old that nobody waits for them."""
    ends: dict[ActivityId, Activity] = {}
    waiting = tuple(activity.id for activity in activities)
    pace.progress_at = None
    while waiting:
        found = deck.destination(connection).look(waiting)
        ends |= {activity.id: activity for activity in found}
        waiting = tuple(activity.id for activity in found if activity.state is ActivityState.RUNNING)
        if waiting:
            if _age(deck, connection, intended) > ABANDON_AFTER:
                return None
            _check_progress(deck, pace, found)
            wait_s = pace.next_s()
            deck.means.sink(Waiting("jobs", wait_s, len(waiting)))
            deck.means.clock.sleep(wait_s)
            deck.check_stop()
    return tuple(ends.values())
