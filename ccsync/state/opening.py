"""Everything of one state, put together: in a folder or in an object store, sealed or not; the parts are elsewhere."""

import hashlib
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from ccsync.core.plan import StateRef
from ccsync.errors import Diagnostic, Severity, StaleError
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import Snapshot
from ccsync.sealing import Keys
from ccsync.state import mending
from ccsync.state.cache import Cache
from ccsync.state.files import Disk, LocalDisk, disk_trouble
from ccsync.state.generations import Generations
from ccsync.state.head import establish
from ccsync.state.journal import StoredJournals
from ccsync.state.lock import Lock, StateLock
from ccsync.state.mark import Mark
from ccsync.state.notes import Notes
from ccsync.state.objects import Objects, is_address, open_objects
from ccsync.state.remote import RemoteStore
from ccsync.state.remotelock import USUAL_PACE, Pace, RemoteLock
from ccsync.state.runs import FileLines, Lines, RunLog, StoredLines
from ccsync.state.sealed import SealedStore
from ccsync.state.store import LocalStore, Store

_LOCK_TIMEOUT = timedelta(seconds=15)  # of one request: a slow one must not make a living holder look dead,
_LOCK_TRIES = 3  # and a store that is gone must not keep a run from ending


@dataclass(frozen=True, slots=True)
class State:
    """One state. Reading needs no lock; everything that writes wants `lock` held.

    place: a folder or an address, for people. generations: LedgerReader and LedgerWriter. journals: Journals. root: the
    folder, None for an address.
    """

    place: str
    root: Path | None
    store: SealedStore
    generations: Generations
    journals: StoredJournals
    runs: RunLog
    lock: StateLock
    notes: Notes
    clock: Clock
    mark: Mark | None = None

    def history(self) -> tuple[mending.Listed, ...]:
        return mending.history(self.generations)

    def around(self, run: str) -> tuple[Snapshot, Snapshot, str]:
        """See `mending.around`."""
        return mending.around(self.generations, run)

    def restore(self, serial: int | None = None, remembering: mending.Remembering | None = None) -> StateRef:
        """See `mending.restore`."""
        floor = max(self.runs.highest_serial(), self.mark.serial() if self.mark else 0)
        return mending.restore(self.generations, self.clock, serial, floor=floor, remembering=remembering)

    def check(self) -> Iterator[Diagnostic]:
        """Everything that is wrong with the state; nothing is changed. Raises StorageError (E713, E725)."""
        yield from mending.check(self.generations)
        try:
            self.journals.pending()
        except StaleError as error:
            yield from error.diagnostics
        yield from self.runs.check()
        if self.root is not None:
            yield from _open_to_others(self.root)


@dataclass(frozen=True, slots=True)
class Opening:
    """What opening a state needs besides its place.

    new_id: gives the lineage at first use. keys: None seals nothing. user_folder: of files about what this machine saw;
    cache_folder: of copies that can be lost. scratch: a private folder that goes with the process.
    """

    clock: Clock
    new_id: Callable[[], str]
    keys: Keys | None
    user_folder: Path
    cache_folder: Path
    scratch: Callable[[], Path]
    environ: Mapping[str, str] = field(default_factory=dict)
    disk: Disk = field(default_factory=LocalDisk)
    pace: Pace = USUAL_PACE

    def open(self, place: str, folder: Path) -> State:
        """The state at a place as it is declared; nothing is read or written yet. folder: what a relative path counts
        from. Raises InvalidError (E728)."""
        if not is_address(place):
            return self.local(folder / place)
        objects = open_objects(place, self.environ)
        return self.remote(place, objects, open_objects(place, self.environ, _LOCK_TIMEOUT))

    def local(self, root: Path) -> State:
        lines = FileLines(root, self.disk)
        store = LocalStore(root, self.disk, self.clock)
        return self._state(str(root), root, store, lines, Lock(root, self.disk, self.clock))

    def remote(self, address: str, objects: Objects, lock_objects: Objects) -> State:
        cache = Cache(self.cache_folder / "state" / _name(address), self.disk, self.clock)
        store = RemoteStore(objects, cache, self.clock)
        lock = RemoteLock(RemoteStore(lock_objects, cache, self.clock, _LOCK_TRIES), self.clock, self.pace)
        return self._state(address, None, store, StoredLines(store), lock)

    def _state(self, place: str, root: Path | None, inner: Store, lines: Lines, lock: StateLock) -> State:
        store = SealedStore(inner, self.keys, self.scratch)
        first = partial(establish, store, self.new_id)
        runs = RunLog(lines, first)
        mark = Mark(self.user_folder / "state" / f"{_name(place)}.json", self.disk) if self.keys else None
        generations = Generations(store, self.clock, first, runs.applied_as, mark)
        notes = Notes(store, first)
        return State(place, root, store, generations, StoredJournals(store, first), runs, lock, notes, self.clock, mark)


def _name(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:24]


def _open_to_others(root: Path) -> Iterator[Diagnostic]:
    with disk_trouble("look at the state"):
        found = [path for path in sorted(root.rglob("*")) if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    if found:
        yield Diagnostic(
            "W711",
            f"{len(found)} files or folders of the state can be read by other users of this machine,"
            f" such as {found[0].relative_to(root)}",
            Severity.WARNING,
            detail="The state names people. ccsync writes files that only their owner can read.",
            hint=f"chmod -R go= {root}",
        )
