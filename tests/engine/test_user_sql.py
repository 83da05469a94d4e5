"""What a user writes in `where`, `query` and `sql:` sees the declared source and nothing else in the world.

Two walls, each tried alone: the parse tree is checked before anything runs, and the instance it runs in is shut.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from ccsync.core.spec import Sql
from ccsync.engine.session import Session
from ccsync.engine.sources.isolated import IsolatedSource, fresh_instance, open_source
from ccsync.engine.user_sql import check_expression, check_query
from ccsync.errors import CcsyncError, InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, source, table

ANNA = ("anna@example.com", "Anna")
OTHER = "email,first\nsecret@example.com,secret\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A folder with a CSV source, another source, a state folder and a DuckDB file; nothing in it is ever written."""
    root = tmp_path_factory.mktemp("config")
    with Session(tmp_path_factory.mktemp("work"), memory_limit="300MB", threads=1) as session:
        bench = Bench(root, session)
        bench.write("crm.csv", "email,first,country,age\nanna@example.com,Anna,NL,30\nbob@example.com,Bob,DE,40\n")
        bench.write("other.csv", OTHER)
        bench.write(".ccsync/HEAD", '{"lineage": "secret"}')
        with duckdb.connect(str(root / "w.duckdb")) as connection:
            connection.execute("CREATE TABLE t AS SELECT 'secret' AS email, 'secret' AS first")
        yield bench


@pytest.fixture(scope="module")
def crm(bench: Bench) -> Iterator[IsolatedSource]:
    spill = bench.session.workdir / "crm"
    opened = open_source(bench.root, source("csv", "crm.csv"), None, lambda: fresh_instance(spill, "100MB", 1))
    yield opened
    opened.close()


READS = [
    "SELECT * FROM read_csv('{root}/other.csv')",
    "SELECT * FROM '{root}/other.csv'",
    'SELECT * FROM "{root}/other.csv"',
    "SELECT content AS email, 'x' AS first FROM read_text('{root}/.ccsync/HEAD')",
    "SELECT content AS email, 'x' AS first FROM read_blob('/etc/passwd')",
    "SELECT file AS email, 'x' AS first FROM glob('{root}/*')",
    "SELECT * FROM sniff_csv('{root}/other.csv')",
    "SELECT * FROM read_json('{root}/.ccsync/HEAD')",
    "SELECT * FROM read_duckdb('{root}/w.duckdb', table_name = 't')",
    "SELECT * FROM query('FROM read_csv(''{root}/other.csv'')')",
    "SELECT * FROM query_table('{root}/other.csv')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_csv(''{root}/other.csv'')'))",
    "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
    "SELECT * FROM read_csv('s3://bucket/x.csv')",
    "SELECT (SELECT first FROM read_csv('{root}/other.csv')) AS first, email FROM source",
    "SELECT * FROM source WHERE EXISTS (FROM read_csv('{root}/other.csv'))",
    "WITH o AS (FROM read_csv('{root}/other.csv')) SELECT * FROM o",
    "WITH o AS MATERIALIZED (FROM '{root}/other.csv') SELECT * FROM source, o",
    "SELECT * FROM source UNION ALL BY NAME FROM read_csv('{root}/other.csv')",
    "SELECT * FROM source ORDER BY (SELECT first FROM '{root}/other.csv')",
    "FROM (PIVOT (FROM read_csv('{root}/other.csv')) ON email IN ('x') USING count(*))",
    "FROM source POSITIONAL JOIN read_csv('{root}/other.csv')",
    "SELECT s.* FROM source s, LATERAL (SELECT * FROM read_csv(s.first))",
]

STATEMENTS = [
    "ATTACH '{root}/w.duckdb' AS w",
    "COPY source TO '{root}/out.csv'",
    "COPY (SELECT 1 AS x) TO '{root}/other.csv' (USE_TMP_FILE false)",
    "EXPORT DATABASE '{root}/out'",
    "INSTALL httpfs",
    "INSTALL '{root}/x.duckdb_extension'",
    "LOAD '{root}/x.duckdb_extension'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_paths = ['{root}/other.csv']",
    "SET temp_directory = '{root}'",
    "RESET enable_external_access",
    "PRAGMA enable_profiling",
    "CALL enable_logging(storage = 'file', storage_path = '{root}/log')",
    "CREATE PERSISTENT SECRET s (TYPE http)",
    "IMPORT DATABASE '{root}'",
]

SURROUNDINGS = [
    "SELECT current_setting('temp_directory') AS email, 'x' AS first",
    "SELECT list_transform(['temp_directory'], lambda s: current_setting(s))[1] AS email, 'x' AS first",
    "SELECT name AS email, value AS first FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_views",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM memory.main.source",
    "SELECT * FROM (WITH duckdb_settings AS (SELECT 1) SELECT 1), duckdb_settings",
    "SELECT * FROM pragma_database_list",
    "SELECT getenv('HOME') AS email, 'x' AS first",
    "SELECT getvariable('x') AS email, 'x' AS first",
    "SELECT json_serialize_plan('FROM read_csv(''{root}/other.csv'')') AS email, 'x' AS first",
    "DESCRIBE source",
    "SUMMARIZE source",
    "SHOW ALL TABLES",
    "SELECT * FROM (DESCRIBE source)",
]


OVER_THE_SOURCE = "COPY (SELECT 1 AS x) TO '{root}/crm.csv' (USE_TMP_FILE false)"
"""What DuckDB may read it may write: that the source's own file is safe rests on the first wall, and on the text only
ever standing inside a SELECT."""


@pytest.mark.parametrize("text", [*READS, *STATEMENTS, *SURROUNDINGS, OVER_THE_SOURCE])
def test_the_first_wall_refuses_it_unread(bench: Bench, crm: IsolatedSource, text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_query(crm.connection, text.format(root=bench.root), "the query")
    assert set(codes(caught.value)) <= {"E402", "E403"}


@pytest.mark.parametrize("text", [*READS, *STATEMENTS])
def test_the_second_wall_stands_without_the_first(bench: Bench, crm: IsolatedSource, text: str) -> None:
    before = {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()}
    with pytest.raises(duckdb.Error):
        crm.connection.execute(text.format(root=bench.root)).fetchall()
    assert {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("text", [*READS, *SURROUNDINGS])
def test_as_a_query_of_a_segment_it_stops_the_plan(bench: Bench, text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", "crm.csv"), table(query=text.format(root=bench.root)))
    assert set(codes(caught.value)) <= {"E402", "E403"}
    assert "secret@" not in everything_said(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "1=1) UNION ALL SELECT * FROM source WHERE (1=1",
        "1=1) UNION ALL FROM read_csv('{root}/other.csv') WHERE (1=1",
        "1=1); COPY source TO '{root}/out.csv'; SELECT (1",
        "1=1; SELECT 1",
        "1=1) OR (1=1",
        "1=1) LIMIT (1",
        "1=1) ORDER BY (1",
        "1=1) GROUP BY ALL HAVING (true",
        "1=1) AS t, read_csv('{root}/other.csv') AS o WHERE (true",
        "/* 1=1",
        "'1=1",
        "$$1=1",
        "1=1, 2=2",
        "1=1 -- )\n) OR (2=2",
        "SELECT 1",
        "country = ?",
        "country = $1",
        "EXISTS (FROM read_csv('{root}/other.csv'))",
        "first IN (SELECT first FROM '{root}/other.csv')",
        "current_setting('threads') = 1",
        "count(*) > 1",
        "row_number() OVER () = 1",
        "nowhere = 1",
        "",
        "-- nothing",
    ],
)
def test_a_condition_is_one_expression_over_one_row(bench: Bench, text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", "crm.csv"), table(where=text.format(root=bench.root)))
    assert set(codes(caught.value)) <= {"E402", "E403"}


@pytest.mark.parametrize(
    "text",
    [
        "first AS x",
        "first, email",
        "first) AS a, (email",
        "*",
        "COLUMNS(*)",
        "COLUMNS('first|email')",
        "max(first)",
        "first_value(first) OVER ()",
        "first FROM source",
        "(SELECT first FROM read_csv('{root}/other.csv'))",
        "unnest([1, 2])",
    ],
)
def test_a_field_is_one_value_of_one_row(bench: Bench, text: str) -> None:
    wanted = export(fields={"first_name": Sql(text.format(root=bench.root))})
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", "crm.csv"), table(), wanted)
    assert set(codes(caught.value)) <= {"E402", "E403"}


@pytest.mark.parametrize(
    "text",
    [
        "country = 'NL'",
        "country = 'NL' -- the Dutch",
        "country = 'NL' /* ) */",
        "country LIKE 'N%' AND age::INT BETWEEN 18 AND 35 OR false",
        "country IN ('NL', 'BE')",
        "source.country = 'NL'",
        "age::INT < (SELECT avg(age::INT) FROM source)",
        "CASE country WHEN 'NL' THEN true END",
        "regexp_matches(country, '^N')",
    ],
)
def test_conditions_that_are_meant_work(bench: Bench, text: str) -> None:
    assert bench.people(source("csv", "crm.csv"), table(where=text)) == [ANNA]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT email, first FROM source WHERE country = 'NL'",
        "SELECT email, first FROM source WHERE country = 'NL'; -- done\n ;",
        "FROM source WHERE country = 'NL'",
        "WITH dutch AS (SELECT * FROM Source WHERE country = 'NL') SELECT * FROM dutch",
        "WITH source AS (SELECT * FROM source WHERE country = 'NL') SELECT * FROM source",
        "SELECT email, arg_min(first, age) AS first FROM source WHERE country = 'NL' GROUP BY email",
        "SELECT s.email, s.first FROM source s JOIN source o USING (email) WHERE o.country = 'NL'",
        "SELECT email, first FROM source WHERE country = 'NL' UNION SELECT email, first FROM source WHERE false",
        "SELECT email, first FROM source QUALIFY row_number() OVER (ORDER BY age) = 1",
        "SELECT email, first FROM source, (VALUES ('NL')) v(c) WHERE country = c",
        "SELECT email, first FROM source, range(1) WHERE country = 'NL'",
        "SELECT email, first FROM source WHERE country = 'NL' LIMIT 1",
        "SELECT email, 'Anna;' [:4] AS first FROM source WHERE country = 'NL'",
    ],
)
def test_queries_that_are_meant_work(bench: Bench, text: str) -> None:
    assert bench.people(source("csv", "crm.csv"), table(query=text)) == [ANNA]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("upper(first)", "ANNA"),
        ("first || ' ' || country -- both", "Anna NL"),
        ("CASE WHEN age::INT > 20 THEN 'gold' ELSE 'silver' END", "gold"),
        ("(SELECT count(*) FROM source)", "2"),
        ("age::INT + 0.50", "30.5"),
        ("NULL", None),
        ("' '", None),
    ],
)
def test_fields_that_are_meant_work(bench: Bench, text: str, value: str | None) -> None:
    wanted = export(fields={"first_name": Sql(text)})
    assert bench.people(source("csv", "crm.csv"), table(where="country = 'NL'"), wanted) == [(ANNA[0], value)]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("cast(first AS INTEGER) = 1", "a value can't be read as INT32"),
        ("error(email || first)", "a value made the SQL fail"),
        ("strptime(first, '%Y') IS NULL", "a value made the SQL fail"),
        ("contry = 'secret@example.com'", 'column "contry" not found'),
        ("foo(first)", "Scalar Function with name foo does not exist!"),
        ("first = ", "syntax error"),
    ],
)
def test_an_error_names_the_segment_and_no_value(bench: Bench, where: str, said: str) -> None:
    with pytest.raises(CcsyncError) as caught:
        bench.desired(source("csv", "crm.csv"), table(where=where))
    assert codes(caught.value) == ["E402"]
    text = everything_said(caught.value)
    assert said in text
    assert "segment all" in text
    assert not any(value in text for value in ("anna", "Anna", "secret@"))


def test_two_sources_do_not_see_each_other(bench: Bench) -> None:
    crm, shop = source("csv", "crm.csv"), source("csv", "other.csv", "shop")
    for name in ("shop", "other", "crm", "source_2"):
        segments = [table("a", "crm", query=f"SELECT * FROM {name}"), table("b", "shop")]
        with pytest.raises(InvalidError, match="E403"):
            bench.desired([crm, shop], segments, export("a", "b"))


def test_an_unshut_instance_would_have_let_it_through(bench: Bench) -> None:
    """What keeps the tests above honest: the same reads work where nothing is shut."""
    with duckdb.connect() as connection:
        rows = connection.execute(READS[0].format(root=bench.root)).fetchall()
    assert rows == [("secret@example.com", "secret")]


def test_a_shut_instance_still_spills(bench: Bench, tmp_path: Path) -> None:
    rows = "".join(f"u{i * 7919 % 400_000}@b.example,{i:0200}\n" for i in range(400_000))
    (tmp_path / "big.csv").write_text("email,first\n" + rows)
    spill = tmp_path / "spill"
    opened = open_source(tmp_path, source("csv", "big.csv"), None, lambda: fresh_instance(spill, "120MB", 1))
    try:
        select = check_query(opened.connection, "SELECT first FROM source ORDER BY email DESC, first LIMIT 350000", "q")
        ((count,),) = opened.connection.execute(f"SELECT count(DISTINCT first) FROM ({select}\n)").fetchall()
    finally:
        opened.close()
    assert count == 350_000


@pytest.mark.parametrize("text", ["1 -- x", "a\n", "(1)", "'(' || a"])
def test_an_expression_is_wrapped_so_that_it_ends_where_it_ends(crm: IsolatedSource, text: str) -> None:
    assert check_expression(crm.connection, text, "x") == f"({text}\n)"
