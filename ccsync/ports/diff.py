"""The three-way table: asked of `engine`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccsync.core.batch import Batch
from ccsync.core.change import DiffCounts
from ccsync.core.spec import AccountId, Export, ExportName, ListId, OnLeave
from ccsync.ports.desired import Desired, Relation, Suppressed
from ccsync.ports.live import Live


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another export on the same list of the same account. desired, unusable, suppressed: of its `Desired`; None when
    it is no longer declared. Who is among the unusable by a key is claimed as well: their row is there. stays: it does
    not run and is not given up either (no connection, or protected), so everybody in its ledger is claimed."""

    name: ExportName
    ledger: Path | None
    desired: Relation | None
    on_leave: OnLeave
    unusable: Relation | None = None
    stays: bool = False
    suppressed: Suppressed | None = None


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """Everything the three-way table of one export is made of.

    desired: None for an export that is no longer declared. export: the declaration, None likewise.
    ledger: None before the first apply. list_id: None for a list to be created. live: None with `--no-refresh`.
    mapping: target → digest of the expression now. ledger_mapping: the same as last applied.
    on_leave: what happens to those who left. For an export no longer declared it follows from `on_delete`: then KEEP
    means that its members are forgotten (nobody removes them), while KEEP of a declared export leaves its rows alone.
    present: which of some keys the sources still hold; None for an export no longer declared. Asked for leavers only.
    """

    name: ExportName
    fields: tuple[str, ...]
    mapping: Mapping[str, str]
    ledger_mapping: Mapping[str, str]
    on_leave: OnLeave
    account: AccountId
    list_id: ListId | None
    export: Export | None
    desired: Desired | None
    ledger: Path | None
    siblings: tuple[Sibling, ...]
    optouts: Path | None
    live: Live | None
    present: Callable[[Relation], Relation] | None = None


@dataclass(frozen=True, slots=True)
class Diffed:
    """The changes of one export.

    changes: Parquet, ordered by batch, op and key: op, key, contact_id, reason, batch INTEGER (NULL: no call),
    content (md5 of the values sent), ownership (what an add or adoption becomes), then before:<field> and
    after:<field> VARCHAR per field. `held_back` and `unusable` rows are in it.
    unresolved: removals without a contact id. people: distinct people whose data go to the vendor.
    """

    counts: DiffCounts
    changes: Path
    batches: tuple[Batch, ...]
    unresolved: int
    people: int


class Differ(Protocol):
    def diff(self, request: DiffRequest) -> Diffed: ...
