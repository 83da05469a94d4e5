"""`ccsync connections list|check|login|logout`. What a person decides about one is in `connection_edits.py`."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from ccsync.cli import connection_edits
from ccsync.cli.access import authorize
from ccsync.cli.connection_edits import declared
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import say, show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.views.tables import table_lines
from ccsync.views.text import Line, line, number

if TYPE_CHECKING:
    from ccsync.constant_contact.login import Page
    from ccsync.constant_contact.oauth import DeviceCode

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="List connections, sign in to them, check them.")


app.command()(connection_edits.consent)
app.command()(connection_edits.enable)
app.command()(connection_edits.disable)


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


@app.command()
def login(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", show_default=False)],
    redirect_uri: Annotated[
        str | None,
        typer.Option(
            "--redirect-uri",
            metavar="URL",
            help="For flows with a browser: as registered for the API key.",
            show_default=False,
        ),
    ] = None,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Sign in once, in a browser; the grant is kept alive from then on.

    With `flow: device` the browser may be on any machine. The tokens are stored in the user's own folder, never in the
    configuration, the state or a plan.
    """
    from ccsync.constant_contact import login as flows
    from ccsync.constant_contact.loopback import DEFAULT_REDIRECT

    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.CONNECT, (each.name,))
        done = flows.login(
            each,
            clock=workspace.clock,
            environ=os.environ,
            ask=lambda page: say(_asked(page)),
            redirect_uri=redirect_uri or DEFAULT_REDIRECT,
        )
    lasting = "; it is renewed by itself" if done.lasting else "; it can't be renewed: no refresh token came with it"
    show([line(f"{each.name}: signed in until {to_text(done.expires_at)}{lasting}.", hang=2)])
    show([line(f"  Now check it: ccsync connections check {each.name}")])


@app.command()
def logout(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", show_default=False)],
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Forget the sign-in on this machine.

    The tokens are removed here. To end the grant itself, disconnect the application in Constant Contact's settings.
    """
    from ccsync.constant_contact import login as flows

    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.CONNECT, (each.name,))
        was = flows.logout(each, os.environ)
    show([line(f"{each.name}: {'signed out on this machine' if was else 'was not signed in on this machine'}.")])


def _asked(page: "DeviceCode | Page") -> list[Line]:
    """What a person is to do in a browser."""
    from ccsync.constant_contact.oauth import DeviceCode

    if isinstance(page, DeviceCode):
        minutes = max(1, int(page.expires_in_s // 60))
        return [
            line("Open this address in any browser, on any machine, and enter the code:"),
            line(f"  {page.page}"),
            line("  code: ", (page.user_code, "bold")),
            *([line(f"Or open this one, which holds the code: {page.link}", hang=2)] if page.link else []),
            line(f"Waiting for it, {minutes} minutes at most; Ctrl-C stops."),
        ]
    return [
        line("Open this address in a browser on this machine and allow the access:"),
        line(f"  {page.url}"),
        line("Waiting for it; Ctrl-C stops."),
    ]
