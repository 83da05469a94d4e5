"""`runs.jsonl`: one line a run, for people and for `history`; a torn last line costs that line and nothing else.

What a run did to the state is in the generation it made, not here.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from ccsync.core.plan import canonical_json
from ccsync.errors import Diagnostic, Severity
from ccsync.state.files import Disk, disk_trouble
from ccsync.state.store import Store

NAME = "runs.jsonl"
RUN_FORMAT = 1
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("run", "started", "ended", "actor", "command", "outcome"), str),
    **dict.fromkeys(("plan_id", "commit"), str),
    "calls": int,
    "serial": (int, type(None)),
    "counts": dict,
    "allowed": (list, tuple),
    "codes": (list, tuple),
    "approvals": (list, tuple),
    "reason": str,
    "trigger": str,
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run, whatever came of it. Times are UTC text. outcome: `successful`, `partial`, `failed`, `canceled`
    or `given_up`.

    serial: of the generation that this run made, None when it made none. plan_id, commit (git, of the config
    directory): empty where there is none. counts: export → op → rows. codes: of the diagnostics that stopped it.
    reason: what a person gave as the reason (readmit). approvals: of the configuration, that let something pass.
    trigger: of `ccsync run`: refresh, own_schedule or on_demand.
    """

    run: str
    started: str
    ended: str
    actor: str
    command: str
    outcome: str
    serial: int | None = None
    plan_id: str = ""
    commit: str = ""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    calls: int = 0
    allowed: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    reason: str = ""
    approvals: tuple[str, ...] = ()
    trigger: str = ""


class Lines(Protocol):
    """What holds the lines. Both raise StorageError (E713, E725)."""

    def read(self) -> bytes: ...

    def append(self, line: bytes) -> None:
        """Durable when it returns. After an error there is none, or a torn or a whole one. line: with its end."""


class FileLines:
    """`Lines` of a file."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self._path = root / NAME
        self._disk = disk

    def append(self, line: bytes) -> None:
        with disk_trouble("record the run"):
            line = self._mended() + line
            descriptor = self._disk.extend(self._path)
            try:
                self._disk.write(descriptor, line)
                self._disk.sync(descriptor)
            finally:
                self._disk.close(descriptor)
            self._disk.sync_folder(self._path.parent)

    def _mended(self) -> bytes:
        """Cuts a torn last line off. Returns the line break that is missing after a last line that is whole."""
        data = self.read()
        last = data[data.rfind(b"\n") + 1 :]
        if not last:
            return b""
        if _run(last) is not None:
            return b"\n"
        self._disk.cut(self._path, len(data) - len(last))
        return b""

    def read(self) -> bytes:
        with disk_trouble("read the run records"):
            try:
                return self._path.read_bytes()
            except FileNotFoundError:
                return b""


class StoredLines:
    """`Lines` of one name in a store, written anew with each line: an object can't be extended."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> bytes:
        stored = self._store.get(NAME)
        return stored.data if stored else b""

    def append(self, line: bytes) -> None:
        while True:
            stored = self._store.get(NAME)
            if self._store.swap(NAME, (stored.data if stored else b"") + line, stored.version if stored else None):
                return


class RunLog:
    """establish: see `head.establish`; called before the first line is written."""

    def __init__(self, lines: Lines, establish: Callable[[], object]) -> None:
        self._kept = lines
        self._establish = establish

    def append(self, run: Run) -> None:
        """Durable when it returns. Raises StorageError (E713); then there is no line, or a torn one that is ignored."""
        self._establish()
        self._kept.append(canonical_json({"format": RUN_FORMAT, **asdict(run)}) + b"\n")

    def take_over(self, other: "RunLog") -> None:
        """Adds the lines of another log, which these are the beginning of."""
        here, there = self._kept.read(), other._kept.read()
        if len(there) > len(here) and there.startswith(here):
            self._kept.append(there[len(here) :])

    def runs(self) -> tuple[Run, ...]:
        """All runs, oldest first; lines that can't be read are left out. Raises StorageError (E713)."""
        return tuple(run for run in map(_run, self._lines()) if run is not None)

    def last_run(self) -> Run | None:
        return next(reversed(self.runs()), None)

    def applied_as(self, plan_id: str) -> int | None:
        """The serial of the generation that a run made by applying this plan, or None."""
        return next((run.serial for run in self.runs() if plan_id and run.plan_id == plan_id and run.serial), None)

    def highest_serial(self) -> int:
        return max((run.serial or 0 for run in self.runs()), default=0)

    def check(self) -> tuple[Diagnostic, ...]:
        """W710 when lines can't be read; a torn last one is not worth a word."""
        unreadable = [number for number, line in enumerate(self._lines()[:-1], 1) if _run(line) is None]
        if not unreadable:
            return ()
        return (
            Diagnostic(
                "W710",
                f"runs.jsonl: {len(unreadable)} lines can't be read, the first is line {unreadable[0]}",
                Severity.WARNING,
                detail="These runs are missing from the history; nothing else depends on them.",
            ),
        )

    def _lines(self) -> list[bytes]:
        lines = self._kept.read().split(b"\n")
        return lines if lines[-1] else lines[:-1]


def _run(line: bytes) -> Run | None:
    """Keys that a later ccsync may add are left out."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or type(document.get("format")) is not int:
        return None
    fields = {name: document[name] for name in _KINDS if name in document}
    if not all(isinstance(value, _KINDS[name]) for name, value in fields.items()):
        return None
    for name in ("allowed", "codes", "approvals"):
        fields[name] = tuple(fields.get(name, ()))
    try:
        return Run(**fields)
    except TypeError:  # a part is missing
        return None
