"""Delta Lake tables, written by deltalake itself."""

import json
import sys
from pathlib import Path

import duckdb
import pytest
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, export, source, table

deltalake = pytest.importorskip("deltalake", reason="the extra [delta] is not installed")

ANNA, BOB = ("anna@example.com", "Anna"), ("bob@example.com", "Bob")


def write(folder: Path, select: str, mode: str = "append", **options: object) -> None:
    with duckdb.connect() as connection:
        deltalake.write_deltalake(str(folder), connection.sql(select), mode=mode, **options)


def person(email: str, first: str, more: str = "") -> str:
    return f"SELECT '{email}@example.com' AS email, '{first}' AS first{more}"


@pytest.fixture
def crm(bench: Bench) -> Path:
    """A table of several versions: the people of the first one are gone."""
    folder = bench.root / "crm"
    write(folder, person("lea", "Left"))
    write(folder, person("anna", "Anna"), "overwrite")
    write(folder, person("bob", "Bob"))
    return folder


def refused(bench: Bench, code: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("delta", "crm"))
    assert codes(caught.value) == [code]
    return caught.value


def test_the_newest_version_is_read_and_older_files_are_not(bench: Bench, crm: Path) -> None:
    assert len(list(crm.glob("*.parquet"))) == 3
    result = bench.desired(source("delta", "crm"))
    assert bench.rows(result.relation) == [ANNA, BOB]
    assert len(result.sources[0].files) == 2


def test_a_checkpoint_stands_for_the_log_before_it(bench: Bench, crm: Path) -> None:
    deltalake.DeltaTable(str(crm)).create_checkpoint()
    for old in range(3):
        (crm / "_delta_log" / f"{old:020}.json").unlink()
    assert bench.people(source("delta", "crm")) == [ANNA, BOB]


def test_rows_that_were_deleted_are_gone(bench: Bench, crm: Path) -> None:
    deltalake.DeltaTable(str(crm)).delete("first = 'Bob'")
    assert bench.people(source("delta", "crm")) == [ANNA]
    deltalake.DeltaTable(str(crm)).delete()
    assert bench.people(source("delta", "crm")) == []


def test_columns_of_folders_are_text_as_the_log_says(bench: Bench) -> None:
    folder = bench.root / "crm"
    write(folder, person("anna", "Anna", ", 'N/L 1' AS country, 1 AS month"), partition_by=["country", "month"])
    write(folder, person("bob", "Bob", ", NULL::VARCHAR AS country, 11 AS month"))
    lake = source("delta", "crm")
    assert bench.people(lake, table(where="country = 'N/L 1' AND month = '1'")) == [ANNA]
    assert bench.people(lake, table(where="country IS NULL")) == [BOB]
    assert bench.people(lake, table(), export(fields={"first_name": "month"})) == [(ANNA[0], "1"), (BOB[0], "11")]


def test_a_column_that_came_later_is_null_before(bench: Bench) -> None:
    folder = bench.root / "crm"
    write(folder, person("anna", "Anna"))
    write(folder, person("bob", "Bob", ", 'gold' AS tier"), schema_mode="merge")
    lake = source("delta", "crm")
    assert bench.people(lake, table(), export(fields={"first_name": "tier"})) == [(ANNA[0], None), (BOB[0], "gold")]


def edit_log(folder: Path, part: str, change: dict[str, object]) -> None:
    """Puts something into the first entry of that kind in the first version's log."""
    log = folder / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    next(line for line in lines if part in line)[part].update(change)
    log.write_text("\n".join(map(json.dumps, lines)))


@pytest.mark.parametrize(
    ("feature", "settings"),
    [
        ("deletionVectors", {"delta.enableDeletionVectors": "true"}),
        ("deletionVectors", {}),
        ("columnMapping", {"delta.columnMapping.mode": "name"}),
        ("somethingNew", {}),
    ],
)
def test_features_that_would_be_read_wrongly_are_refused(
    bench: Bench, feature: str, settings: dict[str, object]
) -> None:
    folder = bench.root / "crm"
    write(folder, person("anna", "Anna"))
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [feature], "writerFeatures": [feature]}
    edit_log(folder, "protocol", protocol)
    edit_log(folder, "metaData", {"configuration": settings})
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("delta", "crm"))
    assert codes(caught.value)[0] in ("E422", "E416")


def test_a_file_that_is_listed_and_not_there_is_missed(bench: Bench, crm: Path) -> None:
    for path in crm.glob("*.parquet"):
        path.unlink()
    refused(bench, "E416")


def test_a_file_outside_of_the_table_is_not_read(bench: Bench, crm: Path) -> None:
    folder = bench.root / "crm2"
    write(folder, person("anna", "Anna"))
    edit_log(folder, "add", {"path": "../crm/x.parquet"})
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("delta", "crm2"))
    assert codes(caught.value)[0] in ("E422", "E416")


def test_a_folder_that_is_no_table_is_refused(bench: Bench) -> None:
    refused(bench, "E401")
    bench.write("crm/_delta_log/00000000000000000000.json", "no json")
    refused(bench, "E416")


def test_without_its_package_the_line_that_installs_it_is_told(
    bench: Bench, crm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    assert refused(bench, "E424").diagnostics[0].hint == "pip install 'ccsync[delta]'"
