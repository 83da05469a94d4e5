"""What one run did, turned round: asked of `engine`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ccsync.core.spec import AccountId, ExportName, ListId
from ccsync.ports.diff import Diffed
from ccsync.ports.live import Live


@dataclass(frozen=True, slots=True)
class UndoSibling:
    """Another export on the same list. before, now: its ledgers before the run and now. undone: the same plan takes
    back what the run did to it."""

    name: ExportName
    before: Path | None
    now: Path | None
    undone: bool


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """What one export's part of an undoing plan is made of.

    before, after: its ledger on both sides of the run; None when there was none. now: of the newest generation; fields
    are its. memories: the opt-out memories after the run and now. takes_only: people are only taken off the list, since
    an undo reads no source, and only the sources know who has consent or is suppressed.
    """

    name: ExportName
    run: str
    fields: tuple[str, ...]
    account: AccountId
    list_id: ListId
    before: Path | None
    after: Path | None
    now: Path
    siblings: tuple[UndoSibling, ...]
    memories: tuple[Path, ...]
    live: Live
    takes_only: bool = False


class Skipped(StrEnum):
    """Why something that a run did is not taken back."""

    LEFT = "left"
    CHANGED_SINCE = "changed_since"
    GONE = "gone"
    ON_LIST = "on_list"
    OTHER_EXPORT = "other_export"
    ADOPTED = "adopted"
    UNKNOWN_BEFORE = "unknown_before"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Undone:
    """diffed: as of a three-way table, its reasons all `undone`. skipped: people by why nothing is done for them.
    unknown_values: fields, over all people, whose earlier value is not known, or that somebody edited since."""

    diffed: Diffed
    skipped: Mapping[Skipped, int]
    unknown_values: int


class Undoer(Protocol):
    def touched(self, run: str, before: Path | None, after: Path | None) -> bool:
        """Whether a run changed anything between two ledgers of an export."""

    def undo(self, request: UndoRequest) -> Undone:
        """Works out what takes back what a run did to one export. Raises RemoteError for a live file of no use."""
