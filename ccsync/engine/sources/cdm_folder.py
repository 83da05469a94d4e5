"""Tables of a Common Data Model folder, as Customer Insights writes it, as the relation `source`.

The files are those that the model lists, never those that lie about: old runs stay in the folder, and with them people
who left. Every column of a CSV file is text. How a model is read is in `cdm_model.py`, where files are in
`cdm_location.py`, how a table becomes rows in `cdm_rows.py`.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import duckdb

from ccsync.engine.complaints import Files, complaint
from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.cdm_location import local_path, newest_run, run_of, shown_location
from ccsync.engine.sources.cdm_model import CdmTable, Model, Partition, load_model
from ccsync.engine.sources.cdm_rows import Rows, table_rows
from ccsync.engine.sources.files import SourceFile, describe_file
from ccsync.engine.sources.opening import Made, Opening
from ccsync.engine.sources.tables import check_table, perhaps, spelled
from ccsync.errors import Diagnostic, InvalidError, Severity, Where

DEFAULT_KEY = "CustomerId"
MEMBERSHIP_TABLES = ("msdynci_segmentmembership", "SegmentMembership")
_MEMBERSHIP_TYPE = "Customer"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_OLDER_BY = timedelta(days=1)


def make_relation(opening: Opening) -> Made:
    """Makes the view `source`. Options: key, profile_table, membership_table, max_age.

    Without `profile_table` the relation is the table itself. With it, each row of the table stands beside the profile
    of its key, and the profile's columns win; a key without a profile keeps its row, with nothing in it. A table that
    the folder does not have may be a segment's name in the membership table.

    Raises InvalidError: E410 (table), E411 (key), E413 to E417 (files), E422 (description), E423 (too old).
    """
    (file,) = opening.files
    model = load_model(opening.source, file, lambda path: describe_file(path, opening.root, opening.source))
    return _Folder(opening, model).make()


class _Folder:
    """One call's work: the tables that were opened on the way, and what is to be said about them."""

    def __init__(self, opening: Opening, model: Model) -> None:
        self._opening = opening
        self._source = opening.source
        self._model = model
        self._rows: dict[str, Rows] = {}
        self._built: dict[str, datetime | None] = {}
        self._findings: list[Diagnostic] = []

    def make(self) -> Made:
        try:
            return self._make()
        except duckdb.Error as error:
            named = Files.of(self._source.name, [(file.path, file.name) for file in self._files()])
            problem = complaint(error, named, self._source.name)
        raise problem

    def _make(self) -> Made:
        profiles = self._option("profile_table")
        membership = self._membership_table()
        if membership is not None:
            name, select = membership, self._of_members(membership, profiles)
        else:
            name = check_table_of(self._opening, self._model, self._opening.table)
            rows = self._open(name)
            select = rows.sql
            if profiles is not None and check_table_of(self._opening, self._model, profiles) != name:
                select = self._joined(rows, name, profiles)
        built = self._built[name]
        self._check_age(name, built)
        self._opening.connection.execute(f"CREATE VIEW source AS {select}")
        if membership is None:
            self._count_copies(name)
        findings = (*self._findings, *self._said(), *self._older())
        return Made(self._files(), built, findings, about=(self._model.file, *self._model.schemas))

    def _files(self) -> tuple[SourceFile, ...]:
        return tuple(dict.fromkeys(file for rows in self._rows.values() for file in rows.files))

    # ------------------------------------------------------------ tables

    def _open(self, name: str) -> Rows:
        if name not in self._rows:
            table = self._model.tables[name]
            partitions = self._partitions(table)
            self._rows[name] = table_rows(self._opening, table, partitions)
            self._built[name] = _built_at(partitions, self._model)
        return self._rows[name]

    def _partitions(self, table: CdmTable) -> tuple[tuple[Partition, SourceFile], ...]:
        """The partitions of the table's newest run, with their files; a file listed twice counts once."""
        if any(partition.location == "" for partition in table.partitions):
            self._refuse("E422", f"the table {table.name} lists its files by patterns", "list them as `dataPartitions`")
        if not table.partitions:
            self._refuse(
                "E410", f"the table {table.name} is a schema only: no file is listed for it", "run the export again"
            )
        chosen = newest_run(table.partitions)
        if chosen is None:
            hint = "run the export again, so that all files of the table are of one run"
            self._refuse("E422", f"the table {table.name} lists files of a run beside files of none", hint)
        partitions, older = chosen
        if older:
            self._warn("W415", f"the table {table.name} lists {older + 1} runs; only the newest was read")
        return tuple({file.path: (part, file) for part in partitions for file in [self._file(table, part)]}.values())

    def _file(self, table: CdmTable, partition: Partition) -> SourceFile:
        folder = self._model.file.path.parent
        path = local_path(folder, partition.location)
        if path is None:
            shown = shown_location(folder, partition.location)
            hint = "copy the folder again, all of it; the model is written last"
            self._refuse("E416", f"a file of the table {table.name} is listed but not there: {shown}", hint)
        return describe_file(path, self._opening.root, self._source)

    # ------------------------------------------------------------ members and profiles

    def _membership_table(self) -> str | None:
        """The table of names of segments a customer is in, when the segment names no table of the folder."""
        named = self._option("membership_table")
        if named is not None:
            named = check_table_of(self._opening, self._model, named)
        if self._opening.table is None or spelled(self._opening.table, tuple(self._model.tables)) is not None:
            return None
        return named or next((name for name in MEMBERSHIP_TABLES if name in self._model.tables), None)

    def _of_members(self, membership: str, profiles: str | None) -> str:
        rows = self._open(membership)
        if profiles is None:
            self._refuse(
                "E410",
                f"the segment {self._opening.table!r} stands in {membership} only, which holds no profiles",
                "set `profile_table` of the source",
            )
        key, names = self._key_of(membership, rows), self._column(membership, rows, "Segments")
        self._check_lists(membership, rows, names)
        wanted = literal(str(self._opening.table))
        kind = spelled("SegmentMembershipType", rows.columns) or spelled("msdynci_segmentmembershiptype", rows.columns)
        only = f" AND coalesce({identifier(kind)}, '{_MEMBERSHIP_TYPE}') = '{_MEMBERSHIP_TYPE}'" if kind else ""
        members = (
            f"SELECT DISTINCT {identifier(key)} AS {identifier(DEFAULT_KEY)} FROM ({rows.sql})"
            f" WHERE list_contains(from_json({identifier(names)}, '[\"VARCHAR\"]'), {wanted}){only}"
        )
        if not self._opening.connection.execute(f"SELECT 1 FROM ({members}) LIMIT 1").fetchall():
            self._warn(
                "W442",
                f"nobody in {membership} is a member of {self._opening.table!r}",
                "check the segment's name as Customer Insights spells it, upper and lower case included",
            )
        return self._joined(Rows(members, (DEFAULT_KEY,), rows.files), membership, str(profiles))

    def _check_lists(self, membership: str, rows: Rows, names: str) -> None:
        """Raises InvalidError (E415) when a list of segments is no JSON list; DuckDB would stop at the first."""
        column = identifier(names)
        ((count,),) = self._opening.connection.execute(
            f"SELECT count(*) FROM ({rows.sql}) WHERE {column} IS NOT NULL"
            f" AND coalesce(json_type(CASE WHEN json_valid({column}) THEN {column} END), '') <> 'ARRAY'"
        ).fetchall()
        if count:
            self._refuse("E415", f"{membership} has rows whose {names} is no JSON list: {count}", "mend the table")

    def _joined(self, rows: Rows, name: str, profiles: str) -> str:
        """The rows with the profiles of their keys beside them; of two columns of one name, the profile's."""
        profile_name = check_table_of(self._opening, self._model, profiles)
        profile = self._open(profile_name)
        key, profile_key = self._key_of(name, rows), self._key_of(profile_name, profile)
        own = [column for column in rows.columns if spelled(column, profile.columns) is None]
        columns = [
            f"m.{identifier(key)} AS {identifier(column)}" if column == profile_key else f"p.{identifier(column)}"
            for column in profile.columns
        ]
        columns += [f"m.{identifier(column)}" for column in own if column != key]
        return (
            f"SELECT {', '.join(columns)} FROM ({rows.sql}) AS m LEFT JOIN ({profile.sql}) AS p"
            f" ON CAST(m.{identifier(key)} AS VARCHAR) = CAST(p.{identifier(profile_key)} AS VARCHAR)"
        )

    def _key_of(self, name: str, rows: Rows) -> str:
        return self._column(name, rows, self._option("key") or self._annotated_key(name) or DEFAULT_KEY)

    def _annotated_key(self, name: str) -> str | None:
        return self._model.tables[name].key

    def _column(self, name: str, rows: Rows, column: str) -> str:
        """A column by its name, or by the name it has in Dataverse. Raises InvalidError (E411)."""
        found = spelled(column, rows.columns) or spelled(f"msdynci_{column}", rows.columns)
        if found is None:
            self._refuse("E411", f"the table {name} has no column {column!r}", perhaps(column, rows.columns))
        return found

    # ------------------------------------------------------------ findings

    def _count_copies(self, name: str) -> None:
        """Says when customers have several rows; which one counts is decided by the export's `duplicates`."""
        rows = self._rows[name]
        wanted = self._option("key") or self._annotated_key(name) or DEFAULT_KEY
        key = spelled(wanted, rows.columns) or spelled(f"msdynci_{wanted}", rows.columns)
        if key is None:
            return
        column = identifier(key)
        ((several,),) = self._opening.connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM ({rows.sql}) WHERE {column} IS NOT NULL"
            f" GROUP BY {column} HAVING count(*) > 1)"
        ).fetchall()
        if several:
            self._warn(
                "W431",
                f"{several:,} customers of the table {name} have several rows",
                "`duplicates.order_by` of the export decides which row counts",
            )

    def _check_age(self, name: str, built: datetime | None) -> None:
        limit = self._option("max_age")
        if limit is None:
            return
        if built is None:
            hint = "remove `max_age`: neither the model nor the paths of its files tell a time"
            self._refuse("E423", f"the age of the table {name} can't be told", hint)
        elif self._opening.now - built > parse_age(limit):
            hint = "run the export of Customer Insights again, or raise `max_age`"
            self._refuse("E423", f"the table {name} was built at {_text(built)}, more than {limit} ago", hint)

    def _said(self) -> list[Diagnostic]:
        return [self._finding("W414", said) for rows in self._rows.values() for said in rows.said]

    def _older(self) -> list[Diagnostic]:
        """Tables that were left behind: an inactive segment keeps the rows of its last run."""
        known = [moment for table in self._model.tables.values() if (moment := _built_of_listed(table)) is not None]
        return [
            self._finding(
                "W441",
                f"the table {name} was last built at {_text(built)}, others of the folder at {_text(max(known))}",
                "a static or inactive segment keeps its members, erased people too; refresh it",
            )
            for name, built in self._built.items()
            if built is not None and known and max(known) - built > _OLDER_BY
        ]

    def _warn(self, code: str, summary: str, hint: str | None = None) -> None:
        self._findings.append(self._finding(code, summary, hint))

    def _finding(self, code: str, summary: str, hint: str | None = None) -> Diagnostic:
        where = Where(self._model.file.name)
        return Diagnostic(code, f"source {self._source.name}: {summary}", Severity.WARNING, hint=hint, where=where)

    def _refuse(self, code: str, summary: str, hint: str) -> NoReturn:
        where = Where(self._model.file.name)
        detail = "nothing was sent"
        raise InvalidError(
            Diagnostic(code, f"source {self._source.name}: {summary}", detail=detail, hint=hint, where=where)
        )

    def _option(self, name: str) -> str | None:
        value = self._source.options.get(name)
        return None if value is None else str(value)


def check_table_of(opening: Opening, model: Model, table: str | None) -> str:
    """The table's name as the model spells it. Raises InvalidError (E410)."""
    if table in model.elsewhere:
        summary = f"source {opening.source.name}: the table {table} is a reference to another model"
        hint = "declare a source for that model"
        raise InvalidError(Diagnostic("E410", summary, hint=hint, where=Where(model.file.name)))
    return check_table(opening.source, table, tuple(model.tables))


def parse_age(text: str) -> timedelta:
    """`90m`, `26h` or `3d` as a duration. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d+)([mhd])", text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * _UNITS[found[2]]


def _built_at(partitions: tuple[tuple[Partition, SourceFile], ...], model: Model) -> datetime | None:
    """When the oldest of these partitions was written, as far as the model or the run's folder tells."""
    moments = [_built(partition) for partition, _ in partitions]
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else model.modified


def _built_of_listed(table: CdmTable) -> datetime | None:
    moments = [moment for partition in table.partitions if (moment := _built(partition)) is not None]
    return max(moments, default=None)


def _built(partition: Partition) -> datetime | None:
    if partition.refreshed is not None:
        return partition.refreshed
    run = run_of(partition)
    try:
        return datetime.strptime(run, "%Y%m%d%H%M").replace(tzinfo=UTC) if run else None
    except ValueError:
        return None


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
