"""Real signals to the real program while a job runs: it ends in time, with the code for it; nothing is sent twice."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.errors import ExitCode

from tests.cli.world import BACKGROUND, World, serving
from tests.crash.processes import CCSYNC, SENDING, at_once, imports, jobs_get_stuck, jobs_go_on, reach_import, start

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
LONGEST_S = 5.0
WAYS = {
    "alone": CCSYNC,
    "exec": ("bash", "-ec", 'exec "$@"', "job", *CCSYNC),
    "step": ("bash", "-ec", '"$@"; echo done', "job", *CCSYNC),
}
"""As typed; from a script that becomes it; as one step of a script that stops at the first error."""
FEW = ((signal.SIGINT, "step", False), (signal.SIGTERM, "exec", False), (signal.SIGINT, "alone", True))
"""(signal, way, twice) of `make test`; `make test-long` tries all."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(BACKGROUND) as (sandbox, endpoints):
        yield World(tmp_path, sandbox, endpoints)


def interrupted(world: World, number: signal.Signals, way: str, *, twice: bool) -> None:
    jobs_get_stuck(world)
    process = start(world, *SENDING, program=WAYS[way])
    reach_import(process)
    told = time.monotonic()
    os.killpg(process.pid, number)
    if twice:
        assert process.stderr is not None
        while b"Stopping" not in process.stderr.readline():
            pass
        os.killpg(process.pid, number)
    out, errors = process.communicate(timeout=60)
    assert time.monotonic() - told < LONGEST_S
    # A shell that is itself terminated says so by the signal; the program ends by itself all the same.
    dies = way == "step" and number is signal.SIGTERM
    assert process.returncode == (-signal.SIGTERM if dies else CODES[number]), errors.decode()
    assert b"done" not in out
    jobs_go_on(world)
    assert at_once(world, ["apply", "--auto-approve"]) == [ExitCode.DONE]
    assert at_once(world, ["plan", "--detailed-exitcode"]) == [ExitCode.DONE]
    assert world.members() == {f"{name}@example.com" for name in ("anna", "bob", "carla", "dries", "eva")}
    assert imports(world) == 1


@pytest.mark.parametrize(("number", "way", "twice"), FEW)
def test_a_signal_ends_an_apply_in_time_and_what_it_sent_is_found(
    world: World, number: signal.Signals, way: str, twice: bool
) -> None:
    interrupted(world, number, way, twice=twice)


@pytest.mark.long
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", CODES)
def test_any_signal_any_way(world: World, number: signal.Signals, way: str, twice: bool) -> None:
    interrupted(world, number, way, twice=twice)
