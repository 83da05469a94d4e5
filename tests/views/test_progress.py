"""Progress lines."""

import io

from ccsync.core.batch import BatchKind
from ccsync.core.event import ApplyStarted, BatchFinished, BatchSent, FirewallClosed, Noticed, RecoveryStarted, Waiting
from ccsync.errors import Diagnostic, Severity
from ccsync.views.progress import progress
from rich.console import Console


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_plain_line_comes_at_most_every_ten_seconds() -> None:
    out, ticks = io.StringIO(), Ticks()
    with progress(Console(file=out, width=80), ticks, live=False) as sink:
        sink(ApplyStarted("r", "p", 1, 80_000, 4))
        for second in range(1, 31):
            ticks.now = float(second)
            sink(BatchFinished("weekly", BatchKind.IMPORT, 1, 20_000, True, 20_000, 80_000))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("20,000 of 80,000 rows, 10 of 4 batches, 2,000 rows/s, about 30 s left")


def test_waiting_says_what_for() -> None:
    out, ticks = io.StringIO(), Ticks()
    with progress(Console(file=out, width=80), ticks, live=False) as sink:
        sink(ApplyStarted("r", "p", 1, 80_000, 4))
        sink(BatchSent("weekly", BatchKind.IMPORT, 1, 20_000, 1, "a"))
        ticks.now = 11.0
        sink(Waiting("jobs", 2.0, 3, 40))
    assert "waiting for Constant Contact, 3 jobs open, 40 % done" in out.getvalue()


def test_warnings_recoveries_and_dropped_people_are_always_said() -> None:
    out = io.StringIO()
    with progress(Console(file=out, width=200), Ticks(), live=False) as sink:
        sink(Noticed(Diagnostic("W210", "no consent", Severity.WARNING)))
        sink(RecoveryStarted("run-1", 1, 1))
        sink(FirewallClosed("weekly", {"unsubscribed": 2}))
        sink(FirewallClosed("weekly", {"unsubscribed": 0}))
    assert out.getvalue().splitlines() == [
        "warning[W210] no consent",
        "Run run-1 was interrupted; settling it first.",
        "! weekly: left out since the plan: unsubscribed 2",
    ]


def test_a_living_line_leaves_nothing_behind_but_what_was_said() -> None:
    out = io.StringIO()
    with progress(Console(file=out, width=80, force_terminal=True), Ticks(), live=True) as sink:
        sink(ApplyStarted("r", "p", 1, 10, 1))
        sink(Noticed(Diagnostic("W210", "no consent", Severity.WARNING)))
    assert "no consent" in out.getvalue()
    assert out.getvalue().rstrip().endswith("\x1b[2K") or "\x1b[?25h" in out.getvalue()
