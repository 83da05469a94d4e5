"""One row of a changes file or a ledger, for the few shown to people. Plans and applies never make rows into values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ccsync.core.change import Op


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """key: the address; None for an unusable row without one. before, after: field → value; None: nothing there."""

    op: Op
    key: str | None
    reason: str
    contact_id: str | None = None
    before: Mapping[str, str | None] = field(default_factory=dict)
    after: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that will be written with another value. None in `after` leaves the remote value alone."""
        return tuple(name for name, value in self.after.items() if value is not None and value != self.before.get(name))


@dataclass(frozen=True, slots=True)
class ChangeDetail:
    """What a view shows of an export besides its counts. reasons: op → reason → rows; samples: op → a few rows."""

    reasons: Mapping[Op, Mapping[str, int]] = field(default_factory=dict)
    samples: Mapping[Op, tuple[ChangeRow, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A ledger's row of somebody who is kept off the list. status: `opted_out` or `rejected`. changed_at: UTC text."""

    key: str
    status: str
    reason: str
    changed_at: str
    run: str
