"""One account of the sandbox, in process, and the way to it; one still clock for both, that sleeping moves."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import httpx
from ccsync.constant_contact.account import ConstantContact, open_destination
from ccsync.constant_contact.auth import TokenSource
from ccsync.constant_contact.budget import RequestBudget
from ccsync.constant_contact.http import ApiClient
from ccsync.constant_contact.wire import Timeouts
from ccsync.core import event
from ccsync.core.spec import Auth, AuthFlow, Connection, ConnectionLimits, ConnectionName, Endpoints, Secret
from ccsync.sandbox.account import PRIVILEGES
from ccsync.sandbox.app import Sandbox
from ccsync.sandbox.switches import SWITCHES

HOST = "http://127.0.0.1:8025"
CANARY = "canary.person@secret.example"
START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


class StillClock:
    """One clock for the program and the sandbox. stop: from then on the program's sleeping returns at once."""

    def __init__(self, passed_s: float = 1_000.0) -> None:
        self.passed_s = passed_s
        self.reset()

    def now(self) -> datetime:
        return self.wall

    def forward(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.passed_s += seconds

    def monotonic(self) -> float:
        return self.passed_s

    steady = monotonic  # as the sandbox calls it

    def sleep(self, wait_s: float, until: Event | None = None) -> None:
        if until is None:
            self.slept.append(wait_s)
        if until is not None or not self.stop:
            self.forward(wait_s)

    def reset(self) -> None:
        """The wall clock back to the start; the steady one can't go back."""
        self.wall = START
        self.slept: list[float] = []
        self.stop = False


CONNECTION = Connection(
    ConnectionName("newsletter"),
    "Newsletter",
    auth=Auth(AuthFlow.ACCESS_TOKEN, "key"),
    endpoints=Endpoints(f"{HOST}/v3", f"{HOST}/oauth2/default/v1"),
    limits=ConnectionLimits(),
)


@dataclass(slots=True)
class World:
    """An account, its people, and the way to it."""

    app: Sandbox
    control: httpx.Client
    clock: StillClock
    home: Path
    events: list[event.Event]
    stack: ExitStack
    connection: Connection = CONNECTION

    def make_new(self) -> None:
        """Nobody, no list, no fault; switches, limits, rights and tokens as at the start."""
        self.do("/reset")
        self.do("/switches", **{name: switch.default for name, switch in SWITCHES.items()})
        self.do("/limits", requests_per_second=4, requests_per_day=10_000, used_today=0, queue_capacity=1000)
        names = [name for _, name in PRIVILEGES]
        self.do(
            "/account", privileges=names, application_active=True, device_flow=True, refresh_mode="rotating",
            access_token_seconds=86_400,
        )  # fmt: skip
        self.app.access_token = self.do("/tokens")["access_token"]
        self.connection = replace(CONNECTION, auth=self.auth(self.app.access_token))

    def open(
        self,
        *,
        transport: httpx.BaseTransport | str | None = None,
        timeouts: Timeouts | None = None,
        tokens: TokenSource | None = None,
        **changes: Any,
    ) -> ConstantContact:
        """A destination; `changes` are of the connection. transport: the sandbox's; "network" for real sockets."""
        wire = None if transport == "network" else transport or httpx.WSGITransport(self.app)
        connection = replace(self.connection, **changes)
        if tokens is not None:
            budget = RequestBudget(self.home, "key", connection.limits, self.clock, lambda _: None)
            api = ApiClient(connection, tokens, budget, clock=self.clock, random=Random(7), transport=wire)
            self.stack.callback(api.close)
            return ConstantContact(api)
        return self.stack.enter_context(
            open_destination(
                connection,
                clock=self.clock,
                random=Random(7),
                environ={"CCSYNC_HOME": str(self.home)},
                sink=self.events.append,
                transport=wire,
                timeouts=timeouts,
            )
        )

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

    def auth(self, token: str) -> Auth:
        return replace(CONNECTION.auth, access_token=Secret("${env:T}", token))

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every API request so far."""
        return [(one["method"], one["path"].removeprefix("/v3")) for one in self.ask("/requests")["requests"]]
