"""What a run has done so far, and plans that are kept: asked of `state`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ccsync.core.plan import Plan
from ccsync.core.record import Record
from ccsync.core.spec import ExportName


class Journal(Protocol):
    """The journal of the one run that is under way or was interrupted. Everything is durable when a call returns."""

    run: str

    def plan(self) -> tuple[Plan, Mapping[ExportName, Path]]:
        """The plan of the run and its changes files."""

    def records(self) -> tuple[Record, ...]: ...

    def append(self, record: Record) -> None: ...

    def keep(self, file: Path, name: str) -> Path:
        """Moves a rows file into the journal under this name and returns its new place."""

    def file(self, name: str) -> Path:
        """The place of a rows file kept earlier."""

    def close(self) -> None:
        """Removes the journal: its run is in a generation, or never sent anything."""


class Journals(Protocol):
    def pending(self) -> Journal | None:
        """The run that was not settled, or None. Raises StaleError (E709) when it can't be read."""

    def begin(self, run: str, plan: Plan, changes: Mapping[ExportName, Path]) -> Journal: ...
