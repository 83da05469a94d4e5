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

from ccsync.core.change import Filtered, Unusable, zero_filtered, zero_unusable
from ccsync.core.fields import Kind, field_spec
from ccsync.core.plan import SourceRead
from ccsync.core.spec import (
    Column,
    CombinedSegment,
    ConnectionName,
    Export,
    ExportName,
    Expression,
    Keep,
    Project,
    SegmentName,
    SetOperation,
    SourceName,
    Sql,
    TableSegment,
)
from ccsync.engine.complaints import is_passed_on
from ccsync.engine.conflicts import blank_conflicts
from ccsync.engine.doubts import CUT_ROWS, MAY_BE_CUT, cut_finding, segment_findings
from ccsync.engine.people import CONSENT, EMAIL, NUL, Rule, copies_sql, keys_sql, leaf_sql, order_column
from ccsync.engine.projection import Form, Wish, project_rows
from ccsync.engine.quote import identifier, literal
from ccsync.engine.segments import Load, loads_of, table_segments
from ccsync.engine.session import Session, failure
from ccsync.engine.sources.isolated import IsolatedSource, fresh_instance, open_source
from ccsync.engine.suppression import Barred, leave_out_barred, read_barred
from ccsync.engine.user_sql import RELATION
from ccsync.errors import Diagnostic, InvalidError
from ccsync.ports.desired import Definitions, Desired, Relation, Suppressed

SOURCE_MEMORY = "400MB"

_Place = tuple[SourceName, str | None, tuple[str | None, str | None]]
"""A source, its table, and the `where` and `query` that a remote one runs itself."""


@dataclass(slots=True)
class _Reading:
    """One call's work: what each table segment is asked for, what was read of which source, and tables on the way.

    rules: of the export's fields. unusable, filtered: tables, see `Desired`.
    values, keys: relations bound in the sources, by table segment. rows: by source. people: rows that gave people.
    left_out: rows filtered, by reason. findings: warnings about what was read.
    """

    rules: tuple[Rule, ...]
    unusable: Relation
    filtered: Relation
    values: dict[SegmentName, duckdb.DuckDBPyRelation] = field(default_factory=dict)
    keys: dict[SegmentName, duckdb.DuckDBPyRelation] = field(default_factory=dict)
    key_tables: dict[SegmentName, Relation] = field(default_factory=dict)
    rows: Counter[SourceName] = field(default_factory=Counter)
    people: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
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
        self._barred: dict[ConnectionName, Barred | None] = {}
        session.closes_with(self.close)

    def close(self) -> None:
        """Closes all sources; a later call opens them anew."""
        while self._opened:
            self._opened.popitem()[1].close()

    # ------------------------------------------------------------ the port

    def desired(self, export: Export, definitions: Definitions | None = None) -> Desired:
        """See the port. Raises InvalidError (E401 to E430, all of the configuration's at once) or StorageError."""
        loads = loads_of(self._project, export.segments)
        reading = self._ask(export, loads, definitions or {})
        barred = self._bar(export.connection)
        people: Relation | None = None
        seen: set[SegmentName] = set()
        for load in loads:
            leaf = self._load(export, load, reading, people, again=load.segment.name in seen)
            self._sort_out(export, leaf, reading)
            people = self._joined(people, leaf, export)
            seen.add(load.segment.name)
        assert people is not None, "an export has a segment"
        self._session.drop(*reading.key_tables.values())
        if barred is not None:
            reading.rows.update(barred.rows)
            reading.findings += barred.findings
            left_out = leave_out_barred(self._session, barred, people, reading.filtered, reading.unusable)
            reading.left_out[Filtered.SUPPRESSED] += left_out
        self._leave_out_unusable(reading)
        return self._described(export, people, reading, barred.suppressed if barred else None)

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

    def _ask(self, export: Export, loads: Sequence[Load], definitions: Definitions) -> _Reading:
        """Binds everything that will be read, so that every problem is told before a row is."""
        rules = tuple(Rule(item, field_spec(item.target, definitions.get(item.target))) for item in export.fields)
        reading = _Reading(rules, self._fresh_reasons("unusable"), self._fresh_reasons("filtered"))
        problems: list[Diagnostic] = []
        deciding = [
            segment
            for load in loads
            for condition in load.conditions
            for segment in table_segments(self._project, condition.segment)
        ]
        asked = [(load.segment, reading.values, _wishes(export, rules)) for load in loads]
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

    def _fresh_reasons(self, name: str) -> Relation:
        table = self._session.fresh_name(name)
        self._session.execute(f"CREATE TABLE {identifier(table)} (key VARCHAR, reason VARCHAR)")
        return table

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
        conditions = []
        if people is not None:
            conditions.append(f"key NOT IN (SELECT key FROM {identifier(people)})")
            if export.require:
                conditions.append(f"key NOT IN (SELECT key FROM {identifier(reading.filtered)})")
        for condition in load.conditions:
            table = self._keys(condition.segment, reading)
            conditions.append(f"key {'' if condition.wanted else 'NOT '}IN (SELECT key FROM {identifier(table)})")
        wanted = " AND ".join(conditions) or "true"
        leaf, stream = self._session.fresh_name("leaf"), self._session.fresh_name("rows")
        select = leaf_sql(
            stream,
            reading.rules,
            len(export.duplicates.order_by),
            f"key IS NOT NULL AND {wanted}" if again else f"key IS NULL OR {wanted}",
            consent=export.require is not None,
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

    def _sort_out(self, export: Export, leaf: Relation, reading: _Reading) -> None:
        """Moves a leaf's rows that aren't sent to `unusable` and `filtered`. Raises InvalidError for values that are
        errors (E417)."""
        name = identifier(leaf)
        whys = self._session.rows(f"SELECT why, count(*) FROM {name} WHERE why IS NOT NULL GROUP BY why ORDER BY why")
        errors = [_value_problem(export, why, count) for why, count in whys if why.startswith(NUL)]
        if errors:
            raise InvalidError(*errors)
        copies = self._session.fresh_name("copies")
        fields = [item.target for item in export.fields]
        self._session.execute(f"CREATE TABLE {identifier(copies)} AS {copies_sql(leaf, fields, export.duplicates)}")
        has_copies = self._session.count(copies) > 0
        extra = f"rowid IN (SELECT number FROM {identifier(copies)})" if has_copies else "false"
        if export.require:
            self._withhold(leaf, "false" if export.duplicates.keep is Keep.NONE else extra, reading)
        if whys or has_copies:
            chosen = f"FROM {name} WHERE why IS NOT NULL OR {extra}"
            lacking = literal(Filtered.CONSENT_MISSING)
            self._session.execute(
                f"INSERT INTO {identifier(reading.unusable)}"
                f" SELECT coalesce(raw, key), coalesce(nullif(why, {lacking}), '{Unusable.DUPLICATE}') {chosen}"
            )
            self._session.execute(f"DELETE {chosen}")
        self._session.drop(copies)

    def _withhold(self, leaf: Relation, extra: str, reading: _Reading) -> None:
        """Moves rows without consent to `filtered`; but for copies that don't count for their person (`extra`)."""
        chosen = f"FROM {identifier(leaf)} WHERE why = {literal(Filtered.CONSENT_MISSING)} AND NOT ({extra})"
        reading.left_out[Filtered.CONSENT_MISSING] += self._session.scalar(f"SELECT count(*) {chosen}")
        self._session.execute(
            f"INSERT INTO {identifier(reading.filtered)} SELECT DISTINCT key, why {chosen} AND key IS NOT NULL"
        )
        self._session.execute(f"DELETE {chosen}")

    # ------------------------------------------------------------ who must not be sent

    def _bar(self, connection: ConnectionName) -> Barred | None:
        """Everyone suppressed on a connection, read once; None when nobody is declared. Raises InvalidError (E430)."""
        if connection not in self._barred:
            declared = self._project.connections.get(connection)
            entries = declared.suppress if declared else ()
            read = read_barred(self._session, connection, entries, self._read_column) if entries else None
            self._barred[connection] = read
        return self._barred[connection]

    def _read_column(self, segment: TableSegment, wish: Wish, statement: str, stream: Relation) -> Sequence[Diagnostic]:
        """Runs a statement over one column of a segment's rows; returns what is to be said of the source."""
        opened = self._source(segment)
        self._pull(segment, project_rows(opened, self._left_to_do(segment), (wish,)), statement, stream)
        return opened.findings

    def _leave_out_unusable(self, reading: _Reading) -> None:
        """Unusable rows of people who are filtered count with them: nobody takes such a row for a claim to the list."""
        left, unusable = identifier(reading.filtered), identifier(reading.unusable)
        if not self._session.count(reading.filtered):
            return
        reading.left_out.update(
            dict(
                self._session.rows(
                    f"SELECT f.reason, count(*) FROM {unusable} AS u JOIN {left} AS f ON u.key = f.key"
                    " GROUP BY f.reason ORDER BY f.reason"
                )
            )
        )
        self._session.execute(f"DELETE FROM {unusable} WHERE key IN (SELECT key FROM {left})")

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

    def _described(self, export: Export, people: Relation, reading: _Reading, suppressed: Suppressed | None) -> Desired:
        counts = zero_unusable()
        counts.update(
            self._session.rows(
                "SELECT split_part(reason, ':', 1) AS why, count(*)"
                f" FROM {identifier(reading.unusable)} GROUP BY why ORDER BY why"
            )
        )
        chosen = counts[Unusable.MISSING_VALUE]
        if export.duplicates.keep is Keep.FIRST:
            chosen += counts[Unusable.DUPLICATE]
        return Desired(
            relation=people,
            unusable_relation=reading.unusable,
            size=self._session.count(people),
            rows=reading.people,
            unusable=counts,
            blocking=sum(counts.values()) - chosen,
            sources=self._sources_read(reading),
            findings=tuple(dict.fromkeys(reading.findings)),
            filtered={**zero_filtered(), **reading.left_out},
            filtered_relation=reading.filtered,
            suppressed=suppressed,
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


def _wishes(export: Export, rules: Sequence[Rule]) -> tuple[Wish, ...]:
    """What an export asks of a segment that gives values: the address, each field, what decides among copies, and
    whether there is consent."""
    wishes = [_email_wish(export)]
    for rule in rules:
        form = Form.LIST if rule.spec.kind is Kind.CHOICES else Form.TEXT
        wishes.append(Wish(rule.target, f"export {export.name}, {rule.target}", rule.field.expression, form))
    for i, by in enumerate(export.duplicates.order_by):
        wishes.append(Wish(order_column(i), f"export {export.name}, order_by", Column(by.column), Form.AS_IT_IS))
    if export.require is not None:
        wishes.append(Wish(CONSENT, f"export {export.name}, require", Sql(export.require), Form.CONDITION))
    return tuple(wishes)


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
    return Diagnostic(
        "E417",
        f"export {export.name}, {why.removeprefix(NUL)}: rows whose value holds a NUL character: {count}",
        detail="nothing was sent",
        hint="mend the source, or take the character out with `sql:`",
    )
