"""`ccsync whoami`: who is acting, how that was found, and what follows from it. The rules are `core.permission`'s."""

import os

import typer

from ccsync.cli.actor import Actor, found_actors, git_email, os_user
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action, available, may, role_of, where_named
from ccsync.core.spec import ConnectionName, Project
from ccsync.views.text import Line, line

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_WIDTH = 14


@app.command()
def whoami(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Say who is acting, why, and what they may do.

    Roles are checked and recorded, not enforced: whoever runs ccsync can change them or name another user. What a
    repository's host enforces comes of `ccsync generate codeowners`.
    """
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        found = found_actors(acting, os.environ, lambda: git_email(workspace.folder), os_user)
        project, actor = workspace.project, workspace.actor
    role = role_of(project.roles, actor.name)
    allowed = [action for action in Action if may(project, actor.name, action)]
    usable = {
        name: role is not None and available(each, actor.name, role) for name, each in project.connections.items()
    }
    if as_json:
        write_json(
            {
                "format": 1,
                "user": actor.name,
                "from": actor.source,
                "passed_over": [{"user": each.name, "from": each.source} for each in found[1:]],
                "role": role,
                "because": where_named(project.roles, actor.name),
                "may": [str(each) for each in allowed],
                "connections": usable,
            }
        )
        return
    show(
        [
            line((actor.name, "bold"), f", from {actor.source}", hang=2),
            *_passed_over(found[1:]),
            _row("role", f"{role or 'none'}: {where_named(project.roles, actor.name)}"),
            _row("may", ", ".join(allowed) or "nothing"),
            *_may_not([action for action in Action if action not in allowed]),
            *_connections(project, usable),
            line(
                "Roles are checked and recorded, not enforced; `ccsync generate codeowners` makes a forge enforce them."
            ),
        ]
    )


def _row(label: str, text: str) -> Line:
    return line((f"  {label:<{_WIDTH}}", "dim"), text, hang=_WIDTH + 2)


def _passed_over(others: tuple[Actor, ...]) -> list[Line]:
    said = ", ".join(f"{each.name} ({each.source})" for each in others)
    return [_row("passed over", said)] if others else []


def _may_not(actions: list[Action]) -> list[Line]:
    return [_row("may not", ", ".join(actions))] if actions else []


def _connections(project: Project, usable: dict[ConnectionName, bool]) -> list[Line]:
    rows = []
    for name, is_usable in usable.items():
        to = project.connections[name].available_to
        shown = to if isinstance(to, str) else ", ".join(to)
        rows.append(_row("connection", f"{name}: {'may use it' if is_usable else f'may not; available to {shown}'}"))
    return rows
