"""`ccsync undo`. What undoing is, is `undoing`'s."""

from pathlib import Path
from typing import Annotated

import typer

from ccsync import __version__
from ccsync.cli import planning, terminal
from ccsync.cli.access import authorize, connections_of, sending_warnings
from ccsync.cli.display import Look, progress_shown, show_plan, warn
from ccsync.cli.options import Acting, Allow, ConfigDir, Json, LockTimeout, Reveal
from ccsync.cli.recovery import settle_if_pending
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.guard import softened
from ccsync.core.permission import Action
from ccsync.state.planfile import write_plan
from ccsync.undoing import Sides, make_undo
from ccsync.views.document import plan_document
from ccsync.views.frame import Purpose

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="As `ccsync history` lists it.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Save the plan to FILE (.ccplan).", show_default=False),
    ] = None,
    as_json: Json = False,
    allow: Allow = None,
    reveal: Reveal = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> int:
    """Make a plan that takes back what one run did; -o saves it.

    Whom the run added is removed, whom it removed is added, values are set back. Left alone is who was changed since;
    who left or unsubscribed is never put back. Exit 3 when a guard or a policy rule blocks, with the plan still saved.
    """
    allowed = planning.checked_allowed(allow)
    with open_workspace(Place(config_dir, acting), Needs.EVERYTHING) as workspace:
        authorize(workspace, Action.SAVE_PLAN)
        if allowed:
            planning.check_rules(workspace.project, allowed)
            authorize(workspace, Action.OVERRIDE)
        with progress_shown(workspace):
            settle_if_pending(workspace, "undo", lock_timeout)
            made = _make(workspace, run, allowed)
        authorize(workspace, Action.SAVE_PLAN, connections_of(made.plan))
        if output is not None:
            write_plan(output, made.plan, made.changes, keys=workspace.keys)
        passing = planning.passing(workspace, made.plan, allowed)
        shown = softened(made.plan, passing.allowed)
        warnings = (*workspace.warnings, *sending_warnings(workspace.project, made.plan), *passing.notes)
        if as_json:
            terminal.write_json(plan_document(shown, warnings))
        else:
            show_plan(workspace, shown, made.changes, Look(Purpose.PLAN, str(output) if output else None, reveal))
            warn(warnings)
        return int(planning.exit_code_of(shown, detailed=False))


def _make(workspace: Workspace, run: str, allowed: tuple[str, ...]) -> planning.Made:
    now = workspace.state.generations.snapshot()  # a state that can't be read says so first
    before, after, at = workspace.state.around(run)
    plan, changes = make_undo(
        workspace.project,
        Sides(run, at, before, after, now),
        version=__version__,
        allowed=allowed,
        undoer=workspace.undoer,
        readers=workspace.reader,
        policies=workspace.policies,
        workdir=workspace.fresh_folder("live"),
        clock=workspace.clock,
        sink=workspace.relay,
    )
    return planning.Made(plan, changes)
