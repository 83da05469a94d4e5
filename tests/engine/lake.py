"""Writes Common Data Model folders as Customer Insights would, and wrong ones, and reads them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from ccsync.core.spec import Column
from ccsync.engine.desired import SegmentEngine
from ccsync.errors import InvalidError
from ccsync.ports.desired import Desired

from tests.engine.projects import Bench, Option, codes, everything_said, export, project, source, table

# Any: JSON documents.

INSTANCE = "CustomerInsights_abcd1234-4312-11f4-93dc-24f72f43e7d5"
HOST = f"https://contosolake.blob.core.windows.net/customerinsights/{INSTANCE}/BlobExport"
FOLDER = f"lake/customerinsights/{INSTANCE}/BlobExport"
MODEL = f"{FOLDER}/model.json"
TABLE = "HighValueSegment"
TODAY, YESTERDAY = "2026/08/25/1433", "2026/08/24/1433"
COLUMNS = ("CustomerId", "FirstName", "LastName", "EMail", "SignupDate")
HEADER = '"CustomerId","FirstName","LastName","EMail","SignupDate"\n'
MONICA = '"ce759201","Monica","Thomson","monica.thomson@example.com","2026-08-01T00:00:00Z"\n'
JOSE = '"0b1c6f0e","José ""Pepe""","García, Jr.","jose@example.com",""\n'
LEAVER = '"1d2e","Lea","Left","lea@example.com",""\n'
CSV = {
    "$type": "CsvFormatSettings",
    "columnHeaders": True,
    "delimiter": ",",
    "encoding": "UTF-8",
    "quoteStyle": "QuoteStyle.Csv",
    "csvStyle": "CsvStyle.QuoteAlways",
}


def partition(
    number: int, table: str = TABLE, run: str = TODAY, settings: dict[str, Any] | None = None, **parts: Any
) -> dict[str, Any]:
    """One file of a table, as the model lists it."""
    return {
        "name": f"{table}_{number}",
        "refreshTime": "2026-08-25T14:33:10+00:00",
        "location": f"{HOST}/{table}/{run}/{table}_{number}.csv",
        "fileFormatSettings": CSV if settings is None else settings,
        **parts,
    }


def entity(
    *partitions: dict[str, Any], name: str = TABLE, columns: Sequence[str] = COLUMNS, **parts: Any
) -> dict[str, Any]:
    return {
        "$type": "LocalEntity",
        "name": name,
        "annotations": [{"name": "c360:PrimaryKey", "value": "CustomerId"}],
        "attributes": [{"name": column, "dataType": "string"} for column in columns],
        "partitions": list(partitions),
        **parts,
    }


def model(*entities: dict[str, Any], **parts: Any) -> str:
    document = {
        "name": "BlobExport",
        "version": "1.0",
        "culture": "en-US",
        "modifiedTime": "2026-08-25T14:33:10+00:00",
        "entities": list(entities),
        **parts,
    }
    return json.dumps(document)


def csv_file(bench: Bench, number: int, content: str | bytes, table: str = TABLE, run: str = TODAY) -> str:
    return bench.write(f"{FOLDER}/{table}/{run}/{table}_{number}.csv", content)


def the_example(bench: Bench) -> None:
    """The folder as the vendor documents it: two files of today's run, and yesterday's, which must not be read."""
    bench.write(MODEL, model(entity(partition(1), partition(2))))
    csv_file(bench, 1, HEADER + MONICA)
    csv_file(bench, 2, HEADER + JOSE)
    csv_file(bench, 1, HEADER + MONICA + LEAVER, run=YESTERDAY)


def one_file(bench: Bench, content: str | bytes, settings: dict[str, Any] | None = None, **parts: Any) -> None:
    """A folder with one table of one file."""
    bench.write(MODEL, model(entity(partition(1, settings=settings), **parts)))
    csv_file(bench, 1, content)


NOW = datetime(2026, 8, 25, 20, 0, tzinfo=UTC)
WEEKLY = export(email=Column("EMail"), fields={"first_name": "FirstName", "last_name": "LastName"})
MONICA_ROW = ("monica.thomson@example.com", "Monica", "Thomson")
JOSE_ROW = ("jose@example.com", 'José "Pepe"', "García, Jr.")


def desired(bench: Bench, name: str | None = TABLE, path: str = MODEL, **options: Option) -> Desired:
    lake = source("cdm", path, "crm", **options)
    segment = table(table=name)
    engine = SegmentEngine(bench.session, project(bench.root, [lake], [segment], [WEEKLY]), now=lambda: NOW)
    try:
        return engine.desired(WEEKLY)
    finally:
        engine.close()


def people(bench: Bench, name: str | None = TABLE, path: str = MODEL, **options: Option) -> list[Any]:
    return bench.rows(desired(bench, name, path, **options).relation)


def refused(bench: Bench, code: str, name: str | None = TABLE, path: str = MODEL, **options: Option) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        desired(bench, name, path, **options)
    assert codes(caught.value) == [code]
    assert "example.com" not in everything_said(caught.value)
    return caught.value


def found(result: Desired) -> list[str]:
    return [finding.code for finding in result.findings]
