"""`ccsync recover`."""

import typer

from ccsync.cli import terminal
from ccsync.cli.access import authorize
from ccsync.cli.display import lines_written, progress_shown, write_finished
from ccsync.cli.options import Acting, ConfigDir, Json, LockTimeout
from ccsync.cli.recovery import settle_all
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.event import ApplyFinished, Status
from ccsync.core.permission import Action
from ccsync.errors import ExitCode
from ccsync.views.text import line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def recover(
    as_json: Json = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> int:
    """Settle an interrupted run.

    Finds out what an apply that was killed or stopped had sent, and records it. Sends nothing. The next plan or apply
    does the same first.
    """
    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        authorize(workspace, Action.APPLY)
        started = workspace.clock.monotonic()
        shown = lines_written(workspace) if as_json else progress_shown(workspace)
        with shown, workspace.lock("recover", timeout_s=lock_timeout) as lease:
            settled = settle_all(workspace, lease)
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
