"""The terminal: consoles on stdout and stderr, whether they are terminals, and writing to them. No wording here."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Console

from ccsync.views.text import Line, print_lines

_MIN_COLUMNS = 20


def console(stream: TextIO) -> Console:
    """A console without markup, highlighting or emoji. Colour: only on a terminal that can, and not with NO_COLOR."""
    tty = stream.isatty()
    coloured = tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Console(
        file=stream,
        force_terminal=tty,
        color_system="auto" if coloured else None,
        no_color=not coloured,
        width=max(shutil.get_terminal_size((80, 24)).columns, _MIN_COLUMNS),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def show(lines: Iterable[Line]) -> None:
    """Data, to stdout."""
    print_lines(console(sys.stdout), lines)


def say(lines: Iterable[Line]) -> None:
    """Everything that isn't data, to stderr."""
    sys.stdout.flush()  # so that both keep their order on one terminal
    print_lines(console(sys.stderr), lines)


def write_json(document: Mapping[str, Any]) -> None:  # Any: JSON
    """One document to stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def write_text(text: str) -> None:
    """A whole document to stdout, as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_line(text: str) -> None:
    """One line of JSON to stdout, there at once for whoever reads along."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def is_interactive() -> bool:
    """Whether a person can be asked: stdin and stderr are terminals and this is no CI job."""
    return not os.environ.get("CI") and _isatty(sys.stdin) and _isatty(sys.stderr)


def shows_samples() -> bool:
    """Whether sample rows may be printed: a person looks on, and the output isn't kept in a CI log."""
    return not os.environ.get("CI") and _isatty(sys.stdout)


def is_live() -> bool:
    """Whether stderr can redraw a line."""
    return _isatty(sys.stderr) and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def shows_pictures() -> bool:
    """Whether stderr shows a QR code as one: it must be dark on light, which takes colour."""
    return is_live() and console(sys.stderr).color_system is not None


def _isatty(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()
