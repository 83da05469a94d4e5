"""Asks `core.permission` before a command acts, for the acting user and the connections concerned."""

from collections.abc import Iterable

from ccsync.cli.wiring import Workspace
from ccsync.core.consent import sending_obstacles
from ccsync.core.permission import Action, Request, Role, refusals, role_of
from ccsync.core.plan import Plan
from ccsync.core.spec import ConnectionName, Project
from ccsync.errors import DeniedError, Diagnostic, Severity


def authorize(workspace: Workspace, action: Action, connections: Iterable[ConnectionName] = ()) -> None:
    """Raises DeniedError (E201, E202) when the acting user may not."""
    found = refusals(workspace.project, Request(workspace.actor.name, action, tuple(connections)))
    if found:
        raise DeniedError(*found)


def require_sendable(project: Project, plan: Plan) -> None:
    """Raises DeniedError (E210, E211, E212) for every connection that the plan sends over and that may not send."""
    found = sending_obstacles(project, connections_of(plan), Severity.ERROR)
    if found:
        raise DeniedError(*found)


def sending_warnings(project: Project, plan: Plan) -> tuple[Diagnostic, ...]:
    return sending_obstacles(project, connections_of(plan), Severity.WARNING)


def connections_of(plan: Plan) -> tuple[ConnectionName, ...]:
    """Those over which the plan sends something."""
    return tuple(sorted({export.connection for export in plan.exports if export.has_changes}))


def connections_for(project: Project, exports: Iterable[str]) -> tuple[ConnectionName, ...]:
    """Those of the named exports, or of all when none is named. Unknown names are left to the planner."""
    names = tuple(exports) or tuple(project.exports)
    return tuple(sorted({export.connection for name, export in project.exports.items() if name in names}))


def sees_rows(workspace: Workspace) -> bool:
    """Whether rows may be shown to the acting user: viewers see counts."""
    role = role_of(workspace.project.roles, workspace.actor.name)
    return role in (Role.ADMINISTRATOR, Role.CONTRIBUTOR)
