"""SIGINT and SIGTERM: the first asks to stop, the second ends the process at once.

While nothing is being sent, the first one raises StoppedError where the program stands. Within `deferred()`, when an
apply or a recovery is under way, it only leaves a note (`requested`) that the applier looks at between its steps, so
that no POST is cut from its record. What hangs is not waited for: after `PATIENCE_S` the error is raised all the same,
and after `LAST_S` the process ends by itself; the journal is enough to settle what was under way.

Python runs signal handlers only between its own instructions, and a long query is one instruction. So a thread watches
as well: it is told of signals by the interpreter's C code and can end the process whatever the main thread does.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from ccsync.cli.clock import WakePipe
from ccsync.errors import CcsyncError, Diagnostic, ExitCode, StoppedError

PATIENCE_S = 4.0
LAST_S = 4.8
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
        self._told, self._telling = os.pipe()
        os.set_blocking(self._telling, False)
        self._watcher = threading.Thread(target=_watch, args=(self._told,), daemon=True, name="signals")

    def requested(self) -> ExitCode | None:
        """What the process will exit with, once a signal asked it to stop."""
        return self._code

    def __enter__(self) -> "Signals":
        for number in _CODES:
            self._before[number] = signal.signal(number, self._on_signal)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_alarm)
        signal.set_wakeup_fd(self._telling, warn_on_full_buffer=False)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(-1)
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # what signal() gave
        os.close(self._telling)
        self._watcher.join()
        os.close(self._told)
        self.pipe.close()

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """While this lasts, the first signal is a note and not an exception."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """A failing query after a signal is the signal's doing: DuckDB turns an exception of a handler into its own."""
        try:
            yield
        except Exception as error:
            if self._code is None or not _is_failed_query(error):
                raise
            raise self._stopped() from error

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._code is not None:
            _leave(_CODES[signal.Signals(number)])
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


def _is_failed_query(error: Exception) -> bool:
    if isinstance(error, CcsyncError):
        return any(each.code == "E901" for each in error.diagnostics)
    return isinstance(error, RuntimeError)


def _watch(told: int) -> None:
    """Ends the process at the second signal, or when the first one is not answered in time."""
    first: ExitCode | None = None
    while True:
        if first is not None and not select.select([told], [], [], LAST_S)[0]:
            _note("Stopped without waiting any longer; what was sent is in the journal.")
            os._exit(int(first))
        numbers = os.read(told, 1)
        if not numbers:  # the block was left
            return
        code = _CODES.get(signal.Signals(numbers[0]))
        if code is None:
            continue
        if first is not None:
            os._exit(int(code))  # without flushing: the main thread may hold the streams
        first = code


def _leave(code: ExitCode) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(int(code))


def _note(text: str) -> None:
    """Straight to the descriptor: a handler may have interrupted a write to the stream."""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())
