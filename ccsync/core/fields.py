"""Every field that the destination's import accepts, with its limits. The one place that knows them.

Source: openapi.yml 3.0.178, #/definitions/JsonImportContact and /activities/contacts_file_import; FACTS 2.2, 2.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

CUSTOM_FIELD_PREFIX = "cf:"
EMAIL_MAX_CHARS = 50  # in both imports; 80 elsewhere in the API
CUSTOM_FIELD_MAX_CHARS = 255
CUSTOM_FIELDS_MAX = 25  # per imported contact
PHONES_MAX = 3  # per contact, of any kind
DECIMALS_MAX = 4  # of a number or an amount of money
CHOICES_SEPARATOR = ","
"""Between the choices of a multi select. The vendor documents none (FACTS 5); its own exports join lists by commas."""


class Kind(StrEnum):
    """What the values of a field are. CHOICE is one of the account's choices, CHOICES any number of them."""

    TEXT = "text"
    MONTH = "month"
    DAY = "day"
    DATE = "date"
    MOMENT = "moment"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"


@dataclass(frozen=True, slots=True)
class Definition:
    """What the account says of a custom field, as far as its values depend on it.

    type: as the API names it. decimals: the most that a number may have, None when not said. negative: whether a number
    may be below zero. choices: the labels that are offered.
    Source: openapi.yml 3.0.178, #/definitions/CustomField and #/definitions/CustomFieldMetadata.
    """

    type: str
    decimals: int | None = None
    negative: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """max_chars: None for whole numbers. in_csv: the file import has a column for it; the JSON import has them all.

    decimals, negative: of a NUMBER. choices: of a CHOICE or CHOICES.
    """

    name: str
    max_chars: int | None
    in_csv: bool
    kind: Kind = Kind.TEXT
    decimals: int = DECIMALS_MAX
    negative: bool = True
    choices: tuple[str, ...] = ()


def _texts(names: str, max_chars: int, *, in_csv: bool) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(name, max_chars, in_csv) for name in names.split())


_SPECS = (
    *_texts("first_name last_name job_title company_name", 50, in_csv=True),
    *_texts("phone", 50, in_csv=True),
    *_texts("home_phone work_phone mobile_phone other_phone", 50, in_csv=False),
    *_texts("street street2", 255, in_csv=True),
    *_texts("city state zip country", 50, in_csv=True),
    *_texts("home_street home_street2 work_street work_street2 other_street other_street2", 255, in_csv=False),
    *_texts("home_city home_state home_zip home_country", 50, in_csv=False),
    *_texts("work_city work_state work_zip work_country", 50, in_csv=False),
    *_texts("other_city other_state other_zip other_country", 50, in_csv=False),
    FieldSpec("birthday_month", None, in_csv=True, kind=Kind.MONTH),
    FieldSpec("birthday_day", None, in_csv=True, kind=Kind.DAY),
    FieldSpec("anniversary", 10, in_csv=True, kind=Kind.DATE),
)

ATTRIBUTES: dict[str, FieldSpec] = {spec.name: spec for spec in _SPECS}


BIRTHDAY = ("birthday_month", "birthday_day")
"""What `birthday`, a date, is split into."""

PHONE_KINDS = {
    "phone": "other",
    "home_phone": "home",
    "work_phone": "work",
    "mobile_phone": "mobile",
    "other_phone": "other",
}
_ADDRESS_KINDS = {"": "home", "home_": "home", "work_": "work", "other_": "other"}
_ADDRESS_PARTS = ("street", "street2", "city", "state", "zip", "country")

_TYPES = {
    "date": Kind.DATE,
    "datetime": Kind.MOMENT,
    "number": Kind.NUMBER,
    "currency": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "single_select": Kind.CHOICE,
    "multi_select": Kind.CHOICES,
}
"""The API's types of custom fields that are no free text. Source: DOC custom-fields-create-or-update; FACTS 5."""


def field_spec(target: str, definition: Definition | None = None) -> FieldSpec:
    """The limits of a target: an attribute, or any custom field. Raises KeyError for an unknown attribute.

    definition: of a custom field, where the account was asked; without it every custom field is free text.
    """
    if not target.startswith(CUSTOM_FIELD_PREFIX):
        return ATTRIBUTES[target]
    if definition is None:
        return FieldSpec(target, CUSTOM_FIELD_MAX_CHARS, in_csv=True)
    return FieldSpec(
        target,
        CUSTOM_FIELD_MAX_CHARS,
        in_csv=True,
        kind=_TYPES.get(definition.type, Kind.TEXT),
        decimals=DECIMALS_MAX if definition.decimals is None else definition.decimals,
        negative=definition.negative,
        choices=definition.choices,
    )


def same_place(targets: Sequence[str]) -> list[tuple[str, str]]:
    """Attributes that write to one and the same place of a contact, as pairs: first come, then the other.

    Source: openapi.yml 3.0.178, #/definitions/JsonImportContact: `phone` is of the kind other, `street` of home.
    """
    seen: dict[str, str] = {}
    pairs = []
    for target in targets:
        first = seen.setdefault(_place(target), target)
        if first != target:
            pairs.append((first, target))
    return pairs


def _place(target: str) -> str:
    if target in PHONE_KINDS:
        return f"{PHONE_KINDS[target]} phone"
    for prefix, kind in _ADDRESS_KINDS.items():
        if target.removeprefix(prefix) in _ADDRESS_PARTS and target.startswith(prefix):
            return f"{kind} {target.removeprefix(prefix)}"
    return target
