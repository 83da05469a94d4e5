"""Makes a plan for the commands that need one, and says what may pass of it: allowed on the command line, approved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ccsync import __version__
from ccsync.cli.wiring import Workspace
from ccsync.core.plan import Plan
from ccsync.core.spec import ExportName, Level, Project
from ccsync.errors import Diagnostic, ExitCode, UsageError


@dataclass(frozen=True, slots=True)
class Made:
    """A plan and its changes files, in the command's private folder."""

    plan: Plan
    changes: Mapping[ExportName, Path]


@dataclass(frozen=True, slots=True)
class Passing:
    """What may pass of a plan. allowed: `EXPORT:GUARD` of the plan, the command line and the approvals that hold.

    approvals: those, as the run record tells them. notes: why others don't hold.
    """

    allowed: tuple[str, ...]
    approvals: tuple[str, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


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
        policies=workspace.policies,
        workdir=workspace.fresh_folder("live"),
        clock=workspace.clock,
        sink=workspace.relay,
    )
    return Made(plan, changes)


def judge_again(workspace: Workspace, plan: Plan, changes: Mapping[ExportName, Path]) -> Plan:
    """A saved plan with what the rules find in it now beside what they found then."""
    from ccsync.core.policy import judged

    rules = workspace.project.policy
    breaches = workspace.policies.breaches(plan, changes, rules, workspace.clock.now()) if rules else ()
    return judged(plan, rules, breaches)


def passing(workspace: Workspace, plan: Plan, allowed: tuple[str, ...]) -> Passing:
    """What may pass of a plan today."""
    return passing_at(workspace.project, plan, allowed, workspace.clock.now())


def passing_at(project: Project, plan: Plan, allowed: tuple[str, ...], now: datetime) -> Passing:
    """What may pass of a plan at a time (UTC)."""
    from ccsync.core.policy import holding

    today = now.date()
    held, notes = holding(project.approvals.values(), project.roles, plan, today)
    told = tuple(f"{each.name}: {each.allow} by {each.by}: {each.reason}" for each in held)
    return Passing(tuple(sorted({*plan.allowed, *allowed, *(each.allow for each in held)})), told, notes)


def as_approved(plan: Plan, project: Project | None) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """A saved plan as it is to be shown now: what was approved since warns and doesn't block. And why other approvals
    don't hold."""
    from ccsync.core.guard import softened

    if project is None:
        return plan, ()
    found = passing_at(project, plan, (), datetime.now(UTC))
    return softened(plan, found.allowed), found.notes


def checked_allowed(allow: list[str] | None) -> tuple[str, ...]:
    """The `--allow` options. Raises UsageError (E900) for what isn't EXPORT:GUARD. A name that is no guard may be that
    of a policy rule: see `check_rules`."""
    from ccsync.core.guard import ALLOWABLE, NOT_ALLOWABLE

    given = tuple(dict.fromkeys(allow or ()))
    for each in given:
        export, _, guard = each.partition(":")
        if not export or guard in NOT_ALLOWABLE or not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", guard):
            said = "can't be allowed away" if guard in NOT_ALLOWABLE else "is not EXPORT:GUARD"
            hint = f"guards: {', '.join(ALLOWABLE)}"
            raise UsageError(Diagnostic("E900", f"--allow {each} {said}", hint=hint))
    return given


def check_rules(project: Project, allowed: tuple[str, ...]) -> None:
    """Raises UsageError (E900) for an `--allow` that names neither a guard nor a soft rule."""
    from ccsync.core.guard import ALLOWABLE

    soft = [name for name, rule in project.policy.items() if rule.level is Level.SOFT]
    for each in allowed:
        name = each.partition(":")[2]
        if name not in (*ALLOWABLE, *soft):
            said = "names a rule that can't be allowed away" if name in project.policy else "is not EXPORT:GUARD"
            hint = f"guards: {', '.join(ALLOWABLE)}" + (f"; soft rules: {', '.join(soft)}" if soft else "")
            raise UsageError(Diagnostic("E900", f"--allow {each} {said}", hint=hint))


def exit_code_of(plan: Plan, *, detailed: bool) -> ExitCode:
    if plan.blocked:
        return ExitCode.GUARD
    return ExitCode.CHANGES if detailed and plan.has_changes else ExitCode.DONE
