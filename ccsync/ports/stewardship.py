"""What people decide about a ledger by themselves: asked of `engine`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccsync.core.spec import AccountId, ExportName, ListId
from ccsync.ports.ledger import Ledger
from ccsync.ports.live import Live


@dataclass(frozen=True, slots=True)
class Adopted:
    """A ledger seeded from live. members: its rows with status `member`. new: of them not in the ledger before.
    gone: members of the old ledger who are not on the list; they are in `optouts` now."""

    ledger: Path
    optouts: Path | None
    members: int
    new: int
    gone: int


@dataclass(frozen=True, slots=True)
class Readmitted:
    """Ledgers and opt-out memory without those who were let in again, and how many they are.

    on_list: asked for, but on the list now, so not held back. unsubscribed: opted out of the whole account, so only
    they can come back. unknown: neither in a ledger nor in the memory of this list.
    """

    ledgers: Mapping[ExportName, tuple[Path, int]]
    optouts: Path | None
    readmitted: int
    on_list: int
    unsubscribed: int
    unknown: int


class Stewardship(Protocol):
    def adopt(
        self,
        ledger: Ledger,
        base: Path | None,
        optouts: Path | None,
        live: Live,
        *,
        own: bool,
        run: str,
        at: str,
        into: Path,
    ) -> Adopted:
        """A ledger of everyone on the list. `ledger` says what it is to be (its path is not read); `base` is the one
        before. own: they become ours to remove; else those we did not add are adopted."""

    def readmit(
        self,
        place: tuple[AccountId, ListId],
        ledgers: Sequence[Ledger],
        optouts: Path | None,
        live: Live,
        keys: Sequence[str] | None,
        into: Path,
    ) -> Readmitted:
        """Takes held-back people of one list out of its ledgers and out of the memory. place: the list. ledgers: all of
        it, maybe none. keys: None for all of them."""
