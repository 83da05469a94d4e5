"""One account of the sandbox, in process, and a destination on it; one still clock for both, that sleeping moves."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from ccsync.constant_contact.account import ConstantContact, open_destination
from ccsync.core.event import Event
from ccsync.core.spec import (
    Auth,
    AuthFlow,
    Connection,
    ConnectionLimits,
    ConnectionName,
    Endpoints,
    Secret,
)
from ccsync.sandbox.app import Sandbox, create_app
from ccsync.sandbox.clock import ManualClock
from ccsync.sandbox.options import ActivityMode, SandboxOptions

HOST = "http://127.0.0.1:8025"
CANARY = "canary.person@secret.example"
START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


class StillClock:
    """The sandbox's clock as the program sees it. stop: from then on sleeping returns at once."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.slept: list[float] = []
        self.stop = False

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.steady()

    def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        if not self.stop:
            self.clock.forward(wait_s)


@dataclass(slots=True)
class World:
    """An account, its people, and the way to it."""

    app: Sandbox
    control: httpx.Client
    clock: StillClock
    home: Path
    events: list[Event]
    stack: ExitStack
    connection: Connection
    opened: list[ConstantContact] = field(default_factory=list)

    def open(self, *, transport: httpx.BaseTransport | None = None, **changes: Any) -> ConstantContact:
        """A destination; `changes` are of the connection."""
        opened = open_destination(
            replace(self.connection, **changes), clock=self.clock, random=Random(7),
            environ={"CCSYNC_HOME": str(self.home)}, sink=self.events.append,
            transport=transport or httpx.WSGITransport(self.app),
        )  # fmt: skip
        destination = self.stack.enter_context(opened)
        self.opened.append(destination)
        return destination

    def do(self, path: str, /, **given: Any) -> Any:
        answer = self.control.post(f"/sandbox{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, /, **query: str) -> Any:
        answer = self.control.get(f"/sandbox{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, /, **given: Any) -> None:
        self.do("/faults", kind=kind, **given)

    def seed(self, rows: list[dict[str, Any]], *lists: str) -> None:
        self.do("/seed", rows=rows, lists=list(lists))

    def list_id(self, name: str = "VIP") -> str:
        found = [one["list_id"] for one in self.ask("/lists") if one["name"] == name and "deleted_at" not in one]
        return found[0] if found else self.do("/lists", name=name)["list_id"]

    def members(self, name: str = "VIP") -> list[str]:
        return self.ask("/members", list=name)["members"]

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every API request so far."""
        return [(one["method"], one["path"].removeprefix("/v3")) for one in self.ask("/requests")["requests"]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = ManualClock(START)
    app = create_app(
        SandboxOptions(clock=clock, activities=ActivityMode.WHEN_POLLED, requests_per_second=4, requests_per_day=10_000)
    )
    connection = Connection(
        ConnectionName("newsletter"),
        "Newsletter",
        auth=Auth(AuthFlow.ACCESS_TOKEN, "key", access_token=Secret("${env:T}", app.access_token)),
        endpoints=Endpoints(f"{HOST}/v3", f"{HOST}/oauth2/default/v1"),
        limits=ConnectionLimits(),
    )
    with ExitStack() as stack:
        control = stack.enter_context(httpx.Client(transport=httpx.WSGITransport(app), base_url=HOST))
        yield World(app, control, StillClock(clock), tmp_path / "home", [], stack, connection)
    app.close()


@pytest.fixture
def remote(world: World) -> ConstantContact:
    return world.open()


@pytest.fixture
def scripted(world: World) -> Callable[[Callable[[httpx.Request], httpx.Response]], ConstantContact]:
    """A destination on a server that answers as told, for what the sandbox never does."""
    return lambda answer: world.open(transport=httpx.MockTransport(answer))
