"""Asking the API: waiting, retrying, and telling the three kinds of remote failure apart.

How one request travels is `wire.py`; what answers mean for lists and activities is in the modules above.

Why a POST is never repeated after a 5xx, 503 included: RFC 9110 15.6.4 says only that the server is "currently unable
to handle the request"; a gateway in front answers 503 and 504 also when the service behind it did act, and the vendor
has no idempotency key (SURPRISES 10, FACTS 7). So it counts as unknown, which costs one look at the activities. What
is certain not to have happened, and is sent again here: no connection was made, 401, and 429 (the gateway counts
before it passes on; the queue refuses before it queues).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, BinaryIO, TypeVar

import httpx

from ccsync.constant_contact import failures
from ccsync.constant_contact.answers import Answer, Kind, kind_of, problem_of, retry_after_s
from ccsync.constant_contact.auth import TokenSource
from ccsync.constant_contact.budget import RequestBudget
from ccsync.constant_contact.routes import PRIVILEGES, Route, find_route
from ccsync.constant_contact.waiting import pause
from ccsync.constant_contact.wire import Call, Lost, Timeouts, Wire
from ccsync.core.event import Event, Waiting
from ccsync.core.spec import Connection
from ccsync.errors import DeniedError, RemoteError
from ccsync.ports.clock import Clock, Sink

T = TypeVar("T")
Document = dict[str, Any]  # Any: JSON
Parameters = Mapping[str, str | int]

MAX_PAGES = 10_000
MAX_REDIRECTS = 3
TOLD_FROM_S = 2.0
"""Shorter waits are not worth a line on the screen."""
LONGEST_RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: the first wait, the longest, and all of one call together. Each wait is twice the one before, of which
    between half and all is waited (jitter)."""

    first: float
    longest: float
    total: float


RETRY = Backoff(0.5, 30.0, 180.0)
FIRST_CONTACT = Backoff(0.5, 4.0, 8.0)
"""Before the host ever answered, it is more likely a wrong address than a hiccup; nobody waits minutes for that."""
THROTTLED = Backoff(1.0, 30.0, 300.0)
QUEUE_FULL = Backoff(5.0, 60.0, 1800.0)


@dataclass(slots=True)
class _Waits:
    """How often and since when one call has waited, by reason."""

    started: dict[str, float] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)

    def next_s(self, why: str, rule: Backoff, clock: Clock, random: Random, at_least: float) -> float | None:
        """The next wait, None when that would be too long altogether."""
        now = clock.monotonic()
        started = self.started.setdefault(why, now)
        number = self.rounds.get(why, 0)
        self.rounds[why] = number + 1
        longest = min(rule.longest, rule.first * 2.0 ** min(number, 30))
        wait_s = max(longest * random.uniform(0.5, 1.0), min(at_least, LONGEST_RETRY_AFTER_S))
        return wait_s if now - started + wait_s <= rule.total else None


class ApiClient:
    """Asks one account's API. Not for use by several threads at once. scopes_seen: those that have proved to work.
    jobs_made: ids of the activities started."""

    def __init__(
        self, connection: Connection, tokens: TokenSource, budget: RequestBudget, *, clock: Clock, random: Random,
        sink: Sink | None = None, transport: httpx.BaseTransport | None = None, timeouts: Timeouts | None = None,
    ) -> None:  # fmt: skip
        self.connection = connection
        self.scopes_seen: set[str] = set()
        self.jobs_made: set[str] = set()
        self.clock = clock
        self._random = random
        self._sink = sink
        self._budget = budget
        self._reached = False
        self._wire = Wire(connection, tokens, budget, clock, transport=transport, timeouts=timeouts or Timeouts())

    def close(self) -> None:
        self._wire.close()
        self._budget.close()

    def calls_made(self) -> int:
        return self._wire.calls_made

    def calls_left_today(self) -> int:
        return self._budget.left_today()

    def clock_skew_s(self) -> float | None:
        """Seconds that our clock is ahead of the server's; None while it is not known."""
        return self._wire.skew_s

    # ---------------------------------------------------------------- what can be asked

    def get(self, path: str, params: Parameters | None = None) -> Document:
        """An object. Raises DeniedError, QuotaError, TransientError, RejectedError, StoppedError."""
        return self._ask(Call("GET", path, params), _object)

    def privileges(self) -> frozenset[str]:
        """The privileges of the user who signed in. Raises DeniedError (E307) for an application that is deactivated:
        the only reason for a 403 here. Source: openapi.yml 3.0.178, /account/user/privileges."""
        rows = self._ask(Call("GET", PRIVILEGES.path), _array)
        return frozenset(str(row.get("privilege_name")) for row in rows if isinstance(row, dict))

    def pages(self, path: str, params: Parameters, key: str) -> Iterator[list[Document]]:
        """The objects under `key`, page by page, following `_links.next`. Raises as `get`."""
        call = Call("GET", path, params)
        followed: set[str] = set()
        while True:
            document = self._ask(call, _object)
            rows = document.get(key)
            yield [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            href = link(document, "next")
            if href is None:
                return
            if href in followed or len(followed) >= MAX_PAGES:
                raise failures.in_trouble(self.connection, find_route("GET", path), "its pages have no end")
            followed.add(href)
            call = Call("GET", self._wire.below(href))

    def download(self, href: str, into: BinaryIO) -> Answer:
        """Writes what a link leads to into a file, from its beginning; the answer's own body is empty. Raises as `get`.
        It is as long as announced; whether it is what was wanted is not checked here."""
        return self._ask(Call("GET", self._wire.below(href), into=into), lambda answer: answer)

    def post(self, call: Call) -> Document:
        """Sends a request that changes something. Raises OutcomeUnknownError when its answer is lost; any other error
        means that nothing was done: TransientError, RejectedError, DeniedError, QuotaError. Of StoppedError
        nobody knows: a signal raises where the program stands."""
        route = find_route(call.method, call.bare_path)
        waits = _Waits()
        while True:
            try:
                answer = self._wire.send(call)
            except Lost as lost:
                if lost.sent:
                    raise failures.unknown_outcome(self.connection, route, lost.why) from None
                self._wait_to_reach(lost, waits)
                continue
            kind = kind_of(answer, makes_a_job=route.makes_a_job)
            if kind in (Kind.BROKEN, Kind.ELSEWHERE):
                raise failures.unknown_outcome(self.connection, route, f"status {answer.status}")
            if kind is not Kind.DONE:
                self._wait_or_raise(kind, route, answer, waits)
                continue
            self._worked(route)
            try:
                return _object(answer)
            except ValueError:
                why = f"status {answer.status}, but not what the API answers"
                raise failures.unknown_outcome(self.connection, route, why) from None

    # ---------------------------------------------------------------- how it is asked

    def _ask(self, call: Call, read: Callable[[Answer], T]) -> T:
        """Asks until there is an answer that `read` (ValueError: none) takes."""
        route = find_route(call.method, call.bare_path)
        waits, redirects = _Waits(), 0
        while True:
            try:
                answer = self._wire.send(call)
            except Lost as lost:
                if lost.sent:
                    self._wait_out(route, lost.why, waits, again=lost.again)
                else:
                    self._wait_to_reach(lost, waits)
                continue
            kind = kind_of(answer)
            if kind is Kind.DONE and answer.status != 202:  # 202: accepted, not ready (SURPRISES 23)
                try:
                    result = read(answer)
                except ValueError:
                    self._wait_out(route, "its answer is not what the API answers", waits)
                    continue
                self._worked(route)
                return result
            if kind is Kind.ELSEWHERE and answer.location and redirects < MAX_REDIRECTS:
                redirects += 1
                call = Call("GET", self._wire.below(answer.location), into=call.into)
            elif kind in (Kind.BROKEN, Kind.DONE, Kind.ELSEWHERE):
                self._wait_out(route, f"status {answer.status}", waits, again=kind is not Kind.ELSEWHERE)
            else:
                self._wait_or_raise(kind, route, answer, waits)

    def _wait_to_reach(self, lost: Lost, waits: _Waits) -> None:
        if not (lost.again and self._wait("retry", RETRY if self._reached else FIRST_CONTACT, waits)):
            raise failures.unreachable(self.connection, self._wire.host, lost.why)

    def _wait_out(self, route: Route, why: str, waits: _Waits, *, again: bool = True) -> None:
        if not (again and self._wait("retry", RETRY, waits)):
            raise failures.in_trouble(self.connection, route, why)

    def _wait_or_raise(self, kind: Kind, route: Route, answer: Answer, waits: _Waits) -> None:
        """For the answers that mean the same for every request: waits when asking again is right, else raises."""
        if kind is Kind.THROTTLED or kind is Kind.QUEUE_FULL:
            at_least = retry_after_s(answer.retry_after, self.clock.now()) or 0.0
            queue = kind is Kind.QUEUE_FULL
            if not self._wait(kind.value, QUEUE_FULL if queue else THROTTLED, waits, at_least, everybody=not queue):
                raise failures.too_busy(self.connection, route, queue=queue)
            return
        if kind is Kind.QUOTA:
            self._budget.exhaust()
            raise self._budget.quota_error()
        if kind is Kind.UNAUTHORISED:
            raise failures.token_refused(self.connection)
        if kind is Kind.FORBIDDEN:
            raise self._why_forbidden(route, answer)
        raise failures.refused(self.connection, route, answer.status, problem_of(answer, personal=route.personal))

    def _why_forbidden(self, route: Route, answer: Answer) -> DeniedError:
        """Tells scope, privilege and application apart, which the 403 itself may not (FACTS 7)."""
        if route is PRIVILEGES:
            return failures.application_inactive(self.connection)
        try:
            held = self.privileges()
        except DeniedError as denied:
            return denied
        except RemoteError:
            held = frozenset()
        if held and route.privilege and route.privilege not in held:
            return failures.privilege_missing(self.connection, [route.privilege])
        if held and route.scope and route.scope not in self.scopes_seen:
            return failures.scope_missing(self.connection, route.scope)
        return failures.forbidden(self.connection, route, problem_of(answer, personal=route.personal))

    def _wait(self, why: str, rule: Backoff, waits: _Waits, at_least: float = 0.0, *, everybody: bool = False) -> bool:
        wait_s = waits.next_s(why, rule, self.clock, self._random, at_least)
        if wait_s is None:
            return False
        if everybody:
            self._budget.hold(wait_s)
        self.wait(why, wait_s)
        return True

    def wait(self, why: str, wait_s: float, *, open_jobs: int = 0, percent: int | None = None) -> None:
        """Waits, and says so when it takes long. Raises StoppedError when asked to stop."""
        if wait_s >= TOLD_FROM_S:
            self.tell(Waiting(why, round(wait_s, 1), open_jobs, percent))
        pause(self.clock, wait_s)

    def tell(self, event: Event) -> None:
        """Shows something, when anybody watches."""
        if self._sink is not None:
            self._sink(event)

    def _worked(self, route: Route) -> None:
        self._reached = True
        if route.scope:
            self.scopes_seen.add(route.scope)


def link(document: Document, name: str) -> str | None:
    """The address under `_links.<name>.href`, None when there is none."""
    links = document.get("_links")
    target = links.get(name) if isinstance(links, dict) else None
    href = target.get("href") if isinstance(target, dict) else None
    return href if isinstance(href, str) and href else None


def _object(answer: Answer) -> Document:
    document = answer.document()
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _array(answer: Answer) -> list[Any]:  # Any: JSON
    document = answer.document()
    if not isinstance(document, list):
        raise ValueError("not an array")
    return document
