"""Judges a downloaded export: is it a whole CSV file with an address column, and how many people are in it.

Nothing of its content is kept. The engine reads the rows.
"""

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
LONGEST_HEADER = 1 << 18
_NOT_COUNTED = bytes(set(range(256)) - {ord('"'), ord("\n")})


class NotWhole(Exception):  # noqa: N818 - a finding, not an error yet: the caller may download again
    """The file can't be trusted; the text says why, in words of ours."""


@dataclass(frozen=True, slots=True)
class Shape:
    """header: the headings, without byte order mark. rows: records below it."""

    header: tuple[str, ...]
    rows: int


def shape_of(path: Path) -> Shape:
    """Reads the file once, a megabyte at a time. Raises NotWhole.

    Records are counted by line breaks outside quotes: everything but quotes and line breaks is thrown away by one
    `translate`, and pairs of quotes, which change nothing, by one `replace`; so a million rows cost a tenth of a
    second.
    """
    header = _header(path)
    decoder = codecs.getincrementaldecoder("utf-8")()
    breaks, inside, last = 0, False, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                raise NotWhole("it is not UTF-8 text") from None
            marks = chunk.translate(None, _NOT_COUNTED).replace(b'""', b"")
            for number, part in enumerate(marks.split(b'"')):
                inside = inside ^ (number > 0)
                if not inside:
                    breaks += part.count(b"\n")
            last = chunk[-1:]
    if inside:
        raise NotWhole("it ends in the middle of a quoted value")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise NotWhole("it ends in the middle of a character") from None
    records = breaks + (last not in (b"\n", b""))
    return Shape(header, max(0, records - 1))


def _header(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        start = file.read(LONGEST_HEADER)
    if not start.strip():
        raise NotWhole("it is empty")
    if start.lstrip()[:1] == b"<":
        raise NotWhole("it is a web page, not a file of contacts")
    text = start.decode("utf-8-sig", "replace")
    try:
        header = next(csv.reader(text.splitlines(keepends=True), strict=True), [])
    except csv.Error:
        raise NotWhole("its first line can't be read") from None
    return tuple(header)
