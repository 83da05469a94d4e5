"""Exceptions to exit codes and rendered diagnostics; the one place that does so. Nothing is decided here."""

import os
import sys
import traceback

import typer

from ccsync.errors import CcsyncError, Diagnostic, ExitCode

_CLICK = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""typer carries its own copy of click, or not, by version; its public BadParameter leads to the root of both."""

DEBUG = "CCSYNC_DEBUG"


def exit_code_of(error: SystemExit) -> int:
    if error.code is None:
        return int(ExitCode.DONE)
    return error.code if isinstance(error.code, int) else int(ExitCode.ERROR)


def report(error: BaseException, *, json_wanted: bool) -> ExitCode:
    """Says what happened, on stderr or as a document on stdout, and returns the exit code. Shows a traceback only when
    CCSYNC_DEBUG is set, since one may hold data."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, CcsyncError):
        _tell(error.diagnostics, json_wanted=json_wanted)
        return error.exit_code
    if isinstance(error, _CLICK):
        return _usage(error, json_wanted=json_wanted)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return ExitCode.INTERRUPTED
    _tell((_unexpected(error),), json_wanted=json_wanted)
    return ExitCode.ERROR


def _usage(error: BaseException, *, json_wanted: bool) -> ExitCode:
    message = error.format_message() if hasattr(error, "format_message") else "wrong usage"
    if json_wanted:
        _tell((Diagnostic("E900", message, hint="see `ccsync COMMAND --help`"),), json_wanted=True)
    elif hasattr(error, "show"):
        error.show()
    return ExitCode.USAGE


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


def _tell(diagnostics: tuple[Diagnostic, ...], *, json_wanted: bool) -> None:
    if not diagnostics:
        return
    if json_wanted:
        from ccsync.cli.terminal import write_json
        from ccsync.views.document import error_document

        write_json(error_document(diagnostics))
        return
    from ccsync.cli.terminal import say
    from ccsync.views.diagnostics import diagnostic_lines, problems_line

    lines = diagnostic_lines(diagnostics)
    total = problems_line(diagnostics)
    say(lines if total is None else [*lines, total])
