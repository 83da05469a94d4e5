"""What every kind of source is given when it is opened, and what it answers. How a kind opens is in its own file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ccsync.core.spec import Source
from ccsync.engine.sources.files import SourceFile
from ccsync.errors import Diagnostic


@dataclass(frozen=True, slots=True)
class Opening:
    """A source about to become the relation `source` of `connection`, a fresh instance still open to the world.

    root: the config directory. table: what the segment named; None where it named none. files: what the path led to;
    none for a source that is no file. now: UTC. downloads: a private folder for what is fetched. where, query: SQL in
    the source's own dialect, for a source that runs it itself; else None.
    """

    connection: duckdb.DuckDBPyConnection
    source: Source
    table: str | None
    files: tuple[SourceFile, ...]
    root: Path
    now: datetime
    downloads: Path | None = None
    where: str | None = None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What opening a source found out. files: everything its rows come from.

    built_at: when the rows were computed (UTC), as their maker says; None when not known. findings: warnings. about:
    files that describe the others; they must not change either, but no query has any business in them.
    """

    files: tuple[SourceFile, ...]
    built_at: datetime | None = None
    findings: tuple[Diagnostic, ...] = ()
    about: tuple[SourceFile, ...] = ()
