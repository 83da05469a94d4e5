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
UUID = ((1, 8), (9, 12), (13, 16), (17, 20), (21, 32))
"""The groups of digits of one."""


def _people(number: int, *, churned: bool) -> str:
    """SQL: (customer_id, email, first_name, last_name, region, twice: whether the row is there twice).

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
        SELECT i, CAST(md5_number_lower(CAST(i AS VARCHAR)) >> 8 AS BIGINT) AS h, md5(CAST(i AS VARCHAR)) AS m
        FROM numbered
    ),
    named AS (
        SELECT i, h, {first}[1 + h % {len(first)}] AS given, {last}[1 + h // 100 % {len(last)}] AS family,
            'p' || left(m, 10) || i % 1000 || '@example.com' AS address FROM drawn
    )
    SELECT i AS customer_id,
        CASE WHEN h % 1000 = 7 THEN NULL WHEN h % 100 = 5 THEN address || ' '
            WHEN h % 10 = 3 THEN replace(address, 'example', 'Example') ELSE address END AS email,
        given AS first_name, {changed} AS last_name, CAST(h // 100000 % 10 AS INTEGER) AS region, h % 1000 = 8 AS twice
    FROM named
    """


def write_profiles(path: Path, number: int, *, churned: bool = False) -> None:
    """Parquet (customer_id, email, first_name, last_name, region INTEGER 0 to 9), in no order that helps."""
    columns = "customer_id, email, first_name, last_name, region"
    everyone = f"({_people(number, churned=churned)})"
    rows = f"SELECT {columns} FROM {everyone} UNION ALL SELECT {columns} FROM {everyone} WHERE twice"
    with duckdb.connect() as db:
        db.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")


def write_members(path: Path, profiles: Path, region: int | None = None) -> None:
    """CSV of those people as members of a list, as an export of Constant Contact shows them."""
    where = "email IS NOT NULL" if region is None else f"email IS NOT NULL AND region = {region}"
    digits = "md5(CAST(customer_id AS VARCHAR))"
    parts = " || '-' || ".join(f"{digits}[{first}:{last}]" for first, last in UUID)
    with duckdb.connect() as db:
        db.execute(
            f"COPY (SELECT DISTINCT lower(trim(email)) AS email, {parts} AS contact_id, first_name, last_name"
            f" FROM read_parquet('{profiles}') WHERE {where}) TO '{path}' (FORMAT csv, HEADER true)"
        )


def main(kind: str, path: str, number: str) -> None:
    write_profiles(Path(path), int(number), churned=kind == "churned")


if __name__ == "__main__":
    main(*sys.argv[1:])
