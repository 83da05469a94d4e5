"""Keeps the sign-in of one connection in a private file. When tokens are renewed is `grants.py`.

Nothing but the file holds tokens: no state, no plan, no log.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256

from ccsync.constant_contact.folder import config_folder, make_private, open_private, write_private
from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, Diagnostic, StorageError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in gave. Times are UTC text as `datetime.isoformat` writes them.

    refresh_token: empty when none was given. refreshing: when a renewal was sent whose answer was never stored; empty
    when there is none. dead: the server said that this grant is over. repr shows no token.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: str
    obtained_at: str
    signed_in_at: str
    scope: str = ""
    refreshing: str = ""
    dead: bool = False

    def expires(self) -> datetime:
        return _moment(self.expires_at)

    def obtained(self) -> datetime:
        return _moment(self.obtained_at)


class TokenStore:
    """The file of one connection's sign-in. `locked` keeps other processes out while a token is renewed."""

    def __init__(self, connection: Connection, environ: Mapping[str, str]) -> None:
        auth = connection.auth
        told = f"{connection.endpoints.auth}\n{auth.client_id}\n{connection.name}"
        name = f"{connection.name}-{sha256(told.encode()).hexdigest()[:16]}"
        self._connection = connection
        self.path = config_folder(environ) / "tokens" / f"{name}.json"

    def load(self) -> Grant | None:
        """The sign-in, None when there is none. Raises DeniedError (E311) when the file can't be read."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(f"the system says: {error.strerror}") from error
        try:
            return _decoded(content)
        except (ValueError, TypeError, KeyError):
            # Not `from` the error: its text may quote the file.
            raise self._unreadable("it is damaged, or of another version of ccsync") from None

    def save(self, grant: Grant) -> None:
        """Durable when it returns. Raises StorageError (E713); then the old sign-in stands."""
        document = {"format": FORMAT, "connection": self._connection.name, **asdict(grant)}
        try:
            write_private(self.path, json.dumps(document, indent=1).encode() + b"\n")
        except OSError as error:
            raise self._disk(error) from error

    def forget(self) -> bool:
        """Removes the sign-in from this machine; whether there was one. Raises StorageError (E713)."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._disk(error) from error
        return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Waits for whoever renews now; the lock of a process that dies is freed. Raises StorageError (E713)."""
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

    def _unreadable(self, why: str) -> DeniedError:
        return DeniedError(
            Diagnostic(
                "E311",
                f"the stored sign-in of connection {self._connection.name} can't be read: {why}",
                detail=f"File: {self.path}. Nothing was asked of Constant Contact.",
                hint=f"run `ccsync connections login {self._connection.name}`",
            )
        )

    def _disk(self, error: OSError) -> StorageError:
        return StorageError(
            Diagnostic(
                "E713",
                f"the sign-in of connection {self._connection.name} could not be written to the disk",
                detail=f"File: {self.path}. The system says: {error.strerror}.",
                hint="make the folder writable, or set CCSYNC_HOME to one that is",
            )
        )


def _decoded(content: bytes) -> Grant:
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("another format")
    known = {one.name for one in fields(Grant)}
    grant = Grant(**{name: value for name, value in document.items() if name in known})
    texts = [value for name, value in asdict(grant).items() if name != "dead"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(grant.dead, bool):
        raise ValueError("not a sign-in")
    if not re.fullmatch(r"[\x21-\x7e]+", grant.access_token) or not re.fullmatch(r"[\x21-\x7e]*", grant.refresh_token):
        raise ValueError("not a token")
    grant.expires(), grant.obtained()
    return grant


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
