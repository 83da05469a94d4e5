"""The end of an apply on the screen."""

import io
from collections.abc import Callable

from ccsync.core.event import ApplyFinished, ExportResult, Status
from ccsync.errors import Diagnostic
from ccsync.views.result import finished_lines
from ccsync.views.text import print_lines
from rich.console import Console

RESULT = ExportResult("weekly", added=3, updated=1, removed=2)
STOPPED = Diagnostic("E604", "the day's quota of API requests is used up", hint="go on after 00:00 UTC")


def said(finished: ApplyFinished) -> str:
    out = io.StringIO()
    print_lines(Console(file=out, width=80, color_system=None), finished_lines(finished))
    return out.getvalue()


def finished(status: Status, *results: ExportResult, diagnostics: tuple[Diagnostic, ...] = ()) -> ApplyFinished:
    return ApplyFinished("run-1", "plan-1", status, 42, results, 14, 12.3, diagnostics)


def test_success_is_said_in_the_fixed_sentence() -> None:
    lines = said(finished(Status.SUCCESSFUL, RESULT)).splitlines()
    assert lines[0] == "Apply complete: 3 added, 1 updated, 2 removed."
    assert lines[-1] == "State serial 42 · 14 API calls · 12 s · run run-1"


def test_everything_that_can_happen(golden: Callable[[str, str], None]) -> None:
    partial = ExportResult(
        "weekly", 14_500, 0, 0, 2, 1, {"unsubscribed": 4}, {"rejected": 2, "not_accepted": 1}, unfinished=17_049
    )
    parts = [
        said(finished(Status.SUCCESSFUL, ExportResult("weekly", 3, 1, 2, 2, 1, {"opted_out": 1}, {"rejected": 2}))),
        said(finished(Status.PARTIAL, partial, RESULT, diagnostics=(STOPPED,))),
        said(finished(Status.CANCELED)),
        said(finished(Status.FAILED)),
    ]
    golden("apply_finished", "\n".join(parts))
