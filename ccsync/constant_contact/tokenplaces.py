"""Which store keeps the sign-in of a connection. What a store does is in a file of its own for each."""

from collections.abc import Callable, Mapping

from ccsync.constant_contact.tokenstore import TokenStore, sign_in_name
from ccsync.core.spec import Connection, TokenPlace
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import SharedBox

OpenBox = Callable[[str], SharedBox]
"""Gives the box of a name in the storage that runners share. Raises DeniedError (E317) where nothing can be sealed."""


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
