"""How this room waits: every sleep goes through `pause`. What is worth waiting for is decided elsewhere."""

from ccsync.errors import Diagnostic, ExitCode, StoppedError
from ccsync.ports import Clock

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
            Diagnostic("E623", "Asked to stop while waiting for Constant Contact.", hint="run the command again"),
        )
