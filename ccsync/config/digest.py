"""The digest of a project's meaning: the same however the files are written, another when anything else is declared.

Which files and places the declarations came from is no part of it, nor are the values behind references, nor what
changes no plan: schedules, notifications, and approvals, which are written after the plan that they are for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from ccsync.core.plan import canonical_json
from ccsync.core.spec import CombinedSegment, Connection, Export, Project, Roles, Secret, SetOperation, TableSegment

_LEFT_OUT: dict[type, tuple[str, ...]] = {
    Project: ("root", "digest", "approvals", "refresh", "notifications"),
    TableSegment: ("query_file",),
    Export: ("schedule",),
}

_SETS: dict[type, tuple[str, ...]] = {
    Export: ("segments", "fields"),
    Roles: ("administrators", "contributors", "viewers"),
    Connection: ("available_to", "suppress"),
}
"""Where order means nothing. A segment's operands are handled below: the base of `except` comes first."""


def digest_of(project: Project) -> str:
    """sha256, in hexadecimal, of a project that was built without resolving its references."""
    return hashlib.sha256(canonical_json(meaning_of(project))).hexdigest()


def meaning_of(value: object) -> object:
    """The same as plain data, without what means nothing: two that are equal here mean the same."""
    match value:
        case Secret():
            return value.reference
        case Enum():
            return str(value.value)
        case Mapping():
            return {str(key): meaning_of(inner) for key, inner in value.items()}
        case tuple() | list():
            return [meaning_of(inner) for inner in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _record(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _record(value: object) -> dict[str, object]:
    kind = type(value)
    record: dict[str, object] = {"kind": kind.__name__}
    for field in fields(value):  # type: ignore[arg-type]  # the caller has seen that it is a dataclass
        if field.name in _LEFT_OUT.get(kind, ()):
            continue
        meaning = meaning_of(getattr(value, field.name))
        is_set = field.name in _SETS.get(kind, ())
        record[field.name] = sorted(meaning, key=canonical_json) if is_set and isinstance(meaning, list) else meaning
    if isinstance(value, CombinedSegment):
        first = 1 if value.operation is SetOperation.EXCEPT else 0
        record["operands"] = [*value.operands[:first], *sorted(value.operands[first:])]
    return record
