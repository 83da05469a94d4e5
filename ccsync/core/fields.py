"""Every field that the destination's import accepts, with its limits. The one place that knows them.

Source: openapi.yml 3.0.178, #/definitions/JsonImportContact and /activities/contacts_file_import; FACTS 2.2, 2.3.
"""

from dataclasses import dataclass

CUSTOM_FIELD_PREFIX = "cf:"
EMAIL_MAX_CHARS = 50  # in both imports; 80 elsewhere in the API
CUSTOM_FIELD_MAX_CHARS = 255
CUSTOM_FIELDS_MAX = 25  # per imported contact


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """max_chars: None for whole numbers. in_csv: the file import has a column for it; the JSON import has them all."""

    name: str
    max_chars: int | None
    in_csv: bool


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
    FieldSpec("birthday_month", None, in_csv=True),
    FieldSpec("birthday_day", None, in_csv=True),
    *_texts("anniversary", 10, in_csv=True),
)

ATTRIBUTES: dict[str, FieldSpec] = {spec.name: spec for spec in _SPECS}


def field_spec(target: str) -> FieldSpec:
    """The limits of a target: an attribute, or any custom field. Raises KeyError for an unknown attribute."""
    if target.startswith(CUSTOM_FIELD_PREFIX):
        return FieldSpec(target, CUSTOM_FIELD_MAX_CHARS, in_csv=True)
    return ATTRIBUTES[target]
