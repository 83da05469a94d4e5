"""The bench itself: that it measures what it says, and says what it measured. No number is held against another."""

from pathlib import Path

import duckdb
import pytest

from tests.bench.__main__ import ROWS, main
from tests.bench.planning import plan
from tests.bench.results import Check, Line, Result, load, save
from tests.bench.scale import Scale
from tests.support.states import read_plan


def ops(changes: Path) -> dict[str, int]:
    with duckdb.connect() as db:
        found = db.execute(
            f"SELECT op, count(*) FROM read_parquet('{changes}') WHERE op NOT IN ('unusable', 'held_back') GROUP BY op"
        )
        return dict(found.fetchall())


def test_a_plan_and_the_sql_it_is_measured_against_find_the_same_changes(tmp_path: Path) -> None:
    measured = plan(Scale(3_000, quick=True), tmp_path)
    _, changes = read_plan(tmp_path / "out.ccplan", tmp_path)
    (ours,) = changes.values()
    assert ops(ours) == ops(tmp_path / "planning/raw/everyone.parquet")
    assert set(ops(ours)) == {"add", "update", "remove"}
    assert all(line.wall_s > 0 and line.cpu_s > 0 and line.peak_mb > 10 for line in measured.lines)
    assert [line.times is None for line in measured.lines] == [True, False, True, False]


def test_rows_measured_one_at_a_time_make_one_page(tmp_path: Path) -> None:
    results, written = tmp_path / "results.json", tmp_path / "page.md"
    made = Result(
        "plan", "Planning", 5, 1, [Line("ours", 1, 1, 1, 1, 9, 2.5)], [Check("wall", "2x", "2.5x", False)], []
    )
    save(results, made)
    assert main(["--rows", "startup", "--quick", "--results", str(results), "--write", str(written)]) == 0
    assert load(results)["plan"] == made
    page = written.read_text("utf-8")
    assert page.index("## Starting") < page.index("## Planning")
    assert "| wall | 2x | 2.5x | **missed** |" in page
    assert "| ours | 1.00 s | 1.00 – 1.00 | 1.00 s | 9 MB | 2.50 |" in page


def test_a_row_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--rows", "plan,speed", "--results", str(tmp_path / "results.json")])


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS)
def test_every_row_can_be_measured(row: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert main(["--rows", row, "--quick", "--results", str(results)]) == 0
    found = load(results)[row]
    assert found.lines or found.notes
    assert all(check.found for check in found.checks)
