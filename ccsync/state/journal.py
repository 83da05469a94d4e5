"""The journal of a run: its plan, then one immutable file a record, so that a run killed anywhere can be settled.

What the records mean is in `core/record.py`; settling is the applier's work.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccsync.core.plan import Plan, canonical_json
from ccsync.core.record import Record, record_document, record_from
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, StaleError
from ccsync.state import refusals
from ccsync.state.files import disk_trouble, sha256_of
from ccsync.state.head import json_bytes, parse_json, read_head
from ccsync.state.planfile import changes_name, exports_with_changes
from ccsync.state.planjson import PLAN_JSON, parse_plan, plan_bytes
from ccsync.state.store import Store, is_name

JOURNALS = "journal/"
ENTRY_FORMAT = 1
_ENTRY = re.compile(r"([0-9]{6})\.json")


@dataclass(frozen=True, slots=True)
class Kept:
    """A rows file of the journal. name: as the records call it. place: its path within the journal."""

    name: str
    place: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Read:
    """What a journal held when it was opened."""

    entries: int
    records: tuple[Record, ...]
    kept: Mapping[str, Kept]


class StoredJournal:
    """`ports.journal.Journal` over a store. One object may write a run's journal; a second one's entry would collide
    (E712)."""

    def __init__(self, store: Store, run: str, read: _Read, plan: Plan, changes: Mapping[ExportName, Path]) -> None:
        self.run = run
        self._store = store
        self._place = f"{JOURNALS}{run}"
        self._entries = read.entries
        self._records = list(read.records)
        self._kept = dict(read.kept)
        self._plan = plan
        self._changes = dict(changes)
        self._lost = False

    def plan(self) -> tuple[Plan, Mapping[ExportName, Path]]:
        return self._plan, self._changes

    def records(self) -> tuple[Record, ...]:
        return tuple(self._records)

    def append(self, record: Record) -> None:
        """Raises StaleError (E712) when the journal was settled or written by another process, StorageError."""
        self._write("record", record_document(record))
        self._records.append(record)

    def keep(self, file: Path, name: str) -> Path:
        """See `ports.journal.Journal`. A name kept before then stands for the new file."""
        with disk_trouble("read a rows file"):
            sha256 = sha256_of(file)
        # The number makes the place its own: an earlier file of this name stays whole until the entry is durable.
        kept = Kept(name, f"rows/{self._entries + 1:06d}-{name}", sha256)
        self._store.put_file(f"{self._place}/{kept.place}", file, sha256)
        self._write("file", {"name": kept.name, "place": kept.place, "sha256": kept.sha256})
        self._kept[name] = kept
        with disk_trouble("remove a temporary file"):
            file.unlink()
        return self.file(name)

    def file(self, name: str) -> Path:
        """Raises KeyError for a name never kept, StaleError (E709, E710) when the file is not what was kept."""
        return _verified(self._store, f"{self._place}/{self._kept[name].place}", self._kept[name].sha256)

    def close(self) -> None:
        """Does nothing after E712: the journal is somebody else's by then."""
        if not self._lost:
            self._store.delete(self._place)

    def _write(self, kind: str, body: Mapping[str, Any]) -> None:  # Any: a JSON document
        number = self._entries + 1
        entry = {"format": ENTRY_FORMAT, "run": self.run, "number": number, "kind": kind, "body": dict(body)}
        data = json_bytes({**entry, "sha256": _digest(entry)})
        name = f"{self._place}/{number:06d}.json"
        if not self._store.put_if_absent(name, data, beside=f"{self._place}/{PLAN_JSON}"):
            self._lost = True
            raise refusals.moved_on(f"the journal of run {self.run} was settled or written by another process")
        self._entries = number


class StoredJournals:
    """`ports.journal.Journals` over a store. establish: see `head.establish`; a journal is never without a HEAD."""

    def __init__(self, store: Store, establish: Callable[[], object]) -> None:
        self._store = store
        self._establish = establish

    def pending(self) -> StoredJournal | None:
        """The run to settle, read and verified whole. Of several, one that may have sent something comes first; after
        it is closed the next call gives the next.

        A journal without its plan was killed while it was begun, before anything was sent: it doesn't count. Raises
        StaleError: E709 damaged, E710 a file is missing, E711 of a newer format.
        """
        while True:
            runs = self._runs()
            try:
                begun = [self._open(run) for run in self._begun()]
            except StaleError as error:
                if self._runs() != runs:  # read without the lock, while its run came to an end
                    continue
                raise refusals.of_journal(error) from error
            return min(begun, key=lambda journal: not journal.records(), default=None)

    def begin(self, run: str, plan: Plan, changes: Mapping[ExportName, Path]) -> StoredJournal:
        """Durable when it returns, and not there at all if killed before. Raises StaleError (E712) while another run
        that may have sent something is unsettled."""
        self._establish()
        self._clear(run)
        place = f"{JOURNALS}{run}"
        with disk_trouble("read the changes of the plan"):
            digests = {export: sha256_of(changes[export]) for export in exports_with_changes(plan)}
        for export, sha256 in digests.items():
            if sha256 != plan.export(export).changes_sha256:
                raise ValueError(f"the changes of {export} are not those of the plan")
            self._store.put_file(f"{place}/{changes_name(export)}", changes[export], sha256)
        if not self._store.put_if_absent(f"{place}/{PLAN_JSON}", plan_bytes(plan)):
            raise refusals.moved_on(f"there is a journal of run {run} already")
        return self._open(run)

    def discard(self) -> tuple[str, ...]:
        """Drops every journal, read or not, for `ccsync state restore`; returns the runs. Whatever they sent is then
        known only by what the next plan sees on the lists."""
        runs = self._runs()
        for run in runs:
            self._store.delete(f"{JOURNALS}{run}")
        return runs

    def _clear(self, run: str) -> None:
        """Removes what sent nothing: half-begun journals, and those of runs that stopped before their first record."""
        self._store.sweep(JOURNALS)
        unsettled = [self._open(other) for other in self._begun()]
        for journal in unsettled:
            if journal.records() or journal.run == run:
                raise StaleError(
                    Diagnostic(
                        "E712",
                        f"run {journal.run} is not settled yet; run {run} was not begun and has sent nothing",
                        hint="run `ccsync recover`",
                    )
                )
        for other in self._runs():
            self._store.delete(f"{JOURNALS}{other}")

    def _runs(self) -> tuple[str, ...]:
        return tuple(run for run in self._store.list(JOURNALS) if is_name(run))

    def _begun(self) -> list[str]:
        begun = []
        for run in self._runs():
            names = self._store.list(f"{JOURNALS}{run}/")
            if PLAN_JSON in names:
                begun.append(run)
            elif "000001.json" in names:
                raise refusals.lost(f"journal/{run}/{PLAN_JSON} is missing, but its records are there")
        return begun

    def _open(self, run: str) -> StoredJournal:
        place = f"{JOURNALS}{run}"
        stored = self._store.get(f"{place}/{PLAN_JSON}")
        if stored is None:
            raise refusals.lost(f"{place}/{PLAN_JSON} is missing")
        try:
            plan = parse_plan(stored.data)
        except ValueError as error:
            raise refusals.corrupt(f"{place}/{PLAN_JSON} is not as it was written") from error
        self._require_ours(plan, place)
        changes = {
            export: _verified(self._store, f"{place}/{changes_name(export)}", plan.export(export).changes_sha256)
            for export in exports_with_changes(plan)
        }
        return StoredJournal(self._store, run, _entries(self._store, run), plan, changes)

    def _require_ours(self, plan: Plan, place: str) -> None:
        """A journal that was put here from another state would be settled into this one. A plan made before the first
        commit names no state."""
        try:
            found = read_head(self._store)
        except StaleError:  # said by whoever reads the generations, and no reason to drop a journal
            return
        if found is not None and plan.base.lineage not in ("", found[0].lineage):
            raise refusals.corrupt(f"{place} belongs to another state")


def _entries(store: Store, run: str) -> _Read:
    place = f"{JOURNALS}{run}"
    names = [name for name in store.list(f"{place}/") if _ENTRY.fullmatch(name)]
    records: list[Record] = []
    kept: dict[str, Kept] = {}
    for number, name in enumerate(names, 1):
        if name != f"{number:06d}.json":
            raise refusals.lost(f"{place}/{number:06d}.json is missing, but {name} is there")
        stored = store.get(f"{place}/{name}")
        found = _entry(stored.data if stored else b"", f"{place}/{name}", run, number)
        if isinstance(found, Kept):
            kept[found.name] = found
        else:
            records.append(found)
    for file in kept.values():
        _verified(store, f"{place}/{file.place}", file.sha256)
    return _Read(len(names), tuple(records), kept)


def _entry(data: bytes, what: str, run: str, number: int) -> Record | Kept:
    entry = refusals.format_of(parse_json(data, what), what, ENTRY_FORMAT)
    sealed = {key: value for key, value in entry.items() if key != "sha256"}
    body = entry.get("body")
    if (
        json_bytes(entry) != data
        or entry.get("sha256") != _digest(sealed)
        or (entry.get("run"), entry.get("number")) != (run, number)
        or not isinstance(body, dict)
    ):
        raise refusals.corrupt(f"{what} is not as it was written")
    try:
        return Kept(**body) if entry.get("kind") == "file" else record_from(body)
    except (KeyError, TypeError, ValueError) as error:
        raise refusals.corrupt(f"{what} holds no record") from error


def _digest(entry: Mapping[str, Any]) -> str:  # Any: a JSON document
    # Through JSON once, so that what was written and what is read are the same kinds of values.
    return hashlib.sha256(canonical_json(json.loads(json.dumps(entry)))).hexdigest()


def _verified(store: Store, name: str, sha256: str) -> Path:
    path = store.fetch(name)
    if path is None:
        raise refusals.lost(f"{name} is missing")
    with disk_trouble("read the journal"):
        intact = sha256_of(path) == sha256
    if not intact:
        raise refusals.corrupt(f"{name} is not the file that was written")
    return path
