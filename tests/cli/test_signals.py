"""Signals: the first asks, the second ends; sleeping stops at once."""

import os
import signal
import subprocess
import sys
import time

import pytest
from ccsync.cli.clock import SystemClock, WakePipe
from ccsync.cli.signals import Signals
from ccsync.errors import ExitCode, StoppedError

from tests.cli.program import ROOT, environment


def _kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)


def test_the_first_signal_stops_the_program_where_it_stands() -> None:
    with Signals() as signals, pytest.raises(StoppedError) as stopped:
        _kill_myself()
    assert stopped.value.exit_code is ExitCode.TERMINATED
    assert signals.requested() is ExitCode.TERMINATED


def test_while_sending_the_first_signal_is_a_note_and_ends_a_sleep() -> None:
    with Signals() as signals, signals.deferred():
        clock = SystemClock(signals.pipe.readable)
        started = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
        clock.sleep(30)
        assert time.monotonic() - started < 5
        assert signals.requested() is ExitCode.INTERRUPTED


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Signals():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_the_clock_sleeps_as_long_as_asked_without_a_signal() -> None:
    pipe = WakePipe()
    try:
        started = time.monotonic()
        SystemClock(pipe.readable).sleep(0.05)
        assert time.monotonic() - started >= 0.05
    finally:
        pipe.close()


SCRIPT = """
import sys, time
from ccsync.cli.signals import Signals
from ccsync.cli import signals as module
module.PATIENCE_S = {patience}
with Signals() as signals, signals.deferred():
    print("ready", flush=True)
    while True:
        time.sleep(0.05)
"""


def started(patience: float) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        # As a shell starts a job in the background: with SIGINT ignored.
        ("sh", "-c", f"trap '' INT; exec {sys.executable} -c '{SCRIPT.format(patience=patience)}'"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_the_process_at_once_even_where_sigint_was_ignored(
    number: signal.Signals, code: int
) -> None:
    process = started(60)
    process.send_signal(number)
    assert process.stderr is not None
    process.stderr.readline()
    assert "Stopping" in process.stderr.readline()
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == code


def test_a_request_that_hangs_is_not_waited_for() -> None:
    process = started(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert "StoppedError" in err


STUCK = """
import ctypes, threading
from ccsync.cli import signals as module
module.LAST_S = {last}
mutex = ctypes.create_string_buffer(128)
libc = ctypes.CDLL(None)
with module.Signals():
    libc.pthread_mutex_lock(mutex)
    threading.Timer(0.3, print, ("ready",), {{"flush": True}}).start()
    libc.pthread_mutex_lock(mutex)  # for ever; no handler runs meanwhile, as in a long query
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_call_that_never_returns_is_not_waited_for(number: signal.Signals) -> None:
    process = subprocess.Popen(
        (sys.executable, "-c", STUCK.format(last=0.3)),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
