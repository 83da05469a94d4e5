"""CSV files, one or many, as the relation `source`: every column text, every row as long as its header."""

import codecs
import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ccsync.core.spec import Source
from ccsync.engine.quote import literal
from ccsync.engine.sources.csv_end import check_end
from ccsync.engine.sources.files import SourceFile
from ccsync.engine.sources.opening import Opening
from ccsync.errors import Diagnostic, InvalidError, Where

HEADER_MAX_BYTES = 1_000_000
_CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "latin-1"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file's text becomes rows. quote: empty for none. null_text: a cell with just this is NULL."""

    header: bool = True
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    null_text: str = ""
    encoding: str = "utf-8"

    @classmethod
    def of(cls, source: Source) -> Self:
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in source.options.items() if name in names})  # type: ignore[arg-type]  # the schema has checked them


def make_relation(opening: Opening) -> None:
    """Makes the view `source`. Files of one glob may order their columns differently, but must have the same ones.

    Raises InvalidError: E413 (other columns), E414 (a header without names or with one name twice), E417 (encoding).
    """
    source, dialect = opening.source, Dialect.of(opening.source)
    headers = {file: _header(source, file, dialect) for file in opening.files}
    first = headers[opening.files[0]]
    for file, header in headers.items():
        if sorted(header) != sorted(first):
            raise _drift(source, file, first, header)
    by_order: dict[tuple[str, ...], list[SourceFile]] = {}
    for file, header in headers.items():
        by_order.setdefault(header, []).append(file)
    parts = [rows_sql(header, group, dialect) for header, group in by_order.items()]
    opening.connection.execute(f"CREATE VIEW source AS {' UNION ALL BY NAME '.join(parts)}")


def rows_sql(names: Sequence[str], files: Sequence[SourceFile], dialect: Dialect) -> str:
    """SELECT of all rows of files that have these columns in this order, every one of them text."""
    paths = ", ".join(literal(str(file.path)) for file in files)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"SELECT * FROM read_csv([{paths}], columns = {{{columns}}}, auto_detect = false, strict_mode = true,"
        f" null_padding = false, header = {'true' if dialect.header else 'false'},"
        f" delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, escape = {literal(dialect.escape)},"
        f" nullstr = {literal(dialect.null_text)}, encoding = {literal(dialect.encoding)})"
    )


def first_record(source: Source, file: SourceFile, dialect: Dialect) -> tuple[str, ...]:
    """The cells of a file's first record, header or not; none for an empty file.

    Raises InvalidError: E415 (no CSV), E416 (damaged), E417 (encoding), E418 (no end in sight).
    """
    check_end(source, file)
    lines = _lines(source, file, dialect.encoding)
    try:
        if dialect.quote:
            reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
        else:
            reader = csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=True)
        return tuple(next(reader, []))
    except csv.Error:
        raise InvalidError(
            Diagnostic(
                "E415", f"source {source.name} can't be read: its first line is no CSV", where=Where(file.name, 1)
            )
        ) from None


def check_header(source: Source, file: SourceFile, names: Sequence[str]) -> None:
    """Raises InvalidError (E414) for names that can't be columns."""
    problem = _header_problem(names)
    if problem is not None:
        hint = "give every column a name of its own in the first line, or set `header: false`"
        raise InvalidError(Diagnostic("E414", f"source {source.name}: {problem}", hint=hint, where=Where(file.name, 1)))


def _header(source: Source, file: SourceFile, dialect: Dialect) -> tuple[str, ...]:
    """The names of the file's columns; none of them for an empty file counts as an error too."""
    cells = first_record(source, file, dialect)
    names = cells if dialect.header else tuple(f"column{i}" for i in range(len(cells)))
    check_header(source, file, names)
    return names


def _header_problem(names: Sequence[str]) -> str | None:
    if not names:
        return "the file is empty; it needs a first line with the names of its columns"
    blank = [i for i, name in enumerate(names, 1) if not name.strip()]
    if blank:
        return f"column {blank[0]} has no name"
    lowered = [name.lower() for name in names]
    twice = sorted({name for name, lower in zip(names, lowered, strict=True) if lowered.count(lower) > 1})
    return f"the column {twice[0]!r} stands twice in the first line" if twice else None


def _lines(source: Source, file: SourceFile, encoding: str) -> Iterator[str]:
    """The lines at the beginning of a file, decoded. Raises InvalidError: E417 (encoding, NUL), E418 (too long)."""
    where = Where(file.name, 1)
    try:
        text = _beginning(file.path, _CODECS[encoding])
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            where = Where(file.name, error.object[: error.start].count(b"\n") + 1)
        summary = f"source {source.name} holds text that is not {encoding}"
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
