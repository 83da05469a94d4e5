"""Batches and bodies: nothing lost, nothing twice, under every cap in encoded bytes, and no batch too many."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.core.fields import field_spec
from ccsync.engine.batches import Caps, cut
from ccsync.engine.bodies import BodyWriter
from ccsync.engine.encode import csv_header
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import tables

IN_CSV = ("first_name", "birthday_month", 'cf:a,"b"')
FIELDS = (*IN_CSV, "home_phone")
NASTY = "\",;'\\/{}[]:\n\r\t\0\x0b\x7f\x85\u2028\u2029é𝄞\ufeff<&= 09"
texts = st.one_of(
    st.none(),
    st.text(st.sampled_from(NASTY), min_size=1, max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.sampled_from(["Ann", "𝄞" * 60, "x" * 200]),
)
months = st.sampled_from([None, "1", "07", "12", "not a month"])


@dataclass(frozen=True)
class Case:
    fields: tuple[str, ...]
    rows: tuple[dict[str, str | None], ...]
    caps: Caps


@st.composite
def cases(draw: st.DrawFn) -> Case:
    fields = draw(st.sampled_from([(), IN_CSV, FIELDS, ("first_name",)]))
    plain = st.sampled_from(["Ann", "Bo", "𝄞"])
    dull = draw(st.booleans())
    rows = []
    for at in range(draw(st.integers(0, 25))):
        values = {f: draw(plain if dull else months if f == "birthday_month" else texts) for f in fields}
        op = draw(st.sampled_from(["add", "add", "update", "adopt", "adopt-silent", "remove", "forget", "held_back"]))
        rows.append({"key": f"p{at:02}'𝄞@example.com", "op": op, **values})
    caps = Caps(
        csv_rows=draw(st.integers(1, 8)),
        json_rows=draw(st.integers(1, 8)),
        row_bytes=draw(st.integers(4000, 9000)),
        removals=draw(st.integers(1, 4)),
    )
    return Case(fields, tuple(draw(st.permutations(rows))), caps)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with tempfile.TemporaryDirectory() as folder, Session(Path(folder), threads=2) as session:
        yield session


def is_csv(case: Case, row: dict[str, str | None]) -> bool:
    values = [row[field] for field in case.fields]
    breaks = set(map(chr, (*range(32), *range(127, 160)))) | {"\u2028", "\u2029"}
    return (
        all(field_spec(field).in_csv for field in case.fields)
        and None not in values
        and not any(breaks & set(value or "") for value in values)
    )


def size(case: Case, row: dict[str, str | None]) -> int:
    """Encoded bytes of a row, separator included, by other means than the program's."""
    if is_csv(case, row):
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(
            [row["key"], *(row[field] for field in case.fields)]
        )
        return len(line.getvalue().encode())
    return len(json.dumps(as_json(case, row), separators=(",", ":"), ensure_ascii=False).encode()) + 1


def as_json(case: Case, row: dict[str, str | None]) -> dict[str, str | int]:
    said: dict[str, str | int] = {"email": str(row["key"])}
    for field in case.fields:
        value = row[field]
        if value is not None:
            number = field_spec(field).max_chars is None and value.isdecimal()
            said[field] = int(value) if number else value
    return said


def greedy(case: Case) -> list[tuple[Transport, list[str], int]]:
    """The batches that there must be, in the order of their transport."""
    batches = []
    place = {"update": 0, "adopt": 1, "add": 2}
    imports = sorted((row for row in case.rows if row["op"] in place), key=lambda row: (place[row["op"]], row["key"]))
    for transport in (Transport.CSV, Transport.JSON):
        frame = len(csv_header(case.fields).encode()) if transport is Transport.CSV else 1
        room, rows = 0, 0
        for row in imports:
            if is_csv(case, row) is not (transport is Transport.CSV):
                continue
            if rows == 0 or room + size(case, row) > case.caps.row_bytes or rows == case.caps.rows(transport):
                room, rows = frame, 0
                batches.append((transport, [], 0))
            room, rows = room + size(case, row), rows + 1
            batches[-1] = (transport, [*batches[-1][1], row["key"]], room)
    members = {row["key"] for row in imports if row["op"] != "add"}
    return sorted(batches, key=lambda batch: not members & set(batch[1]))


def changes_of(session: Session, case: Case, folder: Path) -> tuple[Path, tuple[Batch, ...]]:
    columns = {
        "key": [row["key"] for row in case.rows],
        "op": [row["op"].removesuffix("-silent") for row in case.rows],
        "sent": ["yes" if row["op"] in ("add", "update", "adopt", "remove") else None for row in case.rows],
        "contact_id": [f"id-{row['key']}" for row in case.rows],
        **{f"after:{field}": [row[field] for row in case.rows] for field in case.fields},
    }
    texts = tables.table(session, columns)
    table = session.fresh_name("changes")
    session.execute(
        f"CREATE TEMP TABLE {identifier(table)} AS SELECT *, sent IS NOT NULL AS send FROM {identifier(texts)}"
    )
    found = cut(session, table, case.fields, case.caps)
    path = folder / "changes.parquet"
    session.copy_to_parquet(
        f"SELECT c.*, n.batch FROM {identifier(table)} AS c LEFT JOIN {identifier(found.numbers)} AS n"
        " ON n.row = c.rowid ORDER BY batch, key",
        path,
    )
    session.drop(table, texts, found.numbers)
    return path, found.batches


@settings(max_examples=150, deadline=None)
@given(cases())
def test_batches_are_cut_greedily_and_bodies_say_exactly_their_rows(session: Session, case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        changes, batches = changes_of(session, case, Path(folder))
        assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
        removals = [batch for batch in batches if batch.kind is BatchKind.REMOVAL]
        imports = [batch for batch in batches if batch.kind is BatchKind.IMPORT]
        assert [*removals, *imports] == list(batches)
        check_removals(session, case, changes, removals)
        check_imports(session, case, changes, imports)


def check_removals(session: Session, case: Case, changes: Path, batches: list[Batch]) -> None:
    keys = sorted(row["key"] for row in case.rows if row["op"] == "remove")
    step = case.caps.removals
    ids = changes.with_name("ids.parquet")
    session.copy_to_parquet(f"SELECT key, contact_id FROM read_parquet({literal(str(changes))}) ORDER BY key", ids)
    sent = [BodyWriter(session).removal_ids(changes, batch, (), ids, None) for batch in batches]
    assert sent == [tuple(f"id-{key}" for key in keys[at : at + step]) for at in range(0, len(keys), step)]
    assert [batch.rows for batch in batches] == [len(ids) for ids in sent]


def check_imports(session: Session, case: Case, changes: Path, batches: list[Batch]) -> None:
    rows = {row["key"]: row for row in case.rows}
    assert [(batch.transport, batch.rows, batch.bytes) for batch in batches] == [
        (transport, len(keys), room) for transport, keys, room in greedy(case)
    ]
    for batch, (transport, keys, _) in zip(batches, greedy(case), strict=True):
        body = BodyWriter(session).import_body(changes, case.fields, batch, (), None)
        assert batch.members == sum(rows[key]["op"] != "add" for key in keys)
        assert (body.transport, body.count) == (transport, batch.rows)
        assert len(body.rows) == batch.bytes <= case.caps.row_bytes
        if transport is Transport.CSV:
            header, *lines = csv.reader(io.StringIO(body.rows.decode(), newline=""), strict=True)
            assert header == ["email", *case.fields]
            assert lines == [[key, *(rows[key][field] for field in case.fields)] for key in keys]
        else:
            assert json.loads(body.rows) == [as_json(case, rows[key]) for key in keys]
