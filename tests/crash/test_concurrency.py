"""Real processes at once: one wins, the other exits 4 or 5 and has sent nothing."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ccsync.errors import ExitCode

from tests.cli.program import environment
from tests.cli.world import BACKGROUND, World, serving

LOSERS = {ExitCode.LOCKED, ExitCode.STALE}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(BACKGROUND) as (sandbox, endpoints):
        yield World(tmp_path, sandbox, endpoints)


def at_once(world: World, *commands: Sequence[str]) -> list[int]:
    """Starts all of them, waits for all, and returns their exit codes."""
    started = [
        subprocess.Popen(
            (sys.executable, "-m", "ccsync", *command),
            env=environment(**world.environment),
            cwd=world.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for command in commands
    ]
    ended = []
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert b"Traceback" not in errors, errors.decode()
        ended.append(process.returncode)
    return ended


def imports(world: World) -> int:
    requests = world.ask("statistics")["requests"]
    return sum(count for name, count in requests.items() if "import" in name)


def one_round(world: World, number: int) -> None:
    people = [f"p{number}x{at}" for at in range(3)]
    world.people(["anna", *people])
    guards = ["--allow", "weekly_newsletter:max_remove"]
    assert at_once(world, ["plan", "-o", "saved.ccplan", *guards]) == [0]
    before = imports(world)

    codes = at_once(world, *[["apply", "saved.ccplan", "--auto-approve"]] * 2)

    assert sorted(codes)[0] == ExitCode.DONE, codes
    assert sorted(codes)[1] in LOSERS, codes
    assert imports(world) - before == 1
    assert world.members() == {f"{name}@example.com" for name in ["anna", *people]}


def test_two_applies_of_one_plan(world: World) -> None:
    for number in range(2):
        one_round(world, number)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(4))
def test_two_applies_of_one_plan_many_times(world: World, shard: int) -> None:
    for number in range(25):
        one_round(world, 100 * shard + number)


def test_plans_while_an_apply_runs_are_right_or_refused(world: World) -> None:
    assert at_once(world, ["plan", "-o", "saved.ccplan"]) == [0]
    codes = at_once(world, ["apply", "saved.ccplan", "--auto-approve"], ["plan"], ["plan", "--no-refresh"])
    assert codes[0] == ExitCode.DONE
    assert set(codes[1:]) <= {ExitCode.DONE, *LOSERS}
    assert at_once(world, ["plan", "--detailed-exitcode"]) == [ExitCode.DONE]
    assert imports(world) == 1
