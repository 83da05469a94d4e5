"""What was last accepted, and the state it is a part of: asked of `state`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ccsync.core.plan import StateRef
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave, Protection
from ccsync.ports.desired import Definitions


@dataclass(frozen=True, slots=True)
class Ledger:
    """One export's ledger in a generation, and what must be known once the export is no longer declared.

    path: Parquet (key VARCHAR, contact_id VARCHAR, status VARCHAR, ownership VARCHAR, reason VARCHAR,
    refused_content VARCHAR, first_run VARCHAR, last_run VARCHAR, changed_at VARCHAR, then <field> VARCHAR per field),
    ordered by key, one row a key. mapping, definitions: see ExportPlan. desired: usable people of the last run.
    members: rows with status `member`. protection: what stands until it is lifted, also without the export's
    declaration.
    """

    export: ExportName
    connection: ConnectionName
    account: AccountId
    list_id: ListId
    list_name: str
    path: Path
    fields: tuple[str, ...]
    mapping: Mapping[str, str]
    on_leave: OnLeave
    on_delete: OnDelete
    desired: int
    members: int
    protection: tuple[Protection, ...] = ()
    definitions: Definitions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One generation. accounts: the account pinned to each connection. optouts: Parquet (account, list_id, key, since,
    reason, run: all VARCHAR), None when nobody ever opted out. run: that wrote it. plan_id: applied by it."""

    ref: StateRef
    accounts: Mapping[ConnectionName, AccountId]
    ledgers: Mapping[ExportName, Ledger]
    optouts: Path | None
    run: str
    plan_id: str


class LedgerReader(Protocol):
    def snapshot(self) -> Snapshot:
        """The newest generation, checked against its digests. Before first use: serial 0 and nothing in it.
        Raises StaleError (E709, E710, E711) for corrupt, lost or newer state."""

    def applied_as(self, plan_id: str) -> int | None:
        """The serial that a plan of this id was applied as, or None."""


@dataclass(frozen=True, slots=True)
class NextGeneration:
    """What a generation is made of. Paths are temporary files that the store copies or moves. Ledgers of exports not
    named are dropped. plan_id: empty when no plan was applied (import, readmit)."""

    accounts: Mapping[ConnectionName, AccountId]
    ledgers: tuple[Ledger, ...]
    optouts: Path | None
    run: str
    plan_id: str
    counts: Mapping[str, int] = field(default_factory=dict)


class LedgerWriter(Protocol):
    def commit(self, base: StateRef, generation: NextGeneration) -> StateRef:
        """Makes one new generation durable and moves HEAD from `base` to it by compare-and-swap on serial and digest.
        Raises StaleError (E712) when HEAD is elsewhere; then nothing changed."""


class Lease(Protocol):
    """The lock, held."""

    def check(self) -> None:
        """Raises LockedError when the lock was taken over meanwhile. Called before every POST and every commit."""


class SharedBox(Protocol):
    """One small thing in storage that machines share, sealed there. Raises StorageError (E713), and DeniedError (E720,
    E721) or StaleError (E723) for what can't be unsealed."""

    def get(self) -> tuple[bytes, str] | None:
        """The content and its version; equal versions are equal contents. None when it was never written."""

    def swap(self, content: bytes, expected: str | None) -> bool:
        """Replaces the content if its version still is `expected` (None: never written). False, and nothing done, if
        not. Durable when it returns."""
