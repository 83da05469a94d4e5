"""Writes the line of `runs.jsonl` that a command leaves. What a line holds is `state/runs.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ccsync.cli.wiring import Workspace
from ccsync.core.event import ApplyFinished, Noticed
from ccsync.core.plan import to_text
from ccsync.errors import Diagnostic, Severity, StorageError


@dataclass(frozen=True, slots=True)
class Record:
    """outcome: a `Status`, or `given_up`. serial: of the generation that the run made, None when it made none. counts:
    export → op → rows. trigger: what made it run, for those that were planned by a schedule or by `run`.
    """

    run: str
    command: str
    started: str
    outcome: str
    serial: int | None = None
    plan_id: str = ""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    reason: str = ""
    approvals: tuple[str, ...] = ()
    trigger: str = ""


def record_run(workspace: Workspace, record: Record) -> None:
    """Appends the line. What was done is done: a disk that won't take the line is a warning, not a failure."""
    from ccsync.state.runs import Run

    line = Run(
        run=record.run,
        started=record.started,
        ended=to_text(workspace.clock.now()),
        actor=workspace.actor.name,
        command=record.command,
        outcome=str(record.outcome),
        serial=record.serial,
        plan_id=record.plan_id,
        commit=workspace.commit,
        counts=record.counts,
        calls=workspace.calls_made(),
        allowed=record.allowed,
        codes=record.codes,
        reason=record.reason,
        approvals=record.approvals,
        trigger=record.trigger,
    )
    try:
        workspace.state.runs.append(line)
    except StorageError as error:
        said = "; ".join(each.summary for each in error.diagnostics)
        workspace.relay(
            Noticed(
                Diagnostic(
                    "W712",
                    f"the run record could not be written: {said}",
                    Severity.WARNING,
                    detail="The state itself is as it should be; only `ccsync history` misses this run.",
                )
            )
        )


def counts_of(finished: ApplyFinished) -> Mapping[str, Mapping[str, int]]:
    """Applied rows by export and op; what the firewall dropped and the remote refused besides."""
    return {
        result.export: {
            name: rows
            for name, rows in (
                ("add", result.added),
                ("update", result.updated),
                ("remove", result.removed),
                ("adopt", result.adopted),
                ("forget", result.forgotten),
                ("dropped", sum(result.dropped.values())),
                ("refused", sum(result.refused.values())),
                ("unfinished", result.unfinished),
            )
            if rows
        }
        for result in finished.results
    }
