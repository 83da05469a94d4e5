"""Tables and queries of a real PostgreSQL server."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace

import pytest
from ccsync.core.spec import Secret, Source, SourceName, SourceType, Sql
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, table
from tests.support.postgres import PASSWORD, run_sql, serving_postgres

pytest.importorskip("adbc_driver_postgresql", reason="the extra [postgres] is not installed")

ANNA, BOB = ("anna@example.com", "Anna"), ("bob@example.com", "Bob")


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """A database with a few tables; nothing in it is ever written by a test."""
    with serving_postgres() as address:
        run_sql(
            address,
            'CREATE TABLE "People" (email text, first varchar(50), age int)',
            "INSERT INTO \"People\" VALUES ('anna@example.com', 'Anna', 30), ('bob@example.com', 'Bob', 40)",
            "CREATE SCHEMA mart",
            'CREATE MATERIALIZED VIEW mart.old AS SELECT * FROM "People" WHERE age > 35',
            "CREATE TABLE empty (email text, first text)",
            "CREATE TYPE mood AS ENUM ('ok')",
            "CREATE DOMAIN address AS text",
        )
        yield address


def postgres(dsn: str) -> Source:
    return Source(SourceName("crm"), SourceType.POSTGRES, "", {"dsn": Secret("${env:PG_DSN}", dsn)})


def refused(bench: Bench, dsn: str, code: str, **parts: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        bench.desired(postgres(dsn), table(**parts))
    assert codes(caught.value) == [code]
    for secret in (PASSWORD, "anna@", "127.0.0.1"):
        assert secret not in everything_said(caught.value)
        assert secret not in "".join(traceback.format_exception(caught.value, limit=0))
    return caught.value


def count_tables(bench: Bench, dsn: str) -> int:
    query = "SELECT count(*) || '@b.example' AS email, 'x' AS first FROM pg_tables WHERE schemaname = 'public'"
    ((email, _),) = bench.people(postgres(dsn), table(query=query))
    assert email is not None
    return int(email.partition("@")[0])


@pytest.mark.parametrize(("name", "people"), [("People", [ANNA, BOB]), ("people", [ANNA, BOB]), ("mart.old", [BOB])])
def test_tables_and_views_are_read(bench: Bench, dsn: str, name: str, people: list[tuple[str, str]]) -> None:
    result = bench.desired(postgres(dsn), table(table=name))
    assert bench.rows(result.relation) == people
    assert (result.rows, result.sources[0].files) == (len(people), ())


def test_a_condition_runs_in_the_database(bench: Bench, dsn: str) -> None:
    condition = "age >= ALL (SELECT age FROM \"People\") AND email ~ '^bob' -- its own dialect"
    result = bench.desired(postgres(dsn), table(table="People", where=condition))
    assert bench.rows(result.relation) == [BOB]
    assert result.rows == 1


@pytest.mark.parametrize("end", ["", ";", " ;\n", "; -- that is all\n"])
def test_a_query_runs_in_the_database(bench: Bench, dsn: str, end: str) -> None:
    query = "WITH old AS (SELECT * FROM mart.old) SELECT email, upper(first) AS first FROM old" + end
    assert bench.people(postgres(dsn), table(query=query)) == [("bob@example.com", "BOB")]


def test_fields_are_computed_here_over_what_the_query_gave(bench: Bench, dsn: str) -> None:
    wanted = export(fields={"first_name": Sql("first || ' ' || (age + 1)")})
    rows = bench.people(postgres(dsn), table(table="People", where="age < 35"), wanted)
    assert rows == [("anna@example.com", "Anna 31")]


def test_two_segments_of_one_table_each_ask_for_themselves(bench: Bench, dsn: str) -> None:
    young, old = (table(name, table="People", where=where) for name, where in (("y", "age<35"), ("o", "age>35")))
    assert bench.people(postgres(dsn), [young, old], export("y", "o")) == [ANNA, BOB]
    assert bench.people(postgres(dsn), [young, old], export("o")) == [BOB]


def test_an_empty_table_has_its_columns(bench: Bench, dsn: str) -> None:
    assert bench.people(postgres(dsn), table(table="empty")) == []


def test_nothing_is_fetched_again_only_to_tell_why_somebody_left(bench: Bench, dsn: str) -> None:
    engine = bench.engine(postgres(dsn), [table(table="People", where="age > 35")], [export()])
    bench.session.execute("CREATE TABLE leavers AS SELECT unnest(['anna@example.com']) AS key")
    assert bench.rows(engine.in_source(export(), "leavers")) == []  # type: ignore[arg-type]
    engine.close()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1::bigint", "1"),
        ("12.50::numeric(10,2)", "12.5"),
        ("12345678901234567890.123::numeric", "12345678901234567890.123"),
        ("'NaN'::numeric", "NaN"),
        ("0.1::float8", "0.1"),
        ("0.1::real", "0.1"),
        ("true", "true"),
        ("'2024-02-29'::date", "2024-02-29"),
        ("'2024-02-29 10:00:00'::timestamp", "2024-02-29T10:00:00"),
        ("'2024-02-29 10:00:00+02'::timestamptz", "2024-02-29T08:00:00Z"),
        ("'10:00'::time", "10:00:00"),
        ("'00000000-0000-0000-0000-00000000000A'::uuid", "00000000-0000-0000-0000-00000000000a"),
        ("'x'::char(5)", "x"),
        ("'ok'::mood", "ok"),
        ("'Ünal'::address", "Ünal"),
        ("'\\xff'::bytea", "FF"),
        ("'{\"a\": 1}'::jsonb", '{"a": 1}'),
        ("'10.0.0.0/8'::inet", "10.0.0.0/8"),
        ("NULL::mood", None),
        ("NULL", None),
        ("''::text", None),
    ],
)
def test_a_value_of_any_type_has_one_spelling(bench: Bench, dsn: str, value: str, text: str | None) -> None:
    query = f"SELECT 'a@b.example' AS email, {value} AS first"
    assert bench.people(postgres(dsn), table(query=query)) == [("a@b.example", text)]


def test_values_that_are_no_text_are_refused(bench: Bench, dsn: str) -> None:
    with pytest.raises(InvalidError, match="E412"):
        bench.desired(postgres(dsn), table(query="SELECT 'a@b.example' AS email, ARRAY[1, 2] AS first"))


@pytest.mark.parametrize(
    "query",
    [
        'DELETE FROM "People"',
        'DELETE FROM "People" RETURNING email, first',
        'WITH gone AS (DELETE FROM "People" RETURNING *) SELECT * FROM gone',
        "CREATE TABLE hacked (x int)",
        "SELECT 1) AS a; CREATE TABLE hacked (x int); --",
        "SELECT 1) AS a; COMMIT; CREATE TABLE hacked (x int); SELECT * FROM (SELECT 2",
        "SELECT * INTO hacked FROM \"People\"",
        "SELECT email, first FROM \"People\" FOR UPDATE",
        "SELECT nextval('s')::text AS email, 'x' AS first FROM (SELECT 1) x",
        "SELECT set_config('transaction_read_only', 'off', false) AS email, 'x' AS first",
        "COPY \"People\" TO PROGRAM 'true'",
        "SELECT 1) TO PROGRAM 'true'; --",
        "COMMIT",
        "VACUUM",
        "",
    ],
)  # fmt: skip
def test_a_query_can_only_read(bench: Bench, dsn: str, query: str) -> None:
    before = count_tables(bench, dsn)
    refused(bench, dsn, "E402", query=query)
    assert count_tables(bench, dsn) == before
    assert bench.people(postgres(dsn), table(table="People")) == [ANNA, BOB]


def test_nothing_is_ever_committed(bench: Bench, dsn: str) -> None:
    """Large objects can be made in a read-only transaction by older servers; they go with it."""
    making = "SELECT lo_create(4711)::text || '@b.example' AS email, 'x' AS first"
    with contextlib.suppress(InvalidError):
        bench.desired(postgres(dsn), table(query=making))
    looking = "SELECT oid || '@b.example' AS email, 'x' AS first FROM pg_largeobject_metadata"
    assert bench.people(postgres(dsn), table(query=looking)) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT email, first FROM nowhere",
        "SELECT email, nothing AS first FROM \"People\"",
        "SELECT email, first::int AS first FROM \"People\"",
        "SELECT email::int AS email, first FROM \"People\"",
        "SELECT email, 1 / (age - age) AS first FROM \"People\"",
        "SELEC email",
    ],
)  # fmt: skip
def test_sql_that_fails_is_told_without_a_value(bench: Bench, dsn: str, query: str) -> None:
    refused(bench, dsn, "E402", query=query)


def test_what_the_database_says_about_the_sql_is_passed_on(bench: Bench, dsn: str) -> None:
    error = refused(bench, dsn, "E402", query='SELECT nope FROM "People"')
    assert 'column "nope" does not exist' in str(error.diagnostics[0].detail)


def test_columns_of_one_name_are_refused(bench: Bench, dsn: str) -> None:
    refused(bench, dsn, "E402", query='SELECT email AS "Email", email AS "email" FROM "People"')


def test_a_table_that_is_not_there_has_a_suggestion(bench: Bench, dsn: str) -> None:
    error = refused(bench, dsn, "E410", table="Peple")
    assert "did you mean People?" in str(error.diagnostics[0].hint)
    refused(bench, dsn, "E410", table="pg_authid")


@pytest.mark.parametrize(
    "change",
    [(PASSWORD, f"{PASSWORD}-wrong"), ("127.0.0.1", "127.0.0.2"), ("ccsync:", "nobody:"), ("/postgres", "/no")],
)
def test_a_database_that_is_not_reached_is_told_without_its_dsn(
    bench: Bench, dsn: str, change: tuple[str, str]
) -> None:
    refused(bench, dsn.replace(*change), "E425", table="People")


def test_a_dsn_that_is_none_is_not_said_back(bench: Bench) -> None:
    refused(bench, f"host=127.0.0.1 {PASSWORD}", "E425", table="People")


def test_without_its_package_the_line_that_installs_it_is_told(
    bench: Bench, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("adbc_driver_postgresql", "adbc_driver_manager"):
        monkeypatch.setitem(sys.modules, module, None)
        error = refused(bench, dsn, "E424", table="People")
        assert error.diagnostics[0].hint == "pip install 'ccsync[postgres]'"


def test_a_users_sql_finds_neither_the_dsn_nor_the_network(bench: Bench, dsn: str) -> None:
    for text in ("current_setting('dsn')", "getenv('PG_DSN')"):
        wanted = export(fields={"first_name": Sql(text)})
        with pytest.raises(InvalidError) as caught:
            bench.desired(postgres(dsn), table(table="People"), wanted)
        assert codes(caught.value) == ["E403"]
    engine = bench.engine(postgres(dsn), [table(table="People")], [export()])
    engine.desired(export())
    (opened,) = engine._opened.values()
    everything = opened.connection.execute("SELECT * FROM duckdb_settings()").fetchall()
    everything += opened.connection.execute("SELECT * FROM duckdb_secrets()").fetchall()
    everything += opened.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert PASSWORD not in repr(everything)
    assert PASSWORD not in repr(postgres(dsn))
    engine.close()


def test_many_rows_are_streamed(bench: Bench, dsn: str) -> None:
    query = "SELECT i || '@b.example' AS email, repeat('x', 40) AS first FROM generate_series(1, 200000) i"
    assert bench.desired(postgres(dsn), table(query=query)).size == 200_000


def test_a_segment_may_be_told_apart_by_its_query_alone(bench: Bench, dsn: str) -> None:
    one = table("one", query='SELECT email, first FROM "People" WHERE age = 30')
    two = replace(one, name="two", query='SELECT email, first FROM "People" WHERE age = 40')  # type: ignore[arg-type]
    assert bench.people(postgres(dsn), [one, two], export("one", "two")) == [ANNA, BOB]
