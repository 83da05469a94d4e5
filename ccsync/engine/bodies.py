"""Reads batches out of a changes file as the bytes and ids that are sent; how a row is spelled is `encode.py`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ccsync.core.batch import Batch, Transport
from ccsync.core.fields import field_spec
from ccsync.engine import encode
from ccsync.engine.batches import IMPORT_ORDER
from ccsync.engine.canonical import folded_sql
from ccsync.engine.drops import without_dropped
from ccsync.engine.formats import format_sql
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.desired import Definitions
from ccsync.ports.live import ImportBody


class BodyWriter:
    """The `Bodies` port."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def misfits(self, changes: Path, definitions: Definitions) -> Mapping[str, int]:
        """See the port."""
        if not definitions:
            return {}
        counts = []
        for target, definition in definitions.items():
            value = encode.after(target)
            fits = f"{format_sql(value, field_spec(target, definition))} IS NOT DISTINCT FROM {value}"
            counts.append(f"count(*) FILTER ({value} IS NOT NULL AND NOT ({fits}))")
        found = self._session.row(
            f"SELECT {', '.join(counts)} FROM read_parquet({literal(str(changes))}) WHERE batch IS NOT NULL"
        )
        return {target: rows for target, rows in zip(definitions, found, strict=True) if rows}

    def import_body(
        self, changes: Path, fields: Sequence[str], batch: Batch, without: Sequence[Path], only: Path | None
    ) -> ImportBody:
        """The rows of one import, in the order of the changes file. A body whose `count` is 0 is not worth sending."""
        transport = batch.transport
        assert transport is not None, "an import has a transport"
        head, row, between, tail = _spelling(transport, fields)
        part = _part(only)
        count, rows = self._session.row(
            f"SELECT count(*), encode(string_agg({row}, {literal(between)} ORDER BY {_place()}, key))"
            f" FROM ({_batch(changes)}){without_dropped(without)}{part}",
            [batch.number],
        )
        return ImportBody(transport, head.encode() + (rows or b"") + tail.encode(), count)

    def halves(
        self, changes: Path, batch: Batch, without: Sequence[Path], only: Path | None, into: Path
    ) -> tuple[Path, Path]:
        """See the port. In the order of the body, so that people who are on the list already stay together."""
        rows = (
            f"SELECT key, ntile(2) OVER (ORDER BY {_place()}, key) AS half"
            f" FROM ({_batch(changes).replace('$1', str(batch.number))}){without_dropped(without)}{_part(only)}"
        )
        first, second = into / "first.parquet", into / "second.parquet"
        for half, path in enumerate((first, second), start=1):
            self._session.copy_to_parquet(f"SELECT key FROM ({rows}) WHERE half = {half} ORDER BY key", path)
        return first, second

    def removal_ids(
        self, changes: Path, batch: Batch, without: Sequence[Path], ids: Path | None, only: Path | None
    ) -> tuple[str, ...]:
        """Contact ids of one removal batch, by key. Who has none is left out: nothing else names them."""
        if ids is None:
            return ()
        found = self._session.rows(
            f"SELECT i.contact_id FROM (FROM ({_batch(changes)}){without_dropped(without)}{_part(only)}) AS c"
            f" JOIN read_parquet({literal(str(ids))}) AS i ON i.key = c.key ORDER BY c.key",
            [batch.number],
        )
        return tuple(dict.fromkeys(contact_id for (contact_id,) in found))

    def unresolved(self, changes: Path, without: Sequence[Path], ids: Path | None) -> tuple[str, ...]:
        """Keys of removals without a contact id, in order."""
        known = f" AND key NOT IN (SELECT key FROM read_parquet({literal(str(ids))}))" if ids else ""
        removals = f"SELECT * FROM read_parquet({literal(str(changes))}) WHERE op = 'remove'{known}"
        found = self._session.rows(f"SELECT key FROM ({removals}){without_dropped(without)} ORDER BY key")
        return tuple(key for (key,) in found)

    def write_ids(
        self, pages: Iterator[tuple[tuple[str, str], ...]], wanted: Sequence[str], ids: Path | None, into: Path
    ) -> int:
        """Writes Parquet (key, contact_id), ordered by key, page by page: only who is wanted is kept. Where two
        contacts share a key, nobody can tell whom it means: neither is named."""
        session = self._session
        keys, found = session.fresh_name("wanted"), session.fresh_name("ids")
        session.execute(f"CREATE TEMP TABLE {identifier(keys)} AS SELECT unnest($1::VARCHAR[]) AS key", [list(wanted)])
        known = f"read_parquet({literal(str(ids))})" if ids else "(SELECT '' AS key, '' AS contact_id WHERE false)"
        session.execute(f"CREATE TEMP TABLE {identifier(found)} AS SELECT key, contact_id FROM {known} ORDER BY key")
        for page in pages:
            if not page:
                continue
            session.execute(
                f"INSERT INTO {identifier(found)} SELECT key, contact_id FROM"
                f" (SELECT {folded_sql('email')} AS key, contact_id"
                " FROM (SELECT unnest($1::VARCHAR[]) AS email, unnest($2::VARCHAR[]) AS contact_id))"
                f" WHERE key IN (SELECT key FROM {identifier(keys)})",
                [[email for email, _ in page], [contact_id for _, contact_id in page]],
            )
        # A listing that changes while it is read repeats people.
        session.copy_to_parquet(
            f"SELECT key, any_value(contact_id) AS contact_id FROM {identifier(found)} GROUP BY key"
            " HAVING count(DISTINCT contact_id) = 1 ORDER BY key",
            into,
        )
        session.drop(keys, found)
        return int(session.scalar("SELECT count(*) FROM read_parquet($1)", [str(into)]))


def _spelling(transport: Transport, fields: Sequence[str]) -> tuple[str, str, str, str]:
    """What stands before the rows, the SQL of a row, what stands between rows, and after them."""
    match transport:
        case Transport.CSV:
            return encode.csv_header(fields), encode.csv_line(fields), "", ""
        case Transport.JSON:
            return "[", encode.json_object(fields), ",", "]"


def _place() -> str:
    """SQL: the place of a row's op in a body."""
    return f"CASE op {' '.join(f'WHEN {literal(op)} THEN {at}' for at, op in enumerate(IMPORT_ORDER))} END"


def _part(only: Path | None) -> str:
    """SQL: a further condition on rows (key), for a second try."""
    return f" AND key IN (SELECT key FROM read_parquet({literal(str(only))}))" if only else ""


def _batch(changes: Path) -> str:
    return f"SELECT * FROM read_parquet({literal(str(changes))}) WHERE batch = $1"
