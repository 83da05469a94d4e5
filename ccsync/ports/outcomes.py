"""What became of what was sent, and the ledger that follows: asked of `engine`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ccsync.core.plan import Plan
from ccsync.core.spec import ExportName, ListId
from ccsync.ports.ledger import Ledger
from ccsync.ports.live import Live


class Sent(StrEnum):
    """What is known of the rows of one attempt when a run is closed."""

    CLEAN = "clean"
    DOUBTFUL = "doubtful"
    NOT_SENT = "not_sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SentBatch:
    """How one batch ended. The newest attempt decides; rows of it that a second try left out are known by reading back.

    explained: how many rows of a DOUBTFUL import the counters themselves say were not taken. look: number of the look
    whose drops were left out of the first attempt that may have arrived: what later looks saw of its rows is what we
    did ourselves. persons: rows of a DOUBTFUL import that the job counts as read; shortfall: rows sent and not counted.
    Both are None when nobody says: an import that may have ended in any way. rows: Parquet (key) of the part of the
    batch that this is about, where it was halved; rows that no part names were not sent. REFUSED: by itself, while
    other rows of the export were taken.
    """

    batch: int
    sent: Sent
    explained: int = 0
    look: int = 1
    shortfall: int | None = None
    persons: int | None = None
    rows: Path | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the outcome of one export is worked out from.

    ledger: of the base generation. drops: every look's, in order. ids: (key, contact_id) as this run knows.
    read_back: live read after the last activity ended; None when no batch is doubtful. at: UTC text.
    arrived: Parquet (key) of people whom the account knows although counters say that they never arrived; it counts
    for batches of which anything arrived.
    final: False while a second try of cut-off rows may follow. late: the run was interrupted and is settled by another
    command, maybe days later. given_up: live can't be read back and never will be. list_id: of the list, the one that
    the run made included; None for the plan's.
    """

    plan: Plan
    export: ExportName
    changes: Path
    ledger: Path | None
    ledger_fields: tuple[str, ...]
    batches: tuple[SentBatch, ...]
    drops: tuple[Path, ...]
    ids: Path | None
    read_back: Live | None
    run: str
    at: str
    arrived: Path | None = None
    final: bool = False
    late: bool = False
    given_up: bool = False
    list_id: ListId | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one export's rows.

    outcomes: Parquet (key, op, outcome, reason), outcome one of applied, dropped, refused, missing, open.
    missing: rows that provably never arrived, and removals that were not carried out (worth one more try, by
    themselves). An addition that is not on the list and may have arrived is `dropped` as `opted_out`: whoever arrived
    and left must not be put back. counts: op → applied rows. dropped, refused: reason → rows. unfinished: rows neither
    applied, dropped nor refused.
    """

    outcomes: Path
    counts: Mapping[str, int]
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    missing: int
    unfinished: int


class Outcomes(Protocol):
    def outcome(self, settlement: Settlement, into: Path) -> Outcome: ...

    def not_arrived(self, outcome: Outcome, limit: int) -> tuple[str, ...]:
        """Keys of additions that count as never arrived; none when they are more than `limit`."""

    def write_keys(self, keys: Sequence[str], into: Path) -> Path:
        """Parquet (key), ordered. into: a folder."""

    def missing_keys(self, outcome: Outcome, into: Path) -> Path:
        """Parquet (key) of the rows that vanished."""

    def next_ledger(self, settlement: Settlement, outcome: Outcome, into: Path) -> tuple[Path, int]:
        """The export's ledger with the outcome in it, and its number of members."""

    def without_removed(self, ledger: Ledger, outcomes: Sequence[Outcome], into: Path) -> tuple[Path, int]:
        """The ledger of an export that had no part in a run, without those whom the run took off its list."""

    def next_optouts(
        self, optouts: Path | None, settled: Sequence[tuple[Settlement, Outcome]], into: Path
    ) -> Path | None:
        """The opt-out memory with everyone added who was found gone, and everyone taken out who came back."""
