"""`ccsync lists`."""

from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.connection_edits import declared
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.views.tables import table_lines
from ccsync.views.text import number

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def lists(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", show_default=False)],
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Show the lists of a connection's account.

    Name, number of members, and the id that `exports.*.list.id` takes.
    """
    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        name = declared(workspace.project, connection).name
        authorize(workspace, Action.LOOK, (name,))
        with progress_shown(workspace):
            found = workspace.destination(name).lists()
    if as_json:
        rows = [{"id": each.id, "name": each.name, "members": each.members} for each in found]
        write_json({"format": 1, "connection": connection, "lists": rows})
        return
    members = ("-" if each.members is None else number(each.members) for each in found)
    show(table_lines(("name", "members", "id"), [(e.name, m, e.id) for e, m in zip(found, members, strict=True)]))
