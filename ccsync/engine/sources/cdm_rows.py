"""The rows of one table of a Common Data Model folder as SQL: its partitions, each read for what it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from ccsync.engine.complaints import Files, complaint
from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.cdm_model import CdmTable, Partition
from ccsync.engine.sources.csv_files import Dialect, check_header, first_record, rows_sql
from ccsync.engine.sources.files import SourceFile
from ccsync.engine.sources.opening import Opening
from ccsync.engine.sources.tables import spelled
from ccsync.errors import Diagnostic, InvalidError, Where

_BLANK_MAX_BYTES = 64


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as a SELECT. said: what the model says wrongly about its files, for warnings."""

    sql: str
    columns: tuple[str, ...]
    files: tuple[SourceFile, ...]
    said: tuple[str, ...] = ()


def table_rows(opening: Opening, table: CdmTable, partitions: Sequence[tuple[Partition, SourceFile]]) -> Rows:
    """SELECT of all rows of these partitions. Raises InvalidError: E413 to E418, E422."""
    kinds = {partition.csv is not None for partition, _ in partitions}
    files = tuple(file for _, file in partitions)
    if len(kinds) > 1:
        summary = f"source {opening.source.name}: the table {table.name} lists CSV and Parquet files together"
        raise InvalidError(Diagnostic("E422", summary, hint="have it written in one format"))
    if kinds == {False}:
        return _parquet_rows(opening, table, files)
    parts: list[str] = []
    headers = 0
    groups: dict[tuple[tuple[str, ...], Dialect], list[SourceFile]] = {}
    for partition, file in partitions:
        assert partition.csv is not None, "all of them are CSV"
        names, header = _names(opening, table, file, partition.csv)
        headers += header and not partition.csv.header
        if names is not None:
            groups.setdefault((names, replace(partition.csv, header=header)), []).append(file)
    parts = [rows_sql(names, group, dialect) for (names, dialect), group in groups.items()]
    columns = table.attributes or ()
    said = (
        (f"files of the table {table.name} begin with a header, which the model denies: {headers}",) if headers else ()
    )
    return Rows(" UNION ALL BY NAME ".join(parts) or _no_rows(columns), columns, files, said)


def _no_rows(columns: Sequence[str]) -> str:
    nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in columns)
    return f"SELECT {nothing} WHERE false"


def _names(
    opening: Opening, table: CdmTable, file: SourceFile, dialect: Dialect
) -> tuple[tuple[str, ...] | None, bool]:
    """The columns of a file in its own order, spelled as the model does, and whether its first record says them.

    None in place of names for a file without any record. A first record with the names of the columns is a header
    whatever the model says: read as a row it would be a customer.
    """
    attributes = table.attributes or ()
    if not attributes:
        summary = f"source {opening.source.name}: the model names no columns of the table {table.name}"
        raise InvalidError(Diagnostic("E422", summary, hint="list its `attributes`", where=Where(file.name)))
    record = first_record(opening.source, file, dialect)
    if not record:
        _check_blank(opening, file)
        return None, False
    by_name = {name.casefold(): name for name in attributes}
    known = [by_name.get(cell.strip().casefold()) for cell in record]
    names = tuple(name for name in known if name is not None)
    if len(names) == len(record) and sorted(names) == sorted(attributes):
        return names, True
    looks_like_header = 2 * len(set(names)) >= len(attributes) and len(set(names)) > 1
    if not dialect.header and not looks_like_header:
        return attributes, False
    if looks_like_header:
        check_header(opening.source, file, record)
    raise _drift(opening, table, file, record if looks_like_header else None)


def _check_blank(opening: Opening, file: SourceFile) -> None:
    """Raises InvalidError (E415) for a file whose first line is empty and whose others are not."""
    if file.size > _BLANK_MAX_BYTES or file.path.read_bytes().strip(b"\xef\xbb\xbf\xff\xfe\0 \r\n"):
        summary = f"source {opening.source.name} can't be read: the file begins with an empty line"
        raise InvalidError(Diagnostic("E415", summary, hint="mend the file", where=Where(file.name, 1)))


def _drift(opening: Opening, table: CdmTable, file: SourceFile, header: Sequence[str] | None) -> InvalidError:
    """header: None where the first record may be somebody's data and so is not shown."""
    if header is None:
        difference = "the model says that the first line is a header, but it names none of the columns"
    else:
        attributes = table.attributes or ()
        extra = [f"+{name.strip()}" for name in header if spelled(name.strip(), attributes) is None]
        missing = [f"-{name}" for name in attributes if spelled(name, [cell.strip() for cell in header]) is None]
        difference = f"compared with the model: {' '.join([*extra, *missing])}"
    return InvalidError(
        Diagnostic(
            "E413",
            f"source {opening.source.name}: a file of the table {table.name} has other columns than the model",
            detail=f"{difference}; nothing was sent",
            hint="run the export again, so that model and files are of one run",
            where=Where(file.name, 1),
        )
    )


def _parquet_rows(opening: Opening, table: CdmTable, files: tuple[SourceFile, ...]) -> Rows:
    """Parquet tells its own columns and types; they are held against the model's names, where it has them."""
    parts: list[str] = []
    first: tuple[str, ...] | None = table.attributes
    for file in files:
        select = (
            f"SELECT * FROM read_parquet({literal(str(file.path))}, binary_as_string = true, hive_partitioning = false)"
        )
        columns = _described(opening, file, select)
        first = first or columns
        if sorted(name.casefold() for name in columns) != sorted(name.casefold() for name in first):
            raise _drift(opening, replace(table, attributes=first), file, columns)
        parts.append(select)
    return Rows(" UNION ALL BY NAME ".join(parts), first or (), files)


def _described(opening: Opening, file: SourceFile, select: str) -> tuple[str, ...]:
    try:
        described = opening.connection.execute(f"SELECT column_name FROM (DESCRIBE {select})").fetchall()
    except duckdb.Error as error:
        problem = complaint(error, Files.of(opening.source.name, [(file.path, file.name)]), opening.source.name)
    else:
        return tuple(str(name) for (name,) in described)
    raise problem
