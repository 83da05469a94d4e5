"""The caps of a bulk request, in one place. How rows are cut into batches under them is `engine/batches.py`.

Source: openapi.yml 3.0.178, /activities/contacts_file_import, /activities/contacts_json_import and
/activities/remove_list_memberships; what lies beyond a cap is dropped without an error (SURPRISES 5).
"""

from dataclasses import dataclass
from enum import StrEnum

MAX_BODY_BYTES = 3_999_000
"""Of the whole encoded request body. The vendor says 4 MB and not which; under 4,000,000 with room for the envelope."""

ENVELOPE_BYTES = 4_096
"""Kept free for what surrounds the rows: multipart boundaries and part headers, the list id, the file name."""

MAX_JSON_ROWS = 40_000
MAX_CSV_ROWS = 39_999  # the header is one of the 40,000 lines
MAX_REMOVAL_IDS = 500


class Transport(StrEnum):
    """How an import travels.

    CSV carries more rows a call and its file name comes back as `source_file_name`, which finds a job whose answer was
    lost. A row travels as JSON when CSV can't say it: a field without a CSV column, a line break in a value, or a field
    that is to be left alone (an empty CSV cell may clear it: SURPRISES 14; in JSON the property is left out).
    """

    CSV = "csv"
    JSON = "json"


class BatchKind(StrEnum):
    IMPORT = "import"
    REMOVAL = "removal"


@dataclass(frozen=True, slots=True)
class Batch:
    """One bulk request to be. number: counts from 1 over an export's removals, then its imports.

    members: how many of the rows are on the list already (updates and adoptions); they come first, so that the time
    between the last look and their sending is shortest. bytes: of the encoded rows. transport: None for a removal.
    """

    number: int
    kind: BatchKind
    rows: int
    bytes: int
    members: int = 0
    transport: Transport | None = None


def max_rows(transport: Transport) -> int:
    match transport:
        case Transport.CSV:
            return MAX_CSV_ROWS
        case Transport.JSON:
            return MAX_JSON_ROWS


def max_row_bytes() -> int:
    """How many bytes the rows of one import may take, header included."""
    return MAX_BODY_BYTES - ENVELOPE_BYTES
