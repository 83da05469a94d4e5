"""The real clock. Sleeping ends early when a signal came, so that a stop is never waited out."""

import contextlib
import os
import select
import time
from datetime import UTC, datetime


class SystemClock:
    """wake: a file descriptor that becomes readable when the process is asked to stop; None when nothing can ask."""

    def __init__(self, wake: int | None = None) -> None:
        self._wake = wake

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, wait_s: float) -> None:
        """Waits, or returns early. A pipe and not a threading.Event: a signal handler may not take an Event's lock that
        the very thread it interrupted holds."""
        if wait_s <= 0:
            return
        if self._wake is None:
            time.sleep(wait_s)
            return
        select.select([self._wake], [], [], wait_s)


class WakePipe:
    """A pipe that a signal handler writes to and a sleeping clock watches."""

    def __init__(self) -> None:
        self.readable, self._writable = os.pipe()
        os.set_blocking(self._writable, False)

    def wake(self) -> None:
        """Safe in a signal handler. Never read again: once woken, nothing sleeps any more."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._writable, b"!")

    def close(self) -> None:
        os.close(self.readable)
        os.close(self._writable)
