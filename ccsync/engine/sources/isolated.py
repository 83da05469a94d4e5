"""A DuckDB instance that holds one source as the relation `source` and can reach nothing else in the world.

What a user may write to be run in it is decided by `user_sql.py`; either wall would do alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ccsync.core.spec import Source, SourceType
from ccsync.engine.complaints import Files, complaint
from ccsync.engine.quote import literal
from ccsync.engine.session import open_instance
from ccsync.engine.sources import (
    adbc,
    cdm_folder,
    csv_files,
    delta_table,
    duckdb_file,
    json_files,
    parquet_files,
    postgres,
    sqlite_file,
)
from ccsync.engine.sources.cloud import fetch_files, is_cloud
from ccsync.engine.sources.files import SourceFile, check_unchanged, find_files
from ccsync.engine.sources.opening import Made, Opening
from ccsync.errors import CcsyncError


@dataclass(frozen=True, slots=True)
class _Reading:
    """make: makes the relation; raises InvalidError, or duckdb.Error for the caller to translate. Answers None when all
    there is to know is which files the path led to.

    is_file: whether the path is to be looked for. suffix: see `find_files`.
    reread: whether the files are read again at every query, unprotected; those of a database
    are read once, or under the database's own lock.
    """

    make: Callable[[Opening], Made | None]
    suffix: str | None = None
    is_file: bool = True
    reread: bool = False


_KINDS: dict[SourceType, _Reading] = {
    SourceType.CSV: _Reading(csv_files.make_relation, reread=True),
    SourceType.JSON: _Reading(json_files.make_relation, reread=True),
    SourceType.PARQUET: _Reading(parquet_files.make_relation, suffix=".parquet", reread=True),
    SourceType.DUCKDB: _Reading(duckdb_file.make_relation),
    SourceType.SQLITE: _Reading(sqlite_file.make_relation),
    SourceType.DELTA: _Reading(delta_table.make_relation, is_file=False, reread=True),
    SourceType.POSTGRES: _Reading(postgres.make_relation, is_file=False),
    SourceType.ADBC: _Reading(adbc.make_relation, is_file=False),
    SourceType.CDM: _Reading(cdm_folder.make_relation, reread=True),
}


class IsolatedSource:
    """One table of one source, open for reading; close it. built_at, findings: see `Made`."""

    def __init__(self, source: Source, made: Made, connection: duckdb.DuckDBPyConnection) -> None:
        self.name = source.name
        self.files = (*made.about, *made.files)
        self.built_at = made.built_at
        self.findings = made.findings
        self.connection = connection
        self._reread = _KINDS[source.type].reread
        self._texts = _texts(source, self.files)
        described = connection.execute("SELECT column_name FROM (DESCRIBE source)").fetchall()
        self.columns = tuple(str(name) for (name,) in described)

    def complaint(self, error: duckdb.Error, what: str) -> CcsyncError:
        """What an error of DuckDB's over this source is to the user who wrote `what`."""
        return complaint(error, self._texts, what)

    def check_unchanged(self) -> None:
        """Raises InvalidError (E421) when a file is no longer the one that was opened."""
        if self._reread:
            check_unchanged(self.name, self.files)

    def close(self) -> None:
        self.connection.close()


def open_source(
    root: Path,
    source: Source,
    table: str | None,
    open_fresh: Callable[[], duckdb.DuckDBPyConnection],
    now: datetime | None = None,
    asked: tuple[str | None, str | None] = (None, None),
    downloads: Path | None = None,
) -> IsolatedSource:
    """Opens a table of a source. root: the config directory. open_fresh: makes the instance it lives in. now: UTC.

    asked: the segment's `where` and `query`, for a source that is remote. downloads: a private folder for objects of a
    store. Raises InvalidError: E401, E402, E410, E411,
    E413 to E425.
    """
    reading = _KINDS[source.type]
    made = Made(_files_of(root, source, reading, downloads))
    connection = open_fresh()
    try:
        opening = Opening(connection, source, table, made.files, root, now or datetime.now(UTC), downloads, *asked)
        made = reading.make(opening) or made
        _lock(connection, made.files if reading.reread else ())
        return IsolatedSource(source, made, connection)
    except duckdb.Error as error:
        connection.close()
        problem = complaint(error, _texts(source, made.files), source.name)
    except BaseException:
        connection.close()
        raise
    raise problem


def _files_of(root: Path, source: Source, reading: _Reading, downloads: Path | None) -> tuple[SourceFile, ...]:
    if not reading.is_file:
        return ()
    if downloads is not None and is_cloud(source.path):
        return fetch_files(source, reading.suffix, downloads)
    return find_files(root, source, reading.suffix)


def _texts(source: Source, files: tuple[SourceFile, ...]) -> Files:
    return Files.of(source.name, [(file.path, file.name) for file in files])


def fresh_instance(spill: Path, memory_limit: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    """An instance for a source; its spill folder is made when missing."""
    spill.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_instance(spill, memory_limit, threads)


def _lock(connection: duckdb.DuckDBPyConnection, files: tuple[SourceFile, ...]) -> None:
    """Shuts the instance: from now on it reads these files, spills, and nothing else; and no one can unlock it."""
    paths = ", ".join(literal(str(file.path)) for file in files)
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
