"""Talks to the vendor's OAuth server: asks for codes and tokens. Where tokens are kept, and when, is not here.

Source: DOC device_flow, pkce_flow, server_flow; RFC 6749, 7636, 8628; FACTS 1.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from ccsync.constant_contact import failures
from ccsync.constant_contact.answers import clean, clean_key
from ccsync.constant_contact.budget import RequestBudget
from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.routes import not_sent
from ccsync.constant_contact.waiting import pause, undisturbed
from ccsync.constant_contact.wire import Timeouts, address, new_client
from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, Diagnostic, TransientError
from ccsync.ports.clock import Clock

SCOPES = "account_read contact_data offline_access"
"""Reading the account's id, everything about contacts, and a refresh token. `offline_access` is missing from the
contract and needed all the same (FACTS 0)."""

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 3.4
DEFAULT_LIFETIME_S = 3600.0
"""Assumed when an answer does not say how long its token lasts; samples say 8 and 24 hours (FACTS 1.3)."""
LONGEST_LIFETIME_S = 10 * 86_400.0
THROTTLED_TRIES = 8
T = TypeVar("T")
_PATHS = ("/token", "/device/authorize", "/revoke")
_NO_AUTH = httpx.Auth()


class OAuthRefused(Exception):  # noqa: N818 - the caller says what it means
    """The server said no, in OAuth's words. error: RFC 6749 5.2, RFC 8628 3.5; empty when it gave none."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class AnswerLost(Exception):  # noqa: N818 - the caller says what it means
    """The request was sent and no usable answer came: what it did is not known."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person must do: open `page` and type `user_code`, or open `link`, which holds it (None: none given)."""

    device_code: str = field(repr=False)
    user_code: str
    page: str
    link: str | None
    expires_in_s: float
    interval_s: float


class OAuthClient:
    """The OAuth server of one connection. Requests leave for its configured address only, one a second.

    in_doubt: a request was sent, and what it did is not known (yet).
    """

    def __init__(
        self, connection: Connection, budget: RequestBudget, clock: Clock, transport: httpx.BaseTransport | None
    ) -> None:
        self.connection = connection
        self.in_doubt = False
        self._budget = budget
        self._clock = clock
        self._base = address(connection.endpoints.auth)
        self._root = str(self._base).rstrip("/")
        self._client = new_client(self._base, transport, Timeouts(connect=5.0, read=15.0, write=5.0))
        self._client.event_hooks = {"request": [self._before_sending]}

    def close(self) -> None:
        self._client.close()

    def start_device(self) -> DeviceCode:
        """Asks for a code that a person types in. Raises OAuthRefused, TransientError, AnswerLost."""
        form = {"client_id": self.connection.auth.client_id, "scope": SCOPES}
        document = self._post("/device/authorize", form, lambda answer: answer)
        link = document.get("verification_uri_complete")
        try:
            return DeviceCode(
                device_code=_needed(document, "device_code"),
                user_code=_needed(document, "user_code"),
                page=_needed(document, "verification_uri"),
                link=link if isinstance(link, str) and link else None,
                expires_in_s=_seconds(document.get("expires_in"), 600.0),
                interval_s=max(1.0, _seconds(document.get("interval"), 5.0)),
            )
        except ValueError:
            raise AnswerLost from None

    def poll_device(self, device_code: str) -> Grant:
        """The grant, once the person agreed. Raises OAuthRefused (`authorization_pending` until then)."""
        return self._tokens({"grant_type": DEVICE_GRANT, "device_code": device_code})

    def exchange(self, code: str, redirect_uri: str, verifier: str | None) -> Grant:
        """The grant for an authorization code, which works once. verifier: of PKCE, else the secret is shown."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._tokens(form | ({"code_verifier": verifier} if verifier else {}))

    def refresh(self, refresh_token: str, keep: Callable[[Grant], None]) -> None:
        """Asks for the next grant, never twice, and hands it to `keep` before any signal is heard. Its refresh token is
        empty when the old one goes on."""
        self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token}, keep)

    def revoke(self, token: str) -> bool:
        """Asks to end a grant; whether the server says that it did. Anything else is no trouble: the token is forgotten
        here anyhow. Source: RFC 7009 2.1, 2.2; not documented by the vendor."""
        secret = self.connection.auth.client_secret
        shown = httpx.BasicAuth(self.connection.auth.client_id, secret.value) if secret and secret.value else _NO_AUTH
        form = {"token": token} | ({} if shown is not _NO_AUTH else {"client_id": self.connection.auth.client_id})
        try:
            pause(self._clock, self._budget.take_token_call())
            answer = self._send("/revoke", form, shown)
        except (AnswerLost, TransientError):
            return False
        return answer.status_code == 200

    def authorize_url(self, redirect_uri: str, state: str, challenge: str | None) -> str:
        """The page where a person agrees. Scopes are parted by `+`, which one client found needed (FACTS 1.1)."""
        query = {
            "client_id": self.connection.auth.client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": SCOPES,
            "state": state,
        }
        if challenge:
            query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self._root}/authorize?{urlencode(query)}"

    def _tokens(self, form: Mapping[str, str], keep: Callable[[Grant], None] = lambda _: None) -> Grant:
        """Asks the token endpoint. A client with a secret shows it by Basic (RFC 6749 2.3.1), others give their id."""
        auth = self.connection.auth
        secret = auth.client_secret.value if auth.client_secret else None
        shown = httpx.BasicAuth(auth.client_id, secret) if secret else _NO_AUTH
        whole = dict(form) if secret else {**form, "client_id": auth.client_id}

        def use(document: Mapping[str, Any]) -> Grant:  # Any: JSON
            grant = self._grant(document)
            keep(grant)
            return grant

        return self._post("/token", whole, use, shown)

    def _grant(self, document: Mapping[str, Any]) -> Grant:  # Any: JSON
        now = self._clock.now()
        try:
            token = _needed(document, "access_token")
        except ValueError:
            raise AnswerLost from None
        refresh, scope = document.get("refresh_token"), document.get("scope")
        lifetime = min(_seconds(document.get("expires_in"), DEFAULT_LIFETIME_S), LONGEST_LIFETIME_S)
        return Grant(
            access_token=token,
            refresh_token=refresh if isinstance(refresh, str) else "",
            expires_at=(now + timedelta(seconds=lifetime)).isoformat(),
            obtained_at=now.isoformat(),
            signed_in_at=now.isoformat(),
            scope=scope if isinstance(scope, str) else "",
        )

    def _post(
        self,
        path: str,
        form: Mapping[str, str],
        use: Callable[[Mapping[str, Any]], T],  # Any: JSON
        auth: httpx.Auth = _NO_AUTH,
    ) -> T:
        """One request, and `use` of its answer, undisturbed by signals; a 429, which did nothing, is waited out. Raises
        OAuthRefused, AnswerLost, and TransientError and StoppedError when it certainly did nothing."""
        for number in range(THROTTLED_TRIES):
            pause(self._clock, self._budget.take_token_call())
            with undisturbed():
                answer = self._send(path, form, auth)
                if answer.status_code != 429:
                    return use(_document(answer))
                self.in_doubt = False
            pause(self._clock, 1.0 * (number + 1))
        raise TransientError(
            Diagnostic(
                "E606",
                "Constant Contact's sign-in server keeps answering that there are too many requests"
                f" (connection {self.connection.name})",
                detail="The sign-in is as it was.",
                hint="see what else uses the API key, then run the command again",
            )
        )

    def _send(self, path: str, form: Mapping[str, str], auth: httpx.Auth) -> httpx.Response:
        self.in_doubt = True
        try:
            return self._client.post(f"{self._root}{path}", data=dict(form), auth=auth)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            self.in_doubt = False
            host = self._base.netloc.decode("ascii")
            raise failures.unreachable(self.connection, host, "no connection") from None
        except (httpx.HTTPError, OSError):
            raise AnswerLost from None

    def _before_sending(self, request: httpx.Request) -> None:
        if str(request.url) not in {f"{self._root}{path}" for path in _PATHS}:
            raise not_sent("sign-in requests go to the configured address only")


def refusal(connection: Connection, refused: OAuthRefused) -> DeniedError:
    """What it means when the server refuses the application itself (or something that is never right)."""
    said = ": ".join(part for part in (refused.error, refused.description) if part)
    return DeniedError(
        Diagnostic(
            "E309",
            f"Constant Contact's sign-in server refused the application of connection {connection.name}",
            detail=f"It says: {said}" if said else "It gives no reason.",
            hint="check `client_id`, `client_secret` and `flow`, and the application in the developer portal",
        )
    )


def _document(answer: httpx.Response) -> dict[str, Any]:  # Any: JSON
    try:
        document = json.loads(answer.content)
    except (ValueError, RecursionError):
        raise AnswerLost from None
    if not isinstance(document, dict):
        raise AnswerLost
    if answer.status_code == 200:
        return document
    if 400 <= answer.status_code < 500:
        error = document.get("error") or document.get("error_key")
        raise OAuthRefused(clean_key(error), clean(document.get("error_description"), personal=True))
    raise AnswerLost


def _needed(document: Mapping[str, Any], name: str) -> str:  # Any: JSON
    value = document.get(name)
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(name)
    return value


def _seconds(value: object, default: float) -> float:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9
    return float(value) if usable and isinstance(value, int | float) else default
