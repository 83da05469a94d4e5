"""Where the people of the sandbox live: one DuckDB database, its tables, its lock and its scratch files.

No rule of the vendor's is applied here; see the modules that read and write through it.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ccsync.sandbox.options import SandboxUsageError

SCHEMA = """
CREATE TABLE IF NOT EXISTS contacts (
    seq BIGINT NOT NULL,
    contact_id UUID NOT NULL,
    email VARCHAR,
    sms_number VARCHAR,
    first_name VARCHAR,
    last_name VARCHAR,
    job_title VARCHAR,
    company_name VARCHAR,
    birthday_month TINYINT,
    birthday_day TINYINT,
    anniversary VARCHAR,
    permission ENUM ('explicit', 'implicit', 'not_set', 'pending_confirmation', 'temp_hold', 'unsubscribed'),
    create_source ENUM ('Account', 'Contact') NOT NULL,
    update_source ENUM ('Account', 'Contact'),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP,
    email_created_at TIMESTAMP,
    email_updated_at TIMESTAMP,
    opt_in_source ENUM ('Account', 'Contact'),
    opt_in_date TIMESTAMP,
    opt_out_source ENUM ('Account', 'Contact'),
    opt_out_date TIMESTAMP,
    opt_out_reason VARCHAR,
    confirm_status ENUM ('pending', 'confirmed', 'off'),
    sms_permission VARCHAR,
    sms_consent_date VARCHAR,
    resubscribe_sent BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS memberships (list_no INTEGER NOT NULL, seq BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS left_lists (
    list_no INTEGER NOT NULL, seq BIGINT NOT NULL, left_at TIMESTAMP NOT NULL,
    returned_at TIMESTAMP, returned_by VARCHAR
);
CREATE TABLE IF NOT EXISTS custom_values (
    seq BIGINT NOT NULL, field_no INTEGER NOT NULL, value VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS phones (
    seq BIGINT NOT NULL, kind VARCHAR NOT NULL, phone_number VARCHAR NOT NULL, phone_id UUID NOT NULL,
    created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS addresses (
    seq BIGINT NOT NULL, kind VARCHAR NOT NULL, street VARCHAR, city VARCHAR, state VARCHAR,
    postal_code VARCHAR, country VARCHAR, address_id UUID NOT NULL,
    created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS taggings (tag_no INTEGER NOT NULL, seq BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (
    seq BIGINT NOT NULL, note_id UUID NOT NULL, content VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS account_state (key VARCHAR PRIMARY KEY, document VARCHAR NOT NULL);
"""

PEOPLE_TABLES = (
    "contacts", "memberships", "left_lists", "custom_values", "phones", "addresses", "taggings", "notes",
)  # fmt: skip

# Rows come out of DuckDB as tuples of whatever the columns hold.
Row = tuple[Any, ...]


class Store:
    """One database. Writers take turns under one lock; readers see a snapshot on a cursor of their own."""

    def __init__(self, file: Path | None = None) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="ccsync-sandbox-"))
        try:
            self._connection = duckdb.connect(str(file) if file else ":memory:")
        except duckdb.Error as unfit:
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise SandboxUsageError(f"the account in {file} can't be opened: {unfit}") from unfit
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(f"SET temp_directory = '{str(self.scratch).replace(chr(39), chr(39) * 2)}'")
        self._connection.execute(SCHEMA)
        self._write_lock = threading.RLock()
        self._closed = False

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give the writing connection inside one transaction; an exception rolls everything back."""
        with self._write_lock:
            self._connection.execute("BEGIN TRANSACTION")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a cursor that sees one snapshot for as long as the block lasts."""
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN TRANSACTION")
            yield cursor
            cursor.execute("ROLLBACK")
        finally:
            cursor.close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one query and return its rows."""
        with self.read() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def number(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run a query that gives one number."""
        return int(self.rows(sql, parameters)[0][0] or 0)

    def scratch_file(self, suffix: str) -> Path:
        """Name a new file that lives no longer than the store."""
        return self.scratch / f"{uuid.uuid4().hex}{suffix}"

    def close(self) -> None:
        """Close the database and remove the scratch files."""
        with self._write_lock:
            if self._closed:
                return
            self._closed = True
            self._connection.close()
            shutil.rmtree(self.scratch, ignore_errors=True)


def stamp(moment: datetime) -> datetime:
    """Turn an aware moment into what the TIMESTAMP columns hold: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware(moment: datetime) -> datetime:
    """Turn a value of a TIMESTAMP column back into an aware moment."""
    return moment.replace(tzinfo=UTC)


def quoted(identifier: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for the few places of SQL that take no bound parameter."""
    return "'" + text.replace("'", "''") + "'"
