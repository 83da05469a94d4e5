"""Run records: a line a run; a torn line costs itself and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

from ccsync.state.runs import Run

from tests.state.world import state_at

ONE = Run(
    run="run-1",
    started="2026-10-01T06:00:00Z",
    ended="2026-10-01T06:00:09Z",
    actor="anna@contoso.example",
    command="apply",
    outcome="successful",
    serial=41,
    plan_id="plan-1",
    commit="0123abc",
    counts={"news": {"add": 3, "remove": 1}},
    calls=12,
    allowed=("news:max_remove",),
    codes=("W510",),
    reason="asked for",
)
TWO = replace(ONE, run="run-2", outcome="failed", serial=None, plan_id="plan-2", reason="Ünïcödé\n🙂\u2028")


def path_of(tmp_path: Path) -> Path:
    return tmp_path / "s" / "runs.jsonl"


def test_runs_come_back_as_they_were_recorded(tmp_path: Path) -> None:
    log = state_at(tmp_path / "s").runs
    assert (log.runs(), log.last_run(), log.highest_serial()) == ((), None, 0)
    log.append(ONE)
    log.append(TWO)
    assert (log.runs(), log.last_run(), log.highest_serial()) == ((ONE, TWO), TWO, 41)
    assert len(path_of(tmp_path).read_bytes().splitlines()) == 2
    assert path_of(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_run_record_is_never_without_a_head(tmp_path: Path) -> None:
    state = state_at(tmp_path / "s")
    state.runs.append(ONE)
    assert state.generations.snapshot().ref.serial == 0


def test_a_torn_last_line_is_ignored_and_mended_by_the_next(tmp_path: Path) -> None:
    log = state_at(tmp_path / "s").runs
    log.append(ONE)
    whole = path_of(tmp_path).read_bytes()
    log.append(TWO)
    both = path_of(tmp_path).read_bytes()
    for length in range(len(whole), len(both)):
        path_of(tmp_path).write_bytes(both[:length])
        assert log.runs() == ((ONE, TWO) if length == len(both) - 1 else (ONE,))
        assert log.check() == ()
        log.append(replace(TWO, run="run-3"))
        assert [run.run for run in log.runs()][-1] == "run-3"
        assert log.check() == ()


def test_a_line_that_cannot_be_read_is_left_out_and_reported(tmp_path: Path) -> None:
    log = state_at(tmp_path / "s").runs
    log.append(ONE)
    with path_of(tmp_path).open("ab") as file:
        file.write(b'\x00\xff\n{"format":1}\n[]\n')
    log.append(TWO)
    assert log.runs() == (ONE, TWO)
    (finding,) = log.check()
    assert (finding.code, "3 lines" in finding.summary, "line 2" in finding.summary) == ("W710", True, True)


def test_keys_of_a_later_version_are_left_out(tmp_path: Path) -> None:
    log = state_at(tmp_path / "s").runs
    log.append(ONE)
    line = json.loads(path_of(tmp_path).read_bytes())
    path_of(tmp_path).write_text(json.dumps({**line, "mood": "good"}) + "\n")
    assert log.runs() == (ONE,)


def test_a_plan_is_known_as_applied_only_by_a_run_that_made_a_generation(tmp_path: Path) -> None:
    state = state_at(tmp_path / "s")
    for run in (ONE, TWO):
        state.runs.append(run)
    assert state.runs.applied_as("plan-1") == state.generations.applied_as("plan-1") == 41
    assert state.runs.applied_as("plan-2") is None
    assert state.runs.applied_as("") is None
