"""`ccsync notify`: a test message, to see that notifications arrive. What `ccsync run` tells is `telling.py`'s."""

import os
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, ConfigDir
from ccsync.cli.telling import send
from ccsync.cli.terminal import show
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.config.load import load_notifications
from ccsync.core.notice import Notice
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.core.spec import Trouble
from ccsync.errors import CcsyncError, Diagnostic, InvalidError
from ccsync.views.text import line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def notify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)] = None,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Send a test message to the declared notifications.

    To those named, or to all.
    """
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.APPLY)
        declared = load_notifications(workspace.folder, os.environ)
        unknown = [name for name in names or () if name not in declared]
        if unknown or not declared:
            said = f"no notification is called {unknown[0]!r}" if unknown else "no notifications are declared"
            hint = f"there are: {', '.join(declared)}" if declared else "declare them under `notifications:`"
            raise InvalidError(Diagnostic("E110", said, hint=hint))
        summary = "this is a test; nothing is wrong"
        at = to_text(workspace.clock.now())
        notice = Notice(workspace.project.name, Trouble.FAILURE, True, "test", summary, at)
        failed = [name for name in names or declared if not send(declared[name], notice)]
    if failed:
        raise CcsyncError(Diagnostic("E790", f"{len(failed)} of {len(names or declared)} did not arrive"))
    show([line(f"Delivered to {', '.join(names or declared)}.")])
