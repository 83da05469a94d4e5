"""`ccsync plan`."""

from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli import planning, terminal
from ccsync.cli.access import authorize, connections_for, sees_rows, sending_warnings
from ccsync.cli.branch import touched_since
from ccsync.cli.display import Look, progress_shown, show_plan, warn
from ccsync.cli.options import Acting, Allow, ConfigDir, Json, LockTimeout, Reveal
from ccsync.cli.recovery import settle_if_pending
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.guard import softened
from ccsync.core.permission import Action
from ccsync.errors import Diagnostic, UsageError
from ccsync.state.planfile import write_plan
from ccsync.views.document import plan_document
from ccsync.views.frame import Purpose

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def plan(
    exports: Annotated[list[str] | None, typer.Argument(metavar="[EXPORT]...", show_default=False)] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Save the plan to FILE (.ccplan).", show_default=False),
    ] = None,
    changed: Annotated[
        str | None,
        typer.Option(
            "--changed",
            metavar="BASE",
            help="Only exports that this branch touches since git's BASE.",
            show_default=False,
        ),
    ] = None,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Plan against the ledger alone; read no list.")
    ] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes, 0 when there are none.")
    ] = False,
    as_json: Json = False,
    allow: Allow = None,
    reveal: Reveal = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> int:
    """Show what an apply would change, row by row; -o saves it.

    Reads sources, the state and (unless --no-refresh) the lists; changes nothing. Named exports make a partial plan;
    so does --changed, which compares what the configuration means here and where this branch left BASE, with the SQL
    files it names and the data files that git has.
    Exit 3 when a guard or a policy rule blocks, with the plan still shown and saved.
    """
    allowed = planning.checked_allowed(allow)
    if changed is not None and exports:
        raise UsageError(Diagnostic("E900", "--changed and named exports exclude each other"))
    with open_workspace(Place(config_dir, acting), Needs.SOURCES if no_refresh else Needs.EVERYTHING) as workspace:
        named, notes = (tuple(exports) if exports else None), workspace.warnings
        if changed is not None:
            named, found = touched_since(workspace.folder, changed)
            notes = (*notes, *found)
        connections = connections_for(workspace.project, named or ())
        authorize(workspace, Action.PLAN if output is None and not reveal else Action.SAVE_PLAN, connections)
        if allowed:
            planning.check_rules(workspace.project, allowed)
            authorize(workspace, Action.OVERRIDE)
        with progress_shown(workspace):
            settle_if_pending(workspace, "plan", lock_timeout)
            made = planning.make(workspace, named, allowed, refresh=not no_refresh)
        if output is not None:
            write_plan(output, made.plan, made.changes, keys=workspace.keys)
        passing = planning.passing(workspace, made.plan, allowed)
        shown = softened(made.plan, passing.allowed)
        warnings = (*notes, *sending_warnings(workspace.project, made.plan), *passing.notes)
        if as_json:
            terminal.write_json(plan_document(shown, warnings))
        else:
            look = Look(Purpose.PLAN, str(output) if output else None, reveal, sees_rows(workspace))
            show_plan(workspace, shown, made.changes, look)
            warn(warnings)
        return int(planning.exit_code_of(shown, detailed=detailed_exitcode))
