"""A sign-in in the operating system's keyring, by the library `keyring`. What keeps processes apart is the lock of
`filestore.py`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import ModuleType

from ccsync.constant_contact.filestore import FileStore
from ccsync.constant_contact.grant import Grant, decoded, encoded
from ccsync.constant_contact.tokenstore import DAMAGED, sign_in_name, unreadable
from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, Diagnostic, StorageError

SERVICE = "ccsync"


class KeyringStore:
    """`TokenStore` over the keyring of this user. Raises DeniedError (E316) where there is none."""

    def __init__(self, connection: Connection, environ: Mapping[str, str]) -> None:
        self._connection = connection
        self._name = sign_in_name(connection)
        self._file = FileStore(connection, environ)
        self._keyring = _library(connection)

    def load(self) -> Grant | None:
        try:
            content = self._keyring.get_password(SERVICE, self._name)
        except self._keyring.errors.KeyringError as error:
            raise self._no_use(error) from None
        if content is None:
            return None
        try:
            return decoded(content.encode())
        except (ValueError, TypeError, KeyError):
            raise unreadable(self._connection, DAMAGED, f"In the keyring: {SERVICE}, {self._name}") from None

    def save(self, grant: Grant) -> None:
        content = encoded(grant, self._connection.name).decode()
        try:
            self._keyring.set_password(SERVICE, self._name, content)
        except self._keyring.errors.PasswordSetError:
            raise StorageError(
                Diagnostic(
                    "E713",
                    f"the keyring did not take the sign-in of connection {self._connection.name}",
                    hint="unlock the keyring, or set `token_store: file`",
                )
            ) from None
        except self._keyring.errors.KeyringError as error:
            raise self._no_use(error) from None

    def forget(self) -> bool:
        if self.load() is None:
            return False
        try:
            self._keyring.delete_password(SERVICE, self._name)
        except self._keyring.errors.KeyringError as error:
            raise self._no_use(error) from None
        return True

    def locked(self) -> AbstractContextManager[None]:
        return self._file.locked()

    def _no_use(self, error: Exception) -> DeniedError:
        """The library's own text may hold what was to be stored; its kind of error doesn't."""
        return DeniedError(
            Diagnostic(
                "E316",
                f"the keyring that holds the sign-in of connection {self._connection.name} can't be used"
                f" ({type(error).__name__})",
                detail="Nothing was asked of Constant Contact.",
                hint="unlock the keyring; on a machine without one set `token_store: file`",
            )
        )


def _library(connection: Connection) -> ModuleType:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise DeniedError(
            Diagnostic(
                "E316",
                f"connection {connection.name} keeps its sign-in in a keyring, and the package for it is not installed",
                detail="Nothing was asked of Constant Contact.",
                hint="pip install 'ccsync[keyring]', or set `token_store: file`",
            )
        ) from None
    return keyring
