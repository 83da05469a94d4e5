"""Sealed states: nothing to read without the key, nothing to change or put back unnoticed, a way from key to key."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ccsync.errors import CcsyncError, DeniedError, StaleError
from ccsync.sealing import Keys, fresh_key, is_sealed
from ccsync.state.moving import migrate, rekey
from ccsync.state.opening import State
from ccsync.state.planfile import read_plan, write_plan

from tests.state.buckets import FaultyObjects, bucket, remote_state, some_keys
from tests.state.test_remote import a_run, folder
from tests.state.world import HOLDER, FakeClock, QuickDisk, StoppedHere, contents, contents_of, ids, plan_with, records
from tests.support.states import open_state

KEY, NEW_KEY = fresh_key(), fresh_key()
KEYS = some_keys(KEY)


def state_at(root: Path, keys: Keys | None = KEYS) -> State:
    return open_state(root, FakeClock(), ids(), QuickDisk(), keys)


def stored(root: Path) -> Iterator[Path]:
    """What a state keeps, but for what names no member: the lock and the run records."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and "lock" not in path.name and path.name != "runs.jsonl":
            yield path


def refused(kind: type[CcsyncError], code: str, call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert [finding.code for finding in caught.value.diagnostics] == [code]
    return caught.value.diagnostics[0].summary


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sealed state of two runs, the second of them interrupted before its end."""
    root = tmp_path / "state"
    a_run(state_at(root), folder(tmp_path / "temp"), "a")
    plan, changes = plan_with(tmp_path / "plan", {"news": b"anna@example.com"})
    journal = state_at(root).journals.begin("run-b", plan, changes)
    for record in records(3):
        journal.append(record)
    return root


def read_all(state: State) -> None:
    state.generations.snapshot()
    state.journals.pending()


def test_everything_is_sealed_and_reads_as_it_was(root: Path) -> None:
    found = list(stored(root))
    assert len(found) == 10
    assert all(is_sealed(path.read_bytes()) for path in found)
    state = state_at(root)
    assert contents(state.generations.snapshot()) == contents_of("a")
    pending = state.journals.pending()
    assert pending is not None
    assert pending.records() == tuple(records(3))
    assert tuple(state.check()) == ()


def test_without_the_key_or_with_another_it_is_refused_and_not_called_damaged(root: Path) -> None:
    said = refused(DeniedError, "E720", lambda: read_all(state_at(root, None)))
    assert said == "the state (HEAD) is sealed, and CCSYNC_KEY is not set"
    refused(DeniedError, "E721", lambda: read_all(state_at(root, some_keys())))
    with pytest.raises(DeniedError):
        state_at(root, None).restore()


def test_whatever_is_changed_or_exchanged_is_noticed(root: Path, tmp_path: Path) -> None:
    files = [path.relative_to(root) for path in stored(root)]
    for number, file in enumerate(files):
        changed = tmp_path / f"changed {number}"
        shutil.copytree(root, changed)
        data = bytearray((root / file).read_bytes())
        data[-1] ^= 1
        (changed / file).write_bytes(data)
        refused(StaleError, "E723", lambda c=changed: read_all(state_at(c)))
        (changed / file).write_bytes((root / files[number - 1]).read_bytes())
        refused(StaleError, "E723", lambda c=changed: read_all(state_at(c)))


def test_a_journal_that_nobody_with_the_key_wrote_is_refused(root: Path, tmp_path: Path) -> None:
    forged = state_at(tmp_path / "forged", None)
    plan, changes = plan_with(tmp_path / "plan", {"news": b"anna@example.com"})
    forged.journals.begin("run-x", plan, changes).append(records(1)[0])
    shutil.copytree(tmp_path / "forged" / "journal" / "run-x", root / "journal" / "run-x")
    said = refused(StaleError, "E723", lambda: state_at(root).journals.pending())
    assert said == "journal/run-x/plan.json is not sealed, though the state is"


def test_an_older_state_that_is_put_back_is_noticed_and_restore_goes_on_from_it(root: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(root, backup)
    for text in ("c", "d"):
        state = state_at(root)
        while (pending := state.journals.pending()) is not None:
            pending.close()
        a_run(state, folder(tmp_path / text), text)
    shutil.rmtree(root)
    shutil.copytree(backup, root)
    said = refused(StaleError, "E724", lambda: state_at(root).generations.snapshot())
    assert said.endswith("it is at serial 1, but serial 3 was seen here")
    assert [finding.code for finding in state_at(root).check()] == ["E724"]
    with state_at(root).lock.acquire(HOLDER):
        assert state_at(root).restore(1).serial == 4
    assert contents(state_at(root).generations.snapshot()) == contents_of("a")


def test_a_state_that_is_gone_or_another_or_open_is_noticed(root: Path, tmp_path: Path) -> None:
    shutil.move(root, tmp_path / "kept")
    assert "it is gone" in refused(StaleError, "E724", lambda: state_at(root).generations.snapshot())
    a_run(open_state(root, FakeClock(), ids(), QuickDisk(), None), folder(tmp_path / "p"), "p")
    assert "not sealed" in refused(StaleError, "E724", lambda: state_at(root).generations.snapshot())
    shutil.rmtree(root)
    other = open_state(tmp_path / "other", FakeClock(), lambda: "another lineage", QuickDisk(), KEYS)
    a_run(other, folder(tmp_path / "o"), "o")
    shutil.copytree(tmp_path / "other", root)
    assert "another state" in refused(StaleError, "E724", lambda: state_at(root).generations.snapshot())


def test_a_state_without_a_key_stays_readable_and_is_sealed_by_the_next_write(tmp_path: Path) -> None:
    root = tmp_path / "state"
    a_run(state_at(root, None), folder(tmp_path / "a"), "a")
    plan, changes = plan_with(tmp_path / "plan", {"news": b"news"})
    state_at(root, None).journals.begin("run-b", plan, changes).append(records(1)[0])
    state = state_at(root)
    assert contents(state.generations.snapshot()) == contents_of("a")
    pending = state.journals.pending()
    assert pending is not None
    pending.close()
    a_run(state, folder(tmp_path / "b"), "b")
    assert is_sealed((root / "HEAD").read_bytes())
    newest, older = (state_at(root).history()[n].folder for n in (0, 1))
    assert all(is_sealed(path.read_bytes()) for path in stored(root / "generations" / newest))
    assert not any(is_sealed(path.read_bytes()) for path in stored(root / "generations" / older))
    assert tuple(state_at(root).check()) == ()
    assert rekey(state_at(root)) == (4, 0)
    assert all(is_sealed(path.read_bytes()) for path in stored(root))
    assert tuple(state_at(root).check()) == ()


@pytest.mark.parametrize("remote", [False, True])
def test_a_key_is_changed_and_the_old_one_is_not_needed_any_more(tmp_path: Path, *, remote: bool) -> None:
    shared = bucket()

    def state(*texts: str) -> State:
        keys = some_keys(*texts)
        return remote_state(shared, tmp_path / "m", keys=keys) if remote else state_at(tmp_path / "state", keys)

    for text in ("a", "b"):
        a_run(state(KEY), folder(tmp_path / text), text)
    refused(DeniedError, "E721", lambda: rekey(state(NEW_KEY)))
    assert contents(state(NEW_KEY, KEY).generations.snapshot()) == contents_of("b")
    assert rekey(state(NEW_KEY, KEY)) == (9, 0)
    assert rekey(state(NEW_KEY)) == (0, 0)
    assert contents(state(NEW_KEY).generations.snapshot()) == contents_of("b")
    assert tuple(state(NEW_KEY).check()) == ()
    refused(DeniedError, "E721", lambda: state(KEY).generations.snapshot())


def test_a_key_is_not_changed_while_a_run_is_open(root: Path) -> None:
    refused(StaleError, "E712", lambda: rekey(state_at(root)))


def test_a_plan_file_is_sealed_with_the_key(tmp_path: Path) -> None:
    plan, changes = plan_with(tmp_path / "plan", {"news": b"anna@example.com" * 100_000})
    write_plan(tmp_path / "x.ccplan", plan, changes, QuickDisk(), keys=KEYS)
    assert b"anna" not in (tmp_path / "x.ccplan").read_bytes()
    (tmp_path / "x.ccplan").rename(tmp_path / "y.ccplan")  # an artefact store may call it as it likes
    found, files = read_plan(tmp_path / "y.ccplan", tmp_path / "work", keys=KEYS)
    assert found == plan
    assert [path.read_bytes() for path in files.values()] == [b"anna@example.com" * 100_000]
    refused(DeniedError, "E720", lambda: read_plan(tmp_path / "y.ccplan", tmp_path / "work", keys=None))
    refused(DeniedError, "E721", lambda: read_plan(tmp_path / "y.ccplan", tmp_path / "work", keys=some_keys()))
    data = bytearray((tmp_path / "y.ccplan").read_bytes())
    data[-100] ^= 1
    (tmp_path / "y.ccplan").write_bytes(data)
    refused(StaleError, "E723", lambda: read_plan(tmp_path / "y.ccplan", tmp_path / "work", keys=KEYS))
    write_plan(tmp_path / "z.ccplan", plan, changes, QuickDisk(), keys=None)
    refused(StaleError, "E723", lambda: read_plan(tmp_path / "z.ccplan", tmp_path / "work", keys=KEYS))


# ---------------------------------------------------------------- moving


def test_a_state_moves_into_a_bucket_and_back_and_the_old_place_is_refused(tmp_path: Path) -> None:
    local, there = state_at(tmp_path / "state"), remote_state(bucket(), tmp_path / "m", keys=KEYS)
    for text in ("a", "b"):
        a_run(local, folder(tmp_path / text), text)
    moved = migrate(local, there)
    assert (moved.ref.serial, moved.generations, moved.left) == (2, 2, 0)
    assert contents(there.generations.snapshot()) == contents_of("b")
    assert [listed.serial for listed in there.history()] == [2, 1]
    assert [run.run for run in there.runs.runs()] == ["run-a", "run-b"]
    for call in (state_at(tmp_path / "state").generations.snapshot, state_at(tmp_path / "state").restore):
        assert refused(StaleError, "E726", call) == f"the state was moved to {there.place}"
    refused(StaleError, "E726", lambda: a_run(state_at(tmp_path / "state"), folder(tmp_path / "x"), "x"))
    a_run(there, folder(tmp_path / "c"), "c")
    assert migrate(there, state_at(tmp_path / "state")).generations == 3
    assert contents(state_at(tmp_path / "state").generations.snapshot()) == contents_of("c")
    refused(StaleError, "E726", there.generations.snapshot)


def test_a_move_that_is_killed_anywhere_is_done_by_the_next(tmp_path: Path) -> None:
    a_run(state_at(tmp_path / "state", None), folder(tmp_path / "a"), "a")
    at, through = 0, False
    while not through:
        at += 1
        shared, place = bucket(), tmp_path / f"copy {at}"
        shutil.copytree(tmp_path / "state", place)
        faulty = remote_state(FaultyObjects(shared, lambda n, at=at: n == at, "gone"), tmp_path / "m")
        try:
            migrate(state_at(place, None), faulty)
            through = True
        except StoppedHere:
            there = remote_state(shared, tmp_path / "m")
            assert migrate(state_at(place, None), there).ref.serial == 1
            assert contents(there.generations.snapshot()) == contents_of("a")
            assert len(there.runs.runs()) == 1
    assert at > 15


def test_two_states_are_never_mixed(tmp_path: Path) -> None:
    first, second = state_at(tmp_path / "1", None), open_state(tmp_path / "2", FakeClock(), lambda: "x", QuickDisk())
    refused(CcsyncError, "E727", lambda: migrate(first, second))
    a_run(first, folder(tmp_path / "a"), "a")
    a_run(second, folder(tmp_path / "b"), "b")
    assert "another state" in refused(CcsyncError, "E727", lambda: migrate(first, second))
    plan, changes = plan_with(tmp_path / "plan", {"news": b"news"})
    first.journals.begin("run-c", plan, changes).append(records(1)[0])
    refused(StaleError, "E712", lambda: migrate(first, state_at(tmp_path / "3", None)))
    assert contents(first.generations.snapshot()) == contents_of("a")
