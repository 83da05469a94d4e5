"""Long work as it goes: one living line on a terminal, elsewhere a plain line at most every ten seconds.

Warnings and recoveries are always said. Nothing here decides anything, and nothing here fails an apply.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from ccsync.core.batch import BatchKind
from ccsync.core.event import (
    ApplyFinished,
    ApplyStarted,
    BatchFinished,
    BatchSent,
    Event,
    FirewallClosed,
    ListMade,
    Noticed,
    ReadBack,
    RecoveryFinished,
    RecoveryStarted,
    RefreshFinished,
    RefreshStarted,
    SegmentRead,
    Waiting,
)
from ccsync.ports.clock import Sink
from ccsync.views.diagnostics import diagnostic_lines
from ccsync.views.mask import shown
from ccsync.views.text import Line, counted, duration, line, number, print_lines, tally

EVERY_S = 10.0

_WAITS = {
    "jobs": "waiting for Constant Contact",
    "throttled": "slowed down by Constant Contact",
    "queue_full": "waiting for a free place among its jobs",
    "retry": "trying again after a fault",
}


class Tracker:
    """Adds events up to one sentence about where the work is. monotonic: seconds that only grow."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._batches = 0
        self._batches_done = 0
        self.done = 0
        self.total = 0
        self.now = ""

    def take(self, event: Event) -> None:
        match event:
            case SegmentRead():
                self.now = f"{event.export}: {number(event.usable)} usable of {counted(event.rows, 'row')}"
            case RefreshStarted():
                self.now = f"reading {event.what} ({event.connection})"
            case RefreshFinished():
                members = "" if event.members is None else f": {number(event.members)}"
                self.now = f"read {event.what} ({event.connection}){members}"
            case ApplyStarted():
                self._started = self._monotonic()
                self._batches, self.total, self.now = event.batches, event.rows, "looking at the lists again"
            case FirewallClosed():
                self.now = f"{event.export}: lists read again, {number(sum(event.dropped.values()))} left out"
            case ListMade():
                self.now = f"{event.export}: list created"
            case BatchSent():
                verb = "removing" if event.kind is BatchKind.REMOVAL else "importing"
                self.now = f"{event.export}: {verb} {counted(event.rows, 'row')}"
            case BatchFinished():
                self._batches_done += 1
                self.done, self.total = event.done, event.total
                self.now = event.export
            case Waiting():
                self.now = _waiting(event)
            case ReadBack():
                self.now = f"{event.export}: counters did not add up, list read back"
            case RecoveryStarted():
                self.now = f"settling run {event.run}"
            case RecoveryFinished() | ApplyFinished() | Noticed():
                self.now = ""

    def sentence(self) -> str:
        """`2,000 of 80,000 rows, batch 1 of 4, 200 rows/s, 6 minutes left; importing …`."""
        if not self.total:
            return self.now
        parts = [f"{number(self.done)} of {counted(self.total, 'row')}"]
        if self._batches:
            parts.append(f"{number(self._batches_done)} of {counted(self._batches, 'batch', 'batches')}")
        spent = self._monotonic() - self._started
        if self.done and spent > 0:
            rate = self.done / spent
            parts.append(f"{rate:,.0f} rows/s")
            parts.append(f"about {duration((self.total - self.done) / rate)} left")
        return f"{', '.join(parts)}{'; ' if self.now else ''}{self.now}"


def _waiting(event: Waiting) -> str:
    jobs = f", {counted(event.open, 'job')} open" if event.open else ""
    percent = f", {event.percent} % done" if event.percent is not None else ""
    long = f", {duration(event.wait_s)}" if event.wait_s >= EVERY_S else ""
    return f"{_WAITS.get(event.why, event.why)}{jobs}{percent}{long}"


def _given_up(event: RecoveryFinished) -> list[Line]:
    if not event.given_up:
        return []
    names = ", ".join(event.given_up)
    held = f"; {counted(event.held_back, 'person', 'people')} who may have been added are held back"
    return [line(("! ", "bold yellow"), f"Given up: {names}{held if event.held_back else ''}.", hang=4)]


def said_lines(event: Event) -> list[Line]:
    """What is said whatever the terminal: warnings, and what became of an interrupted run."""
    match event:
        case Noticed():
            return diagnostic_lines((event.diagnostic,))
        case RecoveryStarted():
            return [line(f"Run {event.run} was interrupted; settling it first.", hang=4)]
        case RecoveryFinished():
            said = (
                f"Settled run {event.run}: {number(event.applied)} applied, {number(event.not_applied)} not applied;"
                f" state serial {event.serial}."
            )
            return [line(said, hang=4), *_given_up(event)]
        case FirewallClosed() if any(event.dropped.values()):
            return [
                line(("! ", "bold yellow"), f"{event.export}: left out since the plan: {tally(event.dropped)}", hang=4)
            ]
        case _:
            return []


@contextmanager
def progress(console: Console, monotonic: Callable[[], float], *, live: bool) -> Iterator[Sink]:
    """A sink that shows progress on `console` until the block ends. live: whether the terminal can redraw a line."""
    tracker = Tracker(monotonic)
    if not live:
        yield _plain(console, tracker, monotonic)
        return
    columns = (SpinnerColumn(), BarColumn(bar_width=20), TextColumn("{task.fields[said]}", markup=False))
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("", total=None, said="")

        def sink(event: Event) -> None:
            tracker.take(event)
            print_lines(console, said_lines(event))
            bar.update(task, total=tracker.total or None, completed=tracker.done, said=shown(tracker.sentence()))

        yield sink


def _plain(console: Console, tracker: Tracker, monotonic: Callable[[], float]) -> Sink:
    last = monotonic()

    def sink(event: Event) -> None:
        nonlocal last
        tracker.take(event)
        print_lines(console, said_lines(event))
        if monotonic() - last < EVERY_S or not tracker.sentence():
            return
        last = monotonic()
        print_lines(console, (line(tracker.sentence()),))

    return sink
