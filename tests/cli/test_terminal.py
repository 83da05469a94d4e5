"""The program on a terminal, and under signals: in processes of their own, on a pseudo-terminal to ask a person."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ccsync.sandbox.options import SandboxOptions

from tests.cli.program import environment
from tests.cli.world import FAST, PEOPLE, World, serving

WAIT_S = 30


class Terminal:
    """A program whose stdin, stdout and stderr are one terminal of 80 columns."""

    def __init__(self, *args: str, cwd: Path, env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
        self.process = subprocess.Popen(
            (sys.executable, "-m", "ccsync", *args), cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.said = ""

    def read_until(self, text: str) -> str:
        deadline = time.monotonic() + WAIT_S
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            if not self._read():
                raise AssertionError(f"ended without {text!r}: {self.said}")
        return self.said

    def answer(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())

    def end(self) -> int:
        """Reads to the end; returns the exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(WAIT_S)

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.said += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(FAST) as (sandbox, endpoints):
        yield World(tmp_path, sandbox, endpoints)


def started(world: World, *args: str, **env: str) -> Terminal:
    given = environment(**world.environment, **{"TERM": "xterm", "NO_COLOR": "1", **env})
    return Terminal(*args, cwd=world.folder, env=given)


def plain(text: str) -> str:
    """Without what redraws a line, and with what differs from run to run made the same."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    text = re.sub(r"^.*\r", "", text, flags=re.MULTILINE)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-24T15:36:00Z", text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "0123456789abcdef", text)
    text = re.sub(r"run \d{8}T\d{6}Z-[0-9a-f]{6}", "run 20261124T153600Z-abcdef", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8025", text)
    text = re.sub(r"· \d+ API calls · \d+ s ·", "· 17 API calls · 1 s ·", text)
    lines = (line.rstrip() for line in text.splitlines() if "━" not in line)  # progress, as far as it got
    return "".join(f"{line}\n" for line in lines)


def test_apply_asks_and_takes_yes(world: World, golden: Callable[[str, str], None]) -> None:
    terminal = started(world, "apply")
    terminal.read_until("Only `yes` is accepted: ")
    assert world.members_or_none() is None
    terminal.answer("yes")
    assert terminal.end() == 0
    assert world.members() == {f"{name}@example.com" for name in PEOPLE}
    said = plain(terminal.said)
    assert max(len(line) for line in said.splitlines()) <= 80
    golden("apply_asked", said)


@pytest.mark.parametrize("answer", ["y", "YES", "no", ""])
def test_anything_but_yes_is_no(world: World, answer: str) -> None:
    terminal = started(world, "apply")
    terminal.read_until("Only `yes` is accepted: ")
    terminal.answer(answer)
    assert terminal.end() == 9
    assert "error[E802]" in terminal.said
    assert world.members_or_none() is None


def test_a_signal_at_the_question_ends_the_program(world: World) -> None:
    terminal = started(world, "apply")
    terminal.read_until("Only `yes` is accepted: ")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert world.members_or_none() is None


def test_in_ci_nobody_is_asked_even_on_a_terminal(world: World) -> None:
    terminal = started(world, "apply", CI="true")
    assert terminal.end() == 9
    assert "error[E801]" in terminal.said
    assert world.requests() == []


def test_sample_rows_are_shown_on_a_terminal_and_not_in_ci(world: World) -> None:
    terminal = started(world, "plan")
    assert terminal.end() == 0
    assert "a***@e***.com" in terminal.said
    ci = started(world, "plan", CI="true")
    assert ci.end() == 0
    assert "@e***" not in ci.said


def test_colour_comes_on_a_terminal_only_when_wanted(world: World) -> None:
    for env, coloured in (({"NO_COLOR": ""}, True), ({}, False), ({"NO_COLOR": "", "TERM": "dumb"}, False)):
        terminal = started(world, "plan", **env)
        assert terminal.end() == 0
        assert ("\x1b[32m" in terminal.said) is coloured, env


# ---------------------------------------------------------------- signals while sending

SLOW = SandboxOptions(port=0, requests_per_second=1_000_000, requests_per_day=1_000_000, spread_s=0, speed=1)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[World]:
    """Its jobs take a second a row."""
    with serving(SLOW) as (sandbox, endpoints):
        yield World(tmp_path, sandbox, endpoints)


def until_sent(world: World) -> None:
    deadline = time.monotonic() + WAIT_S
    while not any(method == "POST" and "import" in path for method, path in world.requests()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_a_job_runs_ends_within_five_seconds_and_loses_nothing(
    slow: World, number: signal.Signals, code: int
) -> None:
    env = environment(**slow.environment)
    args = (sys.executable, "-m", "ccsync", "apply", "--auto-approve", "--json")
    process = subprocess.Popen(
        # As shells start a job in the background: with SIGINT ignored.
        ("sh", "-c", f"trap '' INT; exec {' '.join(args)}"),
        cwd=slow.folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    until_sent(slow)
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT_S)
    assert time.monotonic() - sent < 5
    assert process.returncode == code, err
    finished = json.loads(out.splitlines()[-1])
    assert (finished["event"], finished["status"], finished["exit_code"]) == ("apply_finished", "canceled", code)
    slow.sandbox.drain()
    again = subprocess.run(
        (sys.executable, "-m", "ccsync", "recover"),
        cwd=slow.folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert "Settled." in again.stdout
    assert slow.members() == {f"{name}@example.com" for name in PEOPLE}
    plan = subprocess.run(
        (sys.executable, "-m", "ccsync", "plan", "--detailed-exitcode"),
        cwd=slow.folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert plan.returncode == 0, plan.stdout + plan.stderr


def test_the_sandbox_serves_until_it_is_stopped(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        (sys.executable, "-m", "ccsync", "sandbox", "serve", "--port", "0", "--ready-file", str(ready)),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    announced = json.loads(process.stdout.readline())
    assert set(announced) == {"api", "auth", "control", "client_id", "access_token"}
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    assert not ready.exists()
