"""The tokens of the account: who may call, with which scopes, until when; rotation and its grace.

The OAuth endpoints are in ``oauth``; checking a call against its token is ``gateway``'s work.
Source: staff answers in community posts 402882 and 332029, see FACTS 1.3.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ccsync.sandbox import limits

SCOPES = ("account_read", "account_update", "contact_data", "campaign_data", "offline_access")
CLIENT_ID = "5a4d0b0c-5a4d-4b0c-8a4d-0b0c5a4d0b0c"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105  a made-up secret of a made-up application


class RefreshMode(StrEnum):
    """How refresh tokens behave: a setting of the application in the developer portal."""

    ROTATING = "rotating"
    LONG_LIVED = "long_lived"


@dataclass(frozen=True, slots=True)
class Application:
    """What the developer portal knows of the API key."""

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    refresh_mode: RefreshMode = RefreshMode.ROTATING
    device_flow: bool = True
    active: bool = True


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token."""

    value: str
    grant: int
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token; ``used_at`` is set once a rotation replaced it."""

    value: str
    grant: int
    scopes: tuple[str, ...]
    last_used_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What the token endpoint hands out."""

    access: AccessToken
    refresh: RefreshToken | None


class TokenBook:
    """All tokens. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._grants = 0
        self.application = Application()
        self.lifetime_s = limits.ACCESS_TOKEN_S

    def new_grant(self) -> int:
        """Begin a grant: one consent, all tokens that follow from it."""
        with self._lock:
            self._grants += 1
            return self._grants

    def issue(self, grant: int, scopes: tuple[str, ...], now: datetime) -> TokenSet:
        """Hand out an access token, and a refresh token where ``offline_access`` was granted."""
        with self._lock:
            access = AccessToken(_jwt(now), grant, scopes, now + timedelta(seconds=self.lifetime_s))
            self._access[access.value] = access
            refresh = None
            if "offline_access" in scopes:
                refresh = RefreshToken(secrets.token_urlsafe(32), grant, scopes, now)
                self._refresh[refresh.value] = refresh
            return TokenSet(access, refresh)

    def valid(self, value: str, now: datetime) -> AccessToken | None:
        """Return the access token that has this value and is neither expired nor revoked."""
        with self._lock:
            token = self._access.get(value)
            return token if token is not None and token.expires_at > now else None

    def refresh(self, value: str, now: datetime, *, grace_s: float, kill_old_access: bool) -> TokenSet | None:
        """Use a refresh token; ``None`` where it is unknown, used, revoked or idle for 180 days."""
        with self._lock:
            old = self._refresh.get(value)
            if old is None or now - old.last_used_at > timedelta(days=limits.REFRESH_IDLE_DAYS):
                return None
            if old.used_at is not None and (now - old.used_at).total_seconds() > grace_s:
                return None
            if old.used_at is not None and grace_s == 0:
                return None
            if kill_old_access:
                self._access = {k: one for k, one in self._access.items() if one.grant != old.grant}
            if self.application.refresh_mode is RefreshMode.LONG_LIVED:
                kept = replace(old, last_used_at=now)
                self._refresh[value] = kept
                fresh = self.issue(old.grant, tuple(s for s in old.scopes if s != "offline_access"), now)
                access = replace(fresh.access, scopes=old.scopes)
                self._access[access.value] = access
                return TokenSet(access, kept)
            self._refresh = {k: one for k, one in self._refresh.items() if one.grant != old.grant or k == value}
            self._refresh[value] = replace(old, used_at=old.used_at or now)
            return self.issue(old.grant, old.scopes, now)

    def expire_access(self) -> int:
        """Let every access token be over; returns how many that were. Refresh tokens stay."""
        with self._lock:
            gone, self._access = len(self._access), {}
            return gone

    def end(self, value: str) -> None:
        """End the grant that a token, access or refresh, belongs to."""
        with self._lock:
            found = self._access.get(value) or self._refresh.get(value)
            if found is not None:
                self._access = {k: one for k, one in self._access.items() if one.grant != found.grant}
                self._refresh = {k: one for k, one in self._refresh.items() if one.grant != found.grant}

    def revoke(self) -> int:
        """Revoke every grant: access and refresh tokens; returns how many tokens that were."""
        with self._lock:
            gone = len(self._access) + len(self._refresh)
            self._access, self._refresh = {}, {}
            return gone


def _jwt(now: datetime) -> str:
    # About a thousand characters, as real ones are. Source: FACTS 1.3.
    claims = {"ver": 1, "jti": "AT." + secrets.token_urlsafe(24), "iss": "sandbox", "iat": int(now.timestamp()),
              "cid": CLIENT_ID, "platform_user_id": secrets.token_urlsafe(180)}  # fmt: skip
    head = _b64(json.dumps({"kid": secrets.token_urlsafe(24), "alg": "RS256"}).encode())
    body = _b64(json.dumps(claims).encode())
    return f"{head}.{body}.{_b64(hashlib.sha512((head + body).encode()).digest() * 4)}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
