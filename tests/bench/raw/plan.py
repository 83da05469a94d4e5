"""The plan as one tuned SQL statement and nothing around it: normalise, validate, dedupe, join, write the changes.

usage: plan.py MEMORY_LIMIT PROFILES OUT_FOLDER NAME=LEDGER=CONDITION ...
"""

import sys

import duckdb

PEOPLE = """
SELECT key, any_value(first_name) AS first_name, any_value(last_name) AS last_name
FROM (
    SELECT lower(trim(email)) AS key, nullif(trim(first_name), '') AS first_name,
        nullif(trim(last_name), '') AS last_name
    FROM read_parquet('{profiles}') WHERE {condition}
)
WHERE regexp_full_match(key, '[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+') AND length(key) <= 50
GROUP BY key
"""

CHANGES = """
COPY (
    SELECT coalesce(d.key, l.key) AS key,
        CASE WHEN l.key IS NULL THEN 'add' WHEN d.key IS NULL THEN 'remove' ELSE 'update' END AS op, l.contact_id,
        l.first_name AS first_name_before, d.first_name AS first_name_after,
        l.last_name AS last_name_before, d.last_name AS last_name_after
    FROM ({people}) AS d FULL JOIN read_parquet('{ledger}') AS l ON d.key = l.key
    WHERE l.key IS NULL OR d.key IS NULL OR d.first_name IS DISTINCT FROM l.first_name
        OR d.last_name IS DISTINCT FROM l.last_name
    ORDER BY op, key
) TO '{out}' (FORMAT parquet, COMPRESSION zstd)
"""


def main(memory_limit: str, profiles: str, folder: str, *exports: str) -> None:
    settings = {"memory_limit": memory_limit, "temp_directory": folder, "preserve_insertion_order": "false"}
    with duckdb.connect(config=settings) as db:
        for export in exports:
            name, ledger, condition = export.split("=", 2)
            people = PEOPLE.format(profiles=profiles, condition=condition)
            db.execute(CHANGES.format(people=people, ledger=ledger, out=f"{folder}/{name}.parquet"))


if __name__ == "__main__":
    main(*sys.argv[1:])
