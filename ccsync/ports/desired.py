"""Who belongs, by the segments as they are now: asked of `engine`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType, Protocol

from ccsync.core.fields import Definition
from ccsync.core.plan import SourceRead
from ccsync.core.spec import Export, ExportName
from ccsync.errors import Diagnostic

Relation = NewType("Relation", str)
"""The name of a table in the engine's session; lives as long as the session."""

Definitions = Mapping[str, Definition]
"""Target (`cf:NAME`) → what the account says of the field."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """relation: (name VARCHAR), distinct: keys, and, where hashed, lower-case hexadecimal sha256 of keys."""

    relation: Relation
    hashed: bool


@dataclass(frozen=True, slots=True)
class Desired:
    """The people an export wants on its list.

    relation: (key VARCHAR, <target> VARCHAR per field; NULL = leave the remote value alone), one row a key.
    unusable_relation: (key VARCHAR: the address as it stood, cut to 320 characters, or NULL; reason VARCHAR).
    size: rows of `relation`. rows: source rows read. unusable: count by reason; blocking: the part of them that counts
    for `max_unusable` (what the user chose to leave out doesn't: duplicates dropped by `keep: first`, rows dropped by
    `on_null: skip_row`). findings: warnings about the sources.

    filtered: source rows left out on purpose, by reason (`core.change.Filtered`); they are neither in `relation` nor in
    `unusable_relation`. filtered_relation: (key VARCHAR, reason VARCHAR), one row a key. suppressed: everyone who must
    not be sent over the export's connection, in its segments or not; None when nobody is declared.
    """

    relation: Relation
    unusable_relation: Relation
    size: int
    rows: int
    unusable: Mapping[str, int]
    blocking: int
    sources: tuple[SourceRead, ...]
    findings: tuple[Diagnostic, ...] = ()
    filtered: Mapping[str, int] = field(default_factory=dict)
    filtered_relation: Relation | None = None
    suppressed: Suppressed | None = None


class Desires(Protocol):
    def desired(self, export: Export, definitions: Definitions | None = None) -> Desired:
        """Reads the export's sources, runs its segments, formats values as the fields take them.

        definitions: of its custom fields, as far as they are known; the others are free text. Raises InvalidError with
        every problem of the data."""

    def conflicts(self, desires: Mapping[ExportName, Desired]) -> Mapping[ExportName, Mapping[str, int]]:
        """Finds people for whom two of these exports want different values of one field, and blanks that field in both
        relations (so neither writes it). Returns export → field → people; empty when there are none."""

    def in_source(self, export: Export, keys: Relation) -> Relation:
        """Which of `keys` (key VARCHAR), of people who are in none of the export's segments, its sources still hold,
        whatever the segments' conditions say."""
