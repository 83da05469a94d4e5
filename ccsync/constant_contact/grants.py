"""Keeps a sign-in alive: when the token is renewed, by whom, and what may be done when an answer is lost.

A rotating refresh token works once, and a lost answer or two renewals at once strand the sign-in until a person logs
in again (SURPRISES 8). So a renewal happens under a lock between processes; that it is under way is durable before it
is sent; the new tokens are durable before they are used; and while the old access token works it is not sent again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.oauth import AnswerLost, OAuthClient, OAuthRefused, refusal
from ccsync.constant_contact.tokenstore import TokenStore
from ccsync.core.spec import Connection, TokenPlace
from ccsync.errors import CcsyncError, DeniedError, Diagnostic, StoppedError, TransientError
from ccsync.ports.clock import Clock

EARLY_S = 3600.0
"""A token is renewed so long before it ends, as the vendor's own plugin does (FACTS 1.5), but not in its first half."""


class StoredGrant:
    """The token of a sign-in that is kept in a store. A TokenSource; many processes may share the store."""

    def __init__(
        self, connection: Connection, store: TokenStore, clock: Clock, connect: Callable[[], OAuthClient]
    ) -> None:
        """connect: makes the client of the OAuth server; called only when a token has to be renewed."""
        self._connection = connection
        self._store = store
        self._clock = clock
        self._connect = connect
        self._grant: Grant | None = None

    def current(self) -> str:
        """Raises DeniedError (E305, E310, E311)."""
        if self._grant is None:
            self._grant = self._loaded()
        if self._is_due(self._grant):
            self._grant = self._renewed_early(self._grant)
        return self._grant.access_token

    def refresh(self, stale: str) -> str:
        """Raises DeniedError (E305, E309, E310, E311), TransientError (E603, E606, E627), StorageError (E713)."""
        grant = self._loaded()
        if self._is_no_better(grant, stale):  # else another process renewed it meanwhile
            with self._store.locked():
                grant = self._loaded()
                if self._is_no_better(grant, stale):
                    grant = self._renewed(grant)
        self._grant = grant
        return grant.access_token

    def _is_no_better(self, grant: Grant, stale: str) -> bool:
        return grant.access_token == stale or grant.expires() <= self._clock.now()

    def _is_due(self, grant: Grant) -> bool:
        left = grant.expires() - self._clock.now()
        whole = grant.expires() - grant.obtained()
        return left < min(timedelta(seconds=EARLY_S), whole / 2)

    def _renewed_early(self, grant: Grant) -> Grant:
        """A newer grant, or the one at hand while it works: trouble with an early renewal is nobody's trouble yet."""
        works = grant.expires() > self._clock.now()
        try:
            now = self._loaded()
            if not self._is_due(now):
                return now
            with self._store.locked():
                now = self._loaded()
                if not self._is_due(now) or (now.refreshing and works):
                    return now
                return self._renewed(now)
        except CcsyncError:
            if works:
                return replace(grant, obtained_at=self._clock.now().isoformat())  # asked again half-way to its end
            raise

    def _renewed(self, grant: Grant) -> Grant:
        """The next grant, durable. The lock is held."""
        if not grant.refresh_token:
            raise self._dead("it holds no refresh token (the scope `offline_access` was not granted)")
        kept = [grant]

        def keep(fresh: Grant) -> None:
            kept[0] = replace(
                fresh,
                refresh_token=fresh.refresh_token or grant.refresh_token,
                signed_in_at=grant.signed_in_at,
                scope=fresh.scope or grant.scope,
            )
            self._store.save(kept[0])

        client = self._connect()
        try:
            self._store.save(replace(grant, refreshing=self._clock.now().isoformat()))
            client.refresh(grant.refresh_token, keep)
        except OAuthRefused as refused:
            raise self._refused(grant, refused) from None
        except AnswerLost:
            raise self._lost() from None
        except (TransientError, StoppedError):
            if kept[0] is grant and not client.in_doubt:
                self._store.save(grant)  # it certainly did nothing: as before
            raise
        finally:
            client.close()
        return kept[0]

    def _loaded(self) -> Grant:
        grant = self._store.load()
        if grant is None:
            raise not_signed_in(self._connection)
        if grant.dead:
            raise self._dead("the server said so when it was last renewed")
        return grant

    def _refused(self, grant: Grant, refused: OAuthRefused) -> DeniedError:
        """Only `invalid_grant` is final; anything else is about the application or passes (FACTS 1.5)."""
        if refused.error != "invalid_grant":
            self._store.save(grant)
            return refusal(self._connection, refused)
        with suppress(CcsyncError):
            self._store.save(replace(grant, dead=True))
        lost = (
            " The answer to an earlier renewal never arrived, which ends a rotating grant." if grant.refreshing else ""
        )
        return self._dead(f"the server no longer knows its refresh token.{lost}".removesuffix("."))

    def _dead(self, why: str) -> DeniedError:
        return DeniedError(
            Diagnostic(
                "E305",
                f"the sign-in of connection {self._connection.name} is over: {why}",
                detail="Signing in by browser is the only way back. Nothing more was sent.",
                hint=f"run `ccsync connections login {self._connection.name}`",
            )
        )

    def _lost(self) -> TransientError:
        return TransientError(
            Diagnostic(
                "E627",
                f"the answer to renewing the sign-in of connection {self._connection.name} was lost",
                detail="It was not asked again at once, because a refresh token may work only once.",
                hint="run the command again; if the sign-in is over, it says so",
            )
        )


_WHERE = {
    TokenPlace.FILE: "on this machine",
    TokenPlace.KEYRING: "in this user's keyring",
    TokenPlace.ENV: "in the environment",
    TokenPlace.STATE: "in the state",
}


def not_signed_in(connection: Connection) -> DeniedError:
    where = _WHERE[connection.auth.token_store]
    return DeniedError(
        Diagnostic(
            "E310",
            f"connection {connection.name} is not signed in {where}; nothing was asked of Constant Contact",
            hint=f"run `ccsync connections login {connection.name}`",
        )
    )
