"""`ccsync show`: a saved plan, or rows of it. Works without configuration and state; a stale plan is only warned of."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli import terminal
from ccsync.cli.actor import find_actor, git_email, os_user
from ccsync.cli.clock import SystemClock
from ccsync.cli.display import warn
from ccsync.cli.options import Acting, ConfigDir, Json, Reveal
from ccsync.cli.planning import as_approved
from ccsync.cli.report import Format, frame_of, rendered
from ccsync.cli.signals import Signals
from ccsync.cli.wiring import Needs, Place, load, private_folder, state_at
from ccsync.core import staleness
from ccsync.core.change import Op
from ccsync.core.permission import Action, Request, refusals
from ccsync.core.plan import Plan
from ccsync.core.spec import ExportName, Project
from ccsync.engine.rows import count_rows, read_rows
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError, DeniedError, Diagnostic, InvalidError, Severity, UsageError
from ccsync.sealing import load_keys
from ccsync.state.planfile import read_plan
from ccsync.views.document import Page, plan_document, with_rows
from ccsync.views.human import plan_lines
from ccsync.views.rows import rows_lines

LIMIT = 20
LIMIT_OF_A_REPORT = 1_000


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan saved by `ccsync plan -o`.", show_default=False)],
    as_json: Json = False,
    output_format: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="|".join(Format),
            help="markdown: for a comment. html: a page with charts. github-output: key=value lines for a job.",
        ),
    ] = Format.TEXT,
    rows: Annotated[bool, typer.Option("--rows", help="Rows of every export.")] = False,
    export: Annotated[
        str | None, typer.Option("--export", metavar="EXPORT", help="Rows of this export.", show_default=False)
    ] = None,
    op: Annotated[
        Op | None, typer.Option("--op", metavar="|".join(Op), help="Rows of this op.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help=f"At most N rows of each export (default {LIMIT}; html: {LIMIT_OF_A_REPORT:,}).",
            show_default=False,
        ),
    ] = None,
    reveal: Reveal = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Show a saved plan, or rows of it.

    --rows, --export, --op and --limit show rows, with addresses masked unless --reveal. Markdown and github-output hold
    counts only.
    """
    wants_rows = rows or not (export is None and op is None and limit is None)
    _check_formats(output_format, as_json=as_json, rows=wants_rows or reveal)
    with Signals(), private_folder() as folder:
        plan, changes = read_plan(file, folder, keys=load_keys(os.environ))
        project = project_at_hand(Place(config_dir, acting))
        refused = _rows_refused(project, acting) if project is not None else ()
        if refused and (wants_rows or reveal):
            raise DeniedError(*refused)
        plan, notes = as_approved(plan, project)
        stale = stale_warnings(plan, project, folder)
        warnings = (*stale, *notes)
        with Session(folder / "engine") as session:
            most = LIMIT_OF_A_REPORT if output_format is Format.HTML else LIMIT
            pages = _pages(session, plan, changes, export, op, most if limit is None else limit) if wants_rows else None
            if as_json:
                document = plan_document(plan, warnings)
                terminal.write_json(document if pages is None else with_rows(document, pages, reveal=reveal))
                return
            if pages is not None and output_format is Format.TEXT:
                terminal.show(rows_lines(pages, reveal=reveal))
            else:
                frame = frame_of(session, changes, project, str(file), reveal=reveal, samples=not refused)
                if output_format is Format.TEXT:
                    terminal.show(plan_lines(plan, frame))
                else:
                    terminal.write_text(rendered(output_format, plan, frame, pages or {}, project, stale))
            warn(warnings)


def _check_formats(output_format: Format, *, as_json: bool, rows: bool) -> None:
    """Raises UsageError (E900) for what doesn't go together."""
    if as_json and output_format is not Format.TEXT:
        raise UsageError(Diagnostic("E900", f"--json and --format {output_format} exclude each other"))
    if rows and output_format in (Format.MARKDOWN, Format.GITHUB_OUTPUT):
        raise UsageError(Diagnostic("E900", f"--format {output_format} shows no rows", hint="use --format html"))


def project_at_hand(place: Place) -> Project | None:
    """The configuration if there is a sound one; a plan can be shown without."""
    try:
        return load(place, Needs.STATE).project
    except CcsyncError:
        return None


def stale_warnings(plan: Plan, project: Project | None, workdir: Path) -> tuple[Diagnostic, ...]:
    """Why `apply` would refuse the plan, as warnings. Without a configuration only time is looked at.

    workdir: a private folder."""
    now = datetime.now(UTC)
    try:
        if project is None:
            staleness.check_plan(plan, plan.base, None, plan.config_digest, now)
            return ()
        generations = state_at(project, SystemClock(), lambda: workdir).generations
        current = generations.snapshot().ref
        staleness.check_plan(plan, current, generations.applied_as(plan.plan_id), project.digest, now)
    except CcsyncError as error:
        return tuple(
            replace(each, severity=Severity.WARNING, detail="`apply` will refuse it.") for each in error.diagnostics
        )
    return ()


def _rows_refused(project: Project, acting: str | None) -> tuple[Diagnostic, ...]:
    """Why the acting user sees counts only; empty for who may see rows."""
    folder = Path(project.root)
    actor = find_actor(acting, os.environ, lambda: git_email(folder), os_user)
    return refusals(project, Request(actor.name, Action.SAVE_PLAN))


def _pages(
    session: Session,
    plan: Plan,
    changes: Mapping[ExportName, Path],
    export: str | None,
    op: Op | None,
    limit: int,
) -> Mapping[ExportName, Page]:
    names = [each.name for each in plan.exports]
    if export is not None and export not in names:
        raise InvalidError(
            Diagnostic("E110", f"the plan holds no export {export!r}", hint=f"it holds: {', '.join(names)}")
        )
    pages = {
        name: Page(read_rows(session, changes[name], op, limit), count_rows(session, changes[name], op))
        for name in names
        if name in changes and export in (None, name)
    }
    return {name: page for name, page in pages.items() if page.total or export is not None}
