"""The sample database once as a SQLite file and once on a PostgreSQL server: the same people, the same plan."""

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.cli.conftest import Run
from tests.cli.world import World
from tests.journeys.test_chinook import CONFIG, OUTSIDE, SHARED
from tests.support.postgres import PASSWORD, run_sql, serving_postgres

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the sample database chinook.sqlite is not on this machine")
pytest.importorskip("adbc_driver_postgresql", reason="the extra [postgres] is not installed")


def literal(value: object) -> str:
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with closing(sqlite3.connect(SHARED)) as database, serving_postgres() as address:
        rows = database.execute("SELECT * FROM Customer")
        columns = [column[0] for column in rows.description]
        values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
        run_sql(
            address,
            f'CREATE TABLE "Customer" ({", ".join(f"{column} text" for column in columns)})',
            f'INSERT INTO "Customer" VALUES {values}',
        )
        yield address


def changes(file: str) -> bytes:
    with zipfile.ZipFile(file) as plan:
        (name,) = [name for name in plan.namelist() if name.endswith(".parquet")]
        return plan.read(name)


def test_the_plan_through_postgres_is_the_plan_through_sqlite(
    world: World, run: Run, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SHARED, world.folder / "chinook.sqlite")
    (world.folder / "ccsync.yaml").write_text(CONFIG.format(where=OUTSIDE), encoding="utf-8")
    assert run("plan", "-o", "sqlite.ccplan").code == 0

    monkeypatch.setenv("PG_DSN", dsn)
    text = (
        CONFIG.format(where=OUTSIDE)
        .replace("Email}", "email}")
        .replace("FirstName, last_name: LastName", "firstname, last_name: lastname")
    )
    text = text.replace("{type: sqlite, path: chinook.sqlite}", '{type: postgres, dsn: "${env:PG_DSN}"}')
    (world.folder / "ccsync.yaml").write_text(text, encoding="utf-8")
    planned = run("plan", "-o", "postgres.ccplan", "--json")
    assert planned.code == 0, planned
    assert json.loads(planned.out)["summary"]["add"] == 38
    assert changes("postgres.ccplan") == changes("sqlite.ccplan")
    assert PASSWORD.encode() not in (world.folder / "postgres.ccplan").read_bytes()

    applied = run("apply", "postgres.ccplan", "--auto-approve")
    assert applied.code == 0, applied
    assert len(world.members("Newsletter")) == 37
    assert run("plan", "--detailed-exitcode").code == 0


def test_a_server_that_is_gone_stops_everything_and_nobody_is_removed(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CONFIG.format(where=OUTSIDE).replace(
        "{type: sqlite, path: chinook.sqlite}", '{type: postgres, dsn: "${env:PG_DSN}"}'
    )
    (world.folder / "ccsync.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PG_DSN", "postgresql://me:canary@127.0.0.1:9/x")
    refused = run("apply", "--auto-approve")
    assert refused.code == 7
    assert "E425" in refused.err
    assert "canary" not in refused.err + refused.out
    assert not [path for method, path in world.requests() if method == "POST" and "activities" in path]
