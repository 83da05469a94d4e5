"""What a custom field takes as a value, by its type: SQL conditions over the text of an import's cell.

What becomes of a cell that fails is a switch and decided in ``merge``.
Source: SW#D/CustomField, SW#D/CustomFieldMetadata; how an import reads the values is not documented (FACTS 5).
"""

from __future__ import annotations

from ccsync.sandbox import columns
from ccsync.sandbox.account import CustomField
from ccsync.sandbox.store import literal

SEPARATORS = {"comma": ",", "semicolon": ";"}


def takes(field: CustomField, cell: str, separator: str) -> str | None:
    """SQL (BOOLEAN) for whether the field takes a trimmed, non-empty cell; None for a type that takes any text."""
    labels = ", ".join(literal(str(choice["choice_label"])) for choice in field.choices)
    match field.type:
        case "date":
            formats = ", ".join(literal(one) for one in columns.ANNIVERSARY_FORMATS)
            return f"try_strptime({cell}, [{formats}]) IS NOT NULL"
        case "datetime":
            return f"try_cast({cell} AS TIMESTAMPTZ) IS NOT NULL"
        case "number" | "currency":
            return f"regexp_full_match({cell}, {literal(_number(field))})"
        case "boolean":
            return f"lower({cell}) IN ('true', 'false')"
        case "single_select":
            return f"{cell} IN ({labels})"
        case "multi_select":
            parts = f"list_transform(string_split({cell}, {literal(separator)}), lambda part: trim(part))"
            return f"list_has_all([{labels}], {parts})"
        case _:
            return None


def _number(field: CustomField) -> str:
    # A number is not negative unless that is said; an amount of money may be. Decimals: 1 to 4, or none for integers.
    said = field.metadata
    places = 0 if said.get("integer") is True else int(str(said.get("decimal_places") or 4))
    negative = said.get("allow_negative") is True if field.type == "number" else said.get("allow_negative") is not False
    decimals = rf"(\.\d{{1,{places}}})?" if places else ""
    return rf"{'-?' if negative else ''}\d+{decimals}"
