"""Makes people: the profiles of a source, and the same people as Constant Contact would export them. Always the same.

A program of its own, so that the memory it takes is not taken for that of what is measured: the process that measures
stays small (see `runs.py`). Everyone is invented.
"""

import sys
from pathlib import Path

import duckdb

FIRST = ("Anna", "Bob", "Carla", "Dries", "Eva", "Femke", "Gijs", "Hanna", "Ivo", "Jasmijn", "Koen", "Lotte", "Zoë")
LAST = ("de Vries", "Jansen", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "Bos", "Peters", "Núñez", "Ó Néill")
CHURN = 300
"""Of so many people one leaves, one joins and one changes: a hundredth of them altogether."""


def _people(number: int, *, churned: bool) -> str:
    """SQL: (customer_id, clean: the address as Constant Contact gives it, email, first_name, last_name, region,
    contact_id).

    Of a hundred addresses one has a blank behind it and ten have a capital; of a thousand people one has no address and
    one is there twice.
    """
    first, last = list(FIRST), list(LAST)
    joining = (
        f" UNION ALL SELECT i FROM range({number}, {number} + {number // CHURN}) AS joiners (i)" if churned else ""
    )
    leaving = f"WHERE i % {CHURN} <> 2" if churned else ""
    changed = f"CASE WHEN i % {CHURN} = 1 THEN 'Changed' ELSE family END" if churned else "family"
    return f"""
    WITH numbered AS (SELECT i FROM range({number}) AS all_of_them (i) {leaving}{joining}),
    drawn AS (
        SELECT i, CAST(md5_number_lower(CAST(i AS VARCHAR)) >> 8 AS BIGINT) AS h,
            md5(CAST(i AS VARCHAR)) AS m FROM numbered
    ),
    named AS (
        SELECT i, h, m, {first}[1 + h % {len(first)}] AS given, {last}[1 + h // 100 % {len(last)}] AS family,
            'p' || left(m, 10) || i % 1000 || '@example.com' AS address FROM drawn
    )
    SELECT i AS customer_id, address AS clean,
        CASE WHEN h % 1000 = 7 THEN NULL WHEN h % 100 = 5 THEN address || ' '
            WHEN h % 10 = 3 THEN replace(address, 'example', 'Example') ELSE address END AS email,
        given AS first_name, {changed} AS last_name, CAST(i % 10 AS INTEGER) AS region,
        left(m, 8) || '-' || m[9:12] || '-' || m[13:16] || '-' || m[17:20] || '-' || right(m, 12) AS contact_id,
        h % 1000 = 8 AS twice, h % 1000 = 7 AS lost
    FROM named
    """


def write_profiles(path: Path, number: int, *, churned: bool = False) -> None:
    """Parquet (customer_id, email, first_name, last_name, region INTEGER 0 to 9)."""
    columns = "customer_id, email, first_name, last_name, region"
    rows = f"SELECT {columns}, customer_id AS place FROM everyone"
    repeats = f"SELECT {columns}, customer_id AS place FROM everyone WHERE twice"
    _copy(number, churned, f"SELECT {columns} FROM ({rows} UNION ALL {repeats}) ORDER BY place", path, "FORMAT parquet")


def write_members(path: Path, number: int, region: int | None = None) -> None:
    """CSV of those people as members of a list, as an export of Constant Contact shows them."""
    where = "NOT lost" if region is None else f"NOT lost AND region = {region}"
    rows = f"SELECT clean AS email, contact_id, first_name, last_name FROM everyone WHERE {where} ORDER BY customer_id"
    _copy(number, False, rows, path, "FORMAT csv, HEADER true")


def _copy(number: int, churned: bool, rows: str, path: Path, options: str) -> None:
    with duckdb.connect() as db:
        db.execute(f"CREATE TEMP VIEW everyone AS {_people(number, churned=churned)}")
        db.execute(f"COPY ({rows}) TO '{path}' ({options})")


def main(kind: str, path: str, number: str) -> None:
    write_profiles(Path(path), int(number), churned=kind == "churned")


if __name__ == "__main__":
    main(*sys.argv[1:])
