"""The page about reliability says what the tables of these tests say, and its numbers are so."""

from pathlib import Path

from tests.crash.faults import CELLS, EXPECTED, QUICK
from tests.crash.mutants import MUTANTS, ROOT
from tests.crash.reliability import DISK_FAULTS, PAGE, page
from tests.state.test_faults import CUTS, DEEDS, faults_of
from tests.state.world import FaultyDisk


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.crash.reliability"


def test_every_cell_has_an_expectation() -> None:
    assert set(EXPECTED) == {(fault.name, phase.name) for fault, phase in CELLS}
    assert set(EXPECTED) > QUICK


def test_every_mutant_still_has_its_place_and_its_test() -> None:
    for mutant in MUTANTS:
        assert (ROOT / "ccsync" / mutant.file).read_text().count(mutant.old) == 1, mutant.name
        path, _, name = mutant.test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(), mutant.test


def test_as_many_faults_of_the_disk_are_tried_as_the_page_says(tmp_path: Path) -> None:
    tried = 0
    for number, (deed, before) in enumerate(DEEDS):
        root, temp, disk = tmp_path / f"{number}", tmp_path / f"{number}-temp", FaultyDisk()
        temp.mkdir()
        before(root, tmp_path / f"{number}-before")
        deed(root, temp, disk)
        tried += disk.operations * (len(faults_of(deed)) + len(CUTS))
    assert tried >= DISK_FAULTS
