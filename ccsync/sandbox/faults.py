"""What shall go wrong, with which request, and how often; and the choice of the fault for a request.

Carrying a fault out is the application's work (answers, dropped connections) and the queue's (activities).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from ccsync.sandbox.activities import Mishap, MishapOrder
from ccsync.sandbox.options import SandboxUsageError
from ccsync.sandbox.problem import ProblemValue, Shape


class FaultKind(StrEnum):
    """The kinds of trouble that can be ordered."""

    STATUS = "status"
    """Any status and body shape instead of an answer; with ``after`` the request is handled first."""
    THROTTLED = "throttled"
    QUOTA_EXCEEDED = "quota_exceeded"
    QUEUE_FULL = "queue_full"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    HTML = "html"
    DELAY = "delay"
    """The answer comes ``seconds`` late."""
    HANG = "hang"
    """No answer for ``seconds``, then the connection is closed; the request is not handled."""
    DROP_BEFORE = "drop_before"
    """The connection is closed before the request is handled."""
    DROP_AFTER = "drop_after"
    """The request is handled, a job is queued; then the connection is closed without an answer."""
    TRUNCATED = "truncated"
    """Half of the answer's body, then the connection is closed."""
    ACTIVITY = "activity"
    """The job that the request queues goes wrong as ``mishap`` says."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. ``path`` is a pattern with ``*`` over the path below ``/v3`` or the OAuth server.

    ``skip`` matching requests pass first; then ``times`` are hit (``None``: all). ``seconds`` for delays; the rest
    for ``status`` and ``activity``.
    """

    fault_id: int
    kind: FaultKind
    method: str = "*"
    path: str = "*"
    skip: int = 0
    times: int | None = 1
    seconds: float = 0.0
    after: bool = False
    problem: ProblemValue | None = None
    order: MishapOrder | None = None

    def matches(self, method: str, path: str) -> bool:
        """Tell whether a request is one that this fault is about."""
        return self.method in ("*", method) and fnmatchcase(path, self.path)


_READY: Mapping[FaultKind, ProblemValue] = {
    FaultKind.THROTTLED: ProblemValue(429, "throttled", "Too Many Requests", Shape.OBJECT),
    FaultKind.QUOTA_EXCEEDED: ProblemValue(429, "quota_exceeded", "Limit Exceeded", Shape.OBJECT),
    FaultKind.QUEUE_FULL: ProblemValue(
        429, "too_many_requests", "Too many requests. You exceeded 1,000 queued activities for this user account.",
        Shape.OBJECT),
    FaultKind.UNAUTHORIZED: ProblemValue(401, "unauthorized", "Unauthorized", Shape.OBJECT),
    FaultKind.FORBIDDEN: ProblemValue(
        403, "access_denied", "Request forbidden due to insufficient user privileges.", Shape.OBJECT),
    FaultKind.HTML: ProblemValue(502, "bad_gateway", "Bad Gateway", Shape.HTML),
}  # fmt: skip


@dataclass(slots=True)
class _Entry:
    fault: Fault
    seen: int = 0
    hit: int = 0

    def spent(self) -> bool:
        return self.fault.times is not None and self.hit >= self.fault.times


@dataclass(slots=True)
class FaultBook:
    """All orders in force."""

    seed: int = 0
    _entries: list[_Entry] = field(default_factory=list)
    _next: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: random.Random = field(default_factory=random.Random)
    released: threading.Event = field(default_factory=threading.Event)
    """Set to let go of requests that hang."""

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def add(self, document: Mapping[str, Any]) -> Fault:
        """Read an order from JSON; raises ``SandboxUsageError``. ``Any``: a JSON document."""
        with self._lock:
            fault = parse(document, self._next)
            self._next += 1
            self._entries.append(_Entry(fault))
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for a request, counting it; faults of activities are left to ``activity_order``."""
        return self._take(method, path, activity=False)

    def activity_order(self, kind: str) -> MishapOrder | None:
        """Return what shall go wrong with the next activity of a kind."""
        fault = self._take("POST", f"/activities/{kind}", activity=True)
        return fault.order if fault else None

    def _take(self, method: str, path: str, *, activity: bool) -> Fault | None:
        with self._lock:
            for entry in self._entries:
                if (entry.fault.kind is FaultKind.ACTIVITY) is not activity or entry.spent():
                    continue
                if not entry.fault.matches(method, path):
                    continue
                entry.seen += 1
                if entry.seen > entry.fault.skip:
                    entry.hit += 1
                    return entry.fault
        return None

    def lost_by_chance(self, probability: float) -> bool:
        """Draw whether a reply is lost; see the switch ``lost_reply_after_enqueue``."""
        with self._lock:
            return probability > 0 and self._random.random() < probability

    def remove(self, fault_id: int) -> bool:
        """Take an order back."""
        with self._lock:
            kept = [entry for entry in self._entries if entry.fault.fault_id != fault_id]
            gone = len(kept) < len(self._entries)
            self._entries = kept
        return gone

    def clear(self) -> None:
        """Take all orders back."""
        with self._lock:
            self._entries = []

    def listing(self) -> list[dict[str, Any]]:
        """Return the orders with how often they were seen and hit. ``Any``: a JSON document."""
        with self._lock:
            return [describe(entry.fault) | {"seen": entry.seen, "hit": entry.hit, "spent": entry.spent()}
                    for entry in self._entries]  # fmt: skip


_KEYS = {
    "kind", "method", "path", "skip", "times", "seconds", "after", "status", "shape", "error_key",
    "error_message", "headers", "mishap", "counters", "activity_errors",
}  # fmt: skip


def parse(document: Mapping[str, Any], fault_id: int) -> Fault:
    """Turn a JSON order into a fault. ``Any``: a JSON document."""
    unknown = set(document) - _KEYS
    if unknown:
        raise SandboxUsageError(f"a fault has no {', '.join(sorted(unknown))}; it has: {', '.join(sorted(_KEYS))}")
    try:
        kind = FaultKind(document.get("kind", "status"))
        times = document.get("times", 1)
        return Fault(
            fault_id, kind, str(document.get("method", "*")).upper(), str(document.get("path", "*")),
            int(document.get("skip", 0)), None if times is None else int(times),
            float(document.get("seconds", 1.0 if kind is FaultKind.DELAY else 3600.0)),
            bool(document.get("after", False)), _problem(kind, document), _order(kind, document),
        )  # fmt: skip
    except (ValueError, TypeError) as wrong:
        raise SandboxUsageError(f"not a fault: {wrong}") from wrong


def _problem(kind: FaultKind, document: Mapping[str, Any]) -> ProblemValue | None:
    ready = _READY.get(kind)
    if ready is None and kind is not FaultKind.STATUS:
        return None
    default = ready or ProblemValue(500, "internal_error", "There was a problem with our internal service.")
    headers = {str(name): str(value) for name, value in dict(document.get("headers", {})).items()}
    return ProblemValue(
        int(document.get("status", default.status)), str(document.get("error_key", default.key)),
        str(document.get("error_message", default.message)), Shape(document.get("shape", default.shape)), headers,
    )  # fmt: skip


def _order(kind: FaultKind, document: Mapping[str, Any]) -> MishapOrder | None:
    if kind is not FaultKind.ACTIVITY:
        return None
    counters = {str(name): int(value) for name, value in dict(document.get("counters", {})).items()}
    errors = tuple(str(text) for text in document.get("activity_errors", ()))
    return MishapOrder(Mishap(document.get("mishap", "failed")), counters, errors)


def describe(fault: Fault) -> dict[str, Any]:
    """Write a fault as JSON. ``Any``: a JSON document."""
    out: dict[str, Any] = {
        "fault_id": fault.fault_id, "kind": fault.kind.value, "method": fault.method, "path": fault.path,
        "skip": fault.skip, "times": fault.times,
    }  # fmt: skip
    if fault.kind in (FaultKind.DELAY, FaultKind.HANG):
        out["seconds"] = fault.seconds
    if fault.problem is not None:
        out |= {"status": fault.problem.status, "shape": fault.problem.shape.value, "after": fault.after}
    if fault.order is not None:
        out["mishap"] = fault.order.mishap.value
    return out
