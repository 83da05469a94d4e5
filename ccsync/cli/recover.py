"""`ccsync recover`."""

import contextlib
from typing import Annotated

import typer

from ccsync.cli import terminal
from ccsync.cli.access import authorize
from ccsync.cli.display import lines_written, progress_shown, write_finished
from ccsync.cli.options import Acting, ConfigDir, Json, LockTimeout
from ccsync.cli.prompt import confirm
from ccsync.cli.recovery import give_up, settle_all
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.event import ApplyFinished, RecoveryFinished, Status
from ccsync.core.permission import Action
from ccsync.errors import ExitCode, InvalidError
from ccsync.ports.journal import Journal
from ccsync.ports.ledger import Lease
from ccsync.views.text import line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def recover(
    given_up: Annotated[
        str | None,
        typer.Option(
            "--give-up",
            metavar="RUN",
            help="Close this run without asking accounts that can't be asked any more.",
            show_default=False,
        ),
    ] = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Don't ask before giving up.")] = False,
    as_json: Json = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> int:
    """Settle an interrupted run.

    Finds out what an apply that was killed or stopped had sent, and records it. Sends nothing. The next plan or apply
    does the same first.

    --give-up is for a run whose account is gone for good. Whoever may have been added is held back from then on;
    nothing else is taken for done.
    """
    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT if given_up is None else Needs.STATE) as workspace:
        authorize(workspace, Action.APPLY if given_up is None else Action.OVERRIDE)
        started = workspace.clock.monotonic()
        shown = lines_written(workspace) if as_json else progress_shown(workspace)
        with shown, workspace.lock("recover", timeout_s=lock_timeout) as lease:
            settled = (
                settle_all(workspace, lease)
                if given_up is None
                else _give_up(workspace, given_up, lease, asking=not auto_approve)
            )
            ref = workspace.state.generations.snapshot().ref
        if as_json:
            run = settled[-1].run if settled else ""
            seconds = workspace.clock.monotonic() - started
            finished = ApplyFinished(run, "", Status.SUCCESSFUL, ref.serial, (), workspace.calls_made(), seconds)
            write_finished(finished, ExitCode.DONE, workspace.clock)
        elif not settled:
            terminal.show([line("Nothing to settle.")])
        else:
            terminal.show([line(f"Settled. State serial {ref.serial}. Next: ", ("ccsync plan", "bold"))])
        return int(ExitCode.DONE)


def _give_up(workspace: Workspace, run: str, lease: Lease, *, asking: bool) -> tuple[RecoveryFinished, ...]:
    # References to the secrets of an account that is gone may lead nowhere: its connection then can't be asked.
    with contextlib.suppress(InvalidError):
        workspace.need(Needs.ACCOUNT)

    def approved(journal: Journal) -> None:
        if asking:
            plan = journal.plan()[0]
            names = ", ".join(sorted({export.connection for export in plan.exports if export.has_changes}))
            confirm(
                f"Give up run {run} (connections: {names})? What can't be found out over them stays unknown:\nwhoever"
                " may have been added is held back until `ccsync readmit`. To agree, type the run's name.",
                "recover --give-up",
                answer=run,
            )

    settled = give_up(workspace, run, lease, approved)
    return (settled,) if settled is not None else ()
