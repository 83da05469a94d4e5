"""The end of a CSV file, where DuckDB forgets its own limit. How rows are read is in `csv_files.py`."""

import gzip
import zlib

from ccsync.core.spec import Source
from ccsync.engine.sources.files import SourceFile
from ccsync.errors import Diagnostic, InvalidError, Where

LINE_MAX_BYTES = 2_000_000
"""DuckDB's limit. 2.0 refuses a line beyond it, but leaves out a last line that is longer than its buffer (32 MB)."""

_SEEN_BYTES = 2 * LINE_MAX_BYTES


def check_end(source: Source, file: SourceFile) -> None:
    """Raises InvalidError: E418 (the last line is too long), E416 (a compressed file is damaged).

    Whoever is missing from the rows would count as having left, so a row may never be passed over in silence.
    """
    end = (_end_of_compressed(source, file) if file.path.suffix == ".gz" else _end(file)).rstrip(b"\r\n\0")
    if len(end) - 1 - max(end.rfind(b"\n"), end.rfind(b"\r")) > LINE_MAX_BYTES:
        summary = f"source {source.name} holds a row that is larger than any row of people can be"
        hint = "look at the last line; leave the large column out of the file"
        raise InvalidError(Diagnostic("E418", summary, hint=hint, where=Where(file.name)))


def _end(file: SourceFile) -> bytes:
    with file.path.open("rb") as content:
        content.seek(max(0, file.size - _SEEN_BYTES))
        return content.read(_SEEN_BYTES)


def _end_of_compressed(source: Source, file: SourceFile) -> bytes:
    end = b""
    try:
        with gzip.open(file.path) as content:
            while part := content.read(LINE_MAX_BYTES):
                end = (end + part)[-_SEEN_BYTES:]
    except (gzip.BadGzipFile, EOFError, zlib.error):
        summary = f"source {source.name} can't be read as the type it is declared to be"
        detail = "the compressed file is damaged or cut off; nothing was sent"
        hint = "write the file again, or give it a name without .gz if it is not compressed"
        raise InvalidError(Diagnostic("E416", summary, detail=detail, hint=hint, where=Where(file.name))) from None
    return end
