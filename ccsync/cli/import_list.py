"""`ccsync import`. What importing does is `adoption`'s."""

from typing import Annotated

import typer

from ccsync.adoption import import_list as take_over
from ccsync.cli.access import authorize
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json, LockTimeout
from ccsync.cli.records import Record, record_run
from ccsync.cli.recovery import settle_all
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.event import Status
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.core.spec import Export, ExportName, Project
from ccsync.errors import Diagnostic, InvalidError
from ccsync.views.text import line, number

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(name="import")
def import_list(
    export: Annotated[str, typer.Argument(metavar="EXPORT", show_default=False)],
    own: Annotated[bool, typer.Option("--own", help="Its members become ours to remove.")] = False,
    as_json: Json = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Take over a list that exists: seed the ledger, send nothing.

    Everyone on the export's list becomes known. Those whom ccsync did not put there stay when they leave the segment,
    unless --own makes them ours.
    """
    with open_workspace(Place(config_dir, acting), Needs.LIST) as workspace:
        declared = declared_export(workspace.project, export)
        authorize(workspace, Action.OVERRIDE if own else Action.APPLY, (declared.connection,))
        run = workspace.new_run()
        started = to_text(workspace.clock.now())
        with progress_shown(workspace), workspace.lock("import", run, lock_timeout) as lease:
            settle_all(workspace, lease)
            done = take_over(
                declared,
                workspace.project.connections[declared.connection],
                own=own,
                run=run,
                snapshot=workspace.state.generations.snapshot(),
                reader=workspace.destination(declared.connection),
                stewardship=workspace.stewardship,
                writer=workspace.state.generations,
                lease=lease,
                workdir=workspace.fresh_folder("import"),
                clock=workspace.clock,
            )
            counts = {export: {"adopt": done.new, "forget": done.gone}}
            record_run(workspace, Record(run, "import", started, Status.SUCCESSFUL, done.serial, counts=counts))
    if as_json:
        write_json(
            {
                "format": 1,
                "export": done.export,
                "list": done.list_name,
                "members": done.members,
                "new": done.new,
                "gone": done.gone,
                "serial": done.serial,
            }
        )
        return
    whose = "ours to remove" if own else "known"
    lines = [
        line(f'{number(done.members)} members of list "{done.list_name}" are {whose}; {number(done.new)} are new.')
    ]
    if not own:
        lines.append(
            line("Those who are new are kept when they leave the segment; those who were ours already are not.", hang=2)
        )
    if done.gone:
        lines.append(line(f"{number(done.gone)} have left the list since and are kept off it (`ccsync readmit`)."))
    lines.append(line(f"Nothing was sent. State serial {done.serial}. Next: ", ("ccsync plan", "bold")))
    show(lines)


def declared_export(project: Project, name: str) -> Export:
    """The export of that name. Raises InvalidError (E110)."""
    found = project.exports.get(ExportName(name))
    if found is None:
        there = ", ".join(project.exports) or "none"
        raise InvalidError(Diagnostic("E110", f"no export is called {name!r}", hint=f"there are: {there}"))
    return found
