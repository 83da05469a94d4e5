"""Settles what an interrupted run left, before anything else is done with the state."""

from ccsync import applier
from ccsync.cli.access import authorize
from ccsync.cli.records import Record, record_run
from ccsync.cli.wiring import Needs, Workspace
from ccsync.core.event import RecoveryFinished, Status
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.errors import CcsyncError, StaleError
from ccsync.ports import Journal, Lease


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


def _settle(workspace: Workspace, journal: Journal, lease: Lease) -> RecoveryFinished | None:
    started = to_text(workspace.clock.now())
    plan_id = journal.plan()[0].plan_id
    try:
        with workspace.signals.deferred():
            settled = applier.settle(
                journal,
                snapshot=workspace.state.generations.snapshot(),
                writer=workspace.state.generations,
                lease=lease,
                destinations=workspace.destination,
                limits=workspace.limits,
                work=workspace.work,
                workdir=workspace.fresh_folder(f"settle-{journal.run}"),
                clock=workspace.clock,
                sink=workspace.relay,
                stop=workspace.signals,
            )
    except CcsyncError as error:
        codes = tuple(each.code for each in error.diagnostics)
        record_run(workspace, Record(journal.run, "recover", started, Status.FAILED, plan_id=plan_id, codes=codes))
        raise
    if settled is not None:
        counts = {"": {"applied": settled.applied, "not_applied": settled.not_applied}}
        record_run(
            workspace,
            Record(journal.run, "recover", started, Status.SUCCESSFUL, settled.serial, plan_id, counts=counts),
        )
    return settled
