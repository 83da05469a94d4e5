"""`ccsync run`: plan, guards, policy and apply of exactly that plan, export by export, without a question.

Which exports are due is `core.schedule`'s rule; what an apply does is `applier`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ccsync.cli import planning
from ccsync.cli.access import authorize, connections_for, connections_of, require_sendable
from ccsync.cli.applying import Started, carry_out, exit_code_of
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json, LockTimeout
from ccsync.cli.ran import FINAL, Outcome, Ran, document, say
from ccsync.cli.records import Record, counts_of, record_run
from ccsync.cli.recovery import settle_all
from ccsync.cli.telling import tell
from ccsync.cli.terminal import write_json
from ccsync.cli.timetable import (
    Remembered,
    note_first_looks,
    remember,
    remembered,
    standings_at,
)
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.event import Status
from ccsync.core.guard import blocking
from ccsync.core.permission import Action
from ccsync.core.plan import Plan, to_text
from ccsync.core.recurrence import latest
from ccsync.core.schedule import Slot, Standing, Trigger
from ccsync.errors import (
    CcsyncError,
    Diagnostic,
    ExitCode,
    GuardError,
    InvalidError,
    LockedError,
    UsageError,
)
from ccsync.planner.targets import detached
from ccsync.ports.ledger import Lease

if TYPE_CHECKING:
    from ccsync.state.lock import Held

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line: exactly one of the three."""

    exports: tuple[str, ...]
    due: bool
    every: bool
    now: datetime | None


@app.command()
def run(
    exports: Annotated[list[str] | None, typer.Argument(metavar="[EXPORT]...", show_default=False)] = None,
    due: Annotated[bool, typer.Option("--due", help="Those whose schedule says so. For a timer.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every export whose schedule is active.")] = False,
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="TIME", help="With --due: as if it were this time (ISO 8601).", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> int:
    """Sync exports without asking: those that are due, named ones, or all.

    For each by itself: plan, guards, policy, and apply of exactly that plan; one that is blocked or fails does not keep
    the others. Named exports run whether or not their schedule is active; --all and --due take active ones only. The
    exit code is that of the first that did not end well. While another run holds the lock nothing is done (exit 4);
    what is due stays due, and however many times were missed, one run makes up for them.
    """
    wish = _checked(Wish(tuple(dict.fromkeys(exports or ())), due, every, _moment(now)))
    with open_workspace(Place(config_dir, acting), Needs.EVERYTHING) as workspace:
        at = wish.now or workspace.clock.now()
        authorize(workspace, Action.APPLY, connections_for(workspace.project, wish.exports))
        slots, before = standings_at(workspace, at), remembered(workspace)
        if wish.due and not any(slot.standing is Standing.DUE for slot in slots):
            note_first_looks(workspace, slots, at)
            ran: list[Ran] = []
        else:
            with _lock(workspace, wish, lock_timeout) as lease:
                slots = standings_at(workspace, at)  # another run may have been faster
                note_first_looks(workspace, slots, at)
                ran = _run_all(workspace, lease, _chosen(workspace, slots, wish), at)
        tell(workspace, ran, before, slots, at)
        code = next((each.code for each in ran if each.code is not ExitCode.DONE), ExitCode.DONE)
        others = slots if due else ()
        if as_json:
            write_json(document(ran, others, code))
        else:
            say(ran, others)
    return int(code)


def _checked(wish: Wish) -> Wish:
    if sum((bool(wish.exports), wish.due, wish.every)) != 1:
        raise UsageError(Diagnostic("E900", "name exports, or give --due, or --all", hint="see `ccsync run --help`"))
    if wish.now is not None and not wish.due:
        raise UsageError(Diagnostic("E900", "--now goes with --due"))
    return wish


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused below, as any time without a zone is
    if moment.tzinfo is None:
        hint = "write it with its offset, like 2026-11-24T06:00:00+01:00 or 2026-11-24T05:00:00Z"
        raise UsageError(Diagnostic("E900", "--now takes a time with a time zone", hint=hint))
    return moment.astimezone(UTC)


def _lock(workspace: Workspace, wish: Wish, timeout_s: float) -> "Held":
    try:
        return workspace.lock("run", timeout_s=timeout_s)
    except LockedError as error:
        if not wish.due:
            raise
        held = error.diagnostics[0]
        raise LockedError(
            Diagnostic(
                held.code,
                held.summary,
                detail="Nothing was done. What is due stays due: the next `ccsync run --due` does it, once.",
                hint="nothing has to be done; if that run hangs, `ccsync state unlock`",
            )
        ) from error


def _chosen(workspace: Workspace, slots: Iterable[Slot], wish: Wish) -> list[Slot]:
    if wish.due:
        return [slot for slot in slots if slot.standing is Standing.DUE]
    found = {slot.export: slot for slot in slots}
    unknown = [name for name in wish.exports if name not in found]
    if unknown:
        hint = f"there are: {', '.join(workspace.project.exports)}"
        raise InvalidError(
            *(
                detached(name)
                if name in workspace.project.detached
                else Diagnostic("E110", f"no export is called {name!r}", hint=hint)
                for name in unknown
            )
        )
    names = wish.exports or [name for name, export in workspace.project.exports.items() if export.schedule.active]
    return [replace(slot, trigger=Trigger.ON_DEMAND, due=None) for name, slot in sorted(found.items()) if name in names]


# ---------------------------------------------------------------- running


def _run_all(workspace: Workspace, lease: Lease, chosen: list[Slot], at: datetime) -> list[Ran]:
    """One after the other; what is remembered of each is written at once. After a signal, and when the lock is lost,
    nothing further is tried."""
    ran: list[Ran] = []
    for slot in chosen:
        if ran and ran[-1].code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.LOCKED):
            ran.append(Ran(slot, Outcome.NOT_TRIED, ran[-1].code))
            continue
        with workspace.afresh() as own:
            ran.append(_run_one(own, lease, slot))
        _note(workspace, ran[-1], at)
    return ran


def _run_one(workspace: Workspace, lease: Lease, slot: Slot) -> Ran:
    started = Started(workspace.new_run(), to_text(workspace.clock.now()), "run", str(slot.trigger))
    plan: Plan | None = None
    try:
        with progress_shown(workspace):
            settle_all(workspace, lease)
            made = planning.make(workspace, (slot.export,), (), refresh=True)
            plan = made.plan
        passing = planning.passing(workspace, plan, ())
        blocked = blocking(plan, passing.allowed)
        if blocked:
            raise GuardError(*blocked, *passing.notes)
        if not plan.has_changes:
            counts: Mapping[str, Mapping[str, int]] = {slot.export: {}}
            nothing = Record(
                started.run, "run", started.at, Status.SUCCESSFUL, None, plan.plan_id, counts, trigger=started.trigger
            )
            record_run(workspace, nothing)
            return Ran(slot, Outcome.NO_CHANGES, ExitCode.DONE, started.run, plan=plan)
        require_sendable(workspace.project, plan)
        authorize(workspace, Action.APPLY, connections_of(plan))
        with progress_shown(workspace), workspace.signals.deferred():
            finished = carry_out(workspace, made, passing, lease, started)
    except CcsyncError as error:
        return _failed(workspace, slot, started, error, plan)
    code = exit_code_of(finished, workspace.signals.requested())
    counts_by_op = counts_of(finished).get(slot.export, {})
    return Ran(slot, Outcome(str(finished.status)), code, started.run, counts_by_op, finished.diagnostics, plan)


def _failed(workspace: Workspace, slot: Slot, started: Started, error: CcsyncError, plan: Plan | None) -> Ran:
    outcome, code = Outcome.FAILED, error.exit_code
    signalled = workspace.signals.requested()  # a query that a signal broke off fails in its own way
    if signalled is not None:
        outcome, code = Outcome.CANCELED, signalled
    elif isinstance(error, GuardError):
        outcome = Outcome.BLOCKED
    if started.run not in {each.run for each in workspace.state.runs.runs()}:  # an apply leaves a line of its own
        status = Status.CANCELED if outcome is Outcome.CANCELED else Status.FAILED
        record_run(
            workspace,
            Record(
                started.run,
                "run",
                started.at,
                status,
                plan_id=plan.plan_id if plan else "",
                counts={slot.export: {}},
                codes=tuple(each.code for each in error.diagnostics),
                trigger=started.trigger,
            ),
        )
    return Ran(slot, outcome, code, started.run, {}, error.diagnostics, plan)


def _note(workspace: Workspace, ran: Ran, at: datetime) -> None:
    """Remembers how it ended, and that the moment is dealt with where trying again would change nothing. A run that was
    asked for deals with what was due by then, if it succeeds."""
    slot = ran.slot
    known = remembered(workspace).get(slot.export, Remembered())
    handled, held_back = known.handled, known.held_back
    if ran.plan is not None:
        held_back = sum(ran.plan.export(slot.export).held_back.values())
    if slot.due is not None and ran.code in FINAL:
        handled = slot.due
    elif slot.trigger is Trigger.ON_DEMAND and slot.recurrence is not None and ran.code is ExitCode.DONE:
        handled = latest(slot.recurrence, ZoneInfo(slot.recurrence.timezone), at)
    failed = ran.outcome in (Outcome.FAILED, Outcome.PARTIAL)
    remember(workspace, {slot.export: Remembered(handled, held_back, failed)})
