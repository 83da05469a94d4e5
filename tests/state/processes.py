"""Run as a program by test_processes.py: one process of several that share a state folder.

It obeys one command a line on stdin and answers each with one line on stdout.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ccsync.core.plan import StateRef
from ccsync.errors import CcsyncError
from ccsync.state.lock import HeldLock
from ccsync.state.opening import State

from tests.state.world import HOLDER, NOW, FaultyDisk, QuickDisk, generation, ids, plan_with, records, run_of
from tests.support.states import open_state


class RealClock:
    def now(self) -> object:
        return NOW

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, wait_s: float) -> None:
        time.sleep(wait_s)


def state_of(root: Path) -> State:
    return open_state(root, RealClock(), ids(), QuickDisk())  # type: ignore[arg-type]  # now() is a datetime


class DeadlyDisk(FaultyDisk):
    """Kills its process in front of the n-th operation: no exception handler, no cleaning up."""

    def _fail(self, path: Path | None = None) -> None:
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def obey(root: Path, temp: Path, name: str) -> None:
    """Commands: acquire, check, release, base, commit TEXT, read COUNT, quit."""
    state, held, base = state_of(root), None, StateRef("", 0, "")
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        try:
            match command:
                case "acquire":
                    held = state.lock.acquire(replace(HOLDER, run=name, pid=os.getpid()))
                case "check":
                    _held(held).check()
                case "release":
                    _held(held).release()
                case "base":
                    base = state.generations.snapshot().ref
                case "commit":
                    base = state.generations.commit(base, generation(temp / name, argument, f"{name} {argument}"))
                case "read":
                    _read(root, int(argument))
                case _:
                    return
            answer = "done"
        except CcsyncError as error:
            answer = error.diagnostics[0].code
        print(answer, flush=True)


def _held(held: HeldLock | None) -> HeldLock:
    assert held is not None
    return held


def _read(root: Path, count: int) -> None:
    """Reads the state over and over; each time it must be whole and of one commit."""
    for _ in range(count):
        snapshot = state_of(root).generations.snapshot()  # a fresh one: nothing is taken on trust
        texts = {ledger.path.read_bytes().split(b" ", 1)[1] for ledger in snapshot.ledgers.values()}
        assert snapshot.optouts is not None
        assert texts == {snapshot.optouts.read_bytes().split(b" ", 1)[1]}


def die_at_each(before: Path, into: Path) -> None:
    """Copies a state folder and does a run on it in a child that is killed at its n-th disk operation, for every n.

    Prints each folder that was left behind, and whether its child came to its end.
    """
    at = 0
    while True:
        at += 1
        root, temp = into / str(at), into / f"{at}-temp"
        shutil.copytree(before, root)
        temp.mkdir()
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                a_run(root, temp, DeadlyDisk(at))
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print("end" if os.WEXITSTATUS(status) == 0 else "failed", flush=True)
            return
        print(root, flush=True)


def a_run(root: Path, temp: Path, disk: FaultyDisk) -> None:
    """Lock, journal, generation, run record: what an apply does to the state, in its order."""
    state = open_state(root, RealClock(), ids(), disk)  # type: ignore[arg-type]  # now() is a datetime
    with state.lock.acquire(HOLDER) as lease:
        plan, changes = plan_with(temp / "plan", {"news": b"news"})
        journal = state.journals.begin("run-2", plan, changes)
        for record in records(3):
            journal.append(record)
        lease.check()
        state.generations.commit(state.generations.snapshot().ref, generation(temp, "b", "run-2"))
        journal.close()
        state.runs.append(run_of("run-2"))


def run_forever(root: Path, temp: Path) -> None:
    """One run after the other, each a new generation, until killed. Prints a dot an operation."""

    class Talking(FaultyDisk):
        def _turn(self, name: str) -> bool:
            os.write(1, b".")
            return super()._turn(name)

    state = open_state(root, RealClock(), ids(), Talking())  # type: ignore[arg-type]  # now() is a datetime
    number = random.randrange(10**9)  # a text nobody had before
    while True:
        with state.lock.acquire(HOLDER):
            pending = state.journals.pending()
            if pending is not None:
                pending.close()
            number += 1
            plan, changes = plan_with(temp / "plan", {"news": b"news"})
            journal = state.journals.begin(f"run-{number}", plan, changes)
            journal.append(records(1)[0])
            made = generation(temp, str(number), f"run-{number}")
            state.generations.commit(state.generations.snapshot().ref, made)
            journal.close()


DEEDS: dict[str, Callable[..., None]] = {"obey": obey, "die_at_each": die_at_each, "run_forever": run_forever}

if __name__ == "__main__":
    deed, root, temp, *rest = sys.argv[1:]
    DEEDS[deed](Path(root), Path(temp), *rest)
