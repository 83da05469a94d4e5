"""Real processes that share a state over HTTP and are killed, or stopped for longer than a holder may be silent."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ccsync.errors import CcsyncError
from ccsync.state.objects import CloudObjects
from ccsync.state.opening import State
from ccsync.state.remotelock import Pace

from tests.cli.program import environment
from tests.state.buckets import bucket, remote_state
from tests.state.processes import RealClock
from tests.state.world import HOLDER, generation, plan_with, records

QUICK = Pace(beat_s=0.1, dead_s=0.6, look_s=0.05)
ROUNDS = 40


def state_of(objects: CloudObjects, machine: Path) -> State:
    clock = RealClock()
    return remote_state(objects, machine, clock=clock, pace=QUICK, new_id=lambda: "one")  # type: ignore[arg-type]


def run_for_ever(settings: dict[str, str], prefix: str, machine: Path) -> None:
    """One run after the other, until killed. Prints a line a run: `done` or the code of what stopped it."""
    objects = bucket("s3", settings, prefix)
    state, temp = state_of(objects, machine), machine / "temp"
    number = random.randrange(10**9)
    while True:
        number += 1
        try:
            with state.lock.acquire(HOLDER, timeout_s=30) as lease:
                base = state.generations.snapshot().ref
                pending = state.journals.pending()
                if pending is not None:
                    pending.close()
                plan, changes = plan_with(temp / "plan", {"news": b"news"})
                journal = state.journals.begin(f"run-{number}", plan, changes)
                for record in records(3):
                    lease.check()
                    journal.append(record)
                lease.check()
                state.generations.commit(base, generation(temp, str(number), f"run-{number}"))
                journal.close()
            print("done", flush=True)
        except CcsyncError as error:
            print(error.diagnostics[0].code, flush=True)


def start(settings: dict[str, str], prefix: str, machine: Path) -> subprocess.Popen[str]:
    machine.mkdir(exist_ok=True)
    command = (sys.executable, "-m", "tests.state.test_remote_processes", json.dumps(settings), prefix, str(machine))
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_who_is_stopped_too_long_is_overtaken_and_stops(s3: dict[str, str], tmp_path: Path) -> None:
    objects = bucket("s3", s3)
    slow = start(s3, objects.prefix, tmp_path / "slow")
    try:
        assert next_line(slow) == "done"
        os.kill(slow.pid, signal.SIGSTOP)
        state = state_of(objects, tmp_path / "quick")
        with state.lock.acquire(HOLDER, timeout_s=30) as lease:
            pending = state.journals.pending()
            if pending is not None:
                pending.close()
            os.kill(slow.pid, signal.SIGCONT)
            serial = state.generations.commit(
                state.generations.snapshot().ref, generation(tmp_path / "temp", "quick", "run-quick")
            ).serial
            lease.check()
        while state.generations.snapshot().ref.serial == serial:
            assert next_line(slow) in ("done", "E701", "E712", "")
        assert not [finding for finding in state.check() if finding.code.startswith("E")]
    finally:
        slow.kill()
        slow.communicate()


@pytest.mark.long
def test_killed_and_stopped_again_and_again_the_state_stays_whole(
    s3: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects, chance = bucket("s3", s3), random.Random(7)
    machines = {tmp_path / name: start(s3, objects.prefix, tmp_path / name) for name in ("a", "b", "c")}
    stops = kills = 0
    try:
        for number in range(ROUNDS):
            time.sleep(chance.uniform(0.1, 0.6))  # at any moment is what is tried here
            machine, process = chance.choice(list(machines.items()))
            if number % 2:
                process.kill()
                process.communicate()
                machines[machine] = start(s3, objects.prefix, machine)
                kills += 1
            else:
                os.kill(process.pid, signal.SIGSTOP)
                time.sleep(1.0)
                os.kill(process.pid, signal.SIGCONT)
                stops += 1
    finally:
        for process in machines.values():
            os.kill(process.pid, signal.SIGCONT)
            process.kill()
        said = [line for process in machines.values() for line in process.communicate()[0].splitlines()]
    state = state_of(objects, tmp_path / "last")
    with state.lock.acquire(HOLDER, timeout_s=30):
        while (pending := state.journals.pending()) is not None:
            pending.close()
        snapshot = state.generations.snapshot()
        texts = {ledger.path.read_bytes().split(b" ", 1)[1] for ledger in snapshot.ledgers.values()}
        assert len(texts) == 1
        ref = state.generations.commit(snapshot.ref, generation(tmp_path / "temp", "last", "run-last"))
    assert not [finding for finding in state.check() if finding.code.startswith("E")]
    serials = [listed.serial for listed in state.history()]
    assert serials == list(range(ref.serial, ref.serial - len(serials), -1))
    assert set(said) <= {"done", "E701", "E712", ""}
    with capsys.disabled():
        print(
            f"\n{kills} kills, {stops} stops, serial {ref.serial}, {said.count('E701') + said.count('E712')} overtaken"
        )


if __name__ == "__main__":
    run_for_ever(json.loads(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
