"""The lock within one process; between processes it is tried in test_processes.py."""

import errno
import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ccsync.errors import LockedError, StorageError
from ccsync.state.lock import Lock

from tests.state.world import HOLDER, FakeClock, QuickDisk, state_at


def lock_at(tmp_path: Path, clock: FakeClock | None = None) -> Lock:
    return state_at(tmp_path / "s", clock=clock).lock


def test_the_lock_is_held_until_it_is_left(tmp_path: Path) -> None:
    lock = lock_at(tmp_path)
    with lock.acquire(HOLDER) as held:
        held.check()
        assert lock.holder() == replace(HOLDER, actor="anna@…")
    assert lock.holder() is None
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["lock"]
    with pytest.raises(LockedError, match="E701"):
        held.check()
    with lock.acquire(HOLDER):
        pass


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    with lock_at(tmp_path).acquire(HOLDER), pytest.raises(LockedError) as caught:
        lock_at(tmp_path).acquire(replace(HOLDER, actor="bob"))
    (finding,) = caught.value.diagnostics
    assert finding.code == "E701"
    assert finding.summary == (
        "the state is locked: `ccsync apply` by anna@… on laptop (pid 4711, run run-1) since 2026-10-01T06:00:00Z"
    )
    assert "lock release" in (finding.hint or "")


def test_no_address_stands_in_the_lock_file(tmp_path: Path) -> None:
    holder = replace(HOLDER, command="explain bob@example.com please", host="a@b.example")
    with lock_at(tmp_path).acquire(holder):
        text = (tmp_path / "s" / "lock.json").read_text()
        assert "example" not in text
        assert (tmp_path / "s" / "lock.json").stat().st_mode & 0o777 == 0o600


def test_waiting_for_the_lock_ends_when_it_is_free(tmp_path: Path) -> None:
    clock = FakeClock()
    held = lock_at(tmp_path).acquire(HOLDER)

    def release_later() -> None:
        if clock.elapsed_s > 5:
            held.release()

    clock.on_sleep = release_later
    with lock_at(tmp_path, clock).acquire(HOLDER, timeout_s=60):
        assert 5 < clock.elapsed_s < 6


def test_waiting_for_the_lock_ends_when_time_is_up(tmp_path: Path) -> None:
    clock = FakeClock()
    with lock_at(tmp_path).acquire(HOLDER), pytest.raises(LockedError, match="after waiting 30 seconds"):
        lock_at(tmp_path, clock).acquire(HOLDER, timeout_s=30)
    assert 30 <= clock.elapsed_s < 31


def test_waiting_for_the_lock_ends_when_a_signal_came(tmp_path: Path) -> None:
    clock = FakeClock()
    clock.stopping = True
    with lock_at(tmp_path).acquire(HOLDER), pytest.raises(LockedError):
        lock_at(tmp_path, clock).acquire(HOLDER, timeout_s=1e9)


def test_looking_at_the_lock_disturbs_nobody(tmp_path: Path) -> None:
    assert lock_at(tmp_path).holder() is None
    assert not (tmp_path / "s").exists()
    with lock_at(tmp_path).acquire(HOLDER):
        looking = os.open(tmp_path / "s" / "lock", os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    clock = FakeClock()
    clock.on_sleep = lambda: fcntl.flock(looking, fcntl.LOCK_UN)
    with lock_at(tmp_path, clock).acquire(HOLDER):
        os.close(looking)


def test_a_stale_lock_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "lock").touch()
    for stale in (b"", b"{", b"[]", b'{"pid": "x"}', json.dumps({"actor": "dead", "token": "t"}).encode()):
        (tmp_path / "s" / "lock.json").write_bytes(stale)
        with lock_at(tmp_path).acquire(HOLDER) as held:
            held.check()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}'])
def test_a_lock_whose_holder_cannot_be_read_is_held_all_the_same(tmp_path: Path, content: bytes) -> None:
    with lock_at(tmp_path).acquire(HOLDER) as held:
        (tmp_path / "s" / "lock.json").write_bytes(content)
        with pytest.raises(LockedError, match="another process holds it"):
            lock_at(tmp_path).acquire(HOLDER)
        with pytest.raises(LockedError):
            held.check()


def test_unlocking_takes_the_lock_from_its_holder(tmp_path: Path) -> None:
    old = lock_at(tmp_path).acquire(HOLDER)
    assert lock_at(tmp_path).unlock() == replace(HOLDER, actor="anna@…")
    with pytest.raises(LockedError, match="no longer holds"):
        old.check()
    with lock_at(tmp_path).acquire(replace(HOLDER, run="run-2")) as new:
        old.release()
        new.check()
        assert "run-2" in str(lock_at(tmp_path).holder())


def test_unlocking_what_nobody_holds_does_no_harm(tmp_path: Path) -> None:
    assert lock_at(tmp_path).unlock() is None
    with lock_at(tmp_path).acquire(HOLDER):
        pass
    assert lock_at(tmp_path).unlock() is None
    with lock_at(tmp_path).acquire(HOLDER) as held:
        held.check()


def test_releasing_twice_frees_nobody_elses_lock(tmp_path: Path) -> None:
    first = lock_at(tmp_path).acquire(HOLDER)
    first.release()
    with lock_at(tmp_path).acquire(HOLDER) as second:
        first.release()
        second.check()


def test_a_lock_folder_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    with lock_at(tmp_path).acquire(HOLDER) as held:
        (tmp_path / "s").rename(tmp_path / "old")
        with pytest.raises(LockedError):
            held.check()


def test_a_lock_file_that_was_deleted_by_hand_is_noticed(tmp_path: Path) -> None:
    with lock_at(tmp_path).acquire(HOLDER) as held:
        (tmp_path / "s" / "lock").unlink()
        (tmp_path / "s" / "lock").touch()
        with pytest.raises(LockedError):
            held.check()


def no_locks(descriptor: int, operation: int) -> None:
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def locks_for_everybody(descriptor: int, operation: int) -> None: ...


@pytest.mark.parametrize("flock", [no_locks, locks_for_everybody])
def test_a_file_system_that_cannot_lock_is_refused(tmp_path: Path, flock: object) -> None:
    lock = Lock(tmp_path / "s", QuickDisk(), FakeClock(), flock)  # type: ignore[arg-type]  # one of the two above
    with pytest.raises(StorageError, match="does not support file locks"):
        lock.acquire(HOLDER)
    assert not (tmp_path / "s" / "lock.json").exists()
