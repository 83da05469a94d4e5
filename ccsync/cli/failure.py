"""Exceptions to exit codes and rendered diagnostics; the one place that does so. Nothing is decided here."""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

import typer

from ccsync.cli.commands import COMMANDS
from ccsync.errors import CcsyncError, Diagnostic, ExitCode

_CLICK = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""typer carries its own copy of click, or not, by version; its public BadParameter leads to the root of both."""

DEBUG = "CCSYNC_DEBUG"


def exit_code_of(error: SystemExit) -> int:
    if error.code is None:
        return int(ExitCode.DONE)
    return error.code if isinstance(error.code, int) else int(ExitCode.ERROR)


class Style(Enum):
    """How a command reports: in words, as one JSON document, or as JSON lines of which the last is `apply_finished`."""

    WORDS = "words"
    DOCUMENT = "document"
    LINES = "lines"


def style_of(args: Sequence[str]) -> Style:
    """By the command line alone, since it may be the command line that is wrong."""
    if "--json" not in args:
        return Style.WORDS
    return Style.LINES if _command_of(args) in ("apply", "recover") else Style.DOCUMENT


def _command_of(args: Sequence[str]) -> str:
    return next((arg for arg in args if not arg.startswith("-")), "")


def report(error: BaseException, args: Sequence[str]) -> ExitCode:
    """Says what happened, on stderr or as JSON on stdout, and returns the exit code. Shows a traceback only when
    CCSYNC_DEBUG is set, since one may hold data."""
    style = style_of(args)
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, _CLICK) and style is Style.WORDS and hasattr(error, "show"):
        error.show()
        return ExitCode.USAGE
    code, found = _read(error)
    diagnostics = tuple(_pointed(each, _command_of(args)) for each in found)
    match style:
        case Style.WORDS:
            _say(diagnostics)
        case Style.DOCUMENT:
            _write_document(diagnostics)
        case Style.LINES:
            _write_lines(code, diagnostics)
    return code


def _read(error: BaseException) -> tuple[ExitCode, tuple[Diagnostic, ...]]:
    if isinstance(error, CcsyncError):
        return error.exit_code, error.diagnostics
    if isinstance(error, _CLICK):
        message = error.format_message() if hasattr(error, "format_message") else "wrong usage"
        return ExitCode.USAGE, (Diagnostic("E900", message),)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return ExitCode.INTERRUPTED, (Diagnostic("E902", "stopped"),)
    return ExitCode.ERROR, (_unexpected(error),)


def _pointed(diagnostic: Diagnostic, command: str) -> Diagnostic:
    """Wrong usage without a hint of its own points to the help of the command that was called."""
    if diagnostic.code != "E900" or diagnostic.hint:
        return diagnostic
    known = any(command == each.name for each in COMMANDS)
    return replace(diagnostic, hint=f"see `ccsync {command} --help`" if known else "see `ccsync --help`")


def _unexpected(error: BaseException) -> Diagnostic:
    """Names the kind of error and the place in our code, never its text: that may hold data."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "ccsync" in frame.filename]
    at = f", at {_place(ours[-1])}" if ours else ""
    return Diagnostic(
        "E999",
        f"unexpected {type(error).__name__}{at}",
        detail="This is a fault of ccsync. Whatever was sent is in the journal; nothing is lost.",
        hint=f"run `ccsync status`; {DEBUG}=1 prints the traceback (it may hold personal data)",
    )


def _place(frame: traceback.FrameSummary) -> str:
    parts = frame.filename.replace("\\", "/").rpartition("/ccsync/")
    return f"ccsync/{parts[2]}:{frame.lineno}"


def _say(diagnostics: tuple[Diagnostic, ...]) -> None:
    from ccsync.cli.terminal import say
    from ccsync.views.diagnostics import diagnostic_lines, problems_line

    lines = diagnostic_lines(diagnostics)
    total = problems_line(diagnostics)
    say(lines if total is None else [*lines, total])


def _write_document(diagnostics: tuple[Diagnostic, ...]) -> None:
    from ccsync.cli.terminal import write_json
    from ccsync.views.document import error_document

    if diagnostics:
        write_json(error_document(diagnostics))


def _write_lines(code: ExitCode, diagnostics: tuple[Diagnostic, ...]) -> None:
    from ccsync.cli.clock import SystemClock
    from ccsync.cli.terminal import write_line
    from ccsync.core.event import Status
    from ccsync.views.document import error_document
    from ccsync.views.jsonl import failed_document, json_line

    if diagnostics:
        write_line(json_line(error_document(diagnostics)))
    stopped = code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.DECLINED)
    status = Status.CANCELED if stopped else Status.FAILED
    write_line(json_line(failed_document(status, int(code), diagnostics, SystemClock().now())))
