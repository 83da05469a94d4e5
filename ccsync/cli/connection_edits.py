"""`ccsync connections consent|enable|disable`: what a person decides about a connection, written into its file."""

from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, ConfigDir
from ccsync.cli.prompt import confirm, require_person
from ccsync.cli.terminal import show
from ccsync.cli.wiring import Needs, Place, Workspace, config_dir_of, open_workspace
from ccsync.config.edit import Values, set_keys
from ccsync.core.consent import agrees_with_today, consent_text, text_version
from ccsync.core.permission import Action
from ccsync.core.spec import Connection, ConnectionName, Project
from ccsync.errors import Diagnostic, InvalidError, Where
from ccsync.views.text import BLANK, Line, line

Name = Annotated[str, typer.Argument(metavar="CONNECTION", show_default=False)]


def declared(project: Project, name: str) -> Connection:
    """The connection of that name. Raises InvalidError (E110)."""
    found = project.connections.get(ConnectionName(name))
    if found is None:
        there = ", ".join(project.connections) or "none"
        raise InvalidError(Diagnostic("E110", f"no connection is called {name!r}", hint=f"there are: {there}"))
    return found


def consent(connection: Name, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Read what sending means, agree, and have it recorded in the connection's file.

    Who agreed, on which day, and to which text are written beside the other keys; comments and formatting stay. When
    the text changes, because data go elsewhere or the privacy statement is another, it is asked for again.
    """
    place = Place(config_dir, acting)
    with open_workspace(place, Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.CONNECT, (each.name,))
        statement = workspace.project.privacy_statement
        show(_text_lines(each, statement))
        if each.consent.data_privacy and each.consent.text and agrees_with_today(each, statement):
            show([BLANK, line(f"Agreed to, as it stands, by {_who(each)}. Nothing to do.")])
            return
        require_person("connections consent")
        confirm(f"Do you agree, as {workspace.actor.name}?", "connections consent")
        where = _write(place, each, {"consent": _record(workspace, each, statement)})
    show([line(f"{each.name}: consent is recorded in {where}. Commit the file for it to count elsewhere.", hang=2)])


def _record(workspace: Workspace, connection: Connection, statement: str | None) -> dict[str, str | bool]:
    return {
        "data_privacy": "agreed",
        "agreed_by": workspace.actor.name,
        "agreed_on": workspace.clock.now().date().isoformat(),
        "text": text_version(connection, statement) or "",
    }


def _text_lines(connection: Connection, statement: str | None) -> list[Line]:
    lines = [line((f"{connection.name}: {connection.display_name}", "bold"))]
    for paragraph in consent_text(connection, statement):
        lines += [BLANK, line(paragraph)]
    if connection.consent.data_privacy and not agrees_with_today(connection, statement):
        lines += [BLANK, line(("! ", "yellow"), f"{_who(connection)} agreed to another text.", hang=2)]
    return lines


def _who(connection: Connection) -> str:
    on = f" on {connection.consent.agreed_on}" if connection.consent.agreed_on else ""
    return f"{connection.consent.agreed_by or 'somebody'}{on}"


def disable(connection: Name, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Switch a connection off: plans say so and applies refuse; its exports stay as they are.

    Writes `enabled: false` into the connection's file. It counts where that file is read: commit it. Saved plans are
    refused too, since the configuration is another.
    """
    _switch(Place(config_dir, acting), connection, on=False)


def enable(connection: Name, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Switch a connection on again."""
    _switch(Place(config_dir, acting), connection, on=True)


def _switch(place: Place, name: str, *, on: bool) -> None:
    with open_workspace(place, Needs.STATE) as workspace:
        each = declared(workspace.project, name)
        authorize(workspace, Action.CONNECT, (each.name,))
        said = "on" if on else "off"
        if each.enabled is on:
            show([line(f"{each.name} is switched {said} already.")])
            return
        where = _write(place, each, {"enabled": on})
        used_by = [export.name for export in workspace.project.exports.values() if export.connection == each.name]
    lines = [line(f"{each.name} is switched {said}, in {where}.", hang=2)]
    if not on:
        lines.append(line(f"  apply refuses {', '.join(used_by) or 'nothing, for no export uses it'}.", hang=2))
        lines.append(line("  Commit the file: runners that read another copy go on until they have it.", hang=2))
    show(lines)


def _write(place: Place, connection: Connection, values: Values) -> Where:
    return set_keys(config_dir_of(place), "connections", connection.name, values)
