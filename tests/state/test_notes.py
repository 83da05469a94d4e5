"""Small documents beside the generations: swapped, sealed, moved with the state, and never in anybody's way."""

from pathlib import Path

import pytest
from ccsync.errors import DeniedError
from ccsync.sealing import fresh_key, is_sealed
from ccsync.state.moving import migrate, rekey
from ccsync.state.notes import NOTICES, SCHEDULE
from ccsync.state.opening import State

from tests.state.buckets import bucket, remote_state, some_keys
from tests.state.test_remote import a_run, folder
from tests.state.world import FakeClock, QuickDisk, ids
from tests.support.states import open_state

KEY, NEW_KEY = fresh_key(), fresh_key()


def state_at(root: Path, *texts: str) -> State:
    return open_state(root, FakeClock(), ids(), QuickDisk(), some_keys(*texts) if texts else None)


def test_a_change_is_kept_by_whoever_else_writes_and_makes_no_state(tmp_path: Path) -> None:
    state = state_at(tmp_path)
    assert state.notes.read(SCHEDULE) == {}
    state.notes.change(SCHEDULE, lambda _: {})
    assert not list(tmp_path.iterdir()), "nothing is written when nothing changes"
    tries = []

    def beaten(entries: object) -> dict[str, object]:
        if not tries:
            tries.append(1)
            state_at(tmp_path).notes.change(SCHEDULE, lambda here: {**here, "b": 2})
        return {**entries, "a": 1}  # type: ignore[dict-item]  # a mapping

    state.notes.change(SCHEDULE, beaten)
    assert state.notes.read(SCHEDULE) == {"a": 1, "b": 2}
    assert state.generations.snapshot().ref.serial == 0
    assert tuple(state.check()) == ()


def test_they_are_sealed_with_the_state_and_a_broken_seal_counts_as_none(tmp_path: Path) -> None:
    state = state_at(tmp_path, KEY)
    state.notes.change(NOTICES, lambda _: {"ops": {"run:weekly": "guard"}})
    path = tmp_path / NOTICES
    assert is_sealed(path.read_bytes())
    with pytest.raises(DeniedError):
        state_at(tmp_path).notes.read(NOTICES)
    assert rekey(state_at(tmp_path, NEW_KEY, KEY)) == (2, 0)  # this and HEAD
    assert state_at(tmp_path, NEW_KEY).notes.read(NOTICES) == {"ops": {"run:weekly": "guard"}}
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    state = state_at(tmp_path, NEW_KEY)
    assert state.notes.read(NOTICES) == {}
    state.notes.change(NOTICES, lambda here: {**here, "ops": {}})
    assert state.notes.read(NOTICES) == {"ops": {}}


def test_they_move_with_the_state_and_back(tmp_path: Path) -> None:
    local, there = state_at(tmp_path / "state", KEY), remote_state(bucket(), tmp_path / "m", keys=some_keys(KEY))
    a_run(local, folder(tmp_path / "a"), "a")
    local.notes.change(SCHEDULE, lambda _: {"weekly": 1})
    migrate(local, there)
    assert there.notes.read(SCHEDULE) == {"weekly": 1}
    there.notes.change(SCHEDULE, lambda _: {"weekly": 2})
    migrate(there, state_at(tmp_path / "state", KEY))
    assert state_at(tmp_path / "state", KEY).notes.read(SCHEDULE) == {"weekly": 2}
