"""Builds the edges of a command and closes them again: clock, state, engine, accounts, a private folder. No rules.

The one place that knows which class stands behind which port. Rooms are imported when they are first needed: a command
that asks nothing of the network doesn't load an HTTP client.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from ccsync.cli.actor import Actor, find_actor, git_commit, git_email, os_user
from ccsync.cli.clock import SystemClock
from ccsync.cli.signals import Signals
from ccsync.config.load import Loaded, find_config_dir, load_project
from ccsync.core.event import Event
from ccsync.core.plan import to_text
from ccsync.core.spec import Connection, ConnectionName, Project
from ccsync.errors import DeniedError, Diagnostic, InvalidError
from ccsync.ports.clock import Sink
from ccsync.ports.desired import Desires
from ccsync.ports.diff import Differ
from ccsync.ports.ledger import Lease, SharedBox
from ccsync.ports.person import Narrowing
from ccsync.ports.policy import Policies
from ccsync.ports.stewardship import Stewardship
from ccsync.ports.undoing import Undoer
from ccsync.sealing import Keys, load_keys

if TYPE_CHECKING:
    from ccsync.applier import Means
    from ccsync.constant_contact.account import ConstantContact
    from ccsync.constant_contact.tokenstore import TokenStore
    from ccsync.engine.memory import Memory
    from ccsync.engine.session import Session
    from ccsync.state.lock import Held
    from ccsync.state.opening import Opening, State


class Needs(Enum):
    """What a command asks of the configuration: the sections whose references (`${env:…}`) must lead somewhere.

    Who applies a saved plan needs no source; who plans offline, or looks at the state, needs no token.
    """

    STATE = ("workspace", "roles")
    ACCOUNT = ("workspace", "roles", "policy", "approvals", "connections")
    LIST = ("workspace", "roles", "policy", "approvals", "connections", "exports")
    SOURCES = ("workspace", "roles", "policy", "approvals", "sources", "segments", "exports")
    EVERYTHING = ("workspace", "roles", "policy", "approvals", "connections", "sources", "segments", "exports")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works and who is acting, as given on the command line."""

    config_dir: Path | None = None
    acting: str | None = None


class Relay:
    """A sink whose end can be changed: progress while working, nothing while a question is asked."""

    def __init__(self) -> None:
        self._target: Sink | None = None

    def __call__(self, event: Event) -> None:
        if self._target is not None:
            self._target(event)

    @contextmanager
    def to(self, target: Sink) -> Iterator[None]:
        before, self._target = self._target, target
        try:
            yield
        finally:
            self._target = before


class Workspace:
    """A loaded project and the edges of one command. Made by `open_workspace`, which also closes them.

    folder: the config directory, absolute. resolved: whether references were replaced, so that accounts can be asked.
    """

    def __init__(
        self, project: Project, warnings: tuple[Diagnostic, ...], actor: Actor, signals: Signals, stack: ExitStack
    ) -> None:
        self.project = project
        self.warnings = warnings
        self.actor = actor
        self.signals = signals
        self.relay = Relay()
        self.clock = SystemClock(signals.pipe.readable)
        self.folder = Path(project.root)
        self._stack = stack
        self._destinations: dict[ConnectionName, ConstantContact] = {}

    @contextmanager
    def afresh(self) -> Iterator["Workspace"]:
        """The same project with edges of its own, closed after the block: for one of several pieces of work, so that
        none carries the tables and counts of another."""
        with ExitStack() as stack:
            yield Workspace(self.project, self.warnings, self.actor, self.signals, stack)

    def need(self, needs: Needs) -> None:
        """Loads the configuration anew with more of it resolved. Raises InvalidError."""
        self.project = load(Place(self.folder), needs).project

    # ---------------------------------------------------------------- state

    @cached_property
    def state(self) -> "State":
        return self.opening.open(self.project.state, self.folder)

    @cached_property
    def opening(self) -> "Opening":
        return state_opening(self.clock, lambda: self._unsealed)

    @cached_property
    def _unsealed(self) -> Path:
        return self.fresh_folder("unsealed")

    @property
    def keys(self) -> Keys | None:
        """What seals the state and plan files; None when no key is set. Raises InvalidError (E722)."""
        return self.opening.keys

    def lock(self, command: str, run: str = "", timeout_s: float = 0.0) -> "Held":
        """Takes the state's lock. A context manager; leaving it frees the lock. Raises LockedError (E701)."""
        return self.hold(self.state, command, run, timeout_s)

    def hold(self, state: "State", command: str, run: str = "", timeout_s: float = 0.0) -> "Held":
        """Takes the lock of any state, as `lock`."""
        from ccsync.state.lock import Holder

        holder = Holder(self.actor.name, os.uname().nodename, os.getpid(), command, to_text(self.clock.now()), run)
        return state.lock.acquire(holder, timeout_s=timeout_s)

    def new_run(self) -> str:
        """An id that sorts by time and is never given twice."""
        return f"{self.clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"

    @cached_property
    def commit(self) -> str:
        """The commit checked out in the config directory, for the run record; empty outside a repository."""
        return git_commit(self.folder) or ""

    # ---------------------------------------------------------------- engine

    @cached_property
    def workdir(self) -> Path:
        """A private folder (0700) that goes with the command."""
        return self._stack.enter_context(private_folder())

    def fresh_folder(self, name: str) -> Path:
        folder = self.workdir / name
        folder.mkdir(mode=0o700)
        return folder

    @cached_property
    def session(self) -> "Session":
        from ccsync.engine.session import Session

        folder = self.fresh_folder("engine")
        return self._stack.enter_context(Session(folder, memory_limit=self.memory.session))

    @cached_property
    def memory(self) -> "Memory":
        from ccsync.engine.memory import memory_of

        return memory_of(os.environ)

    @cached_property
    def desires(self) -> Desires:
        from ccsync.engine.desired import SegmentEngine

        return SegmentEngine(self.session, self.project, source_memory=self.memory.source, now=self.clock.now)

    @cached_property
    def differ(self) -> Differ:
        from ccsync.engine.diff import ThreeWayDiffer

        return ThreeWayDiffer(self.session)

    @cached_property
    def undoer(self) -> Undoer:
        from ccsync.engine.undo import LedgerUndoer

        return LedgerUndoer(self.session)

    @cached_property
    def policies(self) -> Policies:
        from ccsync.engine.policy import PolicyRunner

        return PolicyRunner(self.session)

    @cached_property
    def stewardship(self) -> Stewardship:
        from ccsync.engine.stewardship import Steward

        return Steward(self.session)

    @cached_property
    def narrowing(self) -> Narrowing:
        from ccsync.engine.narrow import Narrower

        return Narrower(self.session)

    def means(self, lease: Lease, name: str) -> "Means":
        """What a run is given that starts from the state as it is now. name: of its folder."""
        from ccsync.applier import Means, Work
        from ccsync.engine.bodies import BodyWriter
        from ccsync.engine.firewall import LiveFirewall
        from ccsync.engine.outcomes import OutcomeFinder

        return Means(
            snapshot=self.state.generations.snapshot(),
            writer=self.state.generations,
            lease=lease,
            destinations=self.destination,
            limits={name: connection.limits for name, connection in self.project.connections.items()},
            work=Work(LiveFirewall(self.session), BodyWriter(self.session), OutcomeFinder(self.session)),
            workdir=self.fresh_folder(name),
            clock=self.clock,
            sink=self.relay,
            stop=self.signals,
        )

    # ---------------------------------------------------------------- accounts

    def destination(self, name: ConnectionName) -> "ConstantContact":
        """The account behind a connection; one object a command. Raises InvalidError (E717), DeniedError (E301)."""
        if name not in self.project.connections:
            raise InvalidError(
                Diagnostic(
                    "E717",
                    f"connection {name} is no longer declared, but an interrupted run used it",
                    detail="What that run sent can only be found out over this connection. Nothing was sent.",
                    hint=f"declare connections.{name} again, then run `ccsync recover`; if its account is gone for"
                    " good: `ccsync recover --give-up RUN`",
                )
            )
        return self.reader(self.project.connections[name])

    def reader(self, connection: Connection) -> "ConstantContact":
        from ccsync.constant_contact.account import open_destination

        if connection.name not in self._destinations:
            self._destinations[connection.name] = self._stack.enter_context(
                open_destination(
                    connection,
                    clock=self.clock,
                    random=Random(),  # noqa: S311 - jitter
                    environ=os.environ,
                    sink=self.relay,
                    box=self.sign_in_box,
                )
            )
        return self._destinations[connection.name]

    def sign_ins(self, connection: Connection) -> "TokenStore":
        """Where the connection's sign-in is kept. Raises DeniedError (E316, E317)."""
        from ccsync.constant_contact.tokenplaces import open_store

        return open_store(connection, os.environ, self.clock, self.sign_in_box)

    def sign_in_box(self, name: str) -> SharedBox:
        """Where a sign-in is kept in the state. Raises DeniedError (E317) without a key to seal it with."""
        from ccsync.state.box import StateBox

        if self.keys is None:
            raise DeniedError(
                Diagnostic(
                    "E317",
                    "a sign-in can be kept in the state only sealed (`token_store: state`), and CCSYNC_KEY is not set",
                    detail="Nothing was asked of Constant Contact.",
                    hint="make a key with `ccsync generate key` and set CCSYNC_KEY to it, here and on every runner",
                )
            )
        return StateBox(self.state.store, self.keys, name)

    def calls_made(self) -> int:
        return sum(destination.calls_made() for destination in self._destinations.values())


@contextmanager
def open_workspace(place: Place, needs: Needs) -> Iterator[Workspace]:
    """Loads the configuration and gives what a command works with; signals are handled while the block lasts.

    Raises InvalidError with every problem.
    """
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        loaded = load(place, needs)
        folder = Path(loaded.project.root)
        actor = find_actor(place.acting, os.environ, lambda: git_email(folder), os_user)
        with signals.explained():
            yield Workspace(loaded.project, loaded.warnings, actor, signals, stack)


def load(place: Place, needs: Needs) -> Loaded:
    """The configuration. Raises InvalidError with every problem."""
    return load_project(config_dir_of(place), environ=os.environ, resolve=True, sections=needs.value)


def config_dir_of(place: Place) -> Path:
    return find_config_dir(place.config_dir, os.environ, Path())


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder, mode 0700, taken away with everything in it; so are those of processes that were killed."""
    _sweep_dead()
    folder = Path(tempfile.mkdtemp(prefix=f"ccsync-{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep_dead() -> None:
    """Their files hold personal data. A number that stands for another process by now keeps its folder: no harm."""
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob("ccsync-*-*"):
            number = folder.name.split("-")[1]
            if number.isdigit() and not _is_alive(int(number)):
                with contextlib.suppress(OSError):
                    if folder.stat().st_uid == os.getuid():
                        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def state_opening(clock: SystemClock, scratch: Callable[[], Path]) -> "Opening":
    """What opens states, with the keys and folders of this environment. Raises InvalidError (E722)."""
    from ccsync.constant_contact.folder import cache_folder, user_folder
    from ccsync.state.opening import Opening

    return Opening(
        clock,
        new_lineage,
        load_keys(os.environ),
        user_folder(os.environ),
        cache_folder(os.environ),
        scratch,
        os.environ,
    )


def state_at(project: Project, clock: SystemClock, scratch: Callable[[], Path]) -> "State":
    """The state of a project that is loaded without a workspace. Raises InvalidError (E722, E728)."""
    return state_opening(clock, scratch).open(project.state, Path(project.root))


def new_lineage() -> str:
    """The identity of a new state."""
    return secrets.token_hex(16)
