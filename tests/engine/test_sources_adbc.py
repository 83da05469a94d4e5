"""Queries over ADBC: what holds for any driver. A distributed engine is in tests/engines/."""

import sqlite3
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ccsync.core.spec import Secret, Source, SourceName, SourceType, Sql
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, table
from tests.support.postgres import PASSWORD, serving_postgres

pytest.importorskip("adbc_driver_sqlite", reason="the driver of the tests is not installed")

QUERY = "SELECT email, first FROM people WHERE age > 35"


@pytest.fixture
def shop(bench: Bench) -> Path:
    path = bench.root / "shop.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE people (email TEXT, first TEXT, age INTEGER)")
        database.execute("INSERT INTO people VALUES ('anna@example.com', 'Anna', 30), ('bob@example.com', 'Bob', 40)")
        database.commit()
    return path


def adbc(uri: str, driver: str = "sqlite", **options: str) -> Source:
    hidden = {f"options.{key}": Secret("${env:X}", value) for key, value in options.items()}
    return Source(
        SourceName("crm"), SourceType.ADBC, "", {"driver": driver, "uri": Secret("${env:URI}", uri), **hidden}
    )


def refused(bench: Bench, source: Source, code: str, query: str = QUERY) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source, table(query=query))
    assert codes(caught.value) == [code]
    for secret in ("anna", "canary"):
        assert secret not in everything_said(caught.value)
        assert secret not in "".join(traceback.format_exception(caught.value, limit=0))
    return caught.value


@pytest.mark.parametrize("end", ["", ";", "; -- done"])
def test_a_query_runs_in_the_database_and_its_rows_come_back(bench: Bench, shop: Path, end: str) -> None:
    result = bench.desired(adbc(str(shop)), table(query=QUERY + end))
    assert bench.rows(result.relation) == [("bob@example.com", "Bob")]
    assert (result.rows, result.sources[0].files) == (1, ())


def test_fields_are_computed_here(bench: Bench, shop: Path) -> None:
    wanted = export(fields={"first_name": Sql("upper(first)")})
    assert bench.people(adbc(str(shop)), table(query=QUERY), wanted) == [("bob@example.com", "BOB")]


def test_a_query_without_rows_has_its_columns(bench: Bench, shop: Path) -> None:
    assert bench.people(adbc(str(shop)), table(query=QUERY + " AND age > 99")) == []


@pytest.mark.parametrize("query", ["DELETE FROM people", "DELETE FROM people RETURNING email, first", "COMMIT"])
def test_nothing_is_committed(bench: Bench, shop: Path, query: str) -> None:
    with pytest.raises(InvalidError):
        bench.desired(adbc(str(shop)), table(query=query), export(email=Sql("nonsense(")))
    with closing(sqlite3.connect(shop)) as database:
        assert database.execute("SELECT count(*) FROM people").fetchone() == (2,)


@pytest.mark.parametrize("query", ["SELECT nope FROM people", "SELEC", "SELECT abs('canary', 1)", ""])
def test_sql_that_fails_is_told_without_a_value(bench: Bench, shop: Path, query: str) -> None:
    refused(bench, adbc(str(shop)), "E402", query)


def test_a_database_that_is_not_reached_is_told_without_its_address(bench: Bench) -> None:
    refused(bench, adbc("/no/such/canary/folder/x.sqlite"), "E425")


def test_an_option_that_the_driver_does_not_know_is_told_without_its_value(bench: Bench, shop: Path) -> None:
    refused(bench, adbc(str(shop), **{"nope.password": "canary"}), "E425")


def test_a_driver_that_is_not_installed_is_named(bench: Bench) -> None:
    error = refused(bench, adbc("canary://", driver="nosuch"), "E424")
    assert "adbc-driver-nosuch" in str(error.diagnostics[0].hint)


def test_without_the_extra_the_line_that_installs_it_is_told(
    bench: Bench, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_manager", None)
    error = refused(bench, adbc(str(shop)), "E424")
    assert error.diagnostics[0].hint == "pip install 'ccsync[adbc]'"


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with serving_postgres() as address:
        yield address


def test_a_server_of_any_make_is_asked_in_its_own_sql(bench: Bench, dsn: str) -> None:
    query = "SELECT i || '@b.example' AS email, md5(i::text) AS first FROM generate_series(1, 50000) AS s(i)"
    assert bench.desired(adbc(dsn, driver="postgresql"), table(query=query)).size == 50_000
    refused(bench, adbc(dsn.replace(PASSWORD, "canary"), driver="postgresql"), "E425", query)
