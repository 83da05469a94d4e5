"""Segments of profiles that outgrow one machine: their SQL runs in a distributed engine, and only members travel.

A real Spark cluster of two workers on this machine, asked over Spark Connect through its ADBC driver. The packages are
large, so they are no part of the tools; `make test-spark` installs them aside and runs this.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from ccsync.core.spec import Secret, Source, SourceName, SourceType
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, table

pyspark = pytest.importorskip("pyspark", reason="Spark is not installed; `make test-spark` installs it aside")
pytest.importorskip("adbc_driver_spark", reason="Spark's ADBC driver is not installed")

PROFILES, ORDERS = 200_000, 1_000_000
BIG_SPENDERS = """
WITH spent AS (SELECT profile, sum(amount) AS total FROM orders GROUP BY profile HAVING sum(amount) > 3400)
SELECT p.email, p.first, s.total FROM profiles p JOIN spent s ON s.profile = p.id
"""


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster whose tables `profiles` and `orders` are Parquet files."""
    folder = tmp_path_factory.mktemp("spark")
    with duckdb.connect() as connection:
        for name, select in (
            ("profiles", f"SELECT i AS id, i || '@b.example' AS email, 'F' || i AS first FROM range({PROFILES}) r(i)"),
            (
                "orders",
                f"SELECT (i * 7919) % {PROFILES} AS profile, (i * 31) % 997 AS amount FROM range({ORDERS}) r(i)",
            ),
        ):
            (folder / name).mkdir()
            connection.execute(f"COPY ({select}) TO '{folder}/{name}/1.parquet' (FORMAT parquet)")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    home = Path(pyspark.__file__).parent
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:{folder}/metastore;create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
    }
    command = [str(home / "bin" / "spark-submit"), "--master", "local-cluster[2,1,1024]"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    environ = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    server = subprocess.Popen(
        [*command, "spark-internal"],
        env=environ,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if "Spark Connect server started" in line:
                break
        else:
            raise RuntimeError("".join(said[-20:]))
        server.stdout.close()
        yield f"sc://127.0.0.1:{port} {folder}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def lake(address: str) -> Source:
    return Source(
        SourceName("lake"), SourceType.ADBC, "", {"driver": "spark", "uri": Secret("${env:SPARK}", address.split()[0])}
    )


def over_files(address: str, query: str) -> str:
    folder = address.split()[1]
    return query.replace("FROM orders", f"FROM parquet.`{folder}/orders`").replace(
        "FROM profiles", f"FROM parquet.`{folder}/profiles`"
    )


def test_the_segments_sql_runs_in_the_cluster_and_only_members_travel(bench: Bench, spark: str) -> None:
    members = table(of="lake", query=over_files(spark, BIG_SPENDERS))
    wanted = export(fields={"first_name": "first", "job_title": "total"})
    result = bench.desired(lake(spark), members, wanted)
    with duckdb.connect() as connection:
        for name in ("profiles", "orders"):
            connection.execute(f"CREATE VIEW {name} AS FROM '{spark.split()[1]}/{name}/*.parquet'")
        expected = connection.execute(
            f"SELECT email, first, CAST(total AS VARCHAR) FROM ({BIG_SPENDERS}) ORDER BY ALL"
        ).fetchall()
    assert bench.rows(result.relation) == expected
    assert 1_000 < result.rows < PROFILES / 4
    assert result.rows == len(expected)


def test_sql_that_the_cluster_refuses_is_told_without_a_value(bench: Bench, spark: str) -> None:
    for query in ("SELECT nope FROM nowhere", "SELECT CAST('canary' AS INT) / 0 AS email, 'x' AS first"):
        with pytest.raises(InvalidError) as caught:
            bench.desired(lake(spark), table(of="lake", query=query))
        assert codes(caught.value) == ["E402"]
        assert "canary" not in everything_said(caught.value)


def test_a_cluster_that_is_not_there_is_told(bench: Bench) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(lake("sc://127.0.0.1:9/;token=canary x"), table(of="lake", query="SELECT 1"))
    assert codes(caught.value)[0] in ("E402", "E425")
    assert "canary" not in everything_said(caught.value)
