"""A whole world in one process: configuration on disk, the real rooms of ccsync, and a sandbox at the other end.

Time stands still unless somebody sleeps. Nothing of ours is replaced; only the clock and the wire are.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx
from ccsync.adoption import Imported, import_list
from ccsync.applier import Means, Work, apply_plan, settle
from ccsync.config.load import load_project
from ccsync.constant_contact.account import open_destination
from ccsync.core.event import ApplyFinished, Event, RecoveryFinished
from ccsync.core.plan import Plan
from ccsync.core.spec import ConnectionName, ExportName, Project
from ccsync.core.staleness import check_plan
from ccsync.engine.bodies import BodyWriter
from ccsync.engine.desired import SegmentEngine
from ccsync.engine.diff import ThreeWayDiffer
from ccsync.engine.firewall import LiveFirewall
from ccsync.engine.outcomes import OutcomeFinder
from ccsync.engine.policy import PolicyRunner
from ccsync.engine.session import Session
from ccsync.engine.stewardship import Steward
from ccsync.engine.undo import LedgerUndoer
from ccsync.errors import ExitCode
from ccsync.planner import PlanOptions, make_plan
from ccsync.ports.ledger import Lease
from ccsync.ports.live import Destination
from ccsync.readmission import Readmission, readmit
from ccsync.sandbox.app import create_app
from ccsync.sandbox.options import ActivityMode, SandboxOptions
from ccsync.state.files import Disk
from ccsync.state.lock import Holder
from ccsync.state.opening import State
from ccsync.undoing import Sides, make_undo

from tests.support.states import open_state

HOST = "http://127.0.0.1:8025"


class StillClock:
    """One clock for both sides: the client's port and the sandbox's. Sleeping moves it."""

    def __init__(self) -> None:
        self._start = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
        self.passed_s = 0.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s

    steady = monotonic

    def sleep(self, wait_s: float, until: object = None) -> None:
        self.passed_s += wait_s
        self.slept.append(wait_s)
        self.on_sleep()

    def forward(self, seconds: float) -> None:
        self.passed_s += seconds


class NoStop:
    """A stop signal that never comes, until a test says so."""

    def __init__(self) -> None:
        self.code: ExitCode | None = None

    def requested(self) -> ExitCode | None:
        return self.code


@dataclass(slots=True)
class Wrapping:
    """Where a test may stand between the use cases and the rooms: each wraps a port as it is handed over."""

    destination: Callable[[Any], Any] = lambda port: port
    journal: Callable[[Any], Any] = lambda port: port
    writer: Callable[[Any], Any] = lambda port: port
    lease: Callable[[Any], Any] = lambda port: port


@dataclass(slots=True)
class World:
    """The handle that tests hold. `folder` has the configuration, the data and the state.

    session: of the engine, None for a new one a command. elsewhere: opens a state that is not in `folder`. patience_s:
    how long a command waits for the lock. token: of the account. transport: None for an account that is served on a
    port, which `host` names then.
    """

    folder: Path
    token: str
    clock: Any
    control: httpx.Client
    transport: httpx.BaseTransport | None
    host: str = HOST
    stop: NoStop = field(default_factory=NoStop)
    events: list[Event] = field(default_factory=list)
    wrapping: Wrapping = field(default_factory=Wrapping)
    disk: Disk | None = None
    session: Session | None = None
    elsewhere: Callable[[], State] | None = None
    patience_s: float = 0.0
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    # ---------------------------------------------------------------- the other side

    def do(self, path: str, /, **given: Any) -> Any:
        answer = self.control.post(f"/sandbox{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, /, **query: str) -> Any:
        answer = self.control.get(f"/sandbox{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make_list(self, name: str, *members: str) -> str:
        """A list with members that are not ours."""
        made = self.do("/lists", name=name)["list_id"]
        if members:
            self.do("/people/join", emails=list(members), list=name)
        return str(made)

    def members(self, name: str) -> set[str]:
        """Who is really on the list."""
        return set(self.ask("/members", list=name)["members"])

    def fields(self, email: str) -> dict[str, str]:
        """What the account knows of a person."""
        return dict(self.ask(f"/people/{email}")["fields"])

    def leave(self, name: str, *emails: str) -> None:
        self.do("/people/leave", emails=list(emails), list=name)

    def unsubscribe(self, *emails: str) -> None:
        self.do("/people/unsubscribe", emails=list(emails))

    def fault(self, **fault: Any) -> None:
        self.do("/faults", **fault)

    # ---------------------------------------------------------------- our side

    def configure(self, document: Mapping[str, Any]) -> None:
        """Writes the configuration; JSON is YAML."""
        (self.folder / "ccsync.yaml").write_text(json.dumps(document).replace(HOST, self.host))

    def rows(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Writes a source of NDJSON."""
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def project(self) -> Project:
        environ = {"CC_ACCESS_TOKEN": self.token}
        return load_project(self.folder, environ=environ, resolve=True).project

    def state(self) -> State:
        if self.elsewhere is not None:
            return self.elsewhere()
        return open_state(self.folder / ".ccsync", self.clock, lambda: f"id-{next(self.ids)}", self.disk)

    def plan(self, *exports: str, refresh: bool = True, allowed: tuple[str, ...] = ()) -> "Planned":
        """Settles what is pending, then plans."""
        with self._edges() as edges:
            edges.settle_pending()
            options = PlanOptions("0.1.0", tuple(ExportName(name) for name in exports) or None, refresh, allowed)
            plan, changes = edges.make(options)
            kept = self.folder / f"changes-{next(self.ids)}"
            kept.mkdir()
            return Planned(plan, {name: path.rename(kept / f"{name}.parquet") for name, path in changes.items()})

    def apply(self, planned: "Planned", *, allowed: tuple[str, ...] = ()) -> ApplyFinished:
        """Applies as the command does: under the lock, what is pending settled, the plan checked."""
        with self._edges() as edges:
            edges.settle_pending()
            return edges.apply(planned, allowed)

    def sync(self, *, allowed: tuple[str, ...] = ()) -> ApplyFinished | None:
        """Plan and apply; None when there is nothing to do."""
        planned = self.plan(allowed=allowed)
        return self.apply(planned) if planned.plan.has_changes else None

    def undo(self, run: str, *, allowed: tuple[str, ...] = ()) -> "Planned":
        """A plan that takes back what a run did."""
        with self._edges() as edges:
            edges.settle_pending()
            plan, changes = edges.undo(run, allowed)
            kept = self.folder / f"changes-{next(self.ids)}"
            kept.mkdir()
            return Planned(plan, {name: path.rename(kept / f"{name}.parquet") for name, path in changes.items()})

    def recover(self, *, give_up: bool = False) -> list[RecoveryFinished]:
        with self._edges() as edges:
            return edges.settle_pending(give_up=give_up)

    def import_list(self, export: str, *, own: bool = False) -> Imported:
        with self._edges() as edges:
            edges.settle_pending()
            return edges.import_list(export, own=own)

    def readmit(self, export: str, *emails: str) -> Readmission:
        with self._edges() as edges:
            edges.settle_pending()
            return edges.readmit(export, emails or None)

    @contextmanager
    def _edges(self) -> Iterator["Edges"]:
        with ExitStack() as stack:
            workdir = self.folder / f"work-{next(self.ids)}"
            workdir.mkdir(mode=0o700)
            session = self.session or stack.enter_context(Session(workdir, threads=2))
            yield Edges(self, self.project(), session, workdir, stack)


@dataclass(frozen=True, slots=True)
class Planned:
    plan: Plan
    changes: Mapping[ExportName, Path]


@dataclass(slots=True)
class Edges:
    """One command's edges: opened for it and closed after it."""

    world: World
    project: Project
    session: Session
    workdir: Path
    stack: ExitStack
    opened: dict[str, Destination] = field(default_factory=dict)

    def destination(self, name: ConnectionName) -> Any:
        if name not in self.opened:
            opened = open_destination(
                self.project.connections[name],
                clock=self.world.clock,
                random=Random(1),
                environ={"CCSYNC_HOME": str(self.world.folder / "home")},
                transport=self.world.transport,
                sink=self.world.events.append,
            )
            self.opened[name] = self.world.wrapping.destination(self.stack.enter_context(opened))
        return self.opened[name]

    def make(self, options: PlanOptions) -> tuple[Plan, Mapping[ExportName, Path]]:
        return make_plan(
            self.project,
            options,
            snapshot=self.world.state().generations.snapshot(),
            desires=SegmentEngine(self.session, self.project),
            differ=ThreeWayDiffer(self.session),
            readers=lambda connection: self.destination(connection.name),
            policies=PolicyRunner(self.session),
            workdir=self.workdir,
            clock=self.world.clock,
            sink=self.world.events.append,
        )

    def undo(self, run: str, allowed: tuple[str, ...]) -> tuple[Plan, Mapping[ExportName, Path]]:
        state = self.world.state()
        before, after, at = state.around(run)
        return make_undo(
            self.project,
            Sides(run, at, before, after, state.generations.snapshot()),
            version="0.1.0",
            allowed=allowed,
            undoer=LedgerUndoer(self.session),
            readers=lambda connection: self.destination(connection.name),
            policies=PolicyRunner(self.session),
            workdir=self.workdir,
            clock=self.world.clock,
            sink=self.world.events.append,
        )

    def settle_pending(self, *, give_up: bool = False) -> list[RecoveryFinished]:
        state = self.world.state()
        found = []
        while (journal := state.journals.pending()) is not None:
            with state.lock.acquire(self._holder("recover"), timeout_s=self.world.patience_s) as lease:
                done = settle(self.world.wrapping.journal(journal), self._means(state, lease), give_up=give_up)
            if done is not None:
                found.append(done)
        return found

    def apply(self, planned: Planned, allowed: tuple[str, ...]) -> ApplyFinished:
        state = self.world.state()
        with state.lock.acquire(self._holder("apply"), timeout_s=self.world.patience_s) as lease:
            means = self._means(state, lease)
            applied = state.generations.applied_as(planned.plan.plan_id)
            check_plan(planned.plan, means.snapshot.ref, applied, self.project.digest, self.world.clock.now())
            return apply_plan(
                planned.plan,
                planned.changes,
                means,
                run=f"run-{next(self.world.ids)}",
                journals=_Journals(state.journals, self.world.wrapping.journal),
                allowed=allowed,
            )

    def import_list(self, name: str, *, own: bool) -> Imported:
        state = self.world.state()
        export = self.project.exports[ExportName(name)]
        connection = self.project.connections[export.connection]
        with state.lock.acquire(self._holder("import")) as lease:
            return import_list(
                export,
                connection,
                own=own,
                run=f"run-{next(self.world.ids)}",
                snapshot=state.generations.snapshot(),
                reader=self.destination(connection.name),
                stewardship=Steward(self.session),
                writer=state.generations,
                lease=lease,
                workdir=self.workdir,
                clock=self.world.clock,
            )

    def readmit(self, name: str, keys: Sequence[str] | None) -> Readmission:
        state = self.world.state()
        export = self.project.exports[ExportName(name)]
        connection = self.project.connections[export.connection]
        with state.lock.acquire(self._holder("readmit")) as lease:
            return readmit(
                export,
                connection,
                keys,
                run=f"run-{next(self.world.ids)}",
                snapshot=state.generations.snapshot(),
                reader=self.destination(connection.name),
                stewardship=Steward(self.session),
                writer=state.generations,
                lease=lease,
                workdir=self.workdir,
            )

    def _means(self, state: State, lease: Lease) -> Means:
        return Means(
            snapshot=state.generations.snapshot(),
            writer=self.world.wrapping.writer(state.generations),
            lease=self.world.wrapping.lease(lease),
            destinations=self.destination,
            limits={name: connection.limits for name, connection in self.project.connections.items()},
            work=Work(LiveFirewall(self.session), BodyWriter(self.session), OutcomeFinder(self.session)),
            workdir=self.workdir,
            clock=self.world.clock,
            sink=self.world.events.append,
            stop=self.world.stop,
        )

    def _holder(self, command: str) -> Holder:
        return Holder("tester", "here", 1, command, "2026-10-01T12:00:00Z")


@dataclass(frozen=True, slots=True)
class _Journals:
    """Journals whose journal is wrapped as the test wants it."""

    real: Any
    wrap: Callable[[Any], Any]

    def pending(self) -> Any:
        return self.real.pending()

    def begin(self, *given: Any) -> Any:
        return self.wrap(self.real.begin(*given))


@contextmanager
def open_world(folder: Path, **options: Any) -> Iterator[World]:
    """A world that lives until the block ends. options: of the sandbox."""
    clock = StillClock()
    defaults = {
        "clock": clock,
        "activities": ActivityMode.WHEN_POLLED,
        "requests_per_second": 1_000_000,
        "requests_per_day": 1_000_000,
    }
    app = create_app(SandboxOptions(**(defaults | options)))
    transport = httpx.WSGITransport(app=app)
    control = httpx.Client(transport=transport, base_url=HOST)
    try:
        yield World(folder, app.access_token, clock, control, transport)
    finally:
        control.close()
        app.close()


class RunningClock:
    """The machine's time, for worlds whose account is served on a port."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, wait_s: float) -> None:
        time.sleep(wait_s)


@contextmanager
def join_world(folder: Path, host: str, token: str) -> Iterator[World]:
    """A world whose account is served at `host` already, by another process or thread."""
    with httpx.Client(base_url=host, trust_env=False) as control:
        yield World(folder, token, RunningClock(), control, None, host, ids=count(time.time_ns()))


def connection(**more: Any) -> dict[str, Any]:
    """A connection to the world's sandbox, with consent."""
    return {
        "type": "constant_contact",
        "display_name": "Newsletter",
        "consent": {"data_privacy": "agreed", "agreed_by": "anna@example.com", "agreed_on": "2026-10-01"},
        "auth": {"flow": "access_token", "access_token": "${env:CC_ACCESS_TOKEN}"},
        "endpoints": {"api": f"{HOST}/v3", "auth": f"{HOST}/oauth2/default/v1"},
        "limits": {"requests_per_second": 1000, "requests_per_day": 1_000_000, "poll_seconds": [0.1, 1]},
    } | more


def export(
    list_name: str, *segments: str, fields: Sequence[str] = ("first_name", "last_name"), **more: Any
) -> dict[str, Any]:
    """An export to a list named by name, mapping columns of the same names."""
    return {
        "connection": "newsletter",
        "list": {"name": list_name, "create": True},
        "segments": list(segments),
        "data_matching": {"email": "email"},
        "attributes": {name: name for name in fields},
    } | more


def configuration(**sections: Any) -> dict[str, Any]:
    """A whole configuration around these sections."""
    return {
        "version": 1,
        "workspace": {"name": "test", "state": ".ccsync"},
        "connections": {"newsletter": connection()},
    } | sections
