"""When a sign-in ends if nobody signs in again. Asks nothing of the network."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ccsync.constant_contact.tokenstore import TokenStore
from ccsync.core.spec import AuthFlow, Connection, TokenPlace
from ccsync.errors import DeniedError

UNUSED = timedelta(days=180)
"""A refresh token that is not used for so long is over. Source: FACTS, "Expiry of both"."""


ACCESS = timedelta(hours=24)
"""The life of an access token. Source: FACTS, "Access token"."""


def sign_in_ends(connection: Connection, store: Callable[[], TokenStore], now: datetime) -> datetime | None:
    """None when there is no sign-in, or its end can't be known: nobody here knows when a token of the environment was
    last used. A sign-in that is over already, or can't be read, ends now."""
    if connection.auth.flow is AuthFlow.ACCESS_TOKEN:
        token = connection.auth.access_token
        return _end_of(token.value) if token and token.value else None
    if connection.auth.token_store is TokenPlace.ENV:
        return None
    try:
        grant = store().load()
    except DeniedError:
        return now
    if grant is None:
        return None
    if grant.dead:
        return now
    return grant.obtained() + UNUSED if grant.refresh_token else grant.expires()


def _end_of(token: str) -> datetime | None:
    """`exp` of a JSON web token, else a day after its `iat` (RFC 7519 4.1); None for another token. Its signature is
    the vendor's business."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if "exp" in claims:
            return datetime.fromtimestamp(float(claims["exp"]), UTC)
        return datetime.fromtimestamp(float(claims["iat"]), UTC) + ACCESS
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, binascii.Error):
        return None
