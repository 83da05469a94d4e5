"""Where the sign-in of a connection is kept: what every store promises. Which one a connection has is `tokenplaces`.

Nothing but a store holds tokens: no plan, no log, and the state only where it is asked to, sealed.
"""

from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Protocol

from ccsync.constant_contact.grant import Grant
from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, Diagnostic


class TokenStore(Protocol):
    """The sign-in of one connection. Every method may raise StorageError (E713)."""

    def load(self) -> Grant | None:
        """The sign-in, None when there is none. Raises DeniedError (E311) when what is there can't be read."""

    def save(self, grant: Grant) -> None:
        """Durable when it returns; when it raises, the old sign-in stands. Wants the lock."""

    def forget(self) -> bool:
        """Removes the sign-in; whether there was one. Wants the lock."""

    def locked(self) -> AbstractContextManager[None]:
        """Waits for whoever renews now. While it lasts nobody else saves, on this machine or on any that shares the
        store; the lock of a process that dies is freed."""


def sign_in_name(connection: Connection) -> str:
    """One a connection, API key and sign-in server: a sign-in for one of them is none for another."""
    told = f"{connection.endpoints.auth}\n{connection.auth.client_id}\n{connection.name}"
    return f"{connection.name}-{sha256(told.encode()).hexdigest()[:16]}"


def unreadable(connection: Connection, why: str, where: str) -> DeniedError:
    return DeniedError(
        Diagnostic(
            "E311",
            f"the stored sign-in of connection {connection.name} can't be read: {why}",
            detail=f"{where}. Nothing was asked of Constant Contact.",
            hint=f"run `ccsync connections login {connection.name}`",
        )
    )


DAMAGED = "it is damaged, or of another version of ccsync"
