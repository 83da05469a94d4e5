"""The errors that this room raises about the remote side, each built in one place. When to raise which is `http.py`.

No text here holds an address, a token or a field's value: the vendor's words come through `answers.clean`.
"""

from collections.abc import Iterable

from ccsync.constant_contact.answers import Problem
from ccsync.constant_contact.routes import Route
from ccsync.core.spec import Connection
from ccsync.errors import (
    DeniedError,
    Diagnostic,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
    UnfitError,
)


class ConflictError(RejectedError):
    """Refused with 409: something of that name exists."""


def words(route: Route) -> str:
    """A call as people read it: method and path, never a query (which may hold an address)."""
    return f"{route.method} {route.path}"


def unreachable(connection: Connection, host: str, why: str) -> TransientError:
    return TransientError(
        Diagnostic(
            "E603",
            f"Constant Contact can't be reached at {host} (connection {connection.name}): {why}",
            detail="The request was not sent.",
            hint="check the network, the proxy settings and `endpoints` of the connection, then run the command again",
        )
    )


def in_trouble(connection: Connection, route: Route, why: str) -> TransientError:
    return TransientError(
        Diagnostic(
            "E603",
            f"Constant Contact gives no usable answer to {words(route)} (connection {connection.name}): {why}",
            detail="It was asked several times. Nothing was changed by asking.",
            hint="run the command again later",
        )
    )


def unknown_outcome(connection: Connection, route: Route, why: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        Diagnostic(
            "E626",
            f"the answer to {words(route)} was lost (connection {connection.name}): {why}",
            detail="Whether Constant Contact acted on it is not known. It was not sent again.",
            hint="run `ccsync recover`, which looks for the job before anything is sent",
        )
    )


def too_busy(connection: Connection, route: Route, *, queue: bool) -> TransientError:
    what = (
        "its queue of 1,000 activities is full"
        if queue
        else "it answers that there are too many requests with this API key"
    )
    return TransientError(
        Diagnostic(
            "E606",
            f"Constant Contact keeps refusing {words(route)} (connection {connection.name}): {what}",
            detail="The request did nothing.",
            hint="see what else uses the API key or the account, then run the command again",
        )
    )


def refused(connection: Connection, route: Route, status: int, problem: Problem) -> RejectedError:
    """A 4xx that says no; UnfitError for 400, NotFoundError for 404, ConflictError for 409."""
    kind = {400: UnfitError, 404: NotFoundError, 409: ConflictError}.get(status, RejectedError)
    return kind(
        Diagnostic(
            "E620",
            f"Constant Contact refused {words(route)} with status {status} (connection {connection.name})",
            detail=f"It says: {problem}" if str(problem) else "It gives no reason.",
            hint=None if status == 404 else "the request did nothing; asking again would change nothing",
        )
    )


def list_gone(connection: Connection, list_id: str) -> NotFoundError:
    return NotFoundError(
        Diagnostic(
            "E601",
            f"list {list_id} does not exist in Constant Contact (connection {connection.name})",
            detail="It was deleted, or the id is of another account. The request did nothing.",
            hint=f"run `ccsync lists {connection.name}` and correct the export's `list`",
        )
    )


def name_taken(connection: Connection, name: str) -> RejectedError:
    return RejectedError(
        Diagnostic(
            "E610",
            f'a list named "{name}" exists already in Constant Contact, perhaps a deleted one'
            f" (connection {connection.name})",
            detail="No list was created.",
            hint=f"run `ccsync lists {connection.name}` and give its id, or choose another name",
        )
    )


def link_elsewhere(connection: Connection, host: str) -> RejectedError:
    return RejectedError(
        Diagnostic(
            "E621",
            f"Constant Contact answered with an address that is not the configured API (connection {connection.name})",
            detail=f"The token is sent to {host} only, so the address was not followed.",
            hint="check `endpoints.api` of the connection",
        )
    )


def token_refused(connection: Connection) -> DeniedError:
    return DeniedError(
        Diagnostic(
            "E302",
            f"Constant Contact refuses the access token of connection {connection.name}, the renewed one too",
            detail="The request did nothing.",
            hint=f"run `ccsync connections login {connection.name}`; if it stays so, check `endpoints.api`",
        )
    )


def scope_missing(connection: Connection, scope: str) -> DeniedError:
    return DeniedError(
        Diagnostic(
            "E303",
            f"the sign-in of connection {connection.name} does not cover `{scope}`",
            detail="The user may do it and the application is active, so the token lacks the scope. The request did"
            " nothing.",
            hint=f"run `ccsync connections login {connection.name}` and agree to everything that is asked for",
        )
    )


def privilege_missing(connection: Connection, privileges: Iterable[str]) -> DeniedError:
    """Roles: account owner and account manager hold what is needed, a campaign creator does not.
    Source: DOC user_privileges (FACTS 8)."""
    return DeniedError(
        Diagnostic(
            "E306",
            f"the Constant Contact user who signed in for connection {connection.name} lacks the privilege"
            f" {', '.join(sorted(privileges))}",
            detail="An account owner or account manager has it; a campaign creator does not. Reading needs"
            " contacts:write too: activities can't be looked at without it. The request did nothing.",
            hint="let the account's owner change the role, or sign in as a user who has it",
        )
    )


def application_inactive(connection: Connection) -> DeniedError:
    return DeniedError(
        Diagnostic(
            "E307",
            f"the application whose API key connection {connection.name} uses is deactivated at Constant Contact",
            detail="The request did nothing.",
            hint="see the application in the developer portal, or use another `client_id`",
        )
    )


def forbidden(connection: Connection, route: Route, problem: Problem) -> DeniedError:
    return DeniedError(
        Diagnostic(
            "E308",
            f"Constant Contact forbids {words(route)} (connection {connection.name}); why could not be found out",
            detail=f"It says: {problem}. The request did nothing." if str(problem) else "The request did nothing.",
            hint=f"run `ccsync connections check {connection.name}`",
        )
    )


def export_not_whole(connection: Connection, what: str, why: str) -> TransientError:
    return TransientError(
        Diagnostic(
            "E624",
            f"the export of {what} can't be trusted (connection {connection.name}): {why}",
            detail="Nothing was concluded from it.",
            hint="run the command again",
        )
    )
