"""Where the sign-in of a connection is kept: what every store promises, and which one a connection has.

Nothing but a store holds tokens: no plan, no log, and the state only where it is asked to, sealed.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Protocol

from ccsync.constant_contact.grant import Grant
from ccsync.core.spec import Connection, TokenPlace
from ccsync.errors import DeniedError, Diagnostic
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import SharedBox

OpenBox = Callable[[str], SharedBox]
"""Gives the box of a name in the storage that runners share. Raises DeniedError (E317) where nothing can be sealed."""


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


def open_store(
    connection: Connection, environ: Mapping[str, str], clock: Clock, box: OpenBox | None = None
) -> TokenStore:
    """The store that the connection's `token_store` names; the others are not even imported."""
    match connection.auth.token_store:
        case TokenPlace.FILE:
            from ccsync.constant_contact.filestore import FileStore

            return FileStore(connection, environ)
        case TokenPlace.KEYRING:
            from ccsync.constant_contact.keyringstore import KeyringStore

            return KeyringStore(connection, environ)
        case TokenPlace.ENV:
            from ccsync.constant_contact.envstore import EnvStore

            return EnvStore(connection, environ)
        case TokenPlace.STATE:
            from ccsync.constant_contact.sharedstore import SharedStore

            assert box is not None, "whoever opens accounts of a project can open its state"
            return SharedStore(connection, box(sign_in_name(connection)), clock)


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
