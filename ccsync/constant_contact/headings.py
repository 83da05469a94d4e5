"""Finds the columns of an export file: its headings are labels for people, not names of the API. Nothing is read here.

Source: real export files (FACTS 2.6; SURPRISES 21): `Email address`, `First name`, `Company`, `Phone - home`,
`Country - Home`, `Email permission status`, a custom field's label. Matching ignores case, blanks and punctuation.
"""

import re
from collections.abc import Mapping, Sequence

from ccsync.core.fields import CUSTOM_FIELD_PREFIX, Kind, field_spec
from ccsync.ports.live import CustomField

EMAIL = "email"

_SPECIAL: Mapping[str, tuple[str, ...]] = {
    EMAIL: ("email address", "email", "e mail address", "e mail"),
    "contact_id": ("contact id", "contactid"),
    "status": ("email status",),
    "permission": ("email permission status", "permission status", "permission to send"),
}

_KINDS: Mapping[str, str] = {"": "home", "home": "home", "work": "work", "other": "other"}
"""An address without a kind is a home address in both imports. Source: openapi.yml, #/definitions/JsonImportContact."""

_ADDRESS_PARTS: Mapping[str, tuple[str, ...]] = {
    "street": ("street address line 1", "street address", "address line 1", "street"),
    "city": ("city",),
    "state": ("state province", "state"),
    "zip": ("zip postal code", "postal code", "zip code", "zip"),
    "country": ("country",),
}


def _attributes() -> dict[str, tuple[str, ...]]:
    """Target → the headings it may stand under. Left out, because the file's spelling of a value need not be the one
    that was sent: birthday, anniversary, and `street2`, which the import appends to the street."""
    found = {
        "first_name": ("first name",),
        "last_name": ("last name",),
        "job_title": ("job title",),
        "company_name": ("company", "company name"),
        "phone": ("phone other", "other phone"),  # the import's `phone` is of the kind "other"
    }
    for kind in ("home", "work", "mobile", "other"):
        found[f"{kind}_phone"] = (f"phone {kind}", f"{kind} phone")
    for prefix, kind in _KINDS.items():
        for part, labels in _ADDRESS_PARTS.items():
            target = f"{prefix}_{part}" if prefix else part
            found[target] = tuple(f"{label} {kind}" for label in labels)
    return found


_ATTRIBUTES = _attributes()
_STANDARD = frozenset(label for labels in (*_SPECIAL.values(), *_ATTRIBUTES.values()) for label in labels)


def columns(header: Sequence[str], fields: Sequence[str], custom: Sequence[CustomField]) -> dict[str, str]:
    """What of ours stands under which heading: `email`, `contact_id`, `status`, `permission` and those of `fields` that
    the file has. A heading that stands there twice, or could mean two things, is left out; but for the address, where
    the first of two is the account's own column and not a custom field's. Empty when there is no address column.
    """
    places: dict[str, list[str]] = {}
    for heading in header:
        places.setdefault(plain(heading), []).append(heading)
    found: dict[str, str] = {}
    for target, labels in _SPECIAL.items():
        hits = [heading for label in labels for heading in places.get(label, [])]
        if hits and (target == EMAIL or len(hits) == 1):
            found[target] = hits[0]
    if EMAIL not in found:
        return {}
    if "permission" in found:
        found.setdefault("status", found["permission"])  # both say "Unsubscribed" of those who are
    for target in fields:
        labels = _labels(target, custom)
        hits = [heading for label in labels for heading in places.get(label, [])]
        if len(hits) == 1 and not _is_doubtful(target, fields):
            found[target] = hits[0]
    return found


def _labels(target: str, custom: Sequence[CustomField]) -> tuple[str, ...]:
    if not target.startswith(CUSTOM_FIELD_PREFIX):
        return _ATTRIBUTES.get(target, ())
    name = target.removeprefix(CUSTOM_FIELD_PREFIX)
    labels = {plain(field.label) for field in custom if field.name == name and _is_spelled_as_sent(field)}
    others = {plain(field.label) for field in custom if field.name != name}
    return tuple(labels - others - _STANDARD)


def _is_spelled_as_sent(field: CustomField) -> bool:
    """How the file spells a date, a number or several choices need not be how they were sent."""
    return field_spec(field.target, field.definition).kind in (Kind.TEXT, Kind.CHOICE)


def _is_doubtful(target: str, fields: Sequence[str]) -> bool:
    """A street to which a second line was appended is not the street that was sent."""
    return target.endswith("street") and f"{target}2" in fields


def plain(heading: str) -> str:
    """A heading without case, punctuation and double blanks."""
    return " ".join(re.findall(r"\w+", heading.lstrip("\ufeff").casefold().replace("_", " ")))


EXPORT_FIELDS: Mapping[str, str] = {
    "first_name": "first_name",
    "last_name": "last_name",
    "company_name": "company_name",
    "job_title": "job_title",
}
"""Targets → names of the export's `fields`, where one name means that one column. Source: DOC export_contacts."""


def asked_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """The `fields` to ask an export for; empty means all.

    Naming them makes the file of a million members five times smaller and leaves data that nobody needs where they
    are. Custom fields can't be named (they come only with "all": FACTS 2.6), nor one kind of phone or address; when one
    of those is wanted, everything is asked for.
    """
    if all(target in EXPORT_FIELDS for target in fields):
        return ("email_address", *(EXPORT_FIELDS[target] for target in fields))
    return ()
