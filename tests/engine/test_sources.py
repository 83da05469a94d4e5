"""JSON, Parquet and DuckDB sources."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from ccsync.core.spec import Sql
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, source, table

ANNA, BOB = ("anna@example.com", "Anna"), ("bob@example.com", "Bob")


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    "content",
    [
        '{"email":"anna@example.com","first":"Anna"}\n{"email":"bob@example.com","first":"Bob","more":{"a":[1]}}\n',
        '{"email":"anna@example.com","first":"Anna"}\r\n{"first":"Bob","email":"bob@example.com"}',
        '[{"email":"anna@example.com","first":"Anna"},\n {"email":"bob@example.com","first":"Bob"}]',
        '\ufeff{"email":"anna@example.com","first":"Anna"}\n{"email":"bob@example.com","first":"Bob"}\n',
        '{\n "email": "anna@example.com",\n "first": "Anna"\n}\n{"email":"bob@example.com","first":"Bob"}',
    ],
)
def test_the_same_people_in_any_dress_of_json(bench: Bench, content: str) -> None:
    assert bench.people(source("json", bench.write("a.json", content))) == [ANNA, BOB]


def test_json_texts_are_never_taken_for_dates_or_numbers(bench: Bench) -> None:
    firsts = ["2020-01-01T10:00:00Z", "00000000-0000-0000-0000-00000000000A", "007", "12:00"]
    content = "\n".join(f'{{"email":"{i}@b.example","first":"{first}"}}' for i, first in enumerate(firsts))
    people = bench.people(source("json", bench.write("a.json", content)))
    assert [first for _, first in people] == firsts


def test_json_values_of_several_kinds_are_texts(bench: Bench) -> None:
    content = '{"email":"a@b.example","first":1}\n{"email":"c@d.example","first":"x"}\n{"email":"e@f.example"}'
    people = bench.people(source("json", bench.write("a.json", content)))
    assert people == [("a@b.example", "1"), ("c@d.example", "x"), ("e@f.example", None)]


def test_a_key_that_comes_late_is_a_column(bench: Bench) -> None:
    content = '{"email":"a@b.example"}\n' * 50_000 + '{"email":"c@d.example","first":"Zoe"}\n'
    desired = bench.desired(source("json", bench.write("a.json", content)))
    assert bench.rows(desired.relation) == [("a@b.example", None), ("c@d.example", "Zoe")]


def test_nested_json_is_refused_until_one_value_is_picked(bench: Bench) -> None:
    one = source("json", bench.write("a.json", '{"email":"a@b.example","name":{"first":"Anna"}}'))
    with pytest.raises(InvalidError) as caught:
        bench.desired(one, table(), export(fields={"first_name": "name"}))
    assert codes(caught.value) == ["E412"]
    picked = export(fields={"first_name": Sql("name->>'$.first'")})
    assert bench.people(one, table(), picked) == [("a@b.example", "Anna")]


@pytest.mark.parametrize("content", ["", "[]", "\n"])
def test_json_without_rows_has_no_columns_to_ask_for(bench: Bench, content: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("json", bench.write("a.json", content)))
    assert set(codes(caught.value)) == {"E411"}


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ('{"email":"a@b.example","first":"x"}\n{"email":anna@example.com}\n', "E415", None),
        ('[{"email":"anna@example.com","first":"secret"}', "E415", None),
        ('{"email":"anna@example.com","email":"secret","first":"x"}', "E415", 1),
        ('{"email":"anna@example.com","Email":"secret","first":"x"}', "E414", None),
        ('"anna@example.com"\n"secret"', "E415", None),
        (b'{"email":"anna@example.com","first":"secret\xff"}\n', "E417", None),
        ('[{"email":"anna@example.com","first":"' + "x" * 52_000_000 + '"}]', "E418", None),
    ],
)
def test_json_that_can_not_be_trusted_is_refused(
    bench: Bench, content: str | bytes, code: str, line: int | None
) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("json", bench.write("a.json", content)))
    assert codes(caught.value) == [code]
    assert line is None or caught.value.diagnostics[0].where is not None
    assert "secret" not in everything_said(caught.value)
    assert "anna" not in everything_said(caught.value)


def test_numbered_keys_beside_plain_ones_are_no_mistake(bench: Bench) -> None:
    one = source("json", bench.write("a.json", '{"email":"a@b.example","first":"x","first_1":"y"}'))
    assert bench.people(one, table(), export(fields={"first_name": "first_1"})) == [("a@b.example", "y")]


# ---------------------------------------------------------------- Parquet


def parquet(bench: Bench, name: str, select: str) -> str:
    path = bench.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return name


def test_parquet_files_of_a_folder_a_glob_and_alone(bench: Bench) -> None:
    parquet(bench, "data/x/1.parquet", "SELECT 'anna@example.com' AS email, 'Anna' AS first")
    parquet(bench, "data/y/2.parquet", "SELECT 'bob@example.com' AS email, 'Bob' AS first")
    assert bench.people(source("parquet", "data/x/1.parquet")) == [ANNA]
    for path in ("data", "data/**/*.parquet", "data/*/?.parquet"):
        assert bench.people(source("parquet", path)) == [ANNA, BOB]


def test_hive_folders_are_columns_of_text(bench: Bench) -> None:
    parquet(bench, "data/country=NL/month=01/a.parquet", "SELECT 'anna@example.com' AS email, 'Anna' AS first")
    parquet(bench, "data/country=DE/month=11/b.parquet", "SELECT 'bob@example.com' AS email, 'Bob' AS first")
    lake = source("parquet", "data", hive_partitioning="auto")
    assert bench.people(lake, table(where="country = 'NL'")) == [ANNA]
    assert bench.people(lake, table(), export(fields={"first_name": "month"})) == [
        ("anna@example.com", "01"),
        ("bob@example.com", "11"),
    ]
    with pytest.raises(InvalidError, match="E402"):
        bench.desired(source("parquet", "data", hive_partitioning=False), table(where="country = 'NL'"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1::BIGINT", "1"),
        ("true", "true"),
        ("DATE '2024-02-29'", "2024-02-29"),
        ("TIMESTAMP '2024-02-29 10:00:00'", "2024-02-29T10:00:00"),
        ("TIMESTAMP '2024-02-29 10:00:00.25'", "2024-02-29T10:00:00.25"),
        ("TIMESTAMPTZ '2024-02-29 10:00:00+02'", "2024-02-29T08:00:00Z"),
        ("TIME '10:00'", "10:00:00"),
        ("12.50::DECIMAL(10,2)", "12.5"),
        ("12.00::DECIMAL(10,2)", "12"),
        ("100::DECIMAL(10,0)", "100"),
        ("42.0::DOUBLE", "42"),
        ("-0.0::DOUBLE", "0"),
        ("0.1::DOUBLE", "0.1"),
        ("0.1::FLOAT", "0.1"),
        ("1e20::DOUBLE", "100000000000000000000"),
        ("0.00001::DOUBLE", "0.00001"),
        ("'nan'::DOUBLE", None),
        ("'-inf'::FLOAT", None),
        ("'infinity'::TIMESTAMP", None),
        ("'Änne'::BLOB", None),
        ("'a'::ENUM('a', 'b')", "a"),
        ("uuid '00000000-0000-0000-0000-00000000000A'", "00000000-0000-0000-0000-00000000000a"),
        ("170141183460469231731687303715884105727::HUGEINT", "1.7014118346046923e+38"),
        ("NULL", None),
    ],
)
def test_a_value_of_any_type_has_one_spelling(bench: Bench, value: str, text: str | None) -> None:
    if "BLOB" in value:
        value, text = "encode('Änne')", "Änne"
    if "HUGEINT" in value:
        text = "170141183460469230000000000000000000000"  # Parquet has no such integers; they are stored as doubles
    name = parquet(bench, "a.parquet", f"SELECT 'a@b.example' AS email, {value} AS first")
    (person,) = bench.people(source("parquet", name))
    if text is not None and "HUGEINT" in value:
        assert person[1] is not None
        assert person[1].isdigit()
        assert person[1].startswith("17014118346046923")
    else:
        assert person == ("a@b.example", text)


@pytest.mark.parametrize("value", ["[1, 2]", "{'a': 1}", "MAP {'a': 1}", "'{}'::JSON"])
def test_values_that_are_no_text_are_refused(bench: Bench, value: str) -> None:
    name = parquet(bench, "a.parquet", f"SELECT 'a@b.example' AS email, {value} AS first")
    with pytest.raises(InvalidError, match="E412 export weekly, first_name"):
        bench.desired(source("parquet", name))


def test_bytes_that_are_no_text_are_refused(bench: Bench) -> None:
    r"""Bytes of a column that Parquet does not call text are taken for text, so they must be UTF-8."""
    name = parquet(bench, "a.parquet", r"SELECT 'a@b.example' AS email, '\xFFsecret'::BLOB AS first")
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("parquet", name))
    assert codes(caught.value) == ["E417"]
    assert "secret" not in everything_said(caught.value)


def test_a_large_value_is_an_unusable_row_and_no_crash(bench: Bench) -> None:
    name = parquet(bench, "a.parquet", "SELECT 'a@b.example' AS email, repeat('x', 52000000) AS first")
    desired = bench.desired(source("parquet", name))
    assert (desired.size, desired.unusable["field_too_long"]) == (0, 1)


def test_a_large_address_is_listed_by_its_beginning(bench: Bench) -> None:
    name = parquet(bench, "a.parquet", "SELECT repeat('x', 2000000) AS email, 'x' AS first")
    assert bench.rows(bench.desired(source("parquet", name)).unusable_relation) == [("x" * 320, "invalid_email")]


@pytest.mark.parametrize("content", [b"", b"this is no parquet file at all", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_a_damaged_parquet_file_is_named(bench: Bench, content: bytes) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("parquet", bench.write("a.parquet", content)))
    assert codes(caught.value) == ["E416"]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("'bob@example.com' AS email", "lacks first"),
        ("'bob@example.com' AS email, 'Bob' AS first, 1 AS age", "has age besides"),
        ("'bob@example.com' AS email, 'Bob' AS name", "lacks first and has name besides"),
    ],
)
def test_parquet_files_that_are_not_alike_are_refused(bench: Bench, second: str, said: str) -> None:
    parquet(bench, "data/1.parquet", "SELECT 'anna@example.com' AS email, 'Anna' AS first")
    parquet(bench, "data/2.parquet", f"SELECT {second}")
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("parquet", "data"))
    assert codes(caught.value) == ["E413"]
    assert str(caught.value.diagnostics[0].where) == "data/2.parquet"
    assert said in str(caught.value.diagnostics[0].detail)


def test_a_column_with_another_type_in_another_file_loses_nothing(bench: Bench) -> None:
    parquet(bench, "data/1.parquet", "SELECT 'anna@example.com' AS email, 7 AS first")
    parquet(bench, "data/2.parquet", "SELECT 1.5::DOUBLE AS first, 'bob@example.com' AS email")
    assert bench.people(source("parquet", "data")) == [("anna@example.com", "7"), ("bob@example.com", "1.5")]


def test_a_file_cut_short_while_it_is_open_is_a_file_that_changed(bench: Bench) -> None:
    name = parquet(bench, "a.parquet", "SELECT i || '@b.example' AS email, 'x' AS first FROM range(300000) r(i)")
    wanted = export()
    engine = bench.engine(source("parquet", name), [table()], [wanted])
    engine.in_source(wanted, engine.desired(wanted).relation)
    os.truncate(bench.root / name, 1000)
    with pytest.raises(InvalidError) as caught:
        engine.desired(wanted)
    assert set(codes(caught.value)) <= {"E421", "E416"}


# ---------------------------------------------------------------- DuckDB files


@pytest.fixture
def warehouse(bench: Bench) -> Path:
    path = bench.root / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE People AS SELECT 'anna@example.com' AS email, 'Anna' AS first")
        connection.execute("CREATE SCHEMA mart")
        connection.execute("CREATE VIEW mart.people AS SELECT 'bob@example.com' AS email, 'Bob' AS first")
        connection.execute("CREATE TABLE secrets AS SELECT 'secret' AS email, 'secret' AS first")
    return path


@pytest.mark.parametrize(("name", "person"), [("People", ANNA), ("people", ANNA), ("mart.people", BOB)])
def test_tables_and_views_of_a_duckdb_file_are_read(
    bench: Bench, warehouse: Path, name: str, person: tuple[str, str]
) -> None:
    before = warehouse.read_bytes()
    assert bench.people(source("duckdb", "w.duckdb"), table(table=name)) == [person]
    assert warehouse.read_bytes() == before


def test_a_table_that_is_not_there_has_a_suggestion(bench: Bench, warehouse: Path) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("duckdb", "w.duckdb"), table(table="peple"))
    assert codes(caught.value) == ["E410"]
    assert "did you mean People?" in str(caught.value.diagnostics[0].hint)


def test_a_source_of_several_tables_needs_one_named(bench: Bench, warehouse: Path) -> None:
    with pytest.raises(InvalidError, match="E410"):
        bench.desired(source("duckdb", "w.duckdb"), table())


def test_a_file_that_is_no_duckdb_database_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("duckdb", bench.write("w.duckdb", "no database " * 1000)), table(table="t"))
    assert codes(caught.value) == ["E416"]


# ---------------------------------------------------------------- extras


def test_no_extra_is_imported_before_its_source_is_opened(bench: Bench) -> None:
    """They are large, and need not be there."""
    name = bench.write("a.json", '{"email":"anna@example.com","first":"Anna"}')
    text = (
        "import sys; from pathlib import Path; from ccsync.core.spec import Source, SourceType\n"
        "from ccsync.engine.sources.isolated import fresh_instance, open_source\n"
        f"crm = Source('crm', SourceType.JSON, {name!r})\n"
        f"open_source(Path({str(bench.root)!r}), crm, None, lambda: fresh_instance(Path('spill'), '50MB', 1)).close()\n"
        "extras = ('adbc_driver_manager', 'adbc_driver_postgresql', 'deltalake', 'arro3', 'obstore', 'pyarrow')\n"
        "print([extra for extra in extras if extra in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=bench.root, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
