"""What stands in front of every API call: token, scopes, rights, the rate per second and the quota per day.

The limits are per API key, whoever calls. What a call does is none of the gateway's business.
Source: DOC rate_limits, DOC scopes, DOC user_privileges, FACTS 6 and 7.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ccsync.sandbox import problem
from ccsync.sandbox.clock import Clock
from ccsync.sandbox.problem import Problem
from ccsync.sandbox.request_log import RequestLog
from ccsync.sandbox.switches import SwitchBoard
from ccsync.sandbox.tokens import TokenBook


class Bucket:
    """A token bucket: ``rate`` a second, and as many in one burst.

    The vendor's gateway answers with AWS headers, and that gateway's throttling is a token bucket; the size of the
    burst is not published.
    """

    def __init__(self, rate: float, steady: float) -> None:
        self.rate = rate
        self._level = max(1.0, rate)
        self._at = steady

    def take(self, steady: float) -> bool:
        """Take one, or return False when there is none."""
        self._level = min(max(1.0, self.rate), self._level + (steady - self._at) * self.rate)
        self._at = steady
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


class Gateway:
    """Checks calls in the order in which a gateway does: token, application, limits, scopes, rights."""

    def __init__(
        self, clock: Clock, tokens: TokenBook, switches: SwitchBoard, log: RequestLog,
        *, requests_per_second: float, requests_per_day: int, privileges: Callable[[], tuple[str, ...]],
    ) -> None:  # fmt: skip
        self._clock = clock
        self._tokens = tokens
        self._switches = switches
        self._log = log
        self._privileges = privileges
        self._lock = threading.Lock()
        self._bucket = Bucket(requests_per_second, clock.steady())
        self.requests_per_day = requests_per_day
        self._day = clock.now().astimezone(UTC).date()
        self.used_today = 0

    def admit(self, authorization: str | None, scopes: tuple[str, ...], privileges: tuple[str, ...]) -> None:
        """Let a call pass, or raise its 401, 403 or 429."""
        now = self._clock.now()
        kind, _, value = (authorization or "").partition(" ")
        token = self._tokens.valid(value.strip(), now) if kind.lower() == "bearer" else None
        if token is None:
            raise problem.unauthorized()
        if not self._tokens.application.active:
            raise problem.forbidden("Forbidden request. Your application is deactivated.")
        self._charge(now)
        if not set(scopes) <= set(token.scopes):
            raise problem.forbidden("Request forbidden due to insufficient scopes.")
        if not set(privileges) <= set(self._privileges()):
            raise problem.forbidden("Request forbidden due to insufficient user privileges.")

    def _charge(self, now: datetime) -> None:
        with self._lock:
            today = now.astimezone(UTC).date()
            if today != self._day:
                self._day, self.used_today = today, 0
            if self.used_today >= self.requests_per_day:
                self._log.count("rate_limit_hits", "quota_exceeded")
                raise self._with_wait(problem.quota_exceeded, _until_midnight(now))
            if not self._bucket.take(self._clock.steady()):
                self._log.count("rate_limit_hits", "throttled")
                raise self._with_wait(problem.throttled, 1)
            self.used_today += 1

    def _with_wait(self, make: Callable[[dict[str, str]], Problem], seconds: int) -> Problem:
        present = self._switches["retry_after"] == "present"
        return make({"Retry-After": str(seconds)} if present else {})

    def set_rate(self, rate: float) -> None:
        """Change the requests per second that are allowed."""
        with self._lock:
            self._bucket = Bucket(rate, self._clock.steady())

    @property
    def rate(self) -> float:
        """The requests per second that are allowed."""
        return self._bucket.rate


def _until_midnight(now: datetime) -> int:
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((day + timedelta(days=1) - now).total_seconds()) + 1
