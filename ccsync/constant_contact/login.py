"""Signing in and out of a connection: the three flows that need a person once. Keeping the grant alive is `grants.py`.

Source: DOC device_flow, pkce_flow, server_flow; FACTS 1.
"""

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import httpx

from ccsync.constant_contact.budget import RequestBudget, budget_key
from ccsync.constant_contact.envstore import rotates
from ccsync.constant_contact.folder import user_folder
from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.loopback import DEFAULT_REDIRECT, catching
from ccsync.constant_contact.oauth import AnswerLost, DeviceCode, OAuthClient, OAuthRefused, refusal
from ccsync.constant_contact.tokenstore import TokenStore
from ccsync.constant_contact.waiting import pause
from ccsync.core.spec import AuthFlow, Connection, TokenPlace
from ccsync.errors import DeniedError, Diagnostic, TransientError, UsageError
from ccsync.ports.clock import Clock

BROWSER_WAIT_S = 600.0
SLOWER_S = 5.0  # RFC 8628 3.5, slow_down


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a person must open to agree, in a browser on this machine."""

    url: str


Ask = Callable[[DeviceCode | Page], None]
"""Shows a person what to do. Must return at once; the waiting is done here."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is stored. Times are UTC. lasting: it has a refresh token. over: only a new login helps."""

    signed_in_at: datetime
    expires_at: datetime
    scopes: tuple[str, ...]
    lasting: bool
    over: bool


def login(
    connection: Connection, *, clock: Clock, environ: Mapping[str, str], ask: Ask, keep: Callable[[Grant], None],
    redirect_uri: str = DEFAULT_REDIRECT, transport: httpx.BaseTransport | None = None,
) -> SignIn:  # fmt: skip
    """Signs a person in by the connection's flow and keeps the grant, as `kept_in` a store does.

    redirect_uri: of the flows with a browser. Raises what `keep` does, UsageError (E903) for `flow: access_token`,
    DeniedError (E309, E314) when the server or the person says no, E315 for a refresh token that rotates and is for the
    environment, TransientError (E313, E603, E606) when nothing came of it.
    """
    auth = connection.auth
    if auth.flow is AuthFlow.ACCESS_TOKEN or not auth.client_id:
        raise _needs_no_login(connection)
    budget = RequestBudget(user_folder(environ), budget_key(connection), connection.limits, clock, lambda _: None)
    client = OAuthClient(connection, budget, clock, transport)
    try:
        if auth.flow is AuthFlow.DEVICE:
            grant = _by_device(client, clock, ask)
        else:
            grant = _by_browser(client, clock, ask, redirect_uri, pkce=auth.flow is AuthFlow.PKCE)
        if auth.token_store is TokenPlace.ENV:
            grant = _proven_lasting(connection, client, grant)
    except OAuthRefused as refused:
        raise _said_no(connection, refused) from None
    except AnswerLost:
        raise _nothing_came(connection) from None
    finally:
        client.close()
    keep(grant)
    return _told(grant)


def kept_in(store: TokenStore) -> Callable[[Grant], None]:
    """Keeps a grant in a store, replacing an older one."""

    def keep(grant: Grant) -> None:
        with store.locked():
            store.save(grant)

    return keep


def _proven_lasting(connection: Connection, client: OAuthClient, grant: Grant) -> Grant:
    """A grant whose refresh token outlives its use, as one that can't be replaced must. Raises DeniedError (E315)."""
    kept: list[Grant] = []
    if grant.refresh_token:
        client.refresh(grant.refresh_token, kept.append)
    if not kept or kept[0].refresh_token not in ("", grant.refresh_token):
        raise rotates(connection)
    return replace(grant, access_token=kept[0].access_token)


class Ended(StrEnum):
    """What became of a sign-in that was given up. FORGOTTEN: here; the server knows no way to end it, or was not
    reached. REVOKED: there too."""

    NOTHING = "nothing"
    FORGOTTEN = "forgotten"
    REVOKED = "revoked"


def logout(
    connection: Connection, store: TokenStore, *, clock: Clock, environ: Mapping[str, str],
    transport: httpx.BaseTransport | None = None,
) -> Ended:  # fmt: skip
    """Forgets the sign-in, then asks the server to end it. The vendor documents no way to; its addresses are those of
    a product that has one (RFC 7009), so it is tried, and what it answers is told. Raises what the store does."""
    with store.locked():
        grant = store.load()
        store.forget()
    if grant is None:
        return Ended.NOTHING
    budget = RequestBudget(user_folder(environ), budget_key(connection), connection.limits, clock, lambda _: None)
    client = OAuthClient(connection, budget, clock, transport)
    try:
        return Ended.REVOKED if client.revoke(grant.refresh_token or grant.access_token) else Ended.FORGOTTEN
    finally:
        client.close()


def signed_in(store: TokenStore) -> SignIn | None:
    """The stored sign-in, None when there is none. Asks nobody. Raises DeniedError (E311) for a damaged one."""
    grant = store.load()
    return _told(grant) if grant else None


def _by_device(client: OAuthClient, clock: Clock, ask: Ask) -> Grant:
    """Shows a code and asks until the person agreed. A lost answer is asked for again: only the one that carries the
    tokens ends the code, and then the server says that the code is over."""
    code = client.start_device()
    ask(code)
    wait_s, deadline = code.interval_s, clock.monotonic() + code.expires_in_s
    while clock.monotonic() < deadline:
        pause(clock, wait_s)
        try:
            return client.poll_device(code.device_code)
        except OAuthRefused as refused:
            if refused.error == "slow_down":
                wait_s += SLOWER_S
            elif refused.error != "authorization_pending":
                raise
        except (AnswerLost, TransientError):
            wait_s = min(wait_s * 2, 30.0)  # RFC 8628 3.5: after a time-out, ask less often
    raise OAuthRefused("expired_token")


def _by_browser(client: OAuthClient, clock: Clock, ask: Ask, redirect_uri: str, *, pkce: bool) -> Grant:
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48) if pkce else None  # 64 characters; RFC 7636 4.1 wants 43 to 128
    deadline = clock.monotonic() + BROWSER_WAIT_S
    with catching(redirect_uri, state) as catcher:
        ask(Page(client.authorize_url(redirect_uri, state, challenge_of(verifier) if verifier else None)))
        back = catcher.wait(clock, deadline)
    if back.error:
        raise OAuthRefused(back.error)
    return client.exchange(back.code, redirect_uri, verifier)


def challenge_of(verifier: str) -> str:
    """Source: RFC 7636 4.2, S256."""
    return base64.urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")


def _told(grant: Grant) -> SignIn:
    signed_in_at = datetime.fromisoformat(grant.signed_in_at)
    return SignIn(
        signed_in_at, grant.expires(), tuple(grant.scope.split()), lasting=bool(grant.refresh_token), over=grant.dead
    )


def _said_no(connection: Connection, refused: OAuthRefused) -> DeniedError | TransientError:
    if refused.error == "access_denied":
        return DeniedError(
            Diagnostic(
                "E314",
                f"signing in to connection {connection.name} was declined in the browser",
                detail="Nobody was signed in.",
                hint=f"run `ccsync connections login {connection.name}` again and allow it",
            )
        )
    if refused.error in ("expired_token", "invalid_grant"):
        return _nothing_came(connection)
    return refusal(connection, refused)


def _nothing_came(connection: Connection) -> TransientError:
    return TransientError(
        Diagnostic(
            "E313",
            f"signing in to connection {connection.name} came to no end: the code ran out, or an answer was lost",
            detail="Nobody was signed in.",
            hint=f"run `ccsync connections login {connection.name}` again",
        )
    )


def _needs_no_login(connection: Connection) -> UsageError:
    return UsageError(
        Diagnostic(
            "E903",
            f"connection {connection.name} can't be signed in to: it takes a ready token, or has no `client_id`",
            detail="Nobody was signed in.",
            hint="set `client_id`, and `flow: device`, in the connection's `auth`",
        )
    )
