"""`ccsync lock status|release`. How the lock works is `state`'s."""

from dataclasses import asdict

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, AutoApprove, ConfigDir, Json
from ccsync.cli.prompt import confirm
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.views.text import line

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="See who holds the state's lock, or take it away.")


@app.command()
def status(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Say who holds the lock. Exit 0 whether it is held or not."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        holder = workspace.state.lock.holder()
    if as_json:
        write_json({"format": 1, "locked": holder is not None, "holder": asdict(holder) if holder else None})
    else:
        show([line(f"Locked: {holder}." if holder else "The state is not locked.", hang=2)])


@app.command()
def release(auto_approve: AutoApprove = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Take the lock away from a run that hangs. That run can then neither send nor write state."""
    release_lock(Place(config_dir, acting), "lock release", auto_approve=auto_approve)


def release_lock(place: Place, command: str, *, auto_approve: bool) -> None:
    with open_workspace(place, Needs.STATE) as workspace:
        authorize(workspace, Action.OVERRIDE)
        holder = workspace.state.lock.holder()
        if holder is None:
            show([line("The state is not locked.")])
            return
        if not auto_approve:
            confirm(f"Take the lock away from {holder}?", command)
        former = workspace.state.lock.unlock()
    show([line(f"Unlocked; it was held by {former or holder}.", hang=2)])
