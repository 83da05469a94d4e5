"""The columns and keys that an import may carry, and what each of them means for a person.

How rows are merged is in ``merge``; how request bodies are read is in ``upload``.
Source of everything here: SW#D/JsonImportContact and SW#P/activities/contacts_file_import/post, contract 3.0.178.
"""

from __future__ import annotations

CORE_TEXT = {"first_name": 50, "last_name": 50, "job_title": 50, "company_name": 50, "anniversary": 10}
BIRTHDAY = {"birthday_month": 12, "birthday_day": 31}
PHONE_KIND = {
    "phone": "other", "home_phone": "home", "work_phone": "work", "mobile_phone": "mobile", "other_phone": "other",
}  # fmt: skip
ADDRESS_KIND = {"": "home", "home_": "home", "work_": "work", "other_": "other"}
ADDRESS_PART = {"street": 255, "street2": 255, "city": 50, "state": 50, "zip": 50, "country": 50}
SMS = {"sms_number": 16, "sms_consent_date": 16}
PHONE_LENGTH = 50

FILE_COLUMNS = frozenset(
    {"email", "first_name", "last_name", "phone", "job_title", "anniversary", "birthday_day", "birthday_month"}
    | {"company_name", *ADDRESS_PART, "sms_number", "sms_consent_date"}
)
"""The headings a file import documents; ``cf:`` columns come on top."""

JSON_KEYS = frozenset(
    {"email", *CORE_TEXT, *BIRTHDAY, *PHONE_KIND, *SMS}
    | {prefix + part for prefix in ADDRESS_KIND for part in ADDRESS_PART}
    | {"home country"}
)
"""The keys a JSON import documents, the contract's ``home country`` (with a blank) beside ``home_country``."""

SEED_COLUMNS = JSON_KEYS | {"permission_to_send", "lists", "created_at"}
"""What the control API's seeding takes beyond an import."""

ANNIVERSARY_FORMATS = ("%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%d", "%m-%d-%Y")

ROLE_ADDRESS = (
    r"(abuse|admin|all|everyone|ftp|info|investorrelations|jobs|marketing|media|noc|postmaster|prime|privacy|"
    r"remove|request|root|sales|security|spam|subscribe|usenet|users|uucp|webmaster|www)@.*|[^@]*spam[^@]*@.*"
)
"""Role addresses, matched whole. Source: knowledge base 5538, community post ba-p/282101."""

EMAIL = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}"
"""What counts as an address, matched whole after lower-casing. The vendor publishes no criteria (post 417628)."""

ANY_EMAIL = EMAIL.replace("a-z", "a-z\x80-\U0010ffff")
"""The same in any script."""


def address_pattern(non_ascii: str) -> str:
    """What counts as an address in an import, by the switch ``non_ascii_address``."""
    return ANY_EMAIL if non_ascii == "accept" else EMAIL


def max_length(column: str) -> int:
    """Return the documented greatest length of a column's value, in characters."""
    if column == "email":
        return 50
    if column.startswith("cf:"):
        return 255
    if column in CORE_TEXT:
        return CORE_TEXT[column]
    if column in PHONE_KIND:
        return PHONE_LENGTH
    if column in SMS:
        return SMS[column]
    return 255 if column.endswith(("street", "street2")) else 50
