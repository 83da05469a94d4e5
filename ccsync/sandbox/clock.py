"""The sandbox's two clocks: wall time that a user may move forward, and a steady one for rates and progress.

No scheduling lives here; the activity queue and the rate limiter ask and decide for themselves.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the sandbox needs to know about time."""

    def now(self) -> datetime:
        """Return the account's wall time, UTC and aware."""
        ...

    def steady(self) -> float:
        """Return seconds that never go back; only differences have a meaning."""
        ...

    def forward(self, seconds: float) -> None:
        """Move wall time (and for a manual clock the steady one) forward."""
        ...

    def sleep(self, seconds: float, until: threading.Event) -> None:
        """Let time pass, or less of it when the event is set."""
        ...


class SystemClock:
    """The machine's time, plus what the control API moved it forward by."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return datetime.now(UTC) + self._ahead

    def steady(self) -> float:
        return time.monotonic()

    def forward(self, seconds: float) -> None:
        with self._lock:
            self._ahead += timedelta(seconds=seconds)

    def sleep(self, seconds: float, until: threading.Event) -> None:
        until.wait(seconds)


class ManualClock:
    """A clock that stands still until it is moved, for tests that run in process."""

    def __init__(self, start: datetime = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed_s = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._start + timedelta(seconds=self._passed_s)

    def steady(self) -> float:
        with self._lock:
            return self._passed_s

    def forward(self, seconds: float) -> None:
        with self._lock:
            self._passed_s += seconds

    def sleep(self, seconds: float, until: threading.Event) -> None:
        if not until.is_set():
            self.forward(seconds)


def iso(moment: datetime) -> str:
    """Write a moment as the vendor does: ISO-8601, UTC, milliseconds, ``Z``.

    Source: the contract's samples, e.g. ``2016-01-23T13:48:44.108Z``.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
