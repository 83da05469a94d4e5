"""How a row is spelled for the vendor and for its content digest: SQL expressions, each of them here and only here.

Which rows go together is `batches.py`; reading them out of a changes file is `bodies.py`.

Source: openapi.yml 3.0.178, #/definitions/JsonImportContact and /activities/contacts_file_import; FACTS 2.2.
"""

import csv
import io
from collections.abc import Callable, Sequence

from ccsync.core.fields import field_spec
from ccsync.engine.quote import identifier, literal

Column = Callable[[str], str]
"""Spells the SQL of a field's value, for a field's name."""

LINE_BREAKERS = r"[\p{Cc}\p{Zl}\p{Zp}]"
"""What some reader of CSV takes for the end of a line, or chokes on: control characters (CR, LF, NUL, NEL) and
Unicode's line and paragraph separators. Rows with one of these travel as JSON."""


def after(field: str) -> str:
    """The column of a changes file that holds what a field is to become."""
    return identifier(f"after:{field}")


def before(field: str) -> str:
    """The column of a changes file that holds what a field was."""
    return identifier(f"before:{field}")


def fits_csv(fields: Sequence[str]) -> bool:
    """Whether the file import has a column for each of the fields."""
    return all(field_spec(field).in_csv for field in fields)


def csv_header(fields: Sequence[str]) -> str:
    """The first line of a CSV import, its line end included."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(("email", *fields))
    return line.getvalue()


def csv_line(fields: Sequence[str], column: Column = after) -> str:
    """SQL: one row as a CSV line, line end included; NULL when a field is NULL, for CSV can't say "leave it alone".

    Every cell is quoted, so that no value is ever taken for something else.
    """
    return f"({csv_cells(fields, column)} || chr(10))"


def csv_cells(fields: Sequence[str], column: Column = after) -> str:
    """SQL: the cells of `csv_line` without the line end."""
    cells = ["key", *(column(field) for field in fields)]
    quoted = (f"""'"' || replace({cell}, '"', '""') || '"'""" for cell in cells)
    return "(" + " || ',' || ".join(quoted) + ")"


def json_object(fields: Sequence[str], column: Column = after) -> str:
    """SQL: one row as a JSON object; the property of a NULL field is left out."""
    parts = [f"{_property(field)} || {_json_value(field, column(field))}" for field in fields]
    optional = "".join(f" || COALESCE(',' || {part}, '')" for part in parts)
    return f"""('{{"email":' || to_json(key){optional} || '}}')"""


def content(fields: Sequence[str], column: Column = after) -> str:
    """SQL: md5 of what a row says: a JSON object of its non-NULL fields as strings, by name, without blanks.

    The order of the mapping does not matter. Ledgers keep it (`refused_content`), so its spelling must not change.
    """
    parts = [f"{_property(field)} || to_json({column(field)})" for field in sorted(fields)]
    if not parts:
        return "md5('{}')"
    return f"md5('{{' || concat_ws(',', {', '.join(parts)}) || '}}')"


def _property(field: str) -> str:
    return f"{literal(_json_text(field))} || ':'"


def _json_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json_value(field: str, column: str) -> str:
    if field_spec(field).max_chars is not None:
        return f"to_json({column})"
    # A whole number (birthday_month, birthday_day). What isn't one stays a string, so that it is refused, not lost.
    return f"COALESCE(CAST(TRY_CAST({column} AS INTEGER) AS VARCHAR), to_json({column}))"
