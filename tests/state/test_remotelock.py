"""The lock in a bucket: who holds it, who is taken for dead, and what the one who was learns."""

import json
import subprocess
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ccsync.errors import LockedError, StorageError
from ccsync.state.lock import Held, StateLock
from ccsync.state.objects import CloudObjects
from ccsync.state.remotelock import Pace, RemoteLease

from tests.state.buckets import FaultyObjects, bucket, remote_state
from tests.state.world import HOLDER, FakeClock


@pytest.fixture
def shared() -> CloudObjects:
    return bucket()


def lock_of(shared: CloudObjects | FaultyObjects, tmp_path: Path, clock: FakeClock | None = None) -> StateLock:
    return remote_state(shared, tmp_path / "machine", clock=clock).lock


def beat(held: Held) -> bool:
    """What its thread does every quarter of a minute."""
    assert isinstance(held, RemoteLease)
    return held.beat()


def test_the_lock_is_held_until_it_is_left(shared: CloudObjects, tmp_path: Path) -> None:
    lock = lock_of(shared, tmp_path)
    with lock.acquire(HOLDER) as held:
        held.check()
        assert lock_of(shared, tmp_path).holder() == replace(HOLDER, actor="anna@…")
        found = shared.get("lock.json")
        assert found is not None
        assert b"example" not in found.data
        with pytest.raises(LockedError, match="E701") as caught:
            lock_of(shared, tmp_path).acquire(replace(HOLDER, actor="bob"))
        (finding,) = caught.value.diagnostics
        assert finding.summary == (
            "the state is locked: `ccsync apply` by anna@… on laptop (pid 4711, run run-1) since 2026-10-01T06:00:00Z"
        )
        assert "`--lock-timeout 90` also takes the lock over from a run that died" in (finding.hint or "")
    assert lock.holder() is None
    with pytest.raises(LockedError, match="E701"):
        held.check()
    with lock.acquire(HOLDER):
        pass


def test_a_holder_that_shows_life_is_waited_for_in_vain(shared: CloudObjects, tmp_path: Path) -> None:
    clock = FakeClock()
    with lock_of(shared, tmp_path).acquire(HOLDER) as held:
        clock.on_sleep = lambda: beat(held) and None
        with pytest.raises(LockedError, match="after waiting 600 seconds") as caught:
            lock_of(shared, tmp_path, clock).acquire(HOLDER, timeout_s=600)
        assert 600 <= clock.elapsed_s < 601
        assert "that run is alive" in (caught.value.diagnostics[0].hint or "")
        held.check()


def test_a_holder_without_life_is_replaced_and_learns_it(shared: CloudObjects, tmp_path: Path) -> None:
    clock = FakeClock()
    first = lock_of(shared, tmp_path).acquire(HOLDER)
    with lock_of(shared, tmp_path, clock).acquire(replace(HOLDER, actor="bob"), timeout_s=90) as second:
        assert 60 <= clock.elapsed_s <= 63
        assert not beat(first)
        with pytest.raises(LockedError, match="no longer holds the state lock"):
            first.check()
        first.release()
        second.check()


def test_a_holder_of_this_machine_that_ended_is_replaced_at_once(shared: CloudObjects, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    with lock_of(shared, tmp_path).acquire(HOLDER):
        found = shared.get("lock.json")
        assert found is not None
        facts = json.loads(found.data)
        if not facts["home"]:
            pytest.skip("the system doesn't say which machine it is")
        shared.overwrite("lock.json", json.dumps({**facts, "process": ended.pid, "home": "elsewhere"}).encode())
        with pytest.raises(LockedError):
            lock_of(shared, tmp_path).acquire(HOLDER)
        shared.overwrite("lock.json", json.dumps({**facts, "process": ended.pid}).encode())
        with lock_of(shared, tmp_path).acquire(HOLDER):
            pass


def test_one_sign_of_life_begins_the_count_anew(shared: CloudObjects, tmp_path: Path) -> None:
    clock = FakeClock()
    with lock_of(shared, tmp_path).acquire(HOLDER) as held:

        def once() -> None:
            if 50 < clock.elapsed_s < 54:
                beat(held)

        clock.on_sleep = once
        with lock_of(shared, tmp_path, clock).acquire(HOLDER, timeout_s=300):
            assert clock.elapsed_s > 110


def test_no_wall_clock_counts(shared: CloudObjects, tmp_path: Path) -> None:
    class Ahead(FakeClock):
        def now(self) -> datetime:
            return super().now() + timedelta(days=400)

    with lock_of(shared, tmp_path).acquire(HOLDER) as held:
        clock = Ahead()
        clock.on_sleep = lambda: beat(held) and None
        with pytest.raises(LockedError):
            lock_of(shared, tmp_path, clock).acquire(HOLDER, timeout_s=300)
        held.check()


def test_a_lock_that_is_taken_away_is_gone_for_its_holder(shared: CloudObjects, tmp_path: Path) -> None:
    held = lock_of(shared, tmp_path).acquire(HOLDER)
    assert lock_of(shared, tmp_path).unlock() == replace(HOLDER, actor="anna@…")
    assert lock_of(shared, tmp_path).unlock() is None
    with lock_of(shared, tmp_path).acquire(HOLDER) as other:
        with pytest.raises(LockedError):
            held.check()
        held.release()
        other.check()


def test_waiting_ends_when_a_signal_came(shared: CloudObjects, tmp_path: Path) -> None:
    clock = FakeClock()
    clock.stopping = True
    with lock_of(shared, tmp_path).acquire(HOLDER), pytest.raises(LockedError):
        lock_of(shared, tmp_path, clock).acquire(HOLDER, timeout_s=1e9)


def test_a_lock_of_a_newer_format_is_somebodys(shared: CloudObjects, tmp_path: Path) -> None:
    shared.put("lock.json", b"{}", over=None)
    with pytest.raises(LockedError):
        lock_of(shared, tmp_path).acquire(HOLDER)
    holder = lock_of(shared, tmp_path).holder()
    assert holder is not None
    assert "somebody" in str(holder)


def test_who_cannot_ask_the_store_sends_nothing(shared: CloudObjects, tmp_path: Path) -> None:
    faulty = FaultyObjects(shared)
    held = lock_of(faulty, tmp_path).acquire(HOLDER)
    faulty.fails = lambda _: True
    with pytest.raises(StorageError, match="E725"):
        held.check()
    held.release()  # says nothing: who comes next waits a minute
    faulty.fails = lambda _: False
    assert lock_of(shared, tmp_path).holder() is not None


def race(shared: CloudObjects, tmp_path: Path) -> int:
    """Eight at once want the lock of a holder that died: one gets it. Returns how many conflicts that made."""
    dead = lock_of(shared, tmp_path).acquire(HOLDER)
    ready = threading.Barrier(8)
    machines = [FaultyObjects(shared) for _ in range(8)]
    won: list[Held] = []

    def want(objects: FaultyObjects) -> None:
        clock, waiting = FakeClock(), [ready]

        def all_at_once() -> None:
            if clock.elapsed_s >= 30 and waiting:
                waiting.pop().wait(30)

        clock.on_sleep = all_at_once
        with suppress(LockedError):
            lock = remote_state(objects, tmp_path / "machine", clock=clock, pace=Pace(look_s=30)).lock
            won.append(lock.acquire(HOLDER, timeout_s=62))

    threads = [threading.Thread(target=want, args=(each,)) for each in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert not beat(dead)
    dead.release()
    won[0].check()
    won[0].release()
    return sum(each.conflicts for each in machines)


def test_of_many_who_want_a_dead_ones_lock_one_gets_it(shared: CloudObjects, tmp_path: Path) -> None:
    for _ in range(3):
        race(shared, tmp_path)


@pytest.mark.long
def test_the_same_over_http(s3: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conflicts = [race(bucket("s3", s3), tmp_path) for _ in range(40)]
    with capsys.disabled():
        print(f"\n40 takeovers, 8 machines each: {sum(conflicts)} conflicts, one winner each time")
    assert sum(conflicts) > 40
