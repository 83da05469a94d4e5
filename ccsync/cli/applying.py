"""Carries a plan out and leaves the run's line: for `apply`, which asks before, and `run`, which does not."""

from dataclasses import dataclass

from ccsync.applier import apply_plan
from ccsync.cli.planning import Made, Passing
from ccsync.cli.records import Record, counts_of, record_run
from ccsync.cli.wiring import Workspace
from ccsync.core.event import ApplyFinished, Status
from ccsync.errors import CcsyncError, ExitCode, StoppedError
from ccsync.ports.ledger import Lease


@dataclass(frozen=True, slots=True)
class Started:
    """A run under way. at: UTC text. command, trigger: for its line."""

    run: str
    at: str
    command: str = "apply"
    trigger: str = ""


def carry_out(workspace: Workspace, made: Made, passing: Passing, lease: Lease, started: Started) -> ApplyFinished:
    """Applies a plan and writes the run's line, whatever came of it. Raises what `apply_plan` does."""
    means = workspace.means(lease, "apply")
    plan_id, allowed = made.plan.plan_id, passing.allowed
    try:
        finished = apply_plan(
            made.plan,
            made.changes,
            means,
            run=started.run,
            journals=workspace.state.journals,
            allowed=allowed,
        )
    except CcsyncError as error:
        codes = tuple(each.code for each in error.diagnostics)
        status = Status.CANCELED if isinstance(error, StoppedError) else Status.FAILED
        record_run(
            workspace,
            Record(
                started.run,
                started.command,
                started.at,
                status,
                plan_id=plan_id,
                counts={export.name: {} for export in made.plan.exports if export.has_changes},
                allowed=allowed,
                codes=codes,
                approvals=passing.approvals,
                trigger=started.trigger,
            ),
        )
        raise
    record_run(
        workspace,
        Record(
            started.run,
            started.command,
            started.at,
            finished.status,
            finished.serial if finished.serial != means.snapshot.ref.serial else None,
            plan_id,
            counts_of(finished),
            allowed,
            tuple(each.code for each in finished.diagnostics),
            approvals=passing.approvals,
            trigger=started.trigger,
        ),
    )
    return finished


def exit_code_of(finished: ApplyFinished, signalled: ExitCode | None) -> ExitCode:
    match finished.status:
        case Status.SUCCESSFUL:
            return ExitCode.DONE
        case Status.PARTIAL:
            return ExitCode.PARTIAL
        case Status.FAILED:
            return ExitCode.ERROR
        case Status.CANCELED:
            return signalled or ExitCode.INTERRUPTED
