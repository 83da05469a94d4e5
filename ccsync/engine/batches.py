"""Cuts changes into requests under the caps of rows and encoded bytes; how a row is encoded is `encode.py`.

Rows are measured and numbered in SQL. Python walks over batches, never over rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ccsync.core.batch import MAX_REMOVAL_IDS, Batch, BatchKind, Transport, max_row_bytes, max_rows
from ccsync.core.change import Op
from ccsync.engine import encode
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError, Diagnostic
from ccsync.ports.desired import Relation

IMPORT_ORDER = (Op.UPDATE, Op.ADOPT, Op.ADD)
"""People who are on the list already go first, so that the time between the last look and their sending is shortest."""

ID_BYTES = 39
"""Of one contact id in a removal: 36 characters, two quotes and a comma. Source: FACTS 2.4, contact ids are UUIDs."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps of one request; the defaults are the vendor's (see `core/batch.py`)."""

    csv_rows: int = max_rows(Transport.CSV)
    json_rows: int = max_rows(Transport.JSON)
    row_bytes: int = max_row_bytes()
    removals: int = MAX_REMOVAL_IDS

    def rows(self, transport: Transport) -> int:
        match transport:
            case Transport.CSV:
                return self.csv_rows
            case Transport.JSON:
                return self.json_rows


@dataclass(frozen=True, slots=True)
class Cut:
    """numbers: (row BIGINT: rowid of the changes table, batch INTEGER) of every row that is sent."""

    numbers: Relation
    batches: tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rows of the queue that make one import: positions `first` to `last`, both in it."""

    first: int
    last: int
    batch: Batch


def cut(session: Session, table: Relation, fields: Sequence[str], caps: Caps = Caps()) -> Cut:
    """Numbers what is sent: removals by key, 500 each, then imports, each as full as the caps allow.

    table: (key, op, send BOOLEAN, after:<field> …), one row a key. Raises CcsyncError (E904) for a row that no request
    can hold.
    """
    numbers = session.fresh_name("numbers")
    removals = _cut_removals(session, table, numbers, caps)
    if not session.scalar(f"SELECT count(*) FROM {identifier(table)} WHERE send AND op <> 'remove'"):
        return Cut(numbers, removals)
    queue = session.fresh_name("queue")
    session.execute(f"CREATE TEMP TABLE {identifier(queue)} AS {_queue(table, fields)}")
    slices = sorted(_slices(session, queue, fields, caps), key=_sending_order)
    slices = [
        replace(part, batch=replace(part.batch, number=number))
        for number, part in enumerate(slices, start=len(removals) + 1)
    ]
    _number(session, queue, numbers, slices)
    session.drop(queue)
    return Cut(numbers, (*removals, *(part.batch for part in slices)))


def _cut_removals(session: Session, table: Relation, numbers: Relation, caps: Caps) -> tuple[Batch, ...]:
    """Fills `numbers` with the removals."""
    session.execute(
        f"CREATE TEMP TABLE {identifier(numbers)} AS SELECT rowid AS row,"
        f" CAST((row_number() OVER (ORDER BY key) - 1) // {caps.removals} + 1 AS INTEGER) AS batch"
        f" FROM {identifier(table)} WHERE op = 'remove'"
    )
    rows = session.rows(f"SELECT batch, count(*) FROM {identifier(numbers)} GROUP BY batch ORDER BY batch")
    return tuple(Batch(number, BatchKind.REMOVAL, size, size * ID_BYTES + 1) for number, size in rows)


def _queue(table: Relation, fields: Sequence[str]) -> str:
    """The import rows in the order they are sent, with their running size. position counts from 0.

    (row, position, is_csv, is_member: on the list already, total: encoded bytes up to and with this row.)
    """
    place = " ".join(f"WHEN {literal(op)} THEN {at}" for at, op in enumerate(IMPORT_ORDER))
    fits = encode.fits_csv(fields)
    line = encode.csv_line(fields) if fits else "NULL::VARCHAR"
    return f"""
    WITH encoded AS (
        SELECT rowid AS row, key, CASE op {place} END AS place, op <> 'add' AS is_member,
            {line} AS line, {encode.json_object(fields) if not fits else _json_when_needed(fields)} AS object
        FROM {identifier(table)} WHERE send AND op <> 'remove'
    ),
    sized AS (
        SELECT row, key, place, is_member, object IS NULL AS is_csv,
            CASE WHEN object IS NULL THEN strlen(line) ELSE strlen(object) + 1 END AS size
        FROM encoded
    )
    SELECT row, row_number() OVER line - 1 AS position, is_csv, is_member, sum(size) OVER line AS total
    FROM sized
    WINDOW line AS (ORDER BY is_csv DESC, place, key ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    """


def _json_when_needed(fields: Sequence[str]) -> str:
    """SQL: the JSON object of a row that CSV can't say, NULL for the others."""
    line = encode.csv_line(fields)
    cells = encode.csv_cells(fields)
    return (
        f"CASE WHEN {line} IS NULL OR regexp_matches({cells}, {literal(encode.LINE_BREAKERS)})"
        f" THEN {encode.json_object(fields)} END"
    )


def _slices(session: Session, queue: Relation, fields: Sequence[str], caps: Caps) -> Iterator[_Slice]:
    """Walks the queue from batch to batch, each as long as it can be: no other cut of this order needs fewer."""
    name = identifier(queue)
    ranges = session.rows(
        f"SELECT is_csv, min(position), max(position) FROM {name} GROUP BY is_csv ORDER BY is_csv DESC"
    )
    for is_csv, first, last in ranges:
        transport = Transport.CSV if is_csv else Transport.JSON
        # JSON's opening bracket; each row's comma or the closing bracket is counted with the row.
        frame = len(encode.csv_header(fields).encode()) if is_csv else 1
        while first <= last:
            part = _longest(session, queue, first, last, transport, frame, caps)
            yield part
            first = part.last + 1


def _longest(
    session: Session, queue: Relation, first: int, last: int, transport: Transport, frame: int, caps: Caps
) -> _Slice:
    """The longest batch that starts at `first`."""
    name = identifier(queue)
    before = session.scalar(f"SELECT COALESCE(max(total), 0) FROM {name} WHERE position = $1", [first - 1])
    end, total, members = session.row(
        f"SELECT max(position), max(total), count(*) FILTER (is_member) FROM {name}"
        " WHERE position BETWEEN $1 AND $2 AND total <= $3",
        [first, min(last, first + caps.rows(transport) - 1), before + caps.row_bytes - frame],
    )
    if end is None:
        raise CcsyncError(Diagnostic("E904", "one row is larger than a whole request may be; nothing was sent"))
    return _Slice(
        first, end, Batch(0, BatchKind.IMPORT, end - first + 1, int(total - before) + frame, members, transport)
    )


def _sending_order(part: _Slice) -> tuple[bool, int]:
    return part.batch.members == 0, part.first


def _number(session: Session, queue: Relation, numbers: Relation, slices: Sequence[_Slice]) -> None:
    """Adds the imports to `numbers`."""
    session.execute(
        f"INSERT INTO {identifier(numbers)} SELECT q.row, s.batch FROM {identifier(queue)} AS q"
        " JOIN (SELECT unnest(range(first, last + 1)) AS position, batch"
        " FROM (SELECT unnest($1::BIGINT[]) AS first, unnest($2::BIGINT[]) AS last, unnest($3::INTEGER[]) AS batch))"
        " AS s USING (position)",
        [
            [part.first for part in slices],
            [part.last for part in slices],
            [part.batch.number for part in slices],
        ],
    )
