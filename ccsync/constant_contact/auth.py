"""Puts the access token on requests and asks for a newer one when it is refused. How tokens are got is `grants.py`."""

import re
from collections.abc import Callable, Generator
from typing import Protocol

import httpx

from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, Diagnostic


class TokenSource(Protocol):
    """Where the access token comes from."""

    def current(self) -> str:
        """A token that should work. Raises DeniedError (E301) when there is none."""

    def refresh(self, stale: str) -> str:
        """A token other than `stale`, which was refused. Raises DeniedError (E302, E305) when there is none."""


class BearerAuth(httpx.Auth):
    """The bearer token, for requests to one origin only; after a 401 the token is refreshed and the request replayed,
    once. A request that got a 401 did nothing, so this is right for a POST too."""

    def __init__(self, source: TokenSource, is_ours: Callable[[httpx.URL], bool]) -> None:
        self._source = source
        self._is_ours = is_ours

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not self._is_ours(request.url):
            yield request
            return
        token = self._source.current()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self._source.refresh(token)}"
            yield request


class GivenToken:
    """A ready token from the configuration (`flow: access_token`); it lasts a day and can't be renewed."""

    def __init__(self, connection: Connection) -> None:
        secret = connection.auth.access_token
        self._connection = connection
        self._token = usable_token(connection, (secret.value if secret else None) or "")

    def current(self) -> str:
        return self._token

    def refresh(self, stale: str) -> str:  # noqa: ARG002 - the protocol's
        raise DeniedError(
            Diagnostic(
                "E302",
                f"Constant Contact refused the access token of connection {self._connection.name}",
                detail="The token comes from the configuration (flow: access_token) and can't be renewed by ccsync."
                " Such tokens last 24 hours.",
                hint="put a new token where `access_token` points to, or use `flow: device`",
            )
        )


def usable_token(connection: Connection, token: str) -> str:
    """The token without white space around it. Raises DeniedError (E301) for one that can't be put in a header.

    A line break at the end of a secret file is the usual fault; an error of the HTTP library would show the token.
    """
    token = token.strip()
    if not token:
        raise DeniedError(
            Diagnostic(
                "E301",
                f"connection {connection.name} has no access token; nothing was asked of Constant Contact",
                hint="set the variable or file that `access_token` points to",
            )
        )
    if not re.fullmatch(r"[\x21-\x7e]{1,8192}", token):
        raise DeniedError(
            Diagnostic(
                "E301",
                f"the access token of connection {connection.name} is none: it holds blanks or other characters that a"
                " token can't have",
                hint="check the variable or file that `access_token` points to",
            )
        )
    return token
