"""CSV files, one or many, as the relation `source`: every column text, every row as long as its header."""

import codecs
import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from ccsync.core.spec import Source
from ccsync.engine.quote import literal
from ccsync.engine.sources.csv_end import check_end
from ccsync.engine.sources.files import SourceFile
from ccsync.engine.sources.opening import Opening
from ccsync.errors import Diagnostic, InvalidError, Where

HEADER_MAX_BYTES = 1_000_000
_CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "latin-1"}


def make_relation(opening: Opening) -> None:
    """Makes the view `source`. Files of one glob may order their columns differently, but must have the same ones.

    Raises InvalidError: E413 (other columns), E414 (a header without names or with one name twice), E417 (encoding).
    """
    source = opening.source
    headers = {file: _header(source, file) for file in opening.files}
    first = headers[opening.files[0]]
    for file, header in headers.items():
        if sorted(header) != sorted(first):
            raise _drift(source, file, first, header)
    by_order: dict[tuple[str, ...], list[SourceFile]] = {}
    for file, header in headers.items():
        by_order.setdefault(header, []).append(file)
    parts = [_read(source, header, group) for header, group in by_order.items()]
    opening.connection.execute(f"CREATE VIEW source AS {' UNION ALL BY NAME '.join(parts)}")


def _read(source: Source, names: tuple[str, ...], files: list[SourceFile]) -> str:
    paths = ", ".join(literal(str(file.path)) for file in files)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    header = "true" if source.options.get("header", True) else "false"
    delimiter, quote = _text(source, "delimiter", ","), _text(source, "quote", '"')
    escape, null_text = _text(source, "escape", '"'), _text(source, "null_text", "")
    return (
        f"SELECT * FROM read_csv([{paths}], columns = {{{columns}}}, auto_detect = false, strict_mode = true,"
        f" null_padding = false, header = {header}, delim = {delimiter}, quote = {quote}, escape = {escape},"
        f" nullstr = {null_text}, encoding = {_text(source, 'encoding', 'utf-8')})"
    )


def _text(source: Source, option: str, default: str) -> str:
    return literal(str(source.options.get(option, default)))


def _header(source: Source, file: SourceFile) -> tuple[str, ...]:
    """The names of the file's columns; none of them for an empty file counts as an error too."""
    options = source.options
    where = Where(file.name, 1)
    delimiter, quote = str(options.get("delimiter", ",")), str(options.get("quote", '"'))
    check_end(source, file)
    lines = _lines(source, file)
    try:
        if quote:
            cells = next(csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True), [])
        else:
            cells = next(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True), [])
    except csv.Error:
        raise InvalidError(
            Diagnostic("E415", f"source {source.name} can't be read: its first line is no CSV", where=where)
        ) from None
    names = tuple(cells) if options.get("header", True) else tuple(f"column{i}" for i in range(len(cells)))
    problem = _header_problem(names)
    if problem is not None:
        hint = "give every column a name of its own in the first line, or set `header: false`"
        raise InvalidError(Diagnostic("E414", f"source {source.name}: {problem}", hint=hint, where=where))
    return names


def _header_problem(names: tuple[str, ...]) -> str | None:
    if not names:
        return "the file is empty; it needs a first line with the names of its columns"
    blank = [i for i, name in enumerate(names, 1) if not name.strip()]
    if blank:
        return f"column {blank[0]} has no name"
    lowered = [name.lower() for name in names]
    twice = sorted({name for name, lower in zip(names, lowered, strict=True) if lowered.count(lower) > 1})
    return f"the column {twice[0]!r} stands twice in the first line" if twice else None


def _lines(source: Source, file: SourceFile) -> Iterator[str]:
    """The lines at the beginning of a file, decoded. Raises InvalidError: E417 (encoding, NUL), E418 (too long)."""
    where = Where(file.name, 1)
    try:
        text = _beginning(file.path, _CODECS[str(source.options.get("encoding", "utf-8"))])
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            where = Where(file.name, error.object[: error.start].count(b"\n") + 1)
        summary = f"source {source.name} holds text that is not {source.options.get('encoding', 'utf-8')}"
        raise InvalidError(
            Diagnostic("E417", summary, hint="save the file as UTF-8, or set `encoding`", where=where)
        ) from None
    if "\0" in text:
        where = Where(file.name, text.count("\n", 0, text.index("\0")) + 1)
        raise InvalidError(
            Diagnostic(
                "E417", f"source {source.name} holds NUL bytes", hint="save the file as text in UTF-8", where=where
            )
        )
    yield from text.splitlines(keepends=True)
    if len(text) >= HEADER_MAX_BYTES // 4:
        raise InvalidError(
            Diagnostic("E418", f"source {source.name}: the first line has no end within a megabyte", where=where)
        )


def _beginning(path: Path, codec: str) -> str:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        data = file.read(HEADER_MAX_BYTES)
    decoder = codecs.getincrementaldecoder(codec)()
    return decoder.decode(data, final=len(data) < HEADER_MAX_BYTES)


def _drift(source: Source, file: SourceFile, first: tuple[str, ...], header: tuple[str, ...]) -> InvalidError:
    missing, extra = sorted(set(first) - set(header)), sorted(set(header) - set(first))
    parts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(extra)} besides"] * bool(extra)
    return InvalidError(
        Diagnostic(
            "E413",
            f"the files of source {source.name} do not have the same columns",
            detail=f"compared with the first file, this one {' and '.join(parts)}; nothing was sent",
            hint="make the files alike, or narrow the path",
            where=Where(file.name, 1),
        )
    )
