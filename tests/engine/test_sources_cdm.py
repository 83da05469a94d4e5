"""Common Data Model folders, as Customer Insights writes them and as they go wrong."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from ccsync.core.spec import Column, Duplicates, OrderBy, Sql
from ccsync.engine.desired import SegmentEngine
from ccsync.errors import InvalidError
from ccsync.ports.desired import Desired

from tests.engine.lake import (
    COLUMNS,
    CSV,
    FOLDER,
    HEADER,
    HOST,
    JOSE,
    LEAVER,
    MODEL,
    MONICA,
    TABLE,
    TODAY,
    YESTERDAY,
    csv_file,
    entity,
    model,
    one_file,
    partition,
    the_example,
)
from tests.engine.projects import Bench, Option, codes, everything_said, export, project, source, table

# Any: JSON documents.

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


# ---------------------------------------------------------------- the folder as it is documented


def test_the_documented_folder_is_read_and_yesterdays_run_is_not(bench: Bench) -> None:
    the_example(bench)
    result = desired(bench)
    assert bench.rows(result.relation) == [JOSE_ROW, MONICA_ROW]
    assert found(result) == []
    files = dict(result.sources[0].files)
    assert sorted(files) == sorted(
        [MODEL, f"{FOLDER}/{TABLE}/{TODAY}/{TABLE}_1.csv", f"{FOLDER}/{TABLE}/{TODAY}/{TABLE}_2.csv"]
    )


def test_files_that_the_model_does_not_list_are_not_read(bench: Bench) -> None:
    the_example(bench)
    csv_file(bench, 3, HEADER + LEAVER)
    assert people(bench) == [JOSE_ROW, MONICA_ROW]


def test_a_model_that_lists_several_runs_gives_the_newest(bench: Bench) -> None:
    the_example(bench)
    bench.write(MODEL, model(entity(partition(1, run=YESTERDAY), partition(1), partition(2))))
    result = desired(bench)
    assert bench.rows(result.relation) == [JOSE_ROW, MONICA_ROW]
    assert found(result) == ["W415"]


def test_files_of_a_run_beside_files_of_none_are_refused(bench: Bench) -> None:
    the_example(bench)
    bench.write(MODEL, model(entity(partition(1), partition(2, location=f"{HOST}/{TABLE}/{TABLE}_2.csv"))))
    bench.write(f"{FOLDER}/{TABLE}/{TABLE}_2.csv", HEADER + LEAVER)
    refused(bench, "E422")


def test_a_file_that_is_listed_twice_counts_once(bench: Bench) -> None:
    the_example(bench)
    bench.write(MODEL, model(entity(partition(1), partition(2), partition(1))))
    assert desired(bench).rows == 2


def test_a_model_with_tables_for_entities_is_read_alike(bench: Bench) -> None:
    the_example(bench)
    document = json.loads(model(entity(partition(1), partition(2))))
    document["tables"] = document.pop("entities")
    bench.write(MODEL, json.dumps(document))
    assert people(bench) == [JOSE_ROW, MONICA_ROW]


def test_keys_of_other_makers_and_a_byte_order_mark_are_passed_over(bench: Bench) -> None:
    the_example(bench)
    own = {"pbi:mashup": {"fastCombine": False}, "cdm:imports": [1], "relationships": [], "referenceModels": []}
    text = model(entity(partition(1), partition(2), **{"pbi:refreshPolicy": {}}), **own)
    bench.write(MODEL, "\ufeff" + text)
    assert people(bench) == [JOSE_ROW, MONICA_ROW]


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize("settings", [{}, None, {"$type": "CsvFormatSettings", "columnHeaders": False}])
def test_without_a_header_the_models_columns_count(bench: Bench, settings: dict[str, Any] | None) -> None:
    bench.write(MODEL, model(entity(partition(1, fileFormatSettings=settings))))
    csv_file(bench, 1, MONICA + JOSE)
    result = desired(bench)
    assert bench.rows(result.relation) == [JOSE_ROW, MONICA_ROW]
    assert found(result) == []


@pytest.mark.parametrize("header", [HEADER, '"EMail","CustomerId","FirstName","LastName","SignupDate"\n'])
def test_a_header_that_the_model_denies_does_not_become_a_customer(bench: Bench, header: str) -> None:
    body = MONICA if header == HEADER else '"monica.thomson@example.com","ce759201","Monica","Thomson",""\n'
    one_file(bench, header + body, {"$type": "CsvFormatSettings"})
    result = desired(bench)
    assert bench.rows(result.relation) == [MONICA_ROW]
    assert (found(result), result.rows) == (["W414"], 1)


def test_a_header_in_another_order_is_read_by_name(bench: Bench) -> None:
    bench.write(MODEL, model(entity(partition(1), partition(2))))
    csv_file(bench, 1, HEADER + MONICA)
    csv_file(bench, 2, 'EMail,SignupDate,LastName,CustomerId,FirstName\njose@example.com,,"García, Jr.",0b1c,José\n')
    assert people(bench) == [("jose@example.com", "José", "García, Jr."), MONICA_ROW]


@pytest.mark.parametrize("settings", [CSV, {"$type": "CsvFormatSettings"}])
def test_columns_that_differ_from_the_model_are_drift(bench: Bench, settings: dict[str, Any]) -> None:
    header = HEADER.replace('"FirstName"', '"Phone"')
    one_file(bench, header + MONICA, settings)
    error = refused(bench, "E413")
    assert "+Phone -FirstName" in str(error.diagnostics[0].detail)
    assert str(error.diagnostics[0].where) == f"{FOLDER}/{TABLE}/{TODAY}/{TABLE}_1.csv:1"


def test_a_first_line_that_is_data_where_a_header_is_declared_is_not_shown(bench: Bench) -> None:
    one_file(bench, MONICA + JOSE)
    error = refused(bench, "E413")
    assert "Monica" not in everything_said(error)


@pytest.mark.parametrize("empty", ["", "\ufeff", "\n", HEADER, HEADER.rstrip("\n"), "\ufeff" + HEADER])
def test_empty_partitions_are_no_rows(bench: Bench, empty: str) -> None:
    bench.write(MODEL, model(entity(partition(1), partition(2))))
    csv_file(bench, 1, empty)
    csv_file(bench, 2, HEADER + MONICA)
    assert people(bench) == [MONICA_ROW]
    csv_file(bench, 2, empty)
    assert people(bench) == []


def test_a_file_that_begins_with_an_empty_line_is_not_an_empty_one(bench: Bench) -> None:
    one_file(bench, "\n" + HEADER + MONICA)
    refused(bench, "E415")


def test_quoted_line_breaks_and_a_byte_order_mark_are_part_of_csv(bench: Bench) -> None:
    one_file(bench, "\ufeff" + HEADER + MONICA.replace('"Thomson"', '"Thom\nson"') + JOSE)
    assert people(bench) == [JOSE_ROW, ("monica.thomson@example.com", "Monica", "Thom\nson")]


def test_delimiter_encoding_and_quote_style_are_the_models(bench: Bench) -> None:
    settings = {**CSV, "delimiter": ";", "encoding": "iso-8859-1"}
    one_file(bench, (HEADER + JOSE).replace(",", ";").replace("García; Jr.", "García").encode("latin-1"), settings)
    assert people(bench) == [("jose@example.com", 'José "Pepe"', "García")]
    plain = {**CSV, "quoteStyle": "QuoteStyle.None", "delimiter": "\t"}
    one_file(bench, 'CustomerId\tFirstName\tLastName\tEMail\tSignupDate\n1\tAn "A" na\tB\ta@example.com\t\n', plain)
    assert people(bench) == [("a@example.com", 'An "A" na', "B")]
    one_file(bench, (HEADER + JOSE).encode("utf-16"), {**CSV, "encoding": "UTF-16"})
    assert people(bench) == [JOSE_ROW]


@pytest.mark.parametrize(
    "settings",
    [
        {**CSV, "delimiter": "||"},
        {**CSV, "delimiter": ""},
        {**CSV, "encoding": "windows-1252"},
        {**CSV, "encoding": "no such"},
        {"$type": "AvroFormatSettings"},
    ],
)
def test_settings_that_are_not_supported_are_refused(bench: Bench, settings: dict[str, Any]) -> None:
    one_file(bench, HEADER + MONICA, settings)
    refused(bench, "E422")


def test_too_few_fields_name_the_file_and_line(bench: Bench) -> None:
    bench.write(MODEL, model(entity(partition(1), partition(2))))
    csv_file(bench, 1, HEADER + MONICA)
    csv_file(bench, 2, HEADER + JOSE + '"1","Lea","lea@example.com"\n')
    error = refused(bench, "E415")
    assert str(error.diagnostics[0].where) == f"{FOLDER}/{TABLE}/{TODAY}/{TABLE}_2.csv:3"


def test_bytes_that_are_not_of_the_encoding_are_refused(bench: Bench) -> None:
    one_file(bench, (HEADER + JOSE).encode("latin-1"))
    refused(bench, "E417")


def test_moments_and_numbers_stay_the_text_they_are(bench: Bench) -> None:
    one_file(bench, HEADER + MONICA)
    wanted = export(email=Column("EMail"), fields={"first_name": "SignupDate", "last_name": Sql("SignupDate[:4]")})
    rows = bench.people(source("cdm", MODEL), table(table=TABLE), wanted)
    assert rows == [("monica.thomson@example.com", "2026-08-01T00:00:00Z", "2026")]


# ---------------------------------------------------------------- where files are


@pytest.mark.parametrize("signature", ["", "?sv=2024&sig=s3cr%2Ft", "#part"])
@pytest.mark.parametrize(
    "host",
    [
        HOST,
        HOST.replace("blob", "dfs"),
        "abfss://customerinsights@contosolake.dfs.core.windows.net/x/BlobExport",
        "https://contosolake.blob.core.windows.net/BlobExport/moved/BlobExport",
        "https://contosolake.blob.core.windows.net/of/another/name",
    ],
)
def test_web_addresses_mean_the_copy_beside_the_model(bench: Bench, host: str, signature: str) -> None:
    location = f"{host}/{TABLE}/{TODAY}/{TABLE}_1.csv{signature}"
    bench.write(MODEL, model(entity(partition(1, location=location))))
    csv_file(bench, 1, HEADER + MONICA)
    csv_file(bench, 1, HEADER + MONICA + LEAVER, run=YESTERDAY)
    assert people(bench) == [MONICA_ROW]


def test_an_address_with_escapes_means_the_plain_name(bench: Bench) -> None:
    bench.write(MODEL, model(entity(partition(1, location=f"{HOST}/High%20Value/{TODAY}/a%2B1.csv"))))
    bench.write(f"{FOLDER}/High Value/{TODAY}/a+1.csv", HEADER + MONICA)
    assert people(bench) == [MONICA_ROW]


def test_a_file_that_is_listed_and_not_there_is_missed(bench: Bench) -> None:
    the_example(bench)
    missing = f"{HOST}/{TABLE}/{TODAY}/{TABLE}_3.csv?sig=s3cret"
    bench.write(MODEL, model(entity(partition(1), partition(2), partition(3, location=missing))))
    error = refused(bench, "E416")
    assert f"{TABLE}/{TODAY}/{TABLE}_3.csv" in error.diagnostics[0].summary
    assert "s3cret" not in everything_said(error)


@pytest.mark.parametrize("location", ["../../secret.csv", f"{HOST}/../secret.csv", f"{HOST}/%2e%2e/secret.csv", "/"])
def test_no_location_leads_out_of_the_folder(bench: Bench, location: str) -> None:
    bench.write("lake/secret.csv", HEADER + MONICA)
    bench.write(f"{FOLDER}/../secret.csv", HEADER + MONICA)
    bench.write(MODEL, model(entity(partition(1, location=location))))
    refused(bench, "E416")


def test_a_file_whose_name_is_a_pattern_is_refused(bench: Bench) -> None:
    bench.write(f"{FOLDER}/a*.csv", HEADER + MONICA)
    bench.write(MODEL, model(entity(partition(1, location="a*.csv"))))
    refused(bench, "E401")


@pytest.mark.parametrize("which", ["model", "part"])
def test_a_folder_that_is_written_while_it_is_read_is_refused(bench: Bench, which: str) -> None:
    the_example(bench)
    engine = bench.engine(source("cdm", MODEL), [table(table=TABLE)], [WEEKLY])
    engine.in_source(WEEKLY, engine.desired(WEEKLY).relation)
    path = bench.root / (MODEL if which == "model" else f"{FOLDER}/{TABLE}/{TODAY}/{TABLE}_2.csv")
    os.utime(path, (1, 1))
    with pytest.raises(InvalidError) as caught:
        engine.desired(WEEKLY)
    assert codes(caught.value) == ["E421"]
    engine.close()


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("partitions", [[], [{"name": "p", "location": None}]])
def test_a_table_without_files_is_a_schema_only(bench: Bench, partitions: list[dict[str, Any]]) -> None:
    bench.write(MODEL, model(entity(*partitions)))
    assert "schema only" in str(refused(bench, "E410"))


def test_a_table_that_is_not_there_has_a_suggestion(bench: Bench) -> None:
    the_example(bench)
    assert f"did you mean {TABLE}?" in str(refused(bench, "E410", "HighValueSegmnt").diagnostics[0].hint)
    bench.write(MODEL, model({"$type": "ReferenceEntity", "name": TABLE, "source": "x", "modelId": "y"}))
    assert "another model" in str(refused(bench, "E410"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"entities": {}}',
        '{"entities": [1]}',
        '{"entities": [{}]}',
        '{"entities": [{"name": "a", "attributes": [{}]}]}',
        '{"entities": [{"name": "a"}, {"name": "a"}]}',
        '{"entities": [{"name": "a", "attributes": [{"name": "x"}, {"name": "X"}]}]}',
        '{"entities": [{"name": "a", "partitions": [{"location": 5}]}]}',
        "[" * 100_000,
    ],
)
def test_a_model_that_is_none_is_refused(bench: Bench, content: str) -> None:
    bench.write(MODEL, content)
    refused(bench, "E422")


def test_a_table_without_columns_is_refused(bench: Bench) -> None:
    one_file(bench, HEADER + MONICA, columns=())
    refused(bench, "E422")


# ---------------------------------------------------------------- profiles and memberships

PROFILES = ("CustomerId", "FirstName", "LastName", "EMail")
PROFILE_ROWS = (
    "CustomerId,FirstName,LastName,EMail\n"
    "c1,Monica,Thomson,monica.thomson@example.com\n"
    'C1,José,"García, Jr.",jose@example.com\n'
    "c3,Lea,Left,lea@example.com\n"
)


def with_profiles(bench: Bench, members: str, columns: tuple[str, ...] = ("CustomerId", "Tier")) -> None:
    bench.write(
        MODEL,
        model(
            entity(partition(1, "Vips"), name="Vips", columns=columns),
            entity(partition(1, "Customer"), name="Customer", columns=PROFILES),
        ),
    )
    csv_file(bench, 1, ",".join(columns) + "\n" + members, "Vips")
    csv_file(bench, 1, PROFILE_ROWS, "Customer")


def test_fields_come_from_the_profile_of_a_member(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\nC1,silver\n")
    options = {"profile_table": "Customer", "key": "CustomerId"}
    assert people(bench, "Vips", **options) == [("jose@example.com", "José", "García, Jr."), MONICA_ROW]
    wanted = export(email=Column("EMail"), fields={"first_name": "Tier"})
    rows = bench.people(source("cdm", MODEL, **options), table(table="Vips"), wanted)
    assert rows == [("jose@example.com", "silver"), ("monica.thomson@example.com", "gold")]


def test_a_column_of_both_tables_is_the_profiles(bench: Bench) -> None:
    with_profiles(bench, "c1,old@example.com\n", ("CustomerId", "EMail"))
    assert people(bench, "Vips", profile_table="Customer") == [MONICA_ROW]


def test_a_member_without_a_profile_is_a_row_that_can_not_be_used(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\nc9,gold\n")
    result = desired(bench, "Vips", profile_table="Customer")
    assert (result.size, result.rows, result.unusable["missing_email"]) == (1, 2, 1)


def test_the_profiles_themselves_are_a_segment_too(bench: Bench) -> None:
    with_profiles(bench, "")
    assert len(people(bench, "Customer", profile_table="Customer")) == 3


def test_who_left_the_segment_is_still_a_profile(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\n")
    lake = source("cdm", MODEL, profile_table="Customer")
    engine = bench.engine(lake, [table(table="Vips")], [WEEKLY])
    bench.session.execute("CREATE TABLE leavers AS SELECT unnest(['lea@example.com', 'gone@example.com']) AS key")
    assert bench.rows(engine.in_source(WEEKLY, "leavers")) == [("lea@example.com",)]  # type: ignore[arg-type]
    engine.close()


def test_a_key_that_a_table_does_not_have_is_named(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\n")
    assert "CustomerId" in str(refused(bench, "E411", "Vips", profile_table="Customer", key="Nope").diagnostics[0].hint)
    refused(bench, "E410", "Vips", profile_table="Custmer")


@pytest.mark.parametrize("membership", ["msdynci_segmentmembership", "SegmentMembership", "Own"])
def test_names_in_membership_lists_are_exact(bench: Bench, membership: str) -> None:
    prefix = "msdynci_" if membership.startswith("msdynci") else ""
    columns = (f"{prefix}customerid", f"{prefix}segments", f"{prefix}segmentmembershiptype")
    bench.write(
        MODEL,
        model(
            entity(partition(1, membership), name=membership, columns=columns, annotations=[]),
            entity(partition(1, "Customer"), name="Customer", columns=PROFILES, annotations=[]),
        ),
    )
    rows = (
        'c1,"[""HighValue"",""Other""]",Customer\n'
        'C1,"[""HighValueSegment""]",\n'
        "c3,[],Customer\n"
        "c4,,Customer\n"
        'c3,"[""HighValue""]",Account\n'
        'c1,"[""HighValue""]",Customer\n'
    )
    csv_file(bench, 1, ",".join(columns) + "\n" + rows, membership)
    csv_file(bench, 1, PROFILE_ROWS, "Customer")
    options: dict[str, Option] = {"profile_table": "Customer"}
    if membership == "Own":
        options["membership_table"] = "Own"
    assert people(bench, "HighValue", **options) == [MONICA_ROW]
    assert people(bench, "HighValueSegment", **options) == [("jose@example.com", "José", "García, Jr.")]
    nobody = desired(bench, "highvalue", **options)
    assert (nobody.size, found(nobody)) == (0, ["W442"])


def test_membership_lists_need_profiles_and_to_be_lists(bench: Bench) -> None:
    name, columns = "msdynci_segmentmembership", ("msdynci_customerid", "msdynci_segments")
    bench.write(
        MODEL,
        model(
            entity(partition(1, name), name=name, columns=columns, annotations=[]),
            entity(partition(1, "Customer"), name="Customer", columns=PROFILES),
        ),
    )
    csv_file(bench, 1, ",".join(columns) + '\nc1,"[""HighValue"""\n', name)
    csv_file(bench, 1, PROFILE_ROWS, "Customer")
    refused(bench, "E410", "HighValue")
    refused(bench, "E415", "HighValue", profile_table="Customer")


def test_several_rows_a_customer_are_told_and_the_duplicates_rule_decides(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\nc1,silver\nC1,gold\n")
    wanted = export(email=Column("EMail"), fields={"first_name": "Tier"})
    ordered = Duplicates(order_by=(OrderBy("Tier", descending=True),))
    result = bench.desired(
        source("cdm", MODEL, profile_table="Customer"),
        table(table="Vips"),
        type(wanted)(**{**{n: getattr(wanted, n) for n in wanted.__dataclass_fields__}, "duplicates": ordered}),
    )
    assert bench.rows(result.relation) == [("jose@example.com", "gold"), ("monica.thomson@example.com", "silver")]
    assert found(result) == ["W431"]
    assert "1 customers" in result.findings[0].summary


# ---------------------------------------------------------------- age, and doubts


def test_a_table_older_than_allowed_is_refused(bench: Bench) -> None:
    the_example(bench)  # built 5 h 27 min before now
    assert len(people(bench, max_age="6h")) == 2
    assert "2026-08-25 14:33 UTC" in str(refused(bench, "E423", max_age="5h"))
    assert len(people(bench, max_age="1d")) == 2
    refused(bench, "E423", max_age="326m")


def test_the_runs_folder_tells_the_age_where_the_model_does_not(bench: Bench) -> None:
    the_example(bench)
    parts = [partition(number, refreshTime=None) for number in (1, 2)]
    bench.write(MODEL, model(entity(*parts), modifiedTime=None))
    assert len(people(bench, max_age="6h")) == 2
    refused(bench, "E423", max_age="5h")


def test_an_age_that_can_not_be_told_is_no_young_one(bench: Bench) -> None:
    bench.write(f"{FOLDER}/a.csv", HEADER + MONICA)
    bench.write(MODEL, model(entity(partition(1, location="a.csv", refreshTime="lately")), modifiedTime=None))
    assert len(people(bench)) == 1
    refused(bench, "E423", max_age="1d")


@pytest.mark.parametrize("kind", ["static", "inactive"])
def test_a_segment_that_is_not_kept_up_is_told(bench: Bench, kind: str) -> None:
    the_example(bench)
    segment = table(table=TABLE)
    declared = type(segment)(segment.name, segment.source, TABLE, static=kind == "static", active=kind != "inactive")
    (finding,) = bench.desired(source("cdm", MODEL), declared, WEEKLY).findings
    assert finding.code == "W441"
    assert finding.summary.endswith(f"is declared {kind}; its rows are of 2026-08-25 14:33 UTC")


def test_a_table_that_was_left_behind_is_told(bench: Bench) -> None:
    the_example(bench)
    old = [partition(n, refreshTime="2026-08-20T10:00:00Z") for n in (1, 2)]
    bench.write(MODEL, model(entity(*old), entity(partition(1, "Other"), name="Other")))
    result = desired(bench)
    assert found(result) == ["W441"]
    assert "2026-08-20 10:00 UTC" in result.findings[0].summary


@pytest.mark.parametrize("where", [None, "EMail < 'b'"])
@pytest.mark.parametrize(("rows", "said"), [(99_999, []), (100_000, ["W417"]), (100_001, [])])
def test_exactly_a_hundred_thousand_rows_look_cut_off(
    bench: Bench, rows: int, said: list[str], where: str | None
) -> None:
    with duckdb.connect() as connection:
        path = bench.root / "people.csv"
        emails = f"SELECT chr(97 + (i % 26)::INT) || i || '@b.example' AS EMail FROM range({rows}) r(i)"
        connection.execute(f"COPY ({emails}) TO '{path}' (FORMAT csv, HEADER true)")
    result = bench.desired(source("csv", "people.csv"), table(where=where), export(email=Column("EMail"), fields={}))
    assert found(result) == said


# ---------------------------------------------------------------- Parquet and manifests


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


# ---------------------------------------------------------------- user SQL


def test_a_users_sql_sees_the_relation_and_not_the_folder(bench: Bench) -> None:
    with_profiles(bench, "c1,gold\n")
    lake = source("cdm", MODEL, profile_table="Customer")
    chosen = table(table="Vips", query="SELECT EMail AS email, upper(FirstName) AS first FROM source")
    assert bench.people(lake, chosen) == [("monica.thomson@example.com", "MONICA")]
    reading = f"SELECT content AS email, 'x' AS first FROM read_text('{bench.root}/{MODEL}')"
    with pytest.raises(InvalidError, match="E403"):
        bench.people(lake, table(table="Vips", query=reading))


def test_the_second_wall_keeps_the_description_of_the_folder_out_of_reach(bench: Bench) -> None:
    the_example(bench)
    engine = bench.engine(source("cdm", MODEL), [table(table=TABLE)], [WEEKLY])
    engine.desired(WEEKLY)
    (opened,) = engine._opened.values()
    with pytest.raises(duckdb.PermissionException):
        opened.connection.execute(f"SELECT content FROM read_text('{bench.root}/{MODEL}')")
    engine.close()
