"""Settles what an interrupted run left, before anything else is done with the state."""

from collections.abc import Callable

from ccsync import applier
from ccsync.cli.access import authorize
from ccsync.cli.records import Record, record_run
from ccsync.cli.wiring import Needs, Workspace
from ccsync.core.event import Noticed, RecoveryFinished, Status
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.errors import CcsyncError, DeniedError, Diagnostic, InvalidError, Severity, StaleError
from ccsync.ports.journal import Journal
from ccsync.ports.ledger import Lease


def is_pending(workspace: Workspace) -> bool:
    """Whether a run is unsettled. Without the lock a journal may be read while it is written or removed; then this says
    yes, and whoever takes the lock finds out."""
    try:
        return workspace.state.journals.pending() is not None
    except StaleError:
        return True


def settle_if_pending(workspace: Workspace, command: str, lock_timeout_s: float) -> tuple[RecoveryFinished, ...]:
    """Settles under the lock when there is something to settle. Raises LockedError while that run is still going."""
    if not is_pending(workspace):
        return ()
    authorize(workspace, Action.APPLY)
    workspace.need(Needs.EVERYTHING)
    with workspace.lock(command, timeout_s=lock_timeout_s) as lease:
        return settle_all(workspace, lease)


def settle_all(workspace: Workspace, lease: Lease) -> tuple[RecoveryFinished, ...]:
    """Settles every unsettled run. The caller holds the lock."""
    finished = []
    while (journal := workspace.state.journals.pending()) is not None:
        settled = _settle(workspace, journal, lease)
        if settled is not None:
            finished.append(settled)
    return tuple(finished)


def give_up(
    workspace: Workspace, run: str, lease: Lease, approved: Callable[[Journal], None]
) -> RecoveryFinished | None:
    """Settles this run without what can't be asked any more. The caller holds the lock. approved: raises unless a
    person agrees. Raises InvalidError (E570) for a run that isn't waiting to be settled."""
    journal = workspace.state.journals.pending()
    if journal is None or journal.run != run:
        waiting = f"run {journal.run} is" if journal else "no run is"
        raise InvalidError(
            Diagnostic(
                "E570",
                f"run {run} is not waiting to be settled; {waiting}",
                detail="Nothing was given up.",
                hint="`ccsync status` names the run that was interrupted",
            )
        )
    approved(journal)
    return _settle(workspace, journal, lease, giving_up=True)


def _settle(
    workspace: Workspace, journal: Journal, lease: Lease, *, giving_up: bool = False
) -> RecoveryFinished | None:
    started = to_text(workspace.clock.now())
    plan_id = journal.plan()[0].plan_id
    try:
        with workspace.signals.deferred():
            settled = applier.settle(journal, workspace.means(lease, f"settle-{journal.run}"), give_up=giving_up)
    except CcsyncError as error:
        if isinstance(error, DeniedError | InvalidError):
            workspace.relay(Noticed(_way_out(journal.run)))
        codes = tuple(each.code for each in error.diagnostics)
        record_run(workspace, Record(journal.run, "recover", started, Status.FAILED, plan_id=plan_id, codes=codes))
        raise
    if settled is not None:
        counts = {"": {"applied": settled.applied, "not_applied": settled.not_applied}}
        outcome = "given_up" if settled.given_up else Status.SUCCESSFUL
        record_run(workspace, Record(journal.run, "recover", started, outcome, settled.serial, plan_id, counts=counts))
    return settled


def _way_out(run: str) -> Diagnostic:
    return Diagnostic(
        "W651",
        f"run {run} was interrupted, and what it sent can't be found out now",
        Severity.WARNING,
        detail="Until it is settled nothing can be planned or applied.",
        hint=f"mend the connection; if its account is gone for good: `ccsync recover --give-up {run}`",
    )
