"""A sign-in in a private file of this user's, and the lock between this machine's processes. When it is renewed is
`grants.py`."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ccsync.constant_contact.folder import config_folder, make_private, open_private, write_private
from ccsync.constant_contact.grant import Grant, decoded, encoded
from ccsync.constant_contact.tokenstore import DAMAGED, sign_in_name, unreadable
from ccsync.core.spec import Connection
from ccsync.errors import Diagnostic, StorageError


class FileStore:
    """`TokenStore` over a file, mode 0600, in the user's folder of configuration."""

    def __init__(self, connection: Connection, environ: Mapping[str, str]) -> None:
        self._connection = connection
        self.path = config_folder(environ) / "tokens" / f"{sign_in_name(connection)}.json"

    def load(self) -> Grant | None:
        where = f"File: {self.path}"
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(self._connection, f"the system says: {error.strerror}", where) from error
        try:
            return decoded(content)
        except (ValueError, TypeError, KeyError):
            # Not `from` the error: its text may quote the file.
            raise unreadable(self._connection, DAMAGED, where) from None

    def save(self, grant: Grant) -> None:
        try:
            write_private(self.path, encoded(grant, self._connection.name))
        except OSError as error:
            raise self._disk(error) from error

    def forget(self) -> bool:
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._disk(error) from error
        return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        descriptor = None
        try:
            make_private(self.path.parent)
            descriptor = open_private(self.path.with_suffix(".lock"), os.O_RDWR)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if descriptor is not None:
                os.close(descriptor)
            raise self._disk(error) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def _disk(self, error: OSError) -> StorageError:
        return StorageError(
            Diagnostic(
                "E713",
                f"the sign-in of connection {self._connection.name} could not be written to the disk",
                detail=f"File: {self.path}. The system says: {error.strerror}.",
                hint="make the folder writable, or set CCSYNC_HOME to one that is",
            )
        )
