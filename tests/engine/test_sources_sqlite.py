"""SQLite sources: read-only, every value as it is, through the standard library."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from ccsync.engine.quote import identifier
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, source, table


def database(bench: Bench, statements: Sequence[str], rows: Sequence[tuple[object, ...]] = ()) -> Path:
    path = bench.root / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.executemany("INSERT INTO People VALUES (?, ?)", rows)
        connection.commit()
    return path


PEOPLE = "CREATE TABLE People (email TEXT, first)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Anna", "Anna"),
        ("Zoë \U0001f600 “x” \\ \n", "Zoë \U0001f600 “x” \\"),
        (None, None),
        ("", None),
        (7, "7"),
        (-(2**63), str(-(2**63))),
        (2**63 - 1, str(2**63 - 1)),
        (1.5, "1.5"),
        (2.0, "2"),
        (1e300 * 1e10, None),
        (b"\x00\xff", "00FF"),
    ],
)
def test_a_value_comes_through_as_it_is(bench: Bench, value: object, text: str | None) -> None:
    database(bench, [PEOPLE], [("a@b.example", value)])
    assert bench.people(source("sqlite", "shop.sqlite"), table(table="People")) == [("a@b.example", text)]


def test_columns_have_the_type_of_what_they_hold(bench: Bench) -> None:
    rows = [("a@b.example", 10), ("c@d.example", 9), ("e@f.example", None)]
    database(bench, [PEOPLE], rows)
    assert bench.people(source("sqlite", "shop.sqlite"), table(table="People", where="first > 9")) == [
        ("a@b.example", "10")
    ]


def test_a_column_of_several_kinds_is_text(bench: Bench) -> None:
    database(bench, [PEOPLE], [("a@b.example", 10), ("c@d.example", "x"), ("e@f.example", 1.25), ("g@h.example", b"a")])
    people = bench.people(source("sqlite", "shop.sqlite"), table(table="People"))
    assert [first for _, first in people] == ["10", "x", "1.25", "61"]


def test_views_tables_without_rowid_and_odd_names_are_read(bench: Bench) -> None:
    odd, first = identifier('odd "table'), identifier('first"')
    made = f'CREATE TABLE {odd} ("e mail" TEXT PRIMARY KEY, {first} INT) WITHOUT ROWID'
    view = f'CREATE VIEW V AS SELECT "e mail" AS email, {first} AS first FROM {odd}'
    database(bench, [PEOPLE, made, f"INSERT INTO {odd} VALUES ('a@b.example', 1)", view])
    assert bench.people(source("sqlite", "shop.sqlite"), table(table="v")) == [("a@b.example", "1")]
    from_table = table(table='odd "table', query=f'SELECT "e mail" AS email, {first} AS first FROM source')
    assert bench.people(source("sqlite", "shop.sqlite"), from_table) == [("a@b.example", "1")]


def test_more_rows_than_one_chunk_all_arrive(bench: Bench) -> None:
    database(bench, [PEOPLE], [(f"u{i}@b.example", i) for i in range(45_001)])
    desired = bench.desired(source("sqlite", "shop.sqlite"), table(table="People"))
    assert desired.size == 45_001
    assert bench.session.scalar(f"SELECT sum(CAST(first_name AS INT)) FROM {desired.relation}") == 45_000 * 45_001 / 2


def test_the_file_is_not_written_and_nothing_is_left_beside_it(bench: Bench) -> None:
    path = database(bench, [PEOPLE], [("a@b.example", "A")])
    before = path.read_bytes()
    bench.desired(source("sqlite", "shop.sqlite"), table(table="People"))
    assert path.read_bytes() == before
    assert [file.name for file in bench.root.iterdir()] == ["shop.sqlite"]


def test_a_database_with_a_log_is_read_with_what_the_log_holds(bench: Bench) -> None:
    path = database(bench, [PEOPLE])
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO People VALUES ('a@b.example', 'A')")
        assert bench.people(source("sqlite", "shop.sqlite"), table(table="People")) == [("a@b.example", "A")]


def test_an_empty_table_is_nobody(bench: Bench) -> None:
    database(bench, [PEOPLE])
    assert bench.desired(source("sqlite", "shop.sqlite"), table(table="People")).rows == 0


def test_a_missing_table_and_column_have_suggestions(bench: Bench) -> None:
    database(bench, [PEOPLE, "CREATE TABLE orders (id)"])
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("sqlite", "shop.sqlite"), table(table="Poeple"))
    assert codes(caught.value) == ["E410"]
    assert "did you mean People? there are: People, orders" in str(caught.value.diagnostics[0].hint)
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("sqlite", "shop.sqlite"), table(table="People"), export(fields={"first_name": "frist"}))
    assert codes(caught.value) == ["E411"]
    assert "did you mean first?" in str(caught.value.diagnostics[0].hint)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("CAST(x'73656372657480ff' AS TEXT)", "E417"),
        ("CAST(zeroblob(20000000) AS TEXT)", "E418"),
        ("'se' || char(0) || 'cret'", "E417"),
    ],
)
def test_rows_that_can_not_be_trusted_are_refused(bench: Bench, value: str, code: str) -> None:
    database(bench, [PEOPLE, f"INSERT INTO People VALUES ('anna@b.example', {value})"])
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("sqlite", "shop.sqlite"), table(table="People"))
    assert codes(caught.value) == [code]
    assert "cret" not in everything_said(caught.value)
    assert "anna" not in everything_said(caught.value)


def test_a_file_that_is_no_database_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidError, match="E416"):
        bench.desired(source("sqlite", bench.write("shop.sqlite", "no database " * 1000)), table(table="People"))


def test_a_database_locked_by_a_writer_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccsync.engine.sources.sqlite_file.BUSY_TIMEOUT_S", 0.0)
    path = database(bench, [PEOPLE])
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InvalidError) as caught:
            bench.desired(source("sqlite", "shop.sqlite"), table(table="People"))
    assert codes(caught.value) == ["E416"]
    assert "locked" in str(caught.value)
