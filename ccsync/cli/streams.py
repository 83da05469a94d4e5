"""stdout and stderr that never bring a run down: a reader that went away, or a terminal that can't write a letter."""

import contextlib
import os
import sys
from typing import Any


class PipeSafe:
    """A text stream; what is written after its reader has gone is dropped. An apply must not die of `| head`."""

    def __init__(self, stream: Any) -> None:  # Any: whatever stands in for a stream
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        if not self._gone:
            try:
                self._stream.write(text)
            except BrokenPipeError:
                self._lose()
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._lose()

    def _lose(self) -> None:
        self._gone = True
        with contextlib.suppress(OSError, ValueError):
            # What is still buffered must go somewhere, or the interpreter complains at its end.
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())
            os.close(sink)

    def __getattr__(self, name: str) -> Any:  # Any: delegated
        return getattr(self._stream, name)


def harden_streams() -> None:
    """Wraps the process's own streams. Called once, by the program only."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, PipeSafe(stream))


def finish_streams() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
