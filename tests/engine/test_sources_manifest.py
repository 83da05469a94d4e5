"""Common Data Model folders of other makers: manifests, and partitions in Parquet."""

import json
from typing import Any

import duckdb
import pytest

from tests.engine.lake import (
    COLUMNS,
    FOLDER,
    MODEL,
    MONICA_ROW,
    entity,
    model,
    partition,
    people,
    refused,
)
from tests.engine.projects import Bench

# Any: JSON documents.


def parquet(bench: Bench, name: str, select: str) -> None:
    path = bench.root / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")


MONICA_SQL = "SELECT 'monica.thomson@example.com' AS EMail, 'Monica' AS FirstName, 'Thomson' AS LastName"


@pytest.mark.parametrize("settings", [{"$type": "ParquetFormatSettings"}, {}])
def test_a_model_may_list_parquet_files(bench: Bench, settings: dict[str, Any]) -> None:
    parquet(bench, "a.parquet", MONICA_SQL)
    columns = ("FirstName", "LastName", "EMail")
    bench.write(MODEL, model(entity(partition(1, location="a.parquet", settings=settings), columns=columns)))
    assert people(bench) == [MONICA_ROW]
    bench.write(MODEL, model(entity(partition(1, location="a.parquet", settings=settings), columns=COLUMNS)))
    assert "-CustomerId" in str(refused(bench, "E413").diagnostics[0].detail)
    bench.write(f"{FOLDER}/a.parquet", "no parquet")
    refused(bench, "E416")


def manifest(
    bench: Bench, *partitions: dict[str, Any], patterns: bool = False, path: str = "Vips.cdm.json/Vips"
) -> str:
    declared: dict[str, Any] = {"type": "LocalEntity", "entityName": "Vips", "entityPath": path}
    declared["dataPartitions"] = list(partitions)
    if patterns:
        declared["dataPartitionPatterns"] = [{"name": "all", "rootLocation": "Vips", "globPattern": "*.csv"}]
    schema = {
        "definitions": [
            {
                "entityName": "Vips",
                "hasAttributes": [
                    {"name": "EMail", "dataType": "string"},
                    {
                        "attributeGroupReference": {
                            "attributeGroupName": "names",
                            "members": [{"name": "FirstName"}, {"name": "LastName"}],
                        }
                    },
                ],
            }
        ]
    }
    bench.write(f"{FOLDER}/Vips.cdm.json", json.dumps(schema))
    document = {"manifestName": "export", "jsonSchemaSemanticVersion": "1.0.0", "entities": [declared]}
    return bench.write(f"{FOLDER}/export.manifest.cdm.json", json.dumps(document))


def traits(kind: str, **arguments: str) -> list[dict[str, Any]]:
    named = [{"name": name, "value": value} for name, value in arguments.items()]
    return [{"traitReference": f"is.partition.format.{kind}", "arguments": named}]


def test_a_manifest_lists_csv_files(bench: Bench) -> None:
    bench.write(f"{FOLDER}/Vips/1.csv", "EMail;FirstName;LastName\nmonica.thomson@example.com;Monica;Thomson\n")
    listed = {"location": "Vips/1.csv", "exhibitsTraits": traits("CSV", columnHeaders="true", delimiter=";")}
    path = manifest(bench, listed)
    assert people(bench, "Vips", path) == [MONICA_ROW]


def test_a_manifest_lists_parquet_files(bench: Bench) -> None:
    parquet(bench, "Vips/1.parquet", MONICA_SQL)
    path = manifest(bench, {"location": "adls:/BlobExport/Vips/1.parquet", "exhibitsTraits": traits("parquet")})
    assert people(bench, "Vips", path) == [MONICA_ROW]
    path = manifest(bench, {"location": "Vips/1.parquet"}, path="other/Vips.cdm.json/Vips")
    assert people(bench, "Vips", path) == [MONICA_ROW]


def test_patterns_of_a_manifest_are_refused(bench: Bench) -> None:
    path = manifest(bench, patterns=True)
    assert "patterns" in str(refused(bench, "E422", "Vips", path))


def test_a_manifest_without_the_schema_of_a_csv_table_is_refused(bench: Bench) -> None:
    bench.write(f"{FOLDER}/Vips/1.csv", "EMail\n")
    path = manifest(bench, {"location": "Vips/1.csv"}, path="../Vips.cdm.json/Vips")
    refused(bench, "E422", "Vips", path)


def test_csv_and_parquet_files_of_one_table_are_refused(bench: Bench) -> None:
    bench.write(f"{FOLDER}/Vips/1.csv", "EMail,FirstName,LastName\n")
    parquet(bench, "Vips/2.parquet", MONICA_SQL)
    path = manifest(bench, {"location": "Vips/1.csv"}, {"location": "Vips/2.parquet"})
    refused(bench, "E422", "Vips", path)
