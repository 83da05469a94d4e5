"""`ccsync lists`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.connection_edits import declared
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.config.listref import ListProblemError, parse_list_id
from ccsync.core.permission import Action
from ccsync.errors import Diagnostic, InvalidError
from ccsync.ports.live import RemoteList
from ccsync.views.tables import table_lines
from ccsync.views.text import number

if TYPE_CHECKING:
    from ccsync.constant_contact.account import ConstantContact

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def lists(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", show_default=False)],
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[LIST]",
            help="One list: its name, its id, its pasted web address, or its old numeric id.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Show the lists of a connection's account, or find one.

    Name, number of members, and the id that `exports.*.list.id` takes. A numeric id, of the old V2 API, is looked up.
    """
    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        name = declared(workspace.project, connection).name
        authorize(workspace, Action.LOOK, (name,))
        with progress_shown(workspace):
            account = workspace.destination(name)
            found = account.lists()
            if which is not None:
                found = (_one(account, found, which.strip(), connection),)
    if as_json:
        rows = [{"id": each.id, "name": each.name, "members": each.members} for each in found]
        write_json({"format": 1, "connection": connection, "lists": rows})
        return
    members = ("-" if each.members is None else number(each.members) for each in found)
    show(table_lines(("name", "members", "id"), [(e.name, m, e.id) for e, m in zip(found, members, strict=True)]))


def _one(account: "ConstantContact", found: tuple[RemoteList, ...], which: str, connection: str) -> RemoteList:
    """The list that is meant. Raises InvalidError (E105, E601)."""
    named = next((each for each in found if each.name == which), None)
    if named is not None:
        return named
    if which.isdecimal():
        wanted = account.list_of_number(int(which))
    else:
        try:
            wanted = parse_list_id(which)
        except ListProblemError as problem:
            hint = f"`ccsync lists {connection}` shows them all"
            raise InvalidError(Diagnostic("E105", f"no list is meant: {problem}", hint=hint)) from None
    known = next((each for each in found if each.id == wanted), None)
    if known is None:
        raise InvalidError(
            Diagnostic(
                "E601", "the account has no such list, or has it no more", hint=f"see `ccsync lists {connection}`"
            )
        )
    return known
