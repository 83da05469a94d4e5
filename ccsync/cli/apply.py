"""`ccsync apply`: of a saved plan, or plan, show, ask and apply under one lock. What an apply does is `applier`'s."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli import planning
from ccsync.cli.access import authorize, connections_for, connections_of, require_sendable
from ccsync.cli.applying import Started, carry_out, exit_code_of
from ccsync.cli.display import Look, lines_written, progress_shown, show_plan, warn, write_finished, write_planned
from ccsync.cli.options import Acting, Allow, ConfigDir, ExpectPlanId, LockTimeout
from ccsync.cli.planning import Made, Passing
from ccsync.cli.prompt import confirm, require_person
from ccsync.cli.recovery import is_pending, settle_all
from ccsync.cli.terminal import show
from ccsync.cli.wiring import Needs, Place, Workspace, config_dir_of, open_workspace, private_folder
from ccsync.config.load import load_project
from ccsync.core import staleness
from ccsync.core.event import ApplyFinished, Status
from ccsync.core.guard import blocking, softened
from ccsync.core.permission import Action
from ccsync.core.plan import Plan, sealed, to_text
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, ExitCode, GuardError, StaleError
from ccsync.ports.ledger import Lease
from ccsync.sealing import load_keys
from ccsync.state.planfile import read_plan
from ccsync.views.document import plan_document
from ccsync.views.frame import Purpose
from ccsync.views.result import finished_lines

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line. targets: a plan file, then exports; or exports only."""

    targets: tuple[str, ...]
    auto_approve: bool
    as_json: bool
    allowed: tuple[str, ...]
    lock_timeout_s: float
    expected: str | None


@app.command()
def apply(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE] [EXPORT]...", help="A saved plan; exports of it, or to plan.", show_default=False
        ),
    ] = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Don't ask.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines on stdout; the last is apply_finished.")
    ] = False,
    allow: Allow = None,
    expect_plan_id: ExpectPlanId = None,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> int:
    """Apply a saved plan; without one: plan, show, ask, apply.

    Does what the plan says or less, never more and never other: who left or unsubscribed since is left out. A plan that
    is edited, expired, already applied or made from another state or configuration is refused before any call.
    """
    allowed = planning.checked_allowed(allow)
    wish = Wish(tuple(targets or ()), auto_approve, as_json, allowed, lock_timeout, expect_plan_id)
    place = Place(config_dir, acting)
    if wish.targets and is_file(wish.targets[0], place):
        return _apply_file(place, wish)
    return _plan_and_apply(place, wish)


def is_file(target: str, place: Place) -> bool:
    """Whether the first argument means a plan file. Names of exports hold no dot and no slash; a bare word that is both
    is an export."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", target):
        return True
    if not Path(target).is_file():
        return False
    return target not in load_project(config_dir_of(place), environ={}, resolve=False).project.exports


# ---------------------------------------------------------------- a saved plan


def _apply_file(place: Place, wish: Wish) -> int:
    with private_folder() as folder:
        file = Path(wish.targets[0])
        plan, changes = read_plan(file, folder, keys=load_keys(os.environ))
        staleness.check_expected(plan, wish.expected)
        with open_workspace(place, Needs.ACCOUNT) as workspace:
            _authorize(workspace, plan, wish)
            if is_pending(workspace):
                _require_approval(wish)  # settling may take long; who can't be asked afterwards is told now
            run = workspace.new_run()
            started = to_text(workspace.clock.now())
            with workspace.lock("apply", run, wish.lock_timeout_s) as lease:
                with _shown(workspace, wish):
                    settle_all(workspace, lease)
                snapshot = workspace.state.generations.snapshot()
                applied = workspace.state.generations.applied_as(plan.plan_id)
                staleness.check_plan(plan, snapshot.ref, applied, workspace.project.digest, workspace.clock.now())
                chosen = _subset(plan, wish.targets[1:], file.name)
                passing = _approved(workspace, chosen, changes, wish, saved=str(file))
                return _finish(workspace, Made(chosen, changes), passing, wish, lease, Started(run, started))


def _subset(plan: Plan, names: tuple[str, ...], file: str) -> Plan:
    """The plan of the named exports only. Raises StaleError (E714) for one that it doesn't hold."""
    if not names:
        return plan
    held = [export.name for export in plan.exports]
    missing = [name for name in names if name not in held]
    if missing:
        raise StaleError(
            *(
                Diagnostic(
                    "E714",
                    f"{file} holds no export {name!r}",
                    detail="Nothing was sent.",
                    hint=f"it holds: {', '.join(held)}",
                )
                for name in missing
            )
        )
    kept = tuple(export for export in plan.exports if export.name in names)
    return plan if len(kept) == len(plan.exports) else sealed(replace(plan, exports=kept, complete=False))


# ---------------------------------------------------------------- plan, show, ask, apply


def _plan_and_apply(place: Place, wish: Wish) -> int:
    _require_approval(wish)
    with open_workspace(place, Needs.EVERYTHING) as workspace:
        authorize(workspace, Action.APPLY, connections_for(workspace.project, wish.targets))
        if wish.allowed:
            planning.check_rules(workspace.project, wish.allowed)
            authorize(workspace, Action.OVERRIDE)
        run = workspace.new_run()
        started = to_text(workspace.clock.now())
        with workspace.lock("apply", run, wish.lock_timeout_s) as lease:
            with _shown(workspace, wish):
                settle_all(workspace, lease)
                made = planning.make(workspace, wish.targets or None, wish.allowed, refresh=True)
            authorize(workspace, Action.APPLY, connections_of(made.plan))
            staleness.check_expected(made.plan, wish.expected)
            passing = _approved(workspace, made.plan, made.changes, wish, saved=None)
            return _finish(workspace, made, passing, wish, lease, Started(run, started))


# ---------------------------------------------------------------- both


def _authorize(workspace: Workspace, plan: Plan, wish: Wish) -> None:
    authorize(workspace, Action.APPLY, connections_of(plan))
    planning.check_rules(workspace.project, wish.allowed)
    if wish.allowed or plan.allowed:
        authorize(workspace, Action.OVERRIDE)


def _require_approval(wish: Wish) -> None:
    if not wish.auto_approve:
        require_person("apply")


def _approved(
    workspace: Workspace, plan: Plan, changes: Mapping[ExportName, Path], wish: Wish, *, saved: str | None
) -> Passing:
    """Shows the plan, checks guards, rules and consent, and asks. Raises GuardError, InvalidError (E512), DeniedError,
    DeclinedError."""
    if saved is not None:
        plan = planning.judge_again(workspace, plan, changes)
    passing = planning.passing(workspace, plan, wish.allowed)
    _show(workspace, softened(plan, passing.allowed), changes, wish, saved)
    if not wish.as_json:
        warn(passing.notes)
    blocked = blocking(plan, passing.allowed)
    if blocked:
        raise GuardError(*blocked) if wish.as_json else typer.Exit(int(ExitCode.GUARD))  # said in the plan already
    if plan.has_changes:
        require_sendable(workspace.project, plan)
        if not wish.auto_approve:
            confirm("Apply this plan?", "apply")
    return passing


def _show(workspace: Workspace, plan: Plan, changes: Mapping[ExportName, Path], wish: Wish, saved: str | None) -> None:
    if wish.as_json:
        write_planned(plan_document(plan, workspace.warnings), workspace.clock)
        return
    show_plan(workspace, plan, changes, Look(Purpose.APPLY, saved))
    warn(workspace.warnings)


def _finish(workspace: Workspace, made: Made, passing: Passing, wish: Wish, lease: Lease, started: Started) -> int:
    if not made.plan.has_changes:
        if wish.as_json:
            serial = workspace.state.generations.snapshot().ref.serial
            nothing = ApplyFinished(
                started.run, made.plan.plan_id, Status.SUCCESSFUL, serial, (), workspace.calls_made(), 0.0
            )
            write_finished(nothing, ExitCode.DONE, workspace.clock)
        return int(ExitCode.DONE)
    with _shown(workspace, wish), workspace.signals.deferred():
        finished = carry_out(workspace, made, passing, lease, started)
    code = exit_code_of(finished, workspace.signals.requested())
    if wish.as_json:
        write_finished(finished, int(code), workspace.clock)
    else:
        show(finished_lines(finished))
    return int(code)


@contextmanager
def _shown(workspace: Workspace, wish: Wish) -> Iterator[None]:
    with lines_written(workspace) if wish.as_json else progress_shown(workspace):
        yield
