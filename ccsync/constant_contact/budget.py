"""The request budget of one API key, shared by every process of this user. What is sent is none of its business.

The vendor counts per API key, across tokens, accounts and servers: 4 requests a second and 10,000 a day from
00:00 UTC, and 1 a second at the token endpoint. Source: DOC rate_limits; FACTS 1.3 and 6. It does not tell what is
left, so it is counted here. Whether refused calls count is unknown; here they do.
"""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, timedelta
from hashlib import sha256
from pathlib import Path

from ccsync.constant_contact.folder import make_private, open_private
from ccsync.core.spec import Connection, ConnectionLimits
from ccsync.errors import Diagnostic, QuotaError, Severity
from ccsync.ports.clock import Clock

LEASE_S = 0.05
"""How much time's worth of requests is taken from the file at once, so that high rates don't pay for the file."""

LONGEST_QUEUE_S = 120.0
"""A next free moment further away than this was left by another boot or a broken clock, and is not believed."""

TOKEN_INTERVAL_S = 1.0  # FACTS 1.3
RECORD_BYTES = 256

Warn = Callable[[Diagnostic], None]


@dataclass(frozen=True, slots=True)
class _Tally:
    """What the file holds. day: ISO, UTC. before: requests of the day before `day`, for a clock that goes back.

    free_at and token_free_at: seconds of the monotonic clock, which all processes since boot share.
    """

    day: str
    used: int = 0
    before: int = 0
    free_at: float = 0.0
    token_free_at: float = 0.0


@dataclass(slots=True)
class _Lease:
    """Requests taken from the file and not yet made: the next one's moment, and how many are left."""

    next_at: float = 0.0
    left: int = 0


class RequestBudget:
    """Hands out moments at which a request may be sent. Safe between threads and between processes.

    The file is rewritten in place under `flock`, one short record, without fsync: after a power cut the count may be
    stale, which the vendor's own 429 makes good.
    """

    def __init__(self, folder: Path, api_key: str, limits: ConnectionLimits, clock: Clock, warn: Warn) -> None:
        """folder: of the user's files; the budget's file is made in it, named by a digest of the API key."""
        self._path = folder / "budget" / f"{sha256(api_key.encode()).hexdigest()[:32]}.json"
        self._limit = limits.requests_per_day
        self._interval_s = 1.0 / limits.requests_per_second
        self._per_lease = max(1, int(limits.requests_per_second * LEASE_S))
        self._clock = clock
        self._warn = warn
        self._mutex = threading.Lock()
        self._lease = _Lease()
        self._memory: _Tally | None = None  # set once the file turned out to be unusable

    def take(self) -> float:
        """Takes one request; returns the seconds to wait before it may be sent. Raises QuotaError (E604)."""
        with self._mutex:
            now = self._clock.monotonic()
            if self._lease.left == 0 or self._lease.next_at < now - LEASE_S:
                self._renew(now)
            moment = self._lease.next_at
            self._lease = _Lease(moment + self._interval_s, self._lease.left - 1)
            return max(0.0, moment - now)

    def take_token_call(self) -> float:
        """The same for the token endpoint, which has its own rate and is not counted for the day."""
        with self._mutex, self._record() as record:
            now = self._clock.monotonic()
            moment = max(now, _believed(record.tally.token_free_at, now))
            record.tally = replace(record.tally, token_free_at=moment + TOKEN_INTERVAL_S)
            return moment - now

    def hold(self, wait_s: float) -> None:
        """Nobody with this API key sends for so long: the vendor said that it is too much."""
        with self._mutex, self._record() as record:
            now = self._clock.monotonic()
            self._give_back(record)
            free_at = max(_believed(record.tally.free_at, now), now + wait_s)
            record.tally = replace(record.tally, free_at=free_at)

    def exhaust(self) -> None:
        """The vendor said that the day's requests are used up, whatever was counted here."""
        with self._mutex, self._record() as record:
            self._lease = _Lease()
            record.tally = replace(record.tally, used=max(record.tally.used, self._limit))

    def left_today(self) -> int:
        """Requests left until 00:00 UTC, as far as this machine knows."""
        with self._mutex, self._record() as record:
            return max(0, self._limit - record.tally.used + self._lease.left)

    def close(self) -> None:
        """Gives back what was taken and not used."""
        with self._mutex:
            if self._lease.left:
                with self._record() as record:
                    self._give_back(record)

    def quota_error(self) -> QuotaError:
        """The error that says when to go on."""
        now = self._clock.now().astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        minutes = int((midnight - now).total_seconds() // 60) + 1
        return QuotaError(
            Diagnostic(
                "E604",
                "the day's API requests for this API key are used up; nothing more was sent",
                detail=f"The vendor allows {self._limit:,} requests a day and counts anew at 00:00 UTC, in"
                f" {minutes // 60} h {minutes % 60} min.",
                hint="run the command again after 00:00 UTC",
            )
        )

    def _renew(self, now: float) -> None:
        with self._record() as record:
            self._give_back(record)
            count = min(self._per_lease, self._limit - record.tally.used)
            if count <= 0:
                raise self.quota_error()
            start = max(now, _believed(record.tally.free_at, now))
            record.tally = replace(
                record.tally, used=record.tally.used + count, free_at=start + count * self._interval_s
            )
            self._lease = _Lease(start, count)

    def _give_back(self, record: "_Record") -> None:
        if self._lease.left:
            record.tally = replace(record.tally, used=max(0, record.tally.used - self._lease.left))
            self._lease = _Lease()

    @contextmanager
    def _record(self) -> Iterator["_Record"]:
        """The tally of today, locked; written back when it was changed, also when the body raises."""
        descriptor = self._locked() if self._memory is None else None
        try:
            stored = self._memory if descriptor is None else self._read(descriptor)
            record = _Record(_on(stored or _Tally(self._today()), self._today()))
            try:
                yield record
            finally:
                if descriptor is None:
                    self._memory = record.tally
                elif record.tally != stored:
                    self._write(descriptor, record.tally)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _locked(self) -> int | None:
        """The file, opened and locked; None, told once, when the disk would not have it."""
        descriptor = None
        try:
            make_private(self._path.parent)
            descriptor = open_private(self._path, os.O_RDWR)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            if descriptor is not None:
                os.close(descriptor)
            self._warn(_no_file(self._path))
            return None
        return descriptor

    def _read(self, descriptor: int) -> _Tally | None:
        """What the file holds; None for a new one. A damaged one is mended at once, and told."""
        raw = os.pread(descriptor, RECORD_BYTES + 1, 0)
        if not raw:
            return None
        try:
            return _decoded(raw)
        except (ValueError, TypeError, KeyError):
            self._warn(_damaged(self._path))
            half = _Tally(self._today(), used=self._limit // 2)
            self._write(descriptor, half)
            return half

    def _write(self, descriptor: int, tally: _Tally) -> None:
        try:
            os.pwrite(descriptor, _encoded(tally), 0)
            os.ftruncate(descriptor, RECORD_BYTES)
        except OSError:
            self._warn(_no_file(self._path))
            self._memory = tally

    def _today(self) -> str:
        return self._clock.now().astimezone(UTC).date().isoformat()


def budget_key(connection: Connection) -> str:
    """What the vendor counts by: the API key. A ready token may come without one; then the connection stands for it."""
    return f"{connection.auth.client_id or connection.name}@{connection.endpoints.api}"


@dataclass(slots=True)
class _Record:
    tally: _Tally


def _believed(free_at: float, now: float) -> float:
    return free_at if free_at - now <= LONGEST_QUEUE_S else now


def _on(tally: _Tally, today: str) -> _Tally:
    """The tally as of today. A day that lies ahead means that the clock went back: nothing counted is forgotten."""
    if tally.day == today:
        return tally
    if tally.day > today:
        return replace(tally, day=today, used=tally.used + tally.before, before=0)
    yesterday = (date.fromisoformat(today) - timedelta(days=1)).isoformat()
    return replace(tally, day=today, used=0, before=tally.used if tally.day == yesterday else 0)


def _encoded(tally: _Tally) -> bytes:
    """Always as long, so that the one write can't leave a part of an older record behind."""
    return json.dumps(asdict(tally)).encode().ljust(RECORD_BYTES - 1) + b"\n"


def _decoded(raw: bytes) -> _Tally:
    document = json.loads(raw)
    tally = _Tally(
        day=date.fromisoformat(document["day"]).isoformat(),
        used=int(document["used"]),
        before=int(document["before"]),
        free_at=float(document["free_at"]),
        token_free_at=float(document["token_free_at"]),
    )
    if len(raw) != RECORD_BYTES or tally.used < 0 or tally.before < 0:
        raise ValueError("not a record of the request budget")
    return tally


def _damaged(path: Path) -> Diagnostic:
    return Diagnostic(
        "W601",
        "the count of today's API requests can't be read; half of the day's quota is taken to be used",
        Severity.WARNING,
        detail=f"File: {path}",
        hint="nothing need be done; the count starts anew at 00:00 UTC",
    )


def _no_file(path: Path) -> Diagnostic:
    return Diagnostic(
        "W602",
        "the count of API requests can't be kept on disk; other processes with the same API key are not seen",
        Severity.WARNING,
        detail=f"File: {path}",
        hint="make the folder writable, or set CCSYNC_HOME to one that is",
    )
