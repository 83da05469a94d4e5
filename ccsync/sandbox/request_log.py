"""What happened: the last requests one by one, and counts of everything since the start.

Nothing is decided here. No e-mail address, token or field value is kept: paths lose their query.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 2_000


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request. ``at`` is ISO-8601 UTC; ``took_ms`` the time the sandbox needed; ``fault`` the fault in force."""

    at: str
    method: str
    path: str
    operation: str
    status: int
    bytes_in: int
    took_ms: float
    fault: str | None = None


class RequestLog:
    """A ring of the last requests and the counts. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: deque[tuple[int, RequestRecord]] = deque(maxlen=KEPT)
        self._moments: deque[float] = deque(maxlen=4096)
        self._number = 0
        self._counts: dict[str, Counter[str]] = {}

    def add(self, record: RequestRecord, steady: float) -> None:
        """Keep a finished request."""
        with self._lock:
            self._number += 1
            self._records.append((self._number, record))
            self._moments.append(steady)
            self._bump("requests", record.operation)
            self._bump("statuses", str(record.status))
            self._bump("bytes", record.operation, record.bytes_in)

    def count(self, group: str, name: str, by: int = 1) -> None:
        """Count something: ``violations``, ``rows``, ``rate_limit_hits``, ``harm``, ``crashes`` …"""
        with self._lock:
            self._bump(group, name, by)

    def _bump(self, group: str, name: str, by: int = 1) -> None:
        self._counts.setdefault(group, Counter())[name] += by

    def since(self, number: int, limit: int = 100) -> list[dict[str, Any]]:
        """Return records newer than ``number``, oldest first. ``Any``: a JSON document."""
        with self._lock:
            found = [{"number": at} | asdict(record) for at, record in self._records if at > number]
        return found[-limit:]

    def rate(self, steady: float) -> float:
        """Return requests per second over the last five seconds."""
        with self._lock:
            return sum(steady - at <= 5 for at in self._moments) / 5

    def totals(self) -> dict[str, Any]:
        """Return all counts. ``Any``: a JSON document."""
        with self._lock:
            groups = {name: dict(sorted(counter.items())) for name, counter in self._counts.items()}
        for name in ("requests", "statuses", "bytes", "rows", "rate_limit_hits", "violations", "harm", "crashes"):
            groups.setdefault(name, {})
        return groups | {"total_requests": sum(groups["requests"].values())}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._records.clear()
            self._moments.clear()
            self._counts.clear()
