"""Makes a plan for the commands that need one: plan, and apply without a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ccsync import __version__
from ccsync.cli.wiring import Workspace
from ccsync.core.plan import Plan
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, ExitCode, UsageError


@dataclass(frozen=True, slots=True)
class Made:
    """A plan and its changes files, in the command's private folder."""

    plan: Plan
    changes: Mapping[ExportName, Path]


def make(workspace: Workspace, exports: tuple[str, ...] | None, allowed: tuple[str, ...], *, refresh: bool) -> Made:
    """Plans against the newest generation: these exports, None for all. Needs no lock: a generation never changes."""
    from ccsync.planner import PlanOptions, make_plan

    options = PlanOptions(
        version=__version__,
        exports=None if exports is None else tuple(ExportName(name) for name in dict.fromkeys(exports)),
        refresh=refresh,
        allowed=allowed,
    )
    plan, changes = make_plan(
        workspace.project,
        options,
        snapshot=workspace.state.generations.snapshot(),
        desires=workspace.desires,
        differ=workspace.differ,
        readers=workspace.reader,
        workdir=workspace.fresh_folder("live"),
        clock=workspace.clock,
        sink=workspace.relay,
    )
    return Made(plan, changes)


def checked_allowed(allow: list[str] | None) -> tuple[str, ...]:
    """The `--allow` options. Raises UsageError (E900) for what isn't EXPORT:GUARD with a guard that can be allowed."""
    from ccsync.core.guard import ALLOWABLE, NOT_ALLOWABLE

    given = tuple(dict.fromkeys(allow or ()))
    for each in given:
        export, colon, guard = each.partition(":")
        if not (export and colon and guard in ALLOWABLE):
            said = "can't be allowed away" if guard in NOT_ALLOWABLE else "is not EXPORT:GUARD"
            hint = f"guards: {', '.join(ALLOWABLE)}"
            raise UsageError(Diagnostic("E900", f"--allow {each} {said}", hint=hint))
    return given


def exit_code_of(plan: Plan, *, detailed: bool) -> ExitCode:
    if plan.blocked:
        return ExitCode.GUARD
    return ExitCode.CHANGES if detailed and plan.has_changes else ExitCode.DONE
