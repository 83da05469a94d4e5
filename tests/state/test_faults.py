"""Every disk operation of every write fails, stops or loses power once: afterwards it is the old or the new, never a
mix, and the next run works."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ccsync.core.plan import StateRef
from ccsync.errors import Diagnostic, StaleError, StorageError
from ccsync.ports.ledger import Snapshot
from ccsync.state.files import Disk

from tests.state.world import (
    BROKEN_ONCE,
    FULL,
    HOLDER,
    KILLED,
    READ_ONLY,
    FaultyDisk,
    StoppedHere,
    VolatileDisk,
    contents,
    contents_of,
    generation,
    plan_with,
    records,
    run_of,
    state_at,
)
from tests.support.states import read_plan, write_plan

Deed = Callable[[Path, Path, Disk], object]
"""Does one thing to a state folder: (the folder, a folder for temporary files, the disk to do it through)."""

NONE = StateRef("", 0, "")
MORE_THAN_ANY = 200


def commit_first(root: Path, temp: Path, disk: Disk) -> object:
    return state_at(root, disk).generations.commit(NONE, generation(temp, "a", "run-1"))


def commit_second(root: Path, temp: Path, disk: Disk) -> object:
    state = state_at(root, disk)
    return state.generations.commit(state.generations.snapshot().ref, generation(temp, "b", "run-2"))


def begin(root: Path, temp: Path, disk: Disk) -> object:
    plan, changes = plan_with(temp / "plan", {"news": b"n" * 100, "vips": b"v" * 100})
    return state_at(root, disk).journals.begin("run-2", plan, changes)


def journal_all(root: Path, temp: Path, disk: Disk) -> object:
    """A whole run's journal. What returned is noted in `temp/durable`, outside of the disk under test."""
    plan, changes = plan_with(temp / "plan", {"news": b"n" * 100})
    journal = state_at(root, disk).journals.begin("run-2", plan, changes)
    durable = temp / "durable"
    durable.write_text("0")
    for number, record in enumerate(records(3), 1):
        journal.append(record)
        durable.write_text(str(number))
    rows = temp / "drops.parquet"
    rows.write_bytes(b"rows")
    journal.keep(rows, "drops.parquet")
    durable.write_text("kept")
    journal.close()
    return durable.write_text("closed")


def record_run(root: Path, temp: Path, disk: Disk) -> object:
    return state_at(root, disk).runs.append(run_of("run-2"))


def restore_first(root: Path, temp: Path, disk: Disk) -> object:
    return state_at(root, disk).restore(1)


def before_first(root: Path, temp: Path) -> None: ...


def after_first(root: Path, temp: Path) -> None:
    commit_first(root, temp, FaultyDisk())
    record_run(root, temp, FaultyDisk())


def after_second(root: Path, temp: Path) -> None:
    after_first(root, temp)
    commit_second(root, temp, FaultyDisk())


DEEDS = (
    (commit_first, before_first),
    (commit_second, after_first),
    (restore_first, after_second),
    (begin, after_first),
    (journal_all, after_first),
    (record_run, after_first),
)
"""What is done, and what was done before."""
CUTS = (False, True)
"""Power cuts: without the contents that were not synced; without the names that were not, too."""


def faults_of(deed: Deed) -> list[tuple[int | None, bool]]:
    # A disk that became read-only fails as a full one does; once is enough to try it everywhere.
    return [KILLED, FULL, BROKEN_ONCE, *([READ_ONLY] if deed is commit_second else [])]


def fails_at_each(deed: Deed, prepare: Callable[[Path, Path], None], quick_path: Path) -> list[tuple[Path, Path, bool]]:
    """(state folder, temporary folder, whether the deed returned) for each operation and each kind of fault."""
    before = quick_path / "before"
    prepare(before, quick_path / "before-temp")
    found = []
    for error, lasting in faults_of(deed):
        for at in range(1, MORE_THAN_ANY):
            root, temp = quick_path / f"{error} {at}", quick_path / f"{error} {at} temp"
            temp.mkdir()
            if before.exists():
                shutil.copytree(before, root)
            disk = FaultyDisk(at, error, lasting=lasting)
            try:
                deed(root, temp, disk)
            except (StoppedHere, StorageError):
                found.append((root, temp, False))
            else:
                found.append((root, temp, True))
            if disk.operations < at:
                break
        else:
            raise AssertionError("the deed has more operations than were tried")
    assert len(found) > 3 * 5
    return found


def loses_power_at_each(
    deed: Deed, prepare: Callable[[Path, Path], None], quick_path: Path
) -> list[tuple[Path, Path, bool]]:
    """The same for power cuts: without the contents that were not synced, and without the names that were not."""
    before = quick_path / "before"
    prepare(before, quick_path / "before-temp")
    found = []
    for names_too in CUTS:
        for at in range(1, MORE_THAN_ANY):
            root, temp = quick_path / f"cut {names_too} {at}", quick_path / f"cut {names_too} {at} temp"
            (temp / "aside").mkdir(parents=True)
            if before.exists():
                shutil.copytree(before, root)
            disk = VolatileDisk(temp / "aside", at)
            try:
                deed(root, temp, disk)
                returned = True
            except (StoppedHere, StorageError):
                returned = False
            disk.cut_power(names_too=names_too)
            found.append((root, temp, returned))
            if disk.operations < at:
                break
        else:
            raise AssertionError("the deed has more operations than were tried")
    return found


every_way = pytest.mark.parametrize("way", [fails_at_each, loses_power_at_each])
Way = Callable[[Deed, Callable[[Path, Path], None], Path], list[tuple[Path, Path, bool]]]


def findings(root: Path) -> list[Diagnostic]:
    return list(state_at(root).check())


def works_on(root: Path, temp: Path, before: Snapshot) -> None:
    """The next run: a lock, a generation, a run record."""
    state = state_at(root)
    with state.lock.acquire(HOLDER) as lease:
        ref = state.generations.commit(before.ref, generation(temp / "next", "next", "run-3"))
        lease.check()
        state.runs.append(run_of("run-3"))
    assert ref.serial == before.ref.serial + 1
    assert contents(state.generations.snapshot()) == contents_of("next")
    assert state.runs.last_run() == run_of("run-3")
    assert findings(root) == []
    assert [path.name for path in root.rglob(".tmp-*")] == []


@every_way
def test_the_first_commit_leaves_no_state_or_the_first_generation(way: Way, quick_path: Path) -> None:
    for root, temp, returned in way(commit_first, before_first, quick_path):
        snapshot = state_at(root).generations.snapshot()
        assert (snapshot.ref.serial, contents(snapshot)) in [(0, {}), (1, contents_of("a"))]
        assert not returned or snapshot.ref.serial == 1
        works_on(root, temp, snapshot)


@every_way
def test_a_later_commit_leaves_the_old_generation_or_the_new_one(way: Way, quick_path: Path) -> None:
    for root, temp, returned in way(commit_second, after_first, quick_path):
        snapshot = state_at(root).generations.snapshot()
        assert (snapshot.ref.serial, contents(snapshot)) in [(1, contents_of("a")), (2, contents_of("b"))]
        assert not returned or snapshot.ref.serial == 2
        works_on(root, temp, snapshot)


@every_way
def test_a_restore_leaves_the_old_generation_or_the_restored_one(way: Way, quick_path: Path) -> None:
    for root, temp, returned in way(restore_first, after_second, quick_path):
        snapshot = state_at(root).generations.snapshot()
        assert (snapshot.ref.serial, contents(snapshot)) in [(2, contents_of("b")), (3, contents_of("a"))]
        assert not returned or snapshot.ref.serial == 3
        works_on(root, temp, snapshot)


@every_way
def test_a_journal_is_begun_whole_or_not_at_all(way: Way, quick_path: Path) -> None:
    for root, temp, returned in way(begin, after_first, quick_path):
        state = state_at(root)
        journal = state.journals.pending()
        assert journal is not None or not returned
        if journal is not None:
            plan, changes = journal.plan()
            assert (plan, set(changes)) == (
                plan_with(temp / "plan", {"news": b"n" * 100, "vips": b"v" * 100})[0],
                {"news", "vips"},
            )
            assert journal.records() == ()
            journal.close()
        plan, changes = plan_with(temp / "other", {"news": b"other"})
        state.journals.begin("run-3", plan, changes).close()
        assert list((root / "journal").iterdir()) == []
        works_on(root, temp, state.generations.snapshot())


@every_way
def test_every_record_that_was_written_is_read_and_none_is_torn(way: Way, quick_path: Path) -> None:
    for root, temp, _ in way(journal_all, after_first, quick_path):
        durable = (temp / "durable").read_text() if (temp / "durable").exists() else "nothing"
        state = state_at(root)
        journal = state.journals.pending()
        if journal is None:
            assert durable in ("nothing", "kept", "closed")
        else:
            assert durable != "closed"
            written = 3 if durable == "kept" else 0 if durable == "nothing" else int(durable)
            assert list(journal.records()) in (records(written), records(min(3, written + 1)))
            if durable == "kept":
                assert journal.file("drops.parquet").read_bytes() == b"rows"
            journal.close()
            assert state.journals.pending() is None
        plan, changes = plan_with(temp / "other", {"news": b"other"})
        state.journals.begin("run-3", plan, changes).close()
        assert list((root / "journal").iterdir()) == []


@every_way
def test_a_run_is_recorded_or_not_and_the_next_one_is(way: Way, quick_path: Path) -> None:
    for root, _, returned in way(record_run, after_first, quick_path):
        state = state_at(root)
        runs = [run.run for run in state.runs.runs()]
        assert runs in (["run-2"], ["run-2", "run-2"])
        assert not returned or len(runs) == 2
        state.runs.append(run_of("run-3"))
        assert [run.run for run in state.runs.runs()] == [*runs, "run-3"]
        assert state.runs.check() == ()


def test_a_plan_file_is_the_old_one_or_the_new_one(quick_path: Path) -> None:
    old, old_changes = plan_with(quick_path / "old", {"news": b"old"})
    new, new_changes = plan_with(quick_path / "new", {"news": b"new" * 100})
    for error, lasting in (KILLED, FULL, BROKEN_ONCE, READ_ONLY):
        for at in range(1, MORE_THAN_ANY):
            folder = quick_path / f"{error}-{at}"
            folder.mkdir()
            write_plan(folder / "x.ccplan", old, old_changes)
            disk = FaultyDisk(at, error, lasting=lasting)
            try:
                write_plan(folder / "x.ccplan", new, new_changes, disk)
            except (StoppedHere, StorageError):
                assert read_plan(folder / "x.ccplan", folder / "unpacked")[0] in (old, new)
            else:
                assert read_plan(folder / "x.ccplan", folder / "unpacked")[0] == new
            write_plan(folder / "x.ccplan", new, new_changes)
            assert {path.name for path in folder.iterdir()} == {"x.ccplan", "unpacked"}
            if disk.operations < at:
                break


def test_a_disk_that_fails_says_what_and_why(quick_path: Path) -> None:
    after_first(quick_path / "s", quick_path / "t")
    with pytest.raises(StorageError) as caught:
        commit_second(quick_path / "s", quick_path / "t", FaultyDisk(5, errno.ENOSPC, lasting=True))
    (finding,) = caught.value.diagnostics
    assert finding.code == "E713"
    assert "No space left on device" in finding.summary
    assert "free some space" in (finding.hint or "")


def test_a_full_disk_gets_the_space_of_a_failed_commit_back(quick_path: Path) -> None:
    after_first(quick_path / "s", quick_path / "t")
    for at in range(1, 60):
        disk = FaultyDisk(at, errno.ENOSPC)
        try:
            commit_second(quick_path / "s", quick_path / "t", disk)
        except StorageError:
            serial = state_at(quick_path / "s").generations.snapshot().ref.serial
            if serial == 2:  # the fault came after HEAD was replaced
                break
            assert len(list((quick_path / "s" / "generations").iterdir())) == 1
        else:
            break


def test_only_a_commit_from_the_newest_generation_is_taken_after_a_fault(quick_path: Path) -> None:
    after_first(quick_path / "s", quick_path / "t")
    base = state_at(quick_path / "s").generations.snapshot().ref
    commit_second(quick_path / "s", quick_path / "t", FaultyDisk())
    with pytest.raises(StaleError, match="E712"):
        state_at(quick_path / "s").generations.commit(base, generation(quick_path / "t", "c", "run-3"))
