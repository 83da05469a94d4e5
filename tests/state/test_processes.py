"""Real processes on one state folder: killed anywhere, racing for the lock and for HEAD, paused and overtaken, reading
while others write."""

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ccsync.errors import LockedError

from tests.state.test_faults import after_first
from tests.state.world import HOLDER, contents, contents_of, generation, plan_with, records, run_of, state_at

ROUNDS = 100


class Process:
    """A program of processes.py that obeys commands."""

    def __init__(self, deed: str, *arguments: object) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.state.processes", deed, *map(str, arguments)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def tell(self, command: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{command}\n".encode())

    def answer(self) -> str:
        """Waits for it, a minute at most."""
        assert self.popen.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self.popen.stdout], [], [], 60)[0], "no answer within a minute"
            byte = self.popen.stdout.read(1)
            assert byte, "the process ended"
            line += byte
        return line.decode().strip()

    def ask(self, command: str) -> str:
        self.tell(command)
        return self.answer()


@contextmanager
def running(deed: str, *arguments: object) -> Iterator[Process]:
    process = Process(deed, *arguments)
    try:
        yield process
    finally:
        process.popen.kill()
        for stream in (process.popen.stdin, process.popen.stdout):
            assert stream is not None
            stream.close()
        process.popen.wait()


def test_killed_at_every_operation_of_a_run_the_state_is_the_old_or_the_new(quick_path: Path) -> None:
    after_first(quick_path / "before", quick_path / "temp")
    roots = []
    (quick_path / "into").mkdir()
    with running("die_at_each", quick_path / "before", quick_path / "into") as process:
        while (line := process.answer()) not in ("end", "failed"):
            roots.append(Path(line))
        assert line == "end"
    assert len(roots) > 60
    for root in roots:
        state = state_at(root)
        snapshot, journal = state.generations.snapshot(), state.journals.pending()
        assert (snapshot.run, contents(snapshot)) in [("run-1", contents_of("a")), ("run-2", contents_of("b"))]
        if journal is not None:
            known = list(journal.records())
            assert known == records(len(known))
            assert snapshot.run == "run-1" or known == records(3)
        with state.lock.acquire(HOLDER) as lease:
            lease.check()
            if journal is not None:
                journal.close()
            state.journals.begin("run-3", *plan_with(quick_path / "plan", {"news": b"next"})).close()
            state.generations.commit(snapshot.ref, generation(quick_path / "next", "c", "run-3"))
            state.runs.append(run_of("run-3"))
        assert contents(state.generations.snapshot()) == contents_of("c")
        assert list(state.check()) == []
        assert list(root.rglob(".tmp-*")) == []


def test_killed_again_and_again_at_any_moment_the_state_stays_whole(quick_path: Path) -> None:
    chance = random.Random(4)
    serial = 0
    for _ in range(12):
        with running("run_forever", quick_path / "s", quick_path / "temp") as process:
            assert process.popen.stdout is not None
            left = chance.randrange(1, 400)
            while left > 0:
                assert select.select([process.popen.stdout], [], [], 60)[0]
                left -= len(os.read(process.popen.stdout.fileno(), left))
        state = state_at(quick_path / "s")
        snapshot = state.generations.snapshot()
        assert snapshot.ref.serial >= serial
        serial = snapshot.ref.serial
        assert not serial or contents(snapshot) == contents_of(snapshot.run.removeprefix("run-"))
        state.journals.pending()
        assert [finding.code for finding in state.check()] == []
    assert serial > 5


def test_of_two_processes_one_gets_the_lock_each_time(quick_path: Path) -> None:
    with (
        running("obey", quick_path / "s", quick_path, "one") as one,
        running("obey", quick_path / "s", quick_path, "two") as two,
    ):
        for _ in range(ROUNDS):
            one.tell("acquire")
            two.tell("acquire")
            answers = (one.answer(), two.answer())
            assert sorted(answers) == ["E701", "done"]
            winner = one if answers[0] == "done" else two
            assert winner.ask("check") == "done"
            assert winner.ask("release") == "done"


def test_of_two_commits_from_one_generation_one_wins_each_time(quick_path: Path) -> None:
    """Without any lock, as two hosts that share a folder on which flock does nothing for the state lock."""
    with (
        running("obey", quick_path / "s", quick_path, "one") as one,
        running("obey", quick_path / "s", quick_path, "two") as two,
    ):
        for number in range(1, ROUNDS + 1):
            assert (one.ask("base"), two.ask("base")) == ("done", "done")
            one.tell(f"commit one{number}")
            two.tell(f"commit two{number}")
            answers = (one.answer(), two.answer())
            assert sorted(answers) == ["E712", "done"]
            text = f"{'one' if answers[0] == 'done' else 'two'}{number}"
            snapshot = state_at(quick_path / "s").generations.snapshot()
            assert (snapshot.ref.serial, contents(snapshot)) == (number, contents_of(text))
    assert len(list((quick_path / "s" / "generations").iterdir())) == 30
    assert list(state_at(quick_path / "s").check()) == []


def test_a_dead_holder_frees_the_lock(quick_path: Path) -> None:
    state = state_at(quick_path / "s")
    with running("obey", quick_path / "s", quick_path, "one") as one:
        assert one.ask("acquire") == "done"
        with pytest.raises(LockedError, match=f"pid {one.popen.pid}"):
            state.lock.acquire(HOLDER)
        one.popen.kill()
        one.popen.wait()
        with state.lock.acquire(HOLDER) as held:
            held.check()


def test_a_paused_holder_that_was_overtaken_can_neither_send_nor_write(quick_path: Path) -> None:
    after_first(quick_path / "s", quick_path / "temp")
    state = state_at(quick_path / "s")
    with running("obey", quick_path / "s", quick_path, "one") as one:
        assert one.ask("acquire") == one.ask("base") == one.ask("check") == "done"
        one.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, one.popen.pid, os.WSTOPPED | os.WNOWAIT)
        with pytest.raises(LockedError):
            state.lock.acquire(HOLDER)
        assert state.lock.unlock() is not None
        with state.lock.acquire(HOLDER) as held:
            state.generations.commit(state.generations.snapshot().ref, generation(quick_path / "t", "new", "run-9"))
            one.popen.send_signal(signal.SIGCONT)
            assert one.ask("check") == "E701"
            assert one.ask("commit mine") == "E712"
            assert one.ask("release") == "done"
            held.check()
        assert contents(state.generations.snapshot()) == contents_of("new")


def test_readers_without_a_lock_see_whole_generations_while_others_are_written(quick_path: Path) -> None:
    after_first(quick_path / "s", quick_path / "temp")
    with (
        running("obey", quick_path / "s", quick_path, "reader") as reader,
        running("obey", quick_path / "s", quick_path, "writer") as writer,
    ):
        assert writer.ask("base") == "done"
        reader.tell("read 300")
        for number in range(120):
            assert writer.ask(f"commit {number}") == "done"
        assert reader.answer() == "done"
