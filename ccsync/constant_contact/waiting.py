"""How this room waits, and what no signal may cut in two. What is worth waiting for is decided elsewhere."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ccsync.errors import Diagnostic, ExitCode, StoppedError
from ccsync.ports.clock import Clock

SHORTEST_CHECKED_S = 0.05
"""Below this, a sleep that ended early can't be told from a coarse timer."""


def pause(clock: Clock, wait_s: float) -> None:
    """Sleeps. Raises StoppedError when the clock came back early: the process was asked to stop.

    Without this, a loop that waits for a job would turn into one that asks as fast as it can.
    """
    if wait_s <= 0:
        return
    started = clock.monotonic()
    clock.sleep(wait_s)
    if wait_s >= SHORTEST_CHECKED_S and clock.monotonic() - started < wait_s * 0.9:
        raise StoppedError(
            ExitCode.INTERRUPTED,
            Diagnostic("E623", "asked to stop while waiting for Constant Contact", hint="run the command again"),
        )


_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Holds the first signal back until the block ends, for a second or two; another one goes through at once.

    The program's handlers may raise where it stands. Between the answer to a refresh and its way to the disk that would
    end the sign-in for good. Handlers run on the main thread only, so elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in _HELD_BACK}

    def hold(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if caught and callable(handler):
            handler(number, frame)
        caught.append(number)

    # Only what has a handler in Python can raise here; what is ignored stays ignored.
    held = [number for number, handler in before.items() if callable(handler)]
    for number in held:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
        for caught_number in caught[:1]:
            signal.raise_signal(caught_number)
