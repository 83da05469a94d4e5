"""`ccsync connections list|check`."""

from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.core.spec import Connection, ConnectionName, Project
from ccsync.errors import Diagnostic, InvalidError
from ccsync.views.tables import table_lines
from ccsync.views.text import line, number

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="List and check the connections.")


def declared(project: Project, name: str) -> Connection:
    """The connection of that name. Raises InvalidError (E118)."""
    found = project.connections.get(ConnectionName(name))
    if found is None:
        there = ", ".join(project.connections) or "none"
        raise InvalidError(Diagnostic("E110", f"no connection is called {name!r}", hint=f"there are: {there}"))
    return found


@app.command(name="list")
def list_connections(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """List the declared connections: who may use them, consent, which exports do."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        project = workspace.project
        pinned = workspace.state.generations.snapshot().accounts
    rows = []
    for name, each in project.connections.items():
        to = each.available_to
        rows.append(
            {
                "name": name,
                "display_name": each.display_name,
                "type": "constant_contact",
                "available_to": to if isinstance(to, str) else list(to),
                "consent": each.consent.data_privacy,
                "flow": str(each.auth.flow),
                "account": pinned.get(name),
                "exports": [export.name for export in project.exports.values() if export.connection == name],
            }
        )
    if as_json:
        write_json({"format": 1, "connections": rows})
        return
    cells = [
        (
            str(row["name"]),
            str(row["display_name"]),
            row["available_to"] if isinstance(row["available_to"], str) else "named users",
            "agreed" if row["consent"] else "missing",
            str(row["account"] or "-"),
            ", ".join(row["exports"]) if isinstance(row["exports"], list) else "",
        )
        for row in rows
    ]
    show(table_lines(("name", "display name", "available to", "consent", "account", "used by"), cells))


@app.command()
def check(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", show_default=False)],
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Ask the account: sign-in, rights, contacts, what is left of the day's requests."""
    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.LOOK, (each.name,))
        with progress_shown(workspace):
            destination = workspace.destination(each.name)
            account = destination.account()
            destination.check_access()
            contacts = destination.contacts_total()
            left = destination.calls_left_today()
    if as_json:
        write_json(
            {
                "format": 1,
                "connection": each.name,
                "account": {"id": account.id, "name": account.name},
                "contacts": contacts,
                "calls_left_today": left,
                "consent": each.consent.data_privacy,
            }
        )
        return
    limit = f" of {number(each.limits.max_contacts)}" if each.limits.max_contacts else ""
    show(
        [
            line(f"{each.name}: signed in to {account.name} ({account.id}), with every right that is needed."),
            line(f"  {number(contacts)}{limit} contacts; {number(left)} API calls left today."),
        ]
    )
    if not each.consent.data_privacy:
        show([line("  No consent is recorded: apply will refuse.")])
