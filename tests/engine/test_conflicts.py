"""Exports that disagree, sought for a part of the people after the other."""

from pathlib import Path

import pytest
from ccsync.core.spec import ExportName
from ccsync.engine.conflicts import PART_ROWS, blank_conflicts
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation


@pytest.mark.parametrize("part_rows", [1, 7, 60, PART_ROWS])
def test_in_however_many_parts_the_same_disputes_are_found(tmp_path: Path, part_rows: int) -> None:
    """Of three exports of 50 people the second disagrees on every fifth name, and on a field that the third lacks."""
    with Session(tmp_path, threads=1) as session:
        named = "CREATE TABLE {} AS SELECT i || '@b.example' AS key, {} AS first, {} AS city FROM range(50) AS t (i)"
        session.execute(named.format("a", "'Ann'", "'Oss'"))
        session.execute(named.format("b", "if(i % 5 = 0, 'Bo', 'Ann')", "if(i = 3, 'Ede', 'Oss')"))
        session.execute("CREATE TABLE c AS SELECT i || '@b.example' AS key, NULL::VARCHAR AS first FROM range(50) t(i)")
        tables = {ExportName(name): Relation(name) for name in ("a", "b", "c")}
        assert blank_conflicts(session, tables, part_rows) == {name: {"city": 1, "first": 10} for name in ("a", "b")}
        for table in ("a", "b"):
            left = session.rows(f"SELECT DISTINCT key FROM {table} WHERE first IS NULL OR city IS NULL ORDER BY key")
            assert left == sorted((f"{i}@b.example",) for i in {*range(0, 50, 5), 3})
