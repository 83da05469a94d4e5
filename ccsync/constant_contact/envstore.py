"""A sign-in in the environment: one long-lived refresh token, which nobody here can replace.

Each process gets an access token of its own by it and keeps that in memory. A refresh token that rotates can't live
here: the next one would be lost.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ccsync.constant_contact.folder import PRIVATE_FILE
from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.tokenstore import unreadable
from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, Diagnostic, StorageError

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC).isoformat()


def variable_of(connection: Connection) -> str:
    return f"CCSYNC_TOKEN_{connection.name.upper()}"


class EnvStore:
    """`TokenStore` over a variable that is only read. What is saved lasts as long as the process."""

    def __init__(self, connection: Connection, environ: Mapping[str, str]) -> None:
        self._connection = connection
        self._given = environ.get(variable_of(connection), "").strip()
        self._grant: Grant | None = None

    def load(self) -> Grant | None:
        if self._grant is not None or not self._given:
            return self._grant
        if not re.fullmatch(r"[\x21-\x7e]{1,8192}", self._given):
            where = f"Variable: {variable_of(self._connection)}"
            raise unreadable(self._connection, "it holds blanks or other characters that a token can't have", where)
        return Grant("none-yet", self._given, _LONG_AGO, _LONG_AGO, _LONG_AGO)

    def save(self, grant: Grant) -> None:
        """Raises DeniedError (E315) for a refresh token other than the one given."""
        if grant.refresh_token != self._given:
            self._grant = replace(grant, dead=True)
            raise rotates(self._connection)
        self._grant = grant

    def forget(self) -> bool:
        return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield


def hand_over(connection: Connection, grant: Grant, file: Path) -> None:
    """Writes the refresh token, and nothing else, into a new private file, for the store of secrets that will give it
    to the environment. Raises StorageError (E713)."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w") as out:
            out.write(grant.refresh_token)
    except OSError as error:
        raise StorageError(
            Diagnostic(
                "E713",
                f"the sign-in of connection {connection.name} could not be written: {error.strerror}",
                detail=f"File: {file}. It must not be there yet.",
                hint="name another file with --to",
            )
        ) from error


def rotates(connection: Connection) -> DeniedError:
    return DeniedError(
        Diagnostic(
            "E315",
            f"the refresh token of connection {connection.name} rotates, and the environment can't keep the next one",
            detail="The one that was given is used up. Nothing was sent.",
            hint="set long-lived refresh tokens for the application in the developer portal and sign in again, or set"
            " `token_store: state`, which runners share",
        )
    )
