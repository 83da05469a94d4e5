"""A clock, disks that fail, stop or lose power, and states to try them on. Ledgers are just bytes here."""

import errno
import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccsync.core.batch import BatchKind
from ccsync.core.change import Counts, zero_held_back, zero_unusable
from ccsync.core.plan import ExportPlan, ListTarget, Plan, StateRef, sealed
from ccsync.core.record import Accepted, ActivityId, AttemptId, Intended, Looked, Record
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave
from ccsync.ports.ledger import Ledger, NextGeneration, Snapshot
from ccsync.state.files import Disk, LocalDisk, sha256_of
from ccsync.state.lock import Holder
from ccsync.state.opening import State
from ccsync.state.runs import Run

from tests.support.states import open_state

NOW = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
HOLDER = Holder("anna@contoso.example", "laptop", 4711, "apply", "2026-10-01T06:00:00Z", "run-1")


class FakeClock:
    """Sleeping advances it. stopping: sleep returns at once, as when a signal came."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.stopping = False
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s

    def sleep(self, wait_s: float) -> None:
        self.on_sleep()
        if not self.stopping:
            self.elapsed_s += wait_s


class StoppedHere(BaseException):
    """The process ended in front of an operation; it does nothing any more."""


class QuickDisk(LocalDisk):
    """Doesn't wait for the device: what a power cut takes away is up to `VolatileDisk`."""

    def sync(self, descriptor: int) -> None: ...

    def sync_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))


class FaultyDisk:
    """Counts operations; the n-th (from 1) fails or stops. A failing or stopping write leaves half of its data.

    error: an errno, or None to stop. lasting: every later operation fails too.
    """

    def __init__(self, at: int | None = None, error: int | None = None, *, lasting: bool = False) -> None:
        self.disk = QuickDisk()
        self.at = at
        self.error = error
        self.lasting = lasting
        self.operations = 0
        self.names: list[str] = []

    def _turn(self, name: str) -> bool:
        self.operations += 1
        self.names.append(name)
        if self.at is None or self.operations < self.at:
            return False
        return self.operations == self.at or self.lasting or self.error is None

    def _fail(self, path: Path | None = None) -> None:
        if self.error is None:
            raise StoppedHere
        raise OSError(self.error, os.strerror(self.error), str(path) if path else None)

    def create(self, path: Path) -> int:
        if self._turn("create"):
            self._fail(path)
        return self.disk.create(path)

    def extend(self, path: Path) -> int:
        if self._turn("extend"):
            self._fail(path)
        return self.disk.extend(path)

    def write(self, descriptor: int, data: bytes) -> None:
        if self._turn("write"):
            if self.operations == self.at:
                self.disk.write(descriptor, data[: len(data) // 2])
            self._fail()
        self.disk.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self._turn("sync"):
            self._fail()
        self.disk.sync(descriptor)

    def close(self, descriptor: int) -> None:
        self.disk.close(descriptor)  # the kernel closes it in any case
        if self._turn("close"):
            self._fail()

    def cut(self, path: Path, size_bytes: int) -> None:
        if self._turn("cut"):
            self._fail(path)
        self.disk.cut(path, size_bytes)

    def sync_folder(self, folder: Path) -> None:
        if self._turn("sync_folder"):
            self._fail(folder)
        self.disk.sync_folder(folder)

    def rename(self, source: Path, target: Path) -> None:
        if self._turn("rename"):
            self._fail(target)
        self.disk.rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        if self._turn("link"):
            self._fail(target)
        self.disk.link(source, target)

    def unlink(self, path: Path) -> None:
        if self._turn("unlink"):
            self._fail(path)
        self.disk.unlink(path)

    def make_folder(self, path: Path) -> None:
        if self._turn("make_folder"):
            self._fail(path)
        self.disk.make_folder(path)

    def remove_folder(self, path: Path) -> None:
        if self._turn("remove_folder"):
            self._fail(path)
        self.disk.remove_folder(path)


class VolatileDisk(FaultyDisk):
    """Remembers what was not made durable, so that a power cut can take it away: contents until their file is synced,
    names until their folder is. aside: a folder outside of the state for what was replaced or unlinked."""

    def __init__(self, aside: Path, at: int | None = None) -> None:
        super().__init__(at)
        self._aside = aside
        self._numbers = itertools.count()
        self._wet: dict[int, tuple[Path, int]] = {}
        self._undo: list[tuple[Path, Callable[[], None]]] = []

    def _keep(self, path: Path) -> Path:
        kept = self._aside / str(next(self._numbers))
        os.link(path, kept)
        return kept

    def _note(self, path: Path, undo: Callable[[], None]) -> None:
        self._undo.append((path.parent, undo))

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._wet[os.fstat(descriptor).st_ino] = (path, 0)
        self._note(path, lambda: path.unlink())
        return descriptor

    def extend(self, path: Path) -> int:
        fresh = not path.exists()
        descriptor = super().extend(path)
        if fresh:
            self._note(path, lambda: path.unlink())
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        stat = os.fstat(descriptor)
        self._wet.setdefault(stat.st_ino, (Path(f"/proc/self/fd/{descriptor}").readlink(), stat.st_size))
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self._wet.pop(os.fstat(descriptor).st_ino, None)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self._undo = [(place, undo) for place, undo in self._undo if place != folder]

    def rename(self, source: Path, target: Path) -> None:
        former = self._keep(target) if target.is_file() else None
        super().rename(source, target)

        def undo() -> None:
            target.replace(source)
            if former is not None:
                os.link(former, target)

        self._note(target, undo)

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        self._note(target, lambda: target.unlink())

    def unlink(self, path: Path) -> None:
        kept = self._keep(path) if path.is_file() else None
        super().unlink(path)
        if kept is not None:
            self._note(path, lambda: os.link(kept, path))

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._note(path, lambda: path.rename(self._aside / str(next(self._numbers))))

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        self._note(path, lambda: path.mkdir(0o700))

    def cut_power(self, *, names_too: bool) -> None:
        """Contents that were not synced are lost; with names_too, so are the names that were not."""
        folders = {place for place, _ in self._undo} | {path.parent for path, _ in self._wet.values()}
        for path in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
            if path.is_file() and path.stat().st_ino in self._wet:
                os.truncate(path, self._wet[path.stat().st_ino][1])
        if names_too:
            for _, undo in reversed(self._undo):
                undo()


def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"lineage-{next(numbers)}"


def state_at(root: Path, disk: Disk | None = None, clock: FakeClock | None = None) -> State:
    return open_state(root, clock or FakeClock(), ids(), disk or QuickDisk())


def ledger(folder: Path, name: str, content: bytes, **facts: object) -> Ledger:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{abs(hash(content))}.parquet"
    path.write_bytes(content)
    plain = Ledger(
        export=ExportName(name),
        connection=ConnectionName("newsletter"),
        account=AccountId("account-1"),
        list_id=ListId(f"list-of-{name}"),
        list_name=f"List “{name}”",
        path=path,
        fields=("first_name", "cf:tier"),
        mapping={"first_name": "aa", "cf:tier": "bb"},
        on_leave=OnLeave.REMOVE_FROM_LIST,
        on_delete=OnDelete.KEEP_MEMBERS,
        desired=len(content),
        members=len(content),
    )
    return replace(plain, **facts)  # type: ignore[arg-type]  # a test's own keywords


def generation(
    folder: Path, text: str, run: str = "run-1", plan_id: str = "", *, optouts: bool = True
) -> NextGeneration:
    """Two ledgers and an opt-out memory whose bytes follow from `text`."""
    ledgers = (ledger(folder, "news", f"news {text}".encode()), ledger(folder, "vips", f"vips {text}".encode()))
    memory = None
    if optouts:
        memory = folder / f"optouts-{abs(hash(text))}.parquet"
        memory.write_bytes(f"optouts {text}".encode())
    return NextGeneration(
        {ConnectionName("newsletter"): AccountId("account-1")}, ledgers, memory, run, plan_id, {"add": 3}
    )


def contents(snapshot: Snapshot) -> dict[str, bytes]:
    found = {str(name): one.path.read_bytes() for name, one in snapshot.ledgers.items()}
    return {**found, **({"": snapshot.optouts.read_bytes()} if snapshot.optouts else {})}


def contents_of(text: str) -> dict[str, bytes]:
    """What `contents` gives for `generation(…, text)`."""
    return {"news": f"news {text}".encode(), "vips": f"vips {text}".encode(), "": f"optouts {text}".encode()}


def plan_with(folder: Path, rows: dict[str, bytes], **parts: object) -> tuple[Plan, dict[ExportName, Path]]:
    """A sealed plan and its changes files."""
    folder.mkdir(parents=True, exist_ok=True)
    changes = {}
    exports = []
    for name, content in sorted(rows.items()):
        path = folder / f"{name}-changes.parquet"
        path.write_bytes(content)
        changes[ExportName(name)] = path
        exports.append(export_plan(name, sha256_of(path)))
    plan = Plan(
        ccsync="0.1.0",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        workspace="contoso",
        refreshed=True,
        complete=True,
        base=StateRef("", 0, ""),
        config_digest="config",
        accounts={ConnectionName("newsletter"): AccountId("account-1")},
        exports=tuple(exports),
    )
    return sealed(replace(plan, **parts)), changes  # type: ignore[arg-type]  # a test's own keywords


def export_plan(name: str, sha256: str) -> ExportPlan:
    return ExportPlan(
        name=ExportName(name),
        connection=ConnectionName("newsletter"),
        account=AccountId("account-1"),
        list=ListTarget(ListId(f"list-of-{name}"), name),
        fields=("first_name",),
        mapping={"first_name": "aa"},
        on_leave=OnLeave.REMOVE_FROM_LIST,
        on_delete=OnDelete.KEEP_MEMBERS,
        members_before=1,
        members_after=2,
        desired=2,
        source_rows=2,
        managed=1,
        counts=Counts(add=1),
        held_back=zero_held_back(),
        unusable=zero_unusable(),
        fields_changed={},
        reasons={"segment_joined": 1},
        changes_sha256=sha256,
    )


def records(count: int) -> list[Record]:
    """A run's first records: a look, then intents and acceptances in turn."""
    found: list[Record] = [Looked(1, "2026-10-01T06:00:00Z", {"news": "drops.parquet"}, {"gone": 1})]
    for number in range(1, count):
        attempt = AttemptId(f"news-{(number + 1) // 2}-1")
        if number % 2:
            found.append(
                Intended(attempt, ExportName("news"), BatchKind.IMPORT, (number + 1) // 2, 1, 5, "2026-10-01T06:00:01Z")
            )
        else:
            found.append(Accepted(attempt, ActivityId(f"activity-{number}")))
    return found[:count]


def run_of(run: str) -> Run:
    return Run(run, "2026-10-01T06:00:00Z", "2026-10-01T06:00:09Z", "anna", "apply", "successful", 2)


KILLED = (None, False)
FULL = (errno.ENOSPC, True)
BROKEN_ONCE = (errno.EIO, False)
READ_ONLY = (errno.EROFS, True)
