"""Everything of one state folder, put together; the parts are in the other modules of this room."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ccsync.core.plan import StateRef
from ccsync.errors import Diagnostic, Severity, StaleError
from ccsync.ports import Clock, Snapshot
from ccsync.state import mending
from ccsync.state.files import Disk, LocalDisk, disk_trouble
from ccsync.state.generations import Generations
from ccsync.state.head import establish
from ccsync.state.journal import StoredJournals
from ccsync.state.lock import Lock
from ccsync.state.runs import RunLog
from ccsync.state.store import LocalStore


@dataclass(frozen=True, slots=True)
class State:
    """One state folder. Reading needs no lock; everything that writes wants `lock` held.

    generations: LedgerReader and LedgerWriter. journals: Journals.
    """

    root: Path
    generations: Generations
    journals: StoredJournals
    runs: RunLog
    lock: Lock
    clock: Clock

    def history(self) -> tuple[mending.Listed, ...]:
        return mending.history(self.generations)

    def around(self, run: str) -> tuple[Snapshot, Snapshot, str]:
        """See `mending.around`."""
        return mending.around(self.generations, run)

    def restore(self, serial: int | None = None, remembering: mending.Remembering | None = None) -> StateRef:
        """See `mending.restore`."""
        floor = self.runs.highest_serial()
        return mending.restore(self.generations, self.clock, serial, floor=floor, remembering=remembering)

    def check(self) -> Iterator[Diagnostic]:
        """Everything that is wrong with the folder; nothing is changed. Raises StorageError (E713)."""
        yield from mending.check(self.generations)
        try:
            self.journals.pending()
        except StaleError as error:
            yield from error.diagnostics
        yield from self.runs.check()
        yield from _open_to_others(self.root)


def open_state(root: Path, clock: Clock, new_id: Callable[[], str], disk: Disk | None = None) -> State:
    """The state folder at `root`; nothing is read or written yet. new_id: gives the lineage at first use."""
    disk = disk or LocalDisk()
    store = LocalStore(root, disk, clock)
    first = partial(establish, store, new_id)
    runs = RunLog(root, disk, first)
    generations = Generations(store, clock, first, runs.applied_as)
    journals = StoredJournals(store, first)
    return State(root, generations, journals, runs, Lock(root, disk, clock), clock)


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
