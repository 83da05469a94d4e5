"""Files in object stores: an S3 server on this machine, with real requests and signatures."""

import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from ccsync.core.spec import Secret, Source, SourceName, SourceType
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, table
from tests.support.emulators import azure_server, free_port, gcs_server, put_google_object, s3_server

obstore = pytest.importorskip("obstore", reason="the extra [cloud] is not installed")
pytest.importorskip("moto", reason="the S3 server of the tests is not installed")

from obstore.store import from_url  # noqa: E402 - an extra

ANNA, BOB = ("anna@example.com", "Anna"), ("bob@example.com", "Bob")
PEOPLE = "email,first\nanna@example.com,Anna\n"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as settings:
        yield settings


@pytest.fixture
def put(s3: dict[str, str]) -> Callable[[str, bytes], None]:
    """Puts an object into the bucket; what a test put there is taken out again before the next."""
    store = from_url("s3://lake", config=s3, client_options={"allow_http": True})
    keys = [each["path"] for some in obstore.list(store) for each in some]
    if keys:
        obstore.delete(store, keys)
    return lambda key, content: obstore.put(store, key, content) and None


def cloud(kind: str, path: str, settings: dict[str, str], **options: str) -> Source:
    hidden = {f"options.{key}": Secret("${env:X}", value) for key, value in settings.items()}
    return Source(SourceName("crm"), SourceType(kind), path, {**options, **hidden})


def parquet(select: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{folder}/x.parquet' (FORMAT parquet)")
        return Path(folder, "x.parquet").read_bytes()


def refused(bench: Bench, source: Source, code: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source, table())
    assert codes(caught.value) == [code]
    for secret in ("canary", "AKIATEST", "anna@"):
        assert secret not in everything_said(caught.value)
        assert secret not in "".join(traceback.format_exception(caught.value, limit=0))
    return caught.value


def test_one_object_is_read_like_a_file(bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]) -> None:
    put("data/people.csv", PEOPLE.encode())
    put("data/people.csv.old", b"email,first\nlea@example.com,Left\n")
    result = bench.desired(cloud("csv", "s3://lake/data/people.csv", s3), table())
    assert bench.rows(result.relation) == [ANNA]
    assert result.sources[0].files == (("s3://lake/data/people.csv", len(PEOPLE)),)


@pytest.mark.parametrize(
    ("path", "people"),
    [
        ("s3://lake/a/*.json", [ANNA]),
        ("s3://lake/a/**/*.json", [ANNA, BOB]),
        ("s3://lake/a/?.json", [ANNA]),
        ("s3://lake/a/b/[x-z].json", [BOB]),
        ("s3://lake/**/x.json", [BOB]),
    ],
)
def test_a_glob_means_what_it_means_for_files(
    bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None], path: str, people: list[tuple[str, str]]
) -> None:
    for key, (email, first) in {"a/1.json": ANNA, "a/b/x.json": BOB, "other/2.json": ("lea@example.com", "L")}.items():
        put(key, json.dumps({"email": email, "first": first}).encode())
    assert bench.people(cloud("json", path, s3)) == people


def test_a_folder_of_parquet_keeps_its_hive_columns(
    bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]
) -> None:
    put("crm/country=NL/1.parquet", parquet("SELECT 'anna@example.com' AS email, 'Anna' AS first"))
    put("crm/country=DE/1.parquet", parquet("SELECT 'bob@example.com' AS email, 'Bob' AS first"))
    put("crm2/country=DE/1.parquet", parquet("SELECT 'lea@example.com' AS email, 'Left' AS first"))
    for path in ("s3://lake/crm", "s3://lake/crm/"):
        assert bench.people(cloud("parquet", path, s3), table(where="country = 'NL'")) == [ANNA]
        assert bench.people(cloud("parquet", path, s3)) == [ANNA, BOB]


def test_a_delta_table_is_read_by_its_log(bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]) -> None:
    deltalake = pytest.importorskip("deltalake", reason="the extra [delta] is not installed")
    folder = bench.root / "table"
    with duckdb.connect() as connection:
        for email, first, mode in (("lea@example.com", "Left", "append"), (*ANNA, "overwrite"), (*BOB, "append")):
            rows = connection.sql(f"SELECT '{email}' AS email, '{first}' AS first, 'N L' AS country")
            deltalake.write_deltalake(str(folder), rows, mode=mode, partition_by=["country"])
    for file in folder.rglob("*"):
        if file.is_file():
            put(f"lake house/{file.relative_to(folder)}", file.read_bytes())
    shutil.rmtree(folder)
    result = bench.desired(cloud("delta", "s3://lake/lake house", s3), table(where="country = 'N L'"))
    assert bench.rows(result.relation) == [ANNA, BOB]
    assert all(name.startswith("s3://lake/lake house/") for name, _ in result.sources[0].files)
    refused(bench, cloud("delta", "s3://lake/nothing", s3), "E401")


def test_what_is_not_there_is_told(bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]) -> None:
    put("data/people.csv", PEOPLE.encode())
    refused(bench, cloud("csv", "s3://lake/data/People.csv", s3), "E401")
    refused(bench, cloud("csv", "s3://lake/data/*.tsv", s3), "E401")
    refused(bench, cloud("csv", "s3://nowhere/data/people.csv", s3), "E425")


def test_a_damaged_object_is_named_by_its_address(
    bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]
) -> None:
    put("people.csv", (PEOPLE + "bob@example.com\n").encode())
    error = refused(bench, cloud("csv", "s3://lake/people.csv", s3), "E415")
    assert str(error.diagnostics[0].where) == "s3://lake/people.csv:3"


def test_a_store_that_is_not_reached_is_told_without_its_keys(bench: Bench, s3: dict[str, str]) -> None:
    away = {**s3, "endpoint": f"http://127.0.0.1:{free_port()}"}
    refused(bench, cloud("csv", "s3://lake/people.csv", away), "E425")
    refused(bench, cloud("csv", "s3://lake/people.csv", {**s3, "canary": "canary"}), "E425")


def test_plain_http_is_for_this_machine_only(bench: Bench, s3: dict[str, str]) -> None:
    refused(bench, cloud("csv", "s3://lake/people.csv", {**s3, "endpoint": "http://192.0.2.1:9"}), "E425")


def test_copies_are_private(bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]) -> None:
    put("data/people.csv", PEOPLE.encode())
    bench.people(cloud("csv", "s3://lake/data/people.csv", s3))
    folder = bench.session.workdir / "downloads"
    made = [folder, *folder.rglob("*")]
    assert len(made) == 4
    assert [path.stat().st_mode & 0o077 for path in made] == [0] * 4


def test_a_users_sql_reads_the_relation_and_no_store(
    bench: Bench, s3: dict[str, str], put: Callable[[str, bytes], None]
) -> None:
    put("people.csv", PEOPLE.encode())
    lake = cloud("csv", "s3://lake/people.csv", s3)
    with pytest.raises(InvalidError, match="E403"):
        bench.desired(lake, table(query="SELECT * FROM read_csv('s3://lake/people.csv')"))


def test_without_its_package_the_line_that_installs_it_is_told(
    bench: Bench, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    error = refused(bench, cloud("csv", "s3://lake/people.csv", s3), "E424")
    assert error.diagnostics[0].hint == "pip install 'ccsync[cloud]'"


# ---------------------------------------------------------------- Azure


@pytest.fixture
def azure() -> Iterator[dict[str, str]]:
    with azure_server() as settings:
        yield settings


def test_azure_is_read_alike_and_the_environment_counts(
    bench: Bench, azure: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = from_url("az://lake", config=azure, client_options={"allow_http": True})
    obstore.put(store, "data/people.csv", PEOPLE.encode())
    assert bench.people(cloud("csv", "az://lake/data/*.csv", azure)) == [ANNA]
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", azure["account_name"])
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", azure["account_key"])
    assert bench.people(cloud("csv", "az://lake/data/*.csv", {"endpoint": azure["endpoint"]})) == [ANNA]
    refused(bench, cloud("csv", "az://lake/data/none.csv", azure), "E401")


# ---------------------------------------------------------------- Google


@pytest.fixture(scope="module")
def google() -> Iterator[dict[str, str]]:
    with gcs_server() as settings:
        yield settings


def test_google_is_read_alike(bench: Bench, google: dict[str, str]) -> None:
    put_google_object(google, "data/people.csv", PEOPLE.encode())
    put_google_object(google, "parts/at=1/x.parquet", parquet("SELECT 'bob@example.com' AS email, 'Bob' AS first"))
    assert bench.people(cloud("csv", "gs://lake/data/*.csv", google)) == [ANNA]
    assert bench.people(cloud("parquet", "gs://lake/parts", google)) == [BOB]
    refused(bench, cloud("csv", "gs://lake/data/none.csv", google), "E401")
