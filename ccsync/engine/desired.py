"""The people an export wants: its segments, read and told apart. Implements the port `Desires`.

In which order segments are read is decided in `segments.py`, what is asked of a source in `projection.py`, how rows
become people in `people.py`; this is what runs them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ccsync.core.change import Unusable, zero_unusable
from ccsync.core.plan import SourceRead
from ccsync.core.spec import (
    Column,
    CombinedSegment,
    Export,
    ExportName,
    Expression,
    Keep,
    Project,
    SegmentName,
    SetOperation,
    SourceName,
    TableSegment,
)
from ccsync.engine.complaints import is_passed_on
from ccsync.engine.conflicts import blank_conflicts
from ccsync.engine.doubts import CUT_ROWS, MAY_BE_CUT, cut_finding, segment_findings
from ccsync.engine.people import EMAIL, NO_NUMBER, NUL, copies_sql, keys_sql, leaf_sql, order_column
from ccsync.engine.projection import Wish, project_rows
from ccsync.engine.quote import identifier
from ccsync.engine.segments import Load, loads_of, table_segments
from ccsync.engine.session import Session, failure
from ccsync.engine.sources.isolated import IsolatedSource, fresh_instance, open_source
from ccsync.engine.user_sql import RELATION
from ccsync.errors import Diagnostic, InvalidError
from ccsync.ports import Desired, Relation

SOURCE_MEMORY = "400MB"

_Place = tuple[SourceName, str | None, tuple[str | None, str | None]]
"""A source, its table, and the `where` and `query` that a remote one runs itself."""


@dataclass(slots=True)
class _Reading:
    """One call's work: what each table segment is asked for, what was read of which source, and tables on the way.

    values, keys: relations bound in the sources, by table segment. rows: by source. people: rows that gave people.
    findings: warnings about what was read.
    """

    values: dict[SegmentName, duckdb.DuckDBPyRelation] = field(default_factory=dict)
    keys: dict[SegmentName, duckdb.DuckDBPyRelation] = field(default_factory=dict)
    key_tables: dict[SegmentName, Relation] = field(default_factory=dict)
    rows: Counter[SourceName] = field(default_factory=Counter)
    people: int = 0
    findings: list[Diagnostic] = field(default_factory=list)


class SegmentEngine:
    """Reads sources and runs segments. Sources stay open, each in an instance of its own, until the session closes.

    source_memory: what each of those instances may use before it spills. now: UTC, for the age of sources.
    """

    def __init__(
        self,
        session: Session,
        project: Project,
        *,
        source_memory: str = SOURCE_MEMORY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session = session
        self._project = project
        self._source_memory = source_memory
        self._now = now
        self._opened: dict[_Place, IsolatedSource] = {}
        self._hashes: dict[tuple[str | Expression | None, ...], Relation] = {}
        session.closes_with(self.close)

    def close(self) -> None:
        """Closes all sources; a later call opens them anew."""
        while self._opened:
            self._opened.popitem()[1].close()

    # ------------------------------------------------------------ the port

    def desired(self, export: Export) -> Desired:
        """See the port. Raises InvalidError (E401 to E421, all of the configuration's at once) or StorageError."""
        loads = loads_of(self._project, export.segments)
        reading = self._ask(export, loads)
        unusable = self._session.fresh_name("unusable")
        self._session.execute(f"CREATE TABLE {identifier(unusable)} (key VARCHAR, reason VARCHAR)")
        people: Relation | None = None
        seen: set[SegmentName] = set()
        for load in loads:
            leaf = self._load(export, load, reading, people, again=load.segment.name in seen)
            self._sort_out(export, leaf, unusable)
            people = self._joined(people, leaf, export)
            seen.add(load.segment.name)
        assert people is not None, "an export has a segment"
        self._session.drop(*reading.key_tables.values())
        return self._described(export, people, unusable, reading)

    def conflicts(self, desires: Mapping[ExportName, Desired]) -> Mapping[ExportName, Mapping[str, int]]:
        """See the port."""
        return blank_conflicts(self._session, {name: desires[name].relation for name in sorted(desires)})

    def in_source(self, export: Export, keys: Relation) -> Relation:
        """See the port. Where only a segment's query makes the address, or the source is remote, its rows stand
        for the source's. What is taken whole is not read again: whoever is in it has not left."""
        found = self._session.fresh_name("in_source")
        self._session.execute(f"CREATE TABLE {identifier(found)} (key VARCHAR)")
        if self._session.count(keys) == 0:
            return found
        loads = loads_of(self._project, export.segments)
        taken_whole = {_rows_asked(load.segment) for load in loads if not load.conditions}
        for segment in dict.fromkeys(load.segment for load in loads):
            whole, rows = self._whole_source(export, segment)
            if _rows_asked(whole) in taken_whole:
                continue
            hashes = self._key_hashes(export, whole, rows)
            self._session.execute(
                f"INSERT INTO {identifier(found)} SELECT key FROM {identifier(keys)}"
                f" WHERE hash(key) IN (SELECT hashed FROM {identifier(hashes)})"
                f" AND key NOT IN (SELECT key FROM {identifier(found)})"
            )
        return found

    def _key_hashes(self, export: Export, whole: TableSegment, rows: duckdb.DuckDBPyRelation) -> Relation:
        """(hashed UBIGINT) of the key of each of these rows, read once for all exports that ask.

        Hashes take a fifth of the memory. That two addresses share one is left out of account: only a reason that the
        plan shows depends on it.
        """
        asked = (*_rows_asked(whole), export.email)
        if asked not in self._hashes:
            table, stream = self._session.fresh_name("hashes"), self._session.fresh_name("rows")
            into = f"CREATE TABLE {identifier(table)} AS SELECT hash(key) AS hashed FROM ({keys_sql(stream)})"
            self._pull(whole, rows, into, stream)
            self._hashes[asked] = table
        return self._hashes[asked]

    # ------------------------------------------------------------ asking the sources

    def _ask(self, export: Export, loads: Sequence[Load]) -> _Reading:
        """Binds everything that will be read, so that every problem is told before a row is."""
        reading = _Reading()
        problems: list[Diagnostic] = []
        deciding = [
            segment
            for load in loads
            for condition in load.conditions
            for segment in table_segments(self._project, condition.segment)
        ]
        asked = [(load.segment, reading.values, _wishes(export)) for load in loads]
        asked += [(segment, reading.keys, (_email_wish(export),)) for segment in deciding]
        for segment, into, wishes in asked:
            if segment.name in into:
                continue
            try:
                opened = self._source(segment)
                into[segment.name] = project_rows(opened, self._left_to_do(segment), wishes)
                reading.findings += [*opened.findings, *segment_findings(segment, opened.built_at)]
            except InvalidError as error:
                problems.extend(error.diagnostics)
        if problems:
            raise InvalidError(*dict.fromkeys(problems))
        return reading

    def _whole_source(self, export: Export, segment: TableSegment) -> tuple[TableSegment, duckdb.DuckDBPyRelation]:
        """All rows of a segment's source, and the segment that they are of."""
        wishes = (_email_wish(export),)
        source = self._project.sources[segment.source]
        profiles = source.options.get("profile_table")
        whole = TableSegment(segment.name, segment.source, str(profiles) if profiles else segment.table)
        if not source.type.is_remote:  # there, only members travel
            with suppress(InvalidError):
                return whole, project_rows(self._source(whole), whole, wishes)
        return segment, project_rows(self._source(segment), self._left_to_do(segment), wishes)

    def _left_to_do(self, segment: TableSegment) -> TableSegment:
        """The segment without what its source has done itself."""
        is_remote = self._project.sources[segment.source].type.is_remote
        return replace(segment, where=None, query=None) if is_remote else segment

    def _source(self, segment: TableSegment) -> IsolatedSource:
        source = self._project.sources[segment.source]
        asked = (segment.where, segment.query) if source.type.is_remote else (None, None)
        place = (segment.source, segment.table, asked)
        if place not in self._opened:
            spill = self._session.workdir / "spill" / f"source-{len(self._opened)}"
            self._opened[place] = open_source(
                Path(self._project.root),
                source,
                segment.table,
                lambda: fresh_instance(spill, self._source_memory, self._session.threads),
                self._now(),
                asked,
                self._session.workdir / "downloads" / f"source-{len(self._opened)}",
            )
        return self._opened[place]

    def _pull(self, segment: TableSegment, rows: duckdb.DuckDBPyRelation, statement: str, stream: Relation) -> None:
        """Runs a statement over a segment's rows. Raises InvalidError, also when a file changed meanwhile (E421)."""
        opened = self._source(segment)
        try:
            self._session.pull(rows, statement, stream)
        except duckdb.Error as error:
            theirs = is_passed_on(error)
            problem = opened.complaint(error, f"segment {segment.name}") if theirs else failure(error)
        else:
            opened.check_unchanged()
            return
        opened.check_unchanged()  # a file cut short while it is read gives strange errors; this one says why
        raise problem

    def _row_count(self, segment: TableSegment, rows: duckdb.DuckDBPyRelation) -> int:
        try:
            ((count,),) = rows.aggregate("count(*)").fetchall()
        except duckdb.Error as error:
            problem = self._source(segment).complaint(error, f"segment {segment.name}")
        else:
            return int(count)
        raise problem

    # ------------------------------------------------------------ from rows to people

    def _load(self, export: Export, load: Load, reading: _Reading, people: Relation | None, *, again: bool) -> Relation:
        """Reads one table segment into a leaf table. people: those had already; their rows are passed over.

        again: the segment was read before under other conditions; its rows without a key are counted already.
        """
        conditions = [f"key NOT IN (SELECT key FROM {identifier(people)})"] if people is not None else []
        for condition in load.conditions:
            table = self._keys(condition.segment, reading)
            conditions.append(f"key {'' if condition.wanted else 'NOT '}IN (SELECT key FROM {identifier(table)})")
        wanted = " AND ".join(conditions) or "true"
        leaf, stream = self._session.fresh_name("leaf"), self._session.fresh_name("rows")
        select = leaf_sql(
            stream,
            [item.target for item in export.fields],
            len(export.duplicates.order_by),
            f"key IS NOT NULL AND {wanted}" if again else f"key IS NULL OR {wanted}",
        )
        rows = reading.values[load.segment.name]
        self._pull(load.segment, rows, f"CREATE TABLE {identifier(leaf)} AS {select}", stream)
        if not again:
            count = self._row_count(load.segment, rows) if conditions else self._session.count(leaf)
            reading.rows[load.segment.source] += count
            reading.people += count
            self._look_for_cut(load.segment, count, reading)
        return leaf

    def _look_for_cut(self, segment: TableSegment, count: int, reading: _Reading) -> None:
        """Says when the rows behind a segment are as many as a download that cuts off gives."""
        opened = self._source(segment)
        if self._project.sources[segment.source].type not in MAY_BE_CUT or count > CUT_ROWS:
            return
        if segment.where is not None or segment.query is not None:
            count = self._row_count(segment, opened.connection.sql(f"SELECT 1 FROM {RELATION}"))
        if count == CUT_ROWS:
            reading.findings.append(cut_finding(segment))

    def _keys(self, name: SegmentName, reading: _Reading) -> Relation:
        """A table of the keys in a segment, read once a call."""
        if name in reading.key_tables:
            return reading.key_tables[name]
        table = self._session.fresh_name("keys")
        segment = self._project.segments[name]
        if isinstance(segment, TableSegment):
            stream = self._session.fresh_name("rows")
            rows = reading.keys[name]
            self._pull(segment, rows, f"CREATE TABLE {identifier(table)} AS {keys_sql(stream)}", stream)
            self._session.execute(f"DELETE FROM {identifier(table)} WHERE key IS NULL")
            reading.rows[segment.source] += self._row_count(segment, rows)
        else:
            parts = [f"SELECT key FROM {identifier(self._keys(operand, reading))}" for operand in segment.operands]
            self._session.execute(f"CREATE TABLE {identifier(table)} AS {_combined_sql(segment, parts)}")
        reading.key_tables[name] = table
        return table

    def _sort_out(self, export: Export, leaf: Relation, unusable: Relation) -> None:
        """Moves a leaf's unusable rows to `unusable`. Raises InvalidError for values that are errors (E417, E419)."""
        name = identifier(leaf)
        whys = self._session.rows(f"SELECT why, count(*) FROM {name} WHERE why IS NOT NULL GROUP BY why ORDER BY why")
        errors = [_value_problem(export, why, count) for why, count in whys if why.startswith((NUL, NO_NUMBER))]
        if errors:
            raise InvalidError(*errors)
        copies = self._session.fresh_name("copies")
        fields = [item.target for item in export.fields]
        self._session.execute(f"CREATE TABLE {identifier(copies)} AS {copies_sql(leaf, fields, export.duplicates)}")
        chosen = f"FROM {name} WHERE why IS NOT NULL"
        if self._session.count(copies):
            chosen += f" OR rowid IN (SELECT number FROM {identifier(copies)})"
        if whys or self._session.count(copies):
            self._session.execute(
                f"INSERT INTO {identifier(unusable)}"
                f" SELECT coalesce(raw, key), coalesce(why, '{Unusable.DUPLICATE}') {chosen}"
            )
            self._session.execute(f"DELETE {chosen}")
        self._session.drop(copies)

    def _joined(self, people: Relation | None, leaf: Relation, export: Export) -> Relation:
        """The leaf's rows added to those had already, in the shape of the port."""
        columns = ", ".join(["key", *(identifier(item.target) for item in export.fields)])
        if people is not None:
            self._session.execute(
                f"INSERT INTO {identifier(people)} ({columns}) SELECT {columns} FROM {identifier(leaf)}"
            )
            self._session.drop(leaf)
            return people
        for column in ("raw", "why", *(order_column(i) for i in range(len(export.duplicates.order_by)))):
            self._session.execute(f"ALTER TABLE {identifier(leaf)} DROP COLUMN {identifier(column)}")
        return leaf

    def _described(self, export: Export, people: Relation, unusable: Relation, reading: _Reading) -> Desired:
        counts = zero_unusable()
        counts.update(
            self._session.rows(f"SELECT reason, count(*) FROM {identifier(unusable)} GROUP BY reason ORDER BY reason")
        )
        harmless = counts[Unusable.DUPLICATE] if export.duplicates.keep is Keep.FIRST else 0
        return Desired(
            relation=people,
            unusable_relation=unusable,
            size=self._session.count(people),
            rows=reading.people,
            unusable=counts,
            blocking=sum(counts.values()) - harmless,
            sources=self._sources_read(reading),
            findings=tuple(dict.fromkeys(reading.findings)),
        )

    def _sources_read(self, reading: _Reading) -> tuple[SourceRead, ...]:
        files: dict[SourceName, dict[str, int]] = {}
        for (name, _, _), opened in self._opened.items():
            if name in reading.rows:
                files.setdefault(name, {}).update((file.name, file.size) for file in opened.files)
        return tuple(
            SourceRead(str(name), reading.rows[name], tuple(sorted(files[name].items()))) for name in sorted(files)
        )


def _email_wish(export: Export) -> Wish:
    return Wish(EMAIL, f"export {export.name}, email", export.email)


def _wishes(export: Export) -> tuple[Wish, ...]:
    """What an export asks of a segment that gives values: the address, each field, and what decides among copies."""
    return (
        _email_wish(export),
        *(Wish(item.target, f"export {export.name}, {item.target}", item.expression) for item in export.fields),
        *(
            Wish(order_column(i), f"export {export.name}, order_by", Column(by.column), as_text=False)
            for i, by in enumerate(export.duplicates.order_by)
        ),
    )


def _rows_asked(segment: TableSegment) -> tuple[str | None, ...]:
    """Which rows of which source a segment is of: equal for two that have the same."""
    return segment.source, segment.table, segment.where, segment.query


def _combined_sql(segment: CombinedSegment, parts: Sequence[str]) -> str:
    match segment.operation:
        case SetOperation.ANY_OF:
            return " UNION ".join(parts)
        case SetOperation.ALL_OF:
            return " INTERSECT ".join(parts)
        case SetOperation.EXCEPT:
            return " EXCEPT ".join(parts)


def _value_problem(export: Export, why: str, count: int) -> Diagnostic:
    kind, _, target = why.partition(":")
    if kind + ":" == NUL:
        return Diagnostic(
            "E417",
            f"export {export.name}, {target}: rows whose value holds a NUL character: {count}",
            detail="nothing was sent",
            hint="mend the source, or take the character out with `sql:`",
        )
    return Diagnostic(
        "E419",
        f"export {export.name}, {target}: rows whose value is no {target.partition('_')[2]}: {count}",
        detail="a month is 1 to 12, a day 1 to 31; nothing was sent",
        hint="make the number with `sql:`, for example from a date with month() or day()",
    )
