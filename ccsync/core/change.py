"""What a plan can do to one person on one list, and how many. A row is never a value here: rows stay in Parquet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Op(StrEnum):
    """The `op` column of a changes file. `held_back` and `unusable` rows are listed there too; they are no changes."""

    ADD = "add"
    UPDATE = "update"
    REMOVE = "remove"
    ADOPT = "adopt"
    FORGET = "forget"
    HELD_BACK = "held_back"
    UNUSABLE = "unusable"


CHANGING_OPS = (Op.ADD, Op.UPDATE, Op.REMOVE, Op.ADOPT, Op.FORGET)


class HeldBack(StrEnum):
    OPTED_OUT = "opted_out"
    UNSUBSCRIBED = "unsubscribed"
    REJECTED = "rejected"


class Unusable(StrEnum):
    """Why a source row can't be used. Where a field's value is the reason, its name stands behind it in the `reason` of
    a row: `invalid_date:anniversary`."""

    MISSING_EMAIL = "missing_email"
    INVALID_EMAIL = "invalid_email"
    EMAIL_TOO_LONG = "email_too_long"
    FIELD_TOO_LONG = "field_too_long"
    INVALID_DATE = "invalid_date"
    INVALID_NUMBER = "invalid_number"
    INVALID_BOOLEAN = "invalid_boolean"
    INVALID_CHOICE = "invalid_choice"
    TOO_MANY_PHONES = "too_many_phones"
    MISSING_VALUE = "missing_value"
    DUPLICATE = "duplicate"


OF_NO_PERSON = (Unusable.MISSING_EMAIL, Unusable.INVALID_EMAIL, Unusable.EMAIL_TOO_LONG)
"""Reasons of rows without a key. Rows with another reason stand for somebody who is wanted and can't be sent."""


class Filtered(StrEnum):
    """Why people of the segments are left out on purpose: they never leave this machine."""

    CONSENT_MISSING = "consent_missing"
    SUPPRESSED = "suppressed"


class Ownership(StrEnum):
    """The ledger's `ownership` column: OURS was added by an export, ADOPTED was there before us."""

    OURS = "ours"
    ADOPTED = "adopted"


class Status(StrEnum):
    """The ledger's `status` column.

    MEMBER: seen accepted on the list. OPTED_OUT: was a member, left, and is kept off. REJECTED: the remote refused the
    row, with the content whose digest stands in `refused_content`.
    """

    MEMBER = "member"
    OPTED_OUT = "opted_out"
    REJECTED = "rejected"


class Reason(StrEnum):
    """The `reason` column of changes and drops; `field_changed:F` and `mapping_changed:F` name a field besides."""

    SEGMENT_JOINED = "segment_joined"
    SEGMENT_LEFT = "segment_left"
    SOURCE_ROW_GONE = "source_row_gone"
    CONSENT_MISSING = "consent_missing"
    SUPPRESSED = "suppressed"
    EXPORT_DELETED = "export_deleted"
    CONTENT_CHANGED = "content_changed"
    ALREADY_ON_LIST = "already_on_list"
    CAME_BACK = "came_back"
    ALREADY_GONE = "already_gone"
    REMOVED_BY_SIBLING = "removed_by_sibling"
    FIELD_CHANGED = "field_changed"
    MAPPING_CHANGED = "mapping_changed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Counts:
    add: int = 0
    update: int = 0
    remove: int = 0
    adopt: int = 0
    forget: int = 0
    unchanged: int = 0
    foreign: int = 0

    @property
    def changes(self) -> int:
        return self.add + self.update + self.remove + self.adopt + self.forget


def zero_held_back() -> dict[str, int]:
    return {str(reason): 0 for reason in HeldBack}


def zero_filtered() -> dict[str, int]:
    return {str(reason): 0 for reason in Filtered}


def zero_unusable() -> dict[str, int]:
    return {str(reason): 0 for reason in Unusable}


@dataclass(frozen=True, slots=True)
class DiffCounts:
    """What the three-way table found for one export; mappings hold counts of rows.

    drift: members of ours whose live value of a field is not the one last accepted, per field.
    managed: rows of this export's ledger that are members. live: members of the list now, None when not refreshed.
    gone: ledger members no longer on the list. suppressed_stay: suppressed people on the list who aren't ours.
    """

    counts: Counts
    held_back: Mapping[str, int]
    reasons: Mapping[str, int]
    fields_changed: Mapping[str, int]
    drift: Mapping[str, int] = field(default_factory=dict)
    managed: int = 0
    live: int | None = None
    gone: int = 0
    suppressed_stay: int = 0
