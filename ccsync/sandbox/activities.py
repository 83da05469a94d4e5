"""The queue of bulk activities: accepted at once, run later, not in order, remembered for ten days.

What an activity does is a function that its creator hands over; only when it runs, and how it is reported, is here.
Source: DOC bulk_activities, DOC activity_status, SW#D/Activity.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ccsync.sandbox import limits, problem
from ccsync.sandbox.clock import Clock, iso
from ccsync.sandbox.merge import MergeFailed
from ccsync.sandbox.options import ActivityMode

PARALLEL = 4  # the V2 API ran up to six side by side; V3's number is not published
POLL_STEP_S = 0.2  # how far a look at the activities moves time in WHEN_POLLED mode


class State(StrEnum):
    """Source: SW#D/Activity."""

    INITIALIZED = "initialized"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


FINISHED = frozenset({State.COMPLETED, State.FAILED, State.TIMED_OUT, State.CANCELLED})


class Mishap(StrEnum):
    """How an activity can go wrong when told to."""

    STUCK = "stuck"
    """Stays ``processing`` for ever; nothing is written."""
    FAILED = "failed"
    """Ends ``failed``; nothing is written."""
    FAILED_AFTER = "failed_after"
    """Ends ``failed`` although everything was written."""
    TIMED_OUT = "timed_out"
    """Ends ``timed_out`` after half was written."""
    CANCELLED = "cancelled"
    """Ends ``cancelled``; nothing is written."""
    PARTIAL = "partial"
    """Ends ``completed`` with half written; the other half is counted as errors."""
    CUT_OFF = "cut_off"
    """Ends ``completed`` with half written; no counter tells."""
    LYING = "lying"
    """Everything is written, but the counters are wrong."""


@dataclass(frozen=True, slots=True)
class MishapOrder:
    """What shall go wrong with an activity, which counters to overwrite, and what errors to report."""

    mishap: Mishap
    status: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[str, ...] = ()


# Does the work on a share (0 to 1) of the rows and returns the counters of the finished activity.
Work = Callable[[float], dict[str, int]]


@dataclass(slots=True)
class Activity:
    """One job. Times of the steady clock end in ``_due``; the rest is what the API shows."""

    activity_id: str
    kind: str
    rows: int
    work: Work
    created_at: datetime
    updated_at: datetime
    start_due: float
    finish_due: float = math.inf
    began: float = 0.0
    state: State = State.INITIALIZED
    percent_done: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    source_file_name: str | None = None
    results_href: str | None = None
    errors: tuple[str, ...] = ()
    status: dict[str, int] = field(default_factory=dict)
    order: MishapOrder | None = None
    generic: bool = False

    def document(self) -> dict[str, Any]:
        """Return the activity as the API shows it. ``Any``: a JSON document."""
        out: dict[str, Any] = {
            "activity_id": self.activity_id,
            "state": self.state.value,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "percent_done": self.percent_done,
            "activity_errors": [{"message": text} for text in self.errors] if self.generic else list(self.errors),
            "status": dict(self.status),
            "_links": {"self": {"href": f"/v3/activities/{self.activity_id}"}},
        }
        if self.source_file_name is not None:
            out["source_file_name"] = self.source_file_name
        if self.started_at is not None:
            out["started_at"] = iso(self.started_at)
        if self.completed_at is not None:
            out["completed_at"] = iso(self.completed_at)
        if self.results_href is not None and self.state is State.COMPLETED:
            out["_links"]["results"] = {"href": self.results_href}
        return out


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How the queue runs; ``shuffled`` is asked anew for every job, for it is a switch."""

    mode: ActivityMode
    speed: int | None
    spread_s: float
    seed: int
    shuffled: Callable[[], bool]


class ActivityQueue:
    """All activities of the account, newest last."""

    def __init__(self, clock: Clock, rules: QueueRules, on_crash: Callable[[str, Exception], None]) -> None:
        self._clock = clock
        self.rules = rules
        self._on_crash = on_crash
        self._random = random.Random(rules.seed)  # noqa: S311  an order of jobs, no secret
        self._jobs: dict[str, Activity] = {}
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._advancing = threading.RLock()
        self._virtual = 0.0
        self._closed = False
        self.capacity = limits.QUEUED_ACTIVITIES
        self._thread: threading.Thread | None = None
        if rules.mode is ActivityMode.BACKGROUND:
            self._thread = threading.Thread(target=self._run, name="sandbox-activities", daemon=True)
            self._thread.start()

    # what the API asks ----------------------------------------------------------------------------------

    def submit(
        self, activity_id: str, kind: str, work: Work, *, rows: int = 0, order: MishapOrder | None = None,
        status: Mapping[str, int] | None = None, source_file_name: str | None = None,
        results_href: str | None = None, generic: bool = False,
    ) -> Activity:  # fmt: skip
        """Queue a job. Raises 429 when 1,000 are waiting. Source: SW 429 text of every activity."""
        now = self._clock.now()
        with self._lock:
            self.check_room()
            delay = self._random.uniform(0, self.rules.spread_s) if self.rules.shuffled() else 0.0
            job = Activity(
                activity_id, kind, rows, work, now, now, self._steady() + delay, status=dict(status or {}),
                order=order, source_file_name=source_file_name, results_href=results_href, generic=generic,
            )  # fmt: skip
            self._jobs[activity_id] = job
            self._wake.notify_all()
        return job

    def check_room(self) -> None:
        """Raise 429 when the queue is full."""
        if sum(job.state not in FINISHED for job in self._jobs.values()) >= self.capacity:
            raise problem.queue_full()

    def find(self, activity_id: str) -> Activity:
        """Find an activity of the last ten days, or 404. Source: DOC activity_status."""
        self.look()
        with self._lock:
            job = self._jobs.get(activity_id.lower())
            if job is None or self._forgotten(job):
                raise problem.not_found(f"Activity {activity_id} was not found.")
            return job

    def listing(self, state: str | None) -> list[Activity]:
        """Return the activities of the last ten days, newest first."""
        self.look()
        with self._lock:
            kept = [job for job in reversed(self._jobs.values()) if not self._forgotten(job)]
            return [job for job in kept if state is None or job.state.value == state]

    def _forgotten(self, job: Activity) -> bool:
        return self._clock.now() - job.created_at > timedelta(days=limits.ACTIVITY_HISTORY_DAYS)

    # time -----------------------------------------------------------------------------------------------

    def _steady(self) -> float:
        return self._clock.steady() if self.rules.mode is ActivityMode.BACKGROUND else self._virtual

    def look(self) -> None:
        """Note that somebody looks: the step by which WHEN_POLLED moves, and fresh percentages."""
        if self.rules.mode is ActivityMode.WHEN_POLLED:
            self._virtual += POLL_STEP_S
            self.advance(self._virtual)
        with self._lock:
            for job in self._jobs.values():
                if job.state is State.PROCESSING:
                    whole = job.finish_due - job.began
                    share = (self._steady() - job.began) / whole if 0 < whole < math.inf else 0.5
                    job.percent_done = max(1, min(99, int(share * 100)))

    def drain(self) -> int:
        """Finish everything that can finish, now; returns how many jobs that were."""
        return self.advance(math.inf)

    def advance(self, until: float) -> int:
        """Let everything happen that is due by ``until``, in order of time; returns the jobs that finished."""
        finished = 0
        with self._advancing:
            while (event := self._next_event(until)) is not None:
                job, at = event
                if job.state is State.INITIALIZED:
                    self._start(job, at)
                else:
                    self._finish(job)
                    finished += 1
        return finished

    def _next_event(self, until: float) -> tuple[Activity, float] | None:
        with self._lock:
            running = [job for job in self._jobs.values() if job.state is State.PROCESSING]
            lanes = PARALLEL if self.rules.shuffled() else 1
            waiting = [job for job in self._jobs.values() if job.state is State.INITIALIZED]
            events = [(job.finish_due, 0, job) for job in running if not _stuck(job)]
            if len([job for job in running if not _stuck(job)]) < lanes and waiting:
                first = min(waiting, key=lambda job: job.start_due)
                events.append((first.start_due, 1, first))
            due = [event for event in events if event[0] <= until]
            if not due:
                return None
            at, _, job = min(due, key=lambda event: event[:2])
            return job, at

    def _start(self, job: Activity, at: float) -> None:
        with self._lock:
            job.state = State.PROCESSING
            job.began = at if math.isfinite(at) else self._steady()
            job.started_at = job.updated_at = self._clock.now()
            think_s = job.rows / self.rules.speed if self.rules.speed else 0.0
            job.finish_due = max(job.began, job.start_due) + think_s

    def _finish(self, job: Activity) -> None:
        order = job.order or MishapOrder(Mishap.LYING)
        mishap = order.mishap if job.order else None
        share = {Mishap.FAILED: 0.0, Mishap.CANCELLED: 0.0, Mishap.TIMED_OUT: 0.5, Mishap.PARTIAL: 0.5,
                 Mishap.CUT_OFF: 0.5}.get(mishap or Mishap.LYING, 1.0)  # fmt: skip
        errors, status, state = order.errors, dict(job.status), _END.get(mishap, State.COMPLETED)
        try:
            if share > 0:
                status |= job.work(share)
        except MergeFailed as refused:
            state, errors = State.FAILED, (str(refused),)
        except Exception as crash:  # noqa: BLE001  the job must end, and the crash must be seen
            state, errors = State.FAILED, ("Internal error.",)
            self._on_crash(job.kind, crash)
        if mishap is Mishap.PARTIAL:
            status |= _account_for_the_rest(status, job.rows)
        if mishap is Mishap.LYING and not order.status:
            status |= {name: max(0, value - 1) for name, value in status.items() if name.endswith("_count")}
        status |= order.status
        with self._lock:
            job.status, job.errors, job.work = status, errors, _nothing
            job.percent_done = 100 if state is State.COMPLETED else job.percent_done
            job.completed_at = job.updated_at = self._clock.now()
            job.state = state  # last, for a reader who sees the end must see all of it

    def _run(self) -> None:
        while self._wait():
            self.advance(self._clock.steady())

    def _wait(self) -> bool:
        with self._wake:
            if not self._closed:
                self._wake.wait(self._pause_s())
            return not self._closed

    def _pause_s(self) -> float:
        event = self._next_event(math.inf)
        return 0.5 if event is None else max(0.0, min(0.5, event[1] - self._clock.steady()))

    # people and control ---------------------------------------------------------------------------------

    def open_jobs(self) -> int:
        """Count what is not finished."""
        with self._lock:
            return sum(job.state not in FINISHED for job in self._jobs.values())

    def release(self) -> None:
        """Let stuck jobs go on as if nothing had been wrong."""
        with self._lock:
            for job in self._jobs.values():
                if _stuck(job):
                    job.order = None
            self._wake.notify_all()

    def clear(self) -> None:
        """Forget every activity."""
        with self._advancing, self._lock:
            self._jobs.clear()

    def close(self) -> None:
        """Stop the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()


_END: Mapping[Mishap | None, State] = {
    Mishap.FAILED: State.FAILED,
    Mishap.FAILED_AFTER: State.FAILED,
    Mishap.TIMED_OUT: State.TIMED_OUT,
    Mishap.CANCELLED: State.CANCELLED,
}


def _stuck(job: Activity) -> bool:
    return job.order is not None and job.order.mishap is Mishap.STUCK and job.state not in FINISHED


def _nothing(_: float) -> dict[str, int]:
    return {}


def _account_for_the_rest(status: Mapping[str, int], rows: int) -> dict[str, int]:
    if "person_count" not in status:
        return {}
    missing = max(0, rows - status["person_count"])
    return {
        "items_total_count": rows + 1,
        "person_count": rows,
        "error_count": status.get("error_count", 0) + missing,
    }
