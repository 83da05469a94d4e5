"""Time, and where events go."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from ccsync.core.event import Event

Sink = Callable[[Event], None]


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock: UTC, aware. May jump; never used to measure a duration."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def sleep(self, wait_s: float) -> None:
        """Waits; returns early when the process was asked to stop."""
