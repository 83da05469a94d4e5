"""What is sent, and whom the firewall takes out of it: asked of `engine`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccsync.core.batch import Batch
from ccsync.ports.desired import Definitions
from ccsync.ports.live import ImportBody, Live


@dataclass(frozen=True, slots=True)
class Drops:
    """What a look at live takes out of an export. path: Parquet (key, op, reason, now VARCHAR), where `now` says what
    was seen: `gone`, `unsubscribed`, `present`. counts: dropped adds, updates, adoptions and removals, by reason.
    People whom the plan holds back as having left (op `held_back`) are rows when they are there, and people whom it
    forgets when they are not; neither are counted.
    ids: Parquet (key, contact_id) of the people to be removed, as this look shows them; None where its file has no ids.
    joined: batches with somebody to be added who is on the list by now.
    """

    path: Path
    counts: Mapping[str, int]
    ids: Path | None = None
    joined: frozenset[int] = frozenset()


class Firewall(Protocol):
    def drops(
        self, changes: Path, live: Live, into: Path, before: Sequence[Path] = (), ids: Path | None = None
    ) -> Drops:
        """before: the drops of this run's earlier looks; who joined by then and is gone again left by themselves.
        ids: those known so far, kept where this look says nothing."""
        ...


class Bodies(Protocol):
    """Turns batches of a changes file into what is sent. `without`: paths of Drops; `only`: Parquet (key) or None."""

    def misfits(self, changes: Path, definitions: Definitions) -> Mapping[str, int]:
        """Values to be sent that are not what these definitions would make of them: target → rows, if there are any."""

    def import_body(
        self, changes: Path, fields: Sequence[str], batch: Batch, without: Sequence[Path], only: Path | None
    ) -> ImportBody: ...

    def removal_ids(
        self, changes: Path, batch: Batch, without: Sequence[Path], ids: Path | None, only: Path | None
    ) -> tuple[str, ...]:
        """Contact ids of one removal batch by `ids` (key, contact_id), which are of this run: an older id may be
        somebody else's by now."""

    def halves(
        self, changes: Path, batch: Batch, without: Sequence[Path], only: Path | None, into: Path
    ) -> tuple[Path, Path]:
        """Parquet (key) of the first and the second half of the rows of an import. into: a folder."""

    def unresolved(self, changes: Path, without: Sequence[Path], ids: Path | None) -> tuple[str, ...]:
        """Keys of removals that `ids` has no id of. Bounded by the removals of a plan, which are looked up one by
        one."""

    def write_ids(
        self, pages: Iterator[tuple[tuple[str, str], ...]], wanted: Sequence[str], ids: Path | None, into: Path
    ) -> int:
        """Writes (key, contact_id): `ids`, and those of the wanted keys that the pages know. Returns how many."""
