"""Who may do what: roles, and connections made available. Pure; who is acting is found out in `cli/actor.py`, and
whether anything may be sent at all is in `consent.py`.

A program on a user's own machine can't enforce this; it makes the rule explicit, checked and logged. Source of the
table: the product replaced (administrators, contributors, viewers; connections made available to a role).
"""

from dataclasses import dataclass
from enum import StrEnum

from ccsync.core.spec import Connection, ConnectionName, Project, Roles
from ccsync.errors import Diagnostic

EVERYONE = "*"
ADMINISTRATORS = "administrators"
ADMINISTRATORS_AND_CONTRIBUTORS = "administrators_and_contributors"


class Role(StrEnum):
    """Each may do what the ones after it may."""

    ADMINISTRATOR = "administrator"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"


class Action(StrEnum):
    """What a command is about to do.

    LOOK: status, history, declared things. PLAN: compute and show counts. SAVE_PLAN: see or keep the rows of a plan.
    APPLY: change lists or what is remembered of them. OVERRIDE: switch a guard off, unlock or restore state.
    CONNECT: give ccsync a grant to an account or take it away, agree that data leave, switch a connection on or off.
    """

    LOOK = "look"
    PLAN = "plan"
    SAVE_PLAN = "save a plan"
    APPLY = "apply"
    OVERRIDE = "override guards or the state's protection"
    CONNECT = "sign in to connections, agree for them, or switch them on and off"


_NEEDED = {
    Action.LOOK: Role.VIEWER,
    Action.PLAN: Role.VIEWER,
    Action.SAVE_PLAN: Role.CONTRIBUTOR,
    Action.APPLY: Role.CONTRIBUTOR,
    Action.OVERRIDE: Role.ADMINISTRATOR,
    Action.CONNECT: Role.ADMINISTRATOR,
}

_SHOWN = 5
_RANK = {Role.ADMINISTRATOR: 2, Role.CONTRIBUTOR: 1, Role.VIEWER: 0}


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants to do what, over which connections."""

    user: str
    action: Action
    connections: tuple[ConnectionName, ...] = ()


def role_of(roles: Roles | None, user: str) -> Role | None:
    """The highest role the user has. None: the section exists and names neither the user nor `*`."""
    if roles is None or _named(user, roles.administrators):
        return Role.ADMINISTRATOR
    if _named(user, roles.contributors):
        return Role.CONTRIBUTOR
    if _named(user, roles.viewers):
        return Role.VIEWER
    return None


def refusals(project: Project, request: Request) -> tuple[Diagnostic, ...]:
    """E201 when the role does not cover the action, E202 for each connection that isn't available to the user."""
    role = role_of(project.roles, request.user)
    needed = _NEEDED[request.action]
    if role is None or _RANK[role] < _RANK[needed]:
        return (_role_refused(project.roles, request, role, needed),)
    if request.action is Action.PLAN and role is Role.VIEWER:
        return ()  # counts only: the lists are read, nothing is sent and no row is shown
    return tuple(
        _connection_refused(project, role, project.connections[name])
        for name in sorted(set(request.connections))
        if name in project.connections and not available(project.connections[name], request.user, role)
    )


def available(connection: Connection, user: str, role: Role) -> bool:
    """Whether a user with this role may use the connection. Administrators always may."""
    if role is Role.ADMINISTRATOR:
        return True
    if isinstance(connection.available_to, tuple):
        return _named(user, connection.available_to)
    return role is Role.CONTRIBUTOR and connection.available_to == ADMINISTRATORS_AND_CONTRIBUTORS


def may(project: Project, user: str, action: Action) -> bool:
    """Whether the user's role covers the action; over which connections is another question."""
    role = role_of(project.roles, user)
    return role is not None and _RANK[role] >= _RANK[_NEEDED[action]]


def where_named(roles: Roles | None, user: str) -> str:
    """Why the user has that role, in words."""
    if roles is None:
        return "without a `roles:` section every user is an administrator"
    for section, users in (
        ("administrators", roles.administrators),
        ("contributors", roles.contributors),
        ("viewers", roles.viewers),
    ):
        if _named(user, users):
            everybody = all(name.casefold() != user.casefold() for name in users)
            return f"`roles.{section}` {'takes in everybody' if everybody else 'names this user'}"
    return "`roles:` names neither this user nor `*`"


def _named(user: str, names: tuple[str, ...]) -> bool:
    return any(name == EVERYONE or name.casefold() == user.casefold() for name in names)


def _role_refused(roles: Roles | None, request: Request, role: Role | None, needed: Role) -> Diagnostic:
    has = f"is {_article(role)}" if role else "has no role"
    return Diagnostic(
        "E201",
        f"the acting user {has} in this workspace and may not {request.action}",
        detail=f"It takes {_article(needed)}. Nothing was read or sent.",
        hint=f"ask {_listed(_holders(roles, needed))}; `ccsync whoami` says who is acting, and why",
    )


def _connection_refused(project: Project, role: Role, connection: Connection) -> Diagnostic:
    to = connection.available_to
    named = to if isinstance(to, tuple) else ()
    may_use = (*_holders(project.roles, Role.ADMINISTRATOR), *named)
    return Diagnostic(
        "E202",
        f"the acting user ({role}) may not use connection {connection.name}",
        detail=f"It is available to {to if isinstance(to, str) else 'named users'}. Nothing was sent.",
        hint=f"ask {_listed(may_use)}, who may use it; an administrator can change its `available_to`",
    )


def _holders(roles: Roles | None, needed: Role) -> tuple[str, ...]:
    """The users whose role is enough, as the configuration names them."""
    if roles is None:
        return ()
    held = {
        Role.ADMINISTRATOR: roles.administrators,
        Role.CONTRIBUTOR: roles.contributors,
        Role.VIEWER: roles.viewers,
    }
    return tuple(dict.fromkeys(user for role, users in held.items() if _RANK[role] >= _RANK[needed] for user in users))


def _listed(users: tuple[str, ...]) -> str:
    """Colleagues are named, so that somebody can be asked; a diagnostic never names a contact."""
    users = tuple(dict.fromkeys(users))
    if EVERYONE in users:
        return "anybody else"
    if not users:
        return "whoever may edit `roles:` to name an administrator"
    more = f" and {len(users) - _SHOWN} more under `roles:`" if len(users) > _SHOWN else ""
    return f"{', '.join(users[:_SHOWN])}{more}"


def _article(role: Role) -> str:
    return f"{'an' if role is Role.ADMINISTRATOR else 'a'} {role}"
