"""SIGINT and SIGTERM: the first asks to stop, the second ends the process at once.

While nothing is being sent, the first one raises StoppedError where the program stands. Within `deferred()`, when an
apply or a recovery is under way, it only leaves a note (`requested`) that the applier looks at between its steps, so
that no POST is cut from its record. A request that hangs is not waited for: after `PATIENCE_S` the error is raised all
the same, and the journal is enough to settle what was under way.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from ccsync.cli.clock import WakePipe
from ccsync.errors import Diagnostic, ExitCode, StoppedError

PATIENCE_S = 4.0
"""The process must be gone five seconds after the first signal."""

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class Signals:
    """The program's handlers while the `with` block lasts. Installed even where SIGINT was ignored by the caller, as
    shells do for jobs in the background: an apply must always be stoppable."""

    def __init__(self) -> None:
        self.pipe = WakePipe()
        self._code: ExitCode | None = None
        self._deferred = False
        self._before: dict[signal.Signals, object] = {}

    def requested(self) -> ExitCode | None:
        """What the process will exit with, once a signal asked it to stop."""
        return self._code

    def __enter__(self) -> "Signals":
        for number in _CODES:
            self._before[number] = signal.signal(number, self._on_signal)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_alarm)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # what signal() gave
        self.pipe.close()

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """While this lasts, the first signal is a note and not an exception."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._code is not None:
            self._leave_at_once(number)
        self._code = _CODES[signal.Signals(number)]
        self.pipe.wake()
        if not self._deferred:
            raise self._stopped()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
        _note("Stopping: no further batch is sent. Again to leave at once.")

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._deferred:
            raise self._stopped()

    def _stopped(self) -> StoppedError:
        assert self._code is not None, "only after a signal"
        return StoppedError(
            self._code,
            Diagnostic(
                "E902",
                "stopped by a signal",
                hint="what was sent, if anything, is in the journal; the next plan or apply settles it first",
            ),
        )

    def _leave_at_once(self, number: int) -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(int(_CODES[signal.Signals(number)]))


def _note(text: str) -> None:
    """Straight to the descriptor: a handler may have interrupted a write to the stream."""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())
