"""Reads the bodies of the two imports: what is refused at once, what is cut off in silence, what is queued.

What happens to the rows later is in ``merge``. Nothing here looks at a single row in Python beyond what a whole-body
parse gives for free, so that a 4 MB body is accepted in tens of milliseconds.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ccsync.sandbox import columns, limits, problem
from ccsync.sandbox.account import Account
from ccsync.sandbox.field_values import SEPARATORS, takes
from ccsync.sandbox.merge import Incoming
from ccsync.sandbox.store import Store, literal
from ccsync.sandbox.switches import SwitchBoard


@dataclass(frozen=True, slots=True)
class Upload:
    """An accepted import body, kept in a scratch file until its job runs. ``rows`` is what it holds after cutting."""

    file: Path
    incoming: Incoming
    rows: int
    violations: tuple[str, ...]
    is_csv: bool


def read_csv(body: bytes, request_bytes: int, account: Account, switches: SwitchBoard, store: Store) -> Upload:
    """Accept a CSV file. Lines beyond 40,000 and bytes beyond 4 MB are dropped without a word.

    Source: SW#P/activities/contacts_file_import/post. A row that the cut goes through is dropped as well.
    """
    violations = []
    overhead = max(0, request_bytes - len(body))
    kept = max(0, int(switches.number("mb")) - overhead)
    if len(body) > kept:
        violations.append("oversized_body")
        body = body[: body.rfind(b"\n", 0, kept) + 1]
    lines = body.count(b"\n") + (0 if body.endswith(b"\n") or not body else 1)
    if lines > limits.ROWS_PER_IMPORT:
        violations.append("too_many_rows")
        if switches["over_rows"] == "reject":
            raise problem.invalid("The file has more than 40,000 lines.")
        body = b"\n".join(body.split(b"\n", limits.ROWS_PER_IMPORT)[: limits.ROWS_PER_IMPORT]) + b"\n"
        lines = limits.ROWS_PER_IMPORT
    try:
        codecs.decode(body, "utf-8")
    except UnicodeDecodeError:
        raise problem.invalid("The file is not UTF-8 text.") from None
    if b"\x00" in body:
        raise problem.invalid("The file holds NUL characters.")
    header = _header(body)
    _check_columns(header, columns.FILE_COLUMNS, "column heading")
    if switches["invalid_address"] == "refuse" and "email" in header:
        cells = csv.reader(io.StringIO(body.decode(), newline=""))
        _refuse_invalid([row[header.index("email")] for row in list(cells)[1:] if len(row) == len(header)], switches)
    fields, checks = _fields(header, account, switches)
    file = store.scratch_file(".csv")
    file.write_bytes(body)
    strict, loose = (_csv_relation(file, len(header), strict=strict) for strict in (True, False))
    incoming = Incoming(strict, header, fields, checks, rejects=True, fallback=loose)
    return Upload(file, incoming, max(0, lines - 1), tuple(violations), is_csv=True)


def read_json(body: bytes, account: Account, switches: SwitchBoard, store: Store) -> tuple[Upload, Mapping[str, Any]]:
    """Accept a JSON import; returns the upload and the body without its rows.

    The types and lengths of SW#D/JsonImportContact are checked over the whole body at once. Contacts beyond the
    first 4 MB are dropped, those beyond 40,000 too (or refused, by switch). ``Any``: a JSON document.
    """
    violations = []
    document = _document(body)
    rows = document.get("import_data")
    if not isinstance(rows, list) or not all(type(row) is dict for row in rows):
        raise problem.invalid("import_data must be an array of objects")
    limit = int(switches.number("mb"))
    if len(body) > limit:
        violations.append("oversized_body")
        rows = rows[: _whole_rows_within(body, limit)]
        body = json.dumps({"import_data": rows}, ensure_ascii=False).encode()
    if len(rows) > limits.ROWS_PER_IMPORT:
        violations.append("too_many_rows")
        if switches["over_rows"] == "reject":
            raise problem.invalid("import_data has more than 40,000 contacts")
    keys = tuple(dict.fromkeys(chain.from_iterable(rows)))
    _check_columns(keys, columns.JSON_KEYS, "property")
    _check_cells(rows, keys)
    if switches["invalid_address"] == "refuse":
        _refuse_invalid([row["email"] for row in rows if row.get("email")], switches)
    fields, checks = _fields(keys, account, switches)
    file = store.scratch_file(".json")
    file.write_bytes(body)
    count = min(len(rows), limits.ROWS_PER_IMPORT)
    rest = {name: value for name, value in document.items() if name != "import_data"}
    return Upload(
        file, Incoming(_json_relation(file, keys), keys, fields, checks), count, tuple(violations), is_csv=False
    ), rest


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise problem.malformed("The JSON was malformed.") from None
    if not isinstance(document, dict):
        raise problem.invalid("The body must be an object")
    return document


def _header(body: bytes) -> tuple[str, ...]:
    first = body.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8")
    try:
        header = next(csv.reader(io.StringIO(first), strict=True), [])
    except csv.Error:
        raise problem.invalid("The header row of the file can't be read.") from None
    if not header:
        raise problem.invalid("The file is empty.")
    return tuple(header)


def _check_columns(names: Sequence[str], known: Iterable[str], what: str) -> None:
    allowed = frozenset(known)
    for name in names:
        if name not in allowed and not name.startswith("cf:"):
            raise problem.invalid(f"{name!r} is not a valid {what}")
    if len(set(names)) != len(names):
        raise problem.invalid(f"a {what} occurs twice")
    if names and not {"email", "sms_number"} & set(names):
        raise problem.invalid("either email or sms_number is required")
    if sum(name.startswith("cf:") for name in names) > limits.FIELDS_PER_CONTACT and what != "property":
        raise problem.invalid("Each contact can contain up to 25 different custom fields")


def _refuse_invalid(addresses: Iterable[str], switches: SwitchBoard) -> None:
    pattern = re.compile(columns.address_pattern(switches["non_ascii_address"]))
    if not all(pattern.fullmatch(address.strip().lower()) for address in addresses):
        raise problem.invalid("email is not a valid email address")


def _check_cells(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
    for key in keys:
        wanted: tuple[type, ...] = (int,) if key in columns.BIRTHDAY else (str,)
        cells = [row[key] for row in rows if key in row]
        kinds = set(map(type, cells))
        if kinds - set(wanted) - {type(None)}:
            raise problem.invalid(f"import_data: {key} must be a {'n integer' if wanted == (int,) else ' string'}")
        if str in wanted and kinds:
            longest = max(map(len, filter(None, cells)), default=0)
            if longest > columns.max_length(key):
                raise problem.invalid(f"import_data: {key} has more than {columns.max_length(key)} characters")
    if sum(key.startswith("cf:") for key in keys) > limits.FIELDS_PER_CONTACT:
        for row in rows:
            if sum(key.startswith("cf:") for key in row) > limits.FIELDS_PER_CONTACT:
                raise problem.invalid("Each contact can contain up to 25 custom fields")


def _fields(names: Sequence[str], account: Account, switches: SwitchBoard) -> tuple[dict[str, int], dict[str, str]]:
    """Column → the number of its custom field, and what the field takes (see ``Incoming.checks``)."""
    fields, checks = {}, {}
    separator = SEPARATORS[switches["multi_select_separator"]]
    for name in names:
        if not name.startswith("cf:"):
            continue
        found = account.field_named(name[3:])
        if found is not None:
            fields[name] = found.number
            if check := takes(found, "{cell}", separator):
                checks[name] = check
        elif switches["unknown_cf"] == "reject":
            raise problem.invalid(f"custom field {name[3:]!r} does not exist")
    return fields, checks


def _whole_rows_within(body: bytes, limit: int) -> int:
    """Count the objects of ``import_data`` that end within the first ``limit`` bytes."""
    text = body[:limit].decode("utf-8", errors="ignore")
    at = text.find("[", text.find('"import_data"'))
    if at < 0:
        return 0
    decoder, count, at = json.JSONDecoder(), 0, at + 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            return count
        if not isinstance(value, dict):
            return count
        count += 1


def _csv_relation(file: Path, width: int, *, strict: bool) -> str:
    # Strict tells rows with too many cells apart, but gives a file up altogether over some misplaced quotes.
    types = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(width))
    return (
        f"read_csv({literal(str(file))}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{types}}}, nullstr = '\x01', null_padding = true, parallel = false, store_rejects = true, "
        f"strict_mode = {str(strict).lower()}, max_line_size = 4194304)"
    )


def _json_relation(file: Path, keys: Sequence[str]) -> str:
    if not keys:
        return "(SELECT NULL::VARCHAR AS c0 WHERE FALSE)"
    cells = ", ".join(
        f"json_extract_string(r, {literal('/' + key.replace('~', '~0').replace('/', '~1'))}) AS c{at}"
        for at, key in enumerate(keys)
    )
    source = f"SELECT content::JSON AS doc FROM read_text({literal(str(file))})"
    return f"(SELECT {cells} FROM (SELECT unnest((doc -> '$.import_data')::JSON[]) AS r FROM ({source})))"
