"""What every kind of source is given when it is opened. How a kind opens is in the file of that kind."""

from dataclasses import dataclass

import duckdb

from ccsync.core.spec import Source
from ccsync.engine.sources.files import SourceFile


@dataclass(frozen=True, slots=True)
class Opening:
    """A source about to become the relation `source` of `connection`, a fresh instance still open to the world.

    table: what the segment named; None where it named none. files: at least one.
    """

    connection: duckdb.DuckDBPyConnection
    source: Source
    table: str | None
    files: tuple[SourceFile, ...]
