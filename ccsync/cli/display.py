"""Puts plans, events and warnings on the screen for the commands: which view, which stream, which rows to sample."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ccsync.cli import terminal
from ccsync.cli.wiring import Workspace
from ccsync.core.event import ApplyFinished, Event
from ccsync.core.plan import Plan
from ccsync.core.spec import ConnectionName, ExportName, Project
from ccsync.errors import Diagnostic
from ccsync.ports.clock import Clock, Sink
from ccsync.views.document import Document
from ccsync.views.footer import DEFAULT_HOST
from ccsync.views.frame import Frame, Purpose, Vendor
from ccsync.views.jsonl import event_document, json_line

SAMPLES = 3


@contextmanager
def progress_shown(workspace: Workspace) -> Iterator[None]:
    """Events of the work within become progress on stderr."""
    import sys

    from ccsync.views.progress import progress

    console = terminal.console(sys.stderr)
    with (
        progress(console, workspace.clock.monotonic, live=terminal.is_live()) as sink,
        workspace.relay.to(sink),
    ):
        yield


@contextmanager
def lines_written(workspace: Workspace) -> Iterator[None]:
    """Events of the work within become JSON lines on stdout. The last line is written by the command, with its code."""
    with workspace.relay.to(line_sink(workspace.clock)):
        yield


def line_sink(clock: Clock) -> Sink:
    def sink(event: Event) -> None:
        if not isinstance(event, ApplyFinished):
            terminal.write_line(json_line(event_document(event, clock.now())))

    return sink


def write_finished(finished: ApplyFinished, exit_code: int, clock: Clock) -> None:
    """The last line of `--json`."""
    document = event_document(finished, clock.now())
    terminal.write_line(json_line({**document, "exit_code": exit_code}))


def write_planned(document: Document, clock: Clock) -> None:
    from ccsync.core.plan import to_text

    terminal.write_line(json_line({"format": 1, "event": "planned", "at": to_text(clock.now()), "plan": document}))


@dataclass(frozen=True, slots=True)
class Look:
    """How a plan is to be shown. saved: see `Frame`."""

    purpose: Purpose
    saved: str | None = None
    reveal: bool = False
    samples: bool = True


def show_plan(workspace: Workspace, plan: Plan, changes: Mapping[ExportName, Path], look: Look) -> None:
    """The plan on stdout, for people."""
    from ccsync.engine.rows import count_people, read_detail
    from ccsync.views.human import plan_lines

    samples = SAMPLES if look.samples and terminal.shows_samples() else 0
    details = {
        export.name: read_detail(workspace.session, changes[export.name], samples)
        for export in plan.exports
        if export.name in changes and _has_rows(export.counts.changes, export.held_back, export.unusable)
    }
    exposed = count_people(workspace.session, tuple(changes.values())) if look.saved and not workspace.keys else None
    frame = Frame(look.purpose, details, vendors_of(workspace.project), look.saved, look.reveal, exposed)
    terminal.show(plan_lines(plan, frame))


def _has_rows(changes: int, held_back: Mapping[str, int], unusable: Mapping[str, int]) -> bool:
    return bool(changes or sum(held_back.values()) or sum(unusable.values()))


def vendors_of(project: Project) -> Mapping[ConnectionName, Vendor]:
    """An address that is still a reference (`${env:…}`) names no host."""
    return {
        name: Vendor(_host(connection.endpoints.api), connection.limits.requests_per_day)
        for name, connection in project.connections.items()
    }


def _host(address: str) -> str:
    host = urlsplit(address).netloc
    return host if host and "$" not in host else DEFAULT_HOST


def warn(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Warnings on stderr."""
    if diagnostics:
        from ccsync.views.diagnostics import diagnostic_lines

        terminal.say(diagnostic_lines(diagnostics))
