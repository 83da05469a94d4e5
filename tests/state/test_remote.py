"""State in a bucket: two machines that share it, requests that get lost, processes that end anywhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ccsync.core.plan import StateRef
from ccsync.errors import CcsyncError, InvalidError, StaleError, StorageError
from ccsync.state.objects import CloudObjects, Content, Tag, UnsureError, open_objects, split_address
from ccsync.state.opening import State

from tests.state.buckets import FaultyObjects, bucket, remote_state, some_keys
from tests.state.world import (
    HOLDER,
    FakeClock,
    StoppedHere,
    contents,
    contents_of,
    generation,
    plan_with,
    records,
    run_of,
)

NONE = StateRef("", 0, "")


def a_run(state: State, temp: Path, text: str, done: Callable[[str], object] = lambda _: None) -> None:
    """Lock, journal, generation, run record: what an apply does to the state, in its order."""
    run = f"run-{text}"
    with state.lock.acquire(HOLDER) as lease:
        plan, changes = plan_with(temp / "plan", {"news": b"news"})
        journal = state.journals.begin(run, plan, changes)
        for number, record in enumerate(records(3), 1):
            lease.check()
            journal.append(record)
            done(str(number))
        rows = temp / "drops.parquet"
        rows.write_bytes(b"rows")
        journal.keep(rows, "drops.parquet")
        lease.check()
        state.generations.commit(state.generations.snapshot().ref, generation(temp, text, run))
        done("committed")
        journal.close()
        done("closed")
        state.runs.append(run_of(run))


def folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def test_what_one_machine_wrote_another_reads(tmp_path: Path) -> None:
    shared = bucket()
    laptop, runner = remote_state(shared, tmp_path / "laptop"), remote_state(shared, tmp_path / "runner")
    a_run(laptop, folder(tmp_path / "a"), "a")
    assert contents(runner.generations.snapshot()) == contents_of("a")
    a_run(runner, folder(tmp_path / "b"), "b")
    assert contents(laptop.generations.snapshot()) == contents_of("b")
    assert [run.run for run in laptop.runs.runs()] == ["run-a", "run-b"]
    assert (laptop.journals.pending(), laptop.lock.holder()) == (None, None)
    assert tuple(laptop.check()) == ()
    assert [listed.serial for listed in laptop.history()] == [2, 1]
    laptop.restore(1)
    assert contents(runner.generations.snapshot()) == contents_of("a")


def test_a_ledger_is_fetched_once_and_its_copy_is_never_trusted(tmp_path: Path) -> None:
    shared = bucket()
    a_run(remote_state(shared, tmp_path / "laptop"), folder(tmp_path / "a"), "a")
    counting = Reads(shared)

    def read() -> dict[str, bytes]:
        return contents(remote_state(counting, tmp_path / "runner").generations.snapshot())

    assert read() == contents_of("a")
    assert counting.reads == 3  # two ledgers and the opt-outs
    assert read() == contents_of("a")
    assert counting.reads == 3
    copies = [path for path in (tmp_path / "runner-home" / "cache").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in copies} == {0o600}
    copies[0].write_bytes(b"something else")
    assert read() == contents_of("a")
    assert counting.reads == 4


def test_what_is_not_asked_for_any_more_leaves_the_cache(tmp_path: Path) -> None:
    shared, clock = bucket(), FakeClock()
    for text in ("a", "b"):
        a_run(remote_state(shared, tmp_path / "laptop"), folder(tmp_path / text), text)
        remote_state(shared, tmp_path / "runner", clock=clock).generations.snapshot()
        clock.elapsed_s += 15 * 24 * 3600
    copies = [path for path in (tmp_path / "runner-home" / "cache").rglob("*") if path.is_file()]
    assert len(copies) == 3


class Reads(FaultyObjects):
    reads = 0

    def read(self, key: str, tag: Tag) -> object:  # type: ignore[override]  # an iterator still
        self.reads += 1
        return super().read(key, tag)


def settle_and_go_on(shared: CloudObjects, home: Path, temp: Path, noted: str) -> None:
    """What another machine does next. The state must be that of before or after, and take the next run."""
    clock = FakeClock()
    state = remote_state(shared, home, clock=clock)
    with state.lock.acquire(HOLDER, timeout_s=300):
        snapshot = state.generations.snapshot()
        committed = contents(snapshot) == contents_of("b")
        assert committed or contents(snapshot) == contents_of("a")
        assert committed or noted not in ("committed", "closed")
        while (pending := state.journals.pending()) is not None:
            # What was durable is there; a journal that is being taken away is gone as a whole.
            assert len(pending.records()) >= (3 if noted in ("committed", "3") else int(noted or 0))
            assert noted != "closed"
            pending.close()
    a_run(state, folder(temp / "c"), "c")
    assert contents(state.generations.snapshot()) == contents_of("c")
    assert not [finding for finding in state.check() if finding.code != "W709"]
    assert shared.keys(".deleted/") == ()


HOWS = ("lost", "unheard", "stopped", "gone", "down")


def run_with_faults(tmp_path: Path, how: str, at: int) -> tuple[bool, int]:
    """One run whose n-th request goes wrong, then one on another machine. Whether the first came through."""
    shared, home = bucket(), folder(tmp_path / f"{how} {at}")
    a_run(remote_state(shared, home / "a"), folder(home / "temp-a"), "a")
    down = how == "down"
    faulty = FaultyObjects(shared, (lambda n: n >= at) if down else (lambda n: n == at), "lost" if down else how)
    notes = [""]
    try:
        a_run(remote_state(faulty, home / "b"), folder(home / "temp-b"), "b", notes.append)
        through = True
    except (StoppedHere, StorageError):
        through = False
    faulty.fails = lambda _: False
    settle_and_go_on(shared, home / "c", home, notes[-1])
    return through, faulty.requests


@pytest.mark.parametrize("how", HOWS)
def test_a_request_that_goes_wrong_leaves_the_old_or_the_new(how: str, tmp_path: Path) -> None:
    for at in (1, 9, 14, 22, 31, 38, 43, 47):
        through, _ = run_with_faults(tmp_path, how, at)
        assert through or how not in ("lost", "unheard"), "one lost request is asked again"


@pytest.mark.long
@pytest.mark.parametrize("how", HOWS)
def test_every_request_that_goes_wrong_leaves_the_old_or_the_new(how: str, tmp_path: Path) -> None:
    at, requests = 0, 1
    while at < requests:
        at += 1
        through, requests = run_with_faults(tmp_path, how, at)
        assert through or how not in ("lost", "unheard")
        requests = max(requests, at) if how in ("lost", "unheard") or not through else at


@pytest.mark.parametrize("every", [2, 3, 5])
def test_a_store_that_fails_every_nth_request_is_good_enough(every: int, tmp_path: Path) -> None:
    for how in ("lost", "unheard"):
        shared, home = bucket(), folder(tmp_path / how)
        faulty = FaultyObjects(shared, lambda n: n % every == 0, how)
        for text in ("a", "b", "c"):
            a_run(remote_state(faulty, home / text), folder(home / f"temp-{text}"), text)
        assert contents(remote_state(shared, home / "d").generations.snapshot()) == contents_of("c")


def test_a_head_that_moves_after_all_finds_its_generation(tmp_path: Path) -> None:
    class Late(FaultyObjects):
        """The request that moves HEAD is still on its way when everybody has given up."""

        held: Callable[[], object] | None = None

        def put(self, key: str, content: Content, *, over: Tag | None) -> Tag:
            if key != "HEAD":
                return super().put(key, content, over=over)
            self.held = lambda: self.inner.put(key, content, over=over)
            raise UnsureError("no answer")

    shared = bucket()
    a_run(remote_state(shared, tmp_path / "laptop"), folder(tmp_path / "a"), "a")
    late = Late(shared)
    state = remote_state(late, tmp_path / "laptop")
    with pytest.raises(StorageError, match="E725"):
        state.generations.commit(state.generations.snapshot().ref, generation(folder(tmp_path / "b"), "b"))
    reader = remote_state(shared, tmp_path / "runner")
    assert contents(reader.generations.snapshot()) == contents_of("a")
    assert late.held is not None
    late.held()
    assert contents(reader.generations.snapshot()) == contents_of("b")


def test_who_was_taken_for_dead_writes_nothing_more(tmp_path: Path) -> None:
    shared, clock = bucket(), FakeClock()
    slow, quick = remote_state(shared, tmp_path / "slow"), remote_state(shared, tmp_path / "quick", clock=clock)
    a_run(slow, folder(tmp_path / "a"), "a")
    plan, changes = plan_with(tmp_path / "plan", {"news": b"news"})
    with slow.lock.acquire(HOLDER) as lease:
        base = slow.generations.snapshot().ref
        journal = slow.journals.begin("run-b", plan, changes)
        journal.append(records(1)[0])
        with quick.lock.acquire(HOLDER, timeout_s=300):  # no beat was seen for a minute
            pending = quick.journals.pending()
            assert pending is not None
            quick.generations.commit(base, generation(folder(tmp_path / "b"), "b"))
            pending.close()
            with pytest.raises(CcsyncError, match="E701"):
                lease.check()
            with pytest.raises(StaleError, match="E712"):
                journal.append(records(2)[1])
            with pytest.raises(StaleError, match="E712"):
                slow.generations.commit(base, generation(folder(tmp_path / "c"), "c"))
            journal.close()
    assert contents(quick.generations.snapshot()) == contents_of("b")
    assert quick.lock.holder() is None
    assert shared.keys("journal/") == ()


def test_a_store_that_cannot_be_reached_says_so_and_shows_no_secret(tmp_path: Path) -> None:
    state = remote_state(FaultyObjects(bucket(), lambda _: True), tmp_path / "laptop")
    with pytest.raises(StorageError) as caught:
        state.generations.snapshot()
    assert caught.value.diagnostics[0].summary == "could not read the state: the object store gave no answer, 5 times"


@pytest.mark.parametrize(
    ("address", "prefix"),
    [("s3://b", ""), ("gs://b/", ""), ("az://b/team/ccsync/", "team/ccsync/")],
)
def test_an_address_is_a_bucket_and_a_prefix(address: str, prefix: str) -> None:
    assert split_address(address)[1:] == ("b", prefix)


@pytest.mark.parametrize(
    "address", ["http://b/c", "s3://", "s3:///c", "s3://b/../c", "s3://b/a//c", "s3://u:p@b/c?x=1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidError, match="E728") as caught:
        open_objects(address, {})
    assert "u:p" not in str(caught.value.diagnostics)


def test_a_wrong_key_never_passes_for_damage_in_a_bucket(tmp_path: Path) -> None:
    shared = bucket()
    a_run(remote_state(shared, tmp_path / "laptop", keys=some_keys()), folder(tmp_path / "a"), "a")
    other = remote_state(shared, tmp_path / "runner", keys=some_keys())
    with pytest.raises(CcsyncError, match="E721"):
        other.generations.snapshot()
