"""Common Data Model folders, as Customer Insights writes them and as they go wrong."""

import json
import os
from typing import Any

import duckdb
import pytest
from ccsync.core.spec import Column, Sql
from ccsync.errors import InvalidError

from tests.engine.lake import (
    CSV,
    FOLDER,
    HEADER,
    HOST,
    JOSE,
    JOSE_ROW,
    LEAVER,
    MODEL,
    MONICA,
    MONICA_ROW,
    TABLE,
    TODAY,
    WEEKLY,
    YESTERDAY,
    csv_file,
    desired,
    entity,
    found,
    model,
    one_file,
    partition,
    people,
    refused,
    the_example,
)
from tests.engine.projects import Bench, codes, everything_said, export, source, table

# Any: JSON documents.

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
