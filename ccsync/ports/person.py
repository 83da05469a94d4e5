"""What is known of one person: asked of `engine`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccsync.ports.diff import DiffRequest
from ccsync.ports.live import Contact


@dataclass(frozen=True, slots=True)
class PersonalFacts:
    """What the engine knows of one person and one export.

    op, reason: of the row that a plan would have for them; empty when it has none. desired: wanted by the segments now.
    unusable: why rows with their address can't be used, None when there are none. filtered: why they are left out on
    purpose, empty when they aren't. ledger: their row there, by column,
    empty for none. memory: their opt-out of this list (since, reason, run), empty for none.
    """

    op: str
    reason: str
    desired: bool
    unusable: str | None
    ledger: Mapping[str, str]
    memory: Mapping[str, str]
    filtered: str = ""


class Narrowing(Protocol):
    def narrow(
        self, request: DiffRequest, key: str, contact: Contact | None, *, asked: bool, into: Path
    ) -> DiffRequest:
        """The request with everyone else taken out. asked: `contact` is what live says; else live was not asked."""

    def facts(self, request: DiffRequest, changes: Path) -> PersonalFacts:
        """What a narrowed request and its changes file say."""
