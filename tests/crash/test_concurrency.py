"""Real processes at once: one wins, the other exits 4 or 5 and has sent nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.errors import ExitCode

from tests.cli.world import BACKGROUND, World, serving
from tests.crash.processes import SENDING, at_once, imports, jobs_get_stuck, jobs_go_on, reach_import, start

LOSERS = {ExitCode.LOCKED, ExitCode.STALE}
RACES, ROUNDS, SHARDS = 3, 100, 4
"""Rounds are of `make test-long`, for each of the races; `make test` runs one or two."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(BACKGROUND) as (sandbox, endpoints):
        yield World(tmp_path, sandbox, endpoints)


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
@pytest.mark.parametrize("shard", range(SHARDS))
def test_two_applies_of_one_plan_many_times(world: World, shard: int) -> None:
    for number in range(shard, ROUNDS, SHARDS):
        one_round(world, number)


def apply_during_recover(world: World, number: int) -> None:
    """A run is killed while its job runs; then its recovery and another apply start at once."""
    jobs_go_on(world)
    people = [f"p{number}x{at}" for at in range(3)]
    world.people(["anna", *people])
    before = imports(world)
    jobs_get_stuck(world)
    allowed = ("--allow", "weekly_newsletter:max_remove")
    doomed = start(world, *SENDING, *allowed)
    reach_import(doomed)
    doomed.kill()
    doomed.communicate()
    jobs_go_on(world)

    codes = at_once(world, ["recover"], ["apply", "--auto-approve", *allowed])

    assert ExitCode.DONE in codes, codes
    assert set(codes) <= {ExitCode.DONE, *LOSERS}, codes
    assert at_once(world, ["plan", "--detailed-exitcode"]) == [ExitCode.DONE]
    assert imports(world) == before + 1, "sent twice"
    assert world.members() == {f"{name}@example.com" for name in ["anna", *people]}


def test_an_apply_while_an_interrupted_run_is_recovered(world: World) -> None:
    apply_during_recover(world, 0)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_an_apply_while_an_interrupted_run_is_recovered_many_times(world: World, shard: int) -> None:
    for number in range(shard, ROUNDS, SHARDS):
        apply_during_recover(world, number)


def plans_during_apply(world: World, number: int) -> None:
    before = imports(world)
    world.people(["anna", *(f"p{number}x{at}" for at in range(3))])
    guards = ["--allow", "weekly_newsletter:max_remove"]
    assert at_once(world, ["plan", "-o", "saved.ccplan", *guards]) == [0]
    codes = at_once(world, ["apply", "saved.ccplan", "--auto-approve"], ["plan"], ["plan", "--no-refresh"])
    assert codes[0] == ExitCode.DONE
    assert set(codes[1:]) <= {ExitCode.DONE, *LOSERS}
    assert at_once(world, ["plan", "--detailed-exitcode"]) == [ExitCode.DONE]
    assert imports(world) == before + 1


def test_plans_while_an_apply_runs_are_right_or_refused(world: World) -> None:
    plans_during_apply(world, 0)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_plans_while_an_apply_runs_are_right_or_refused_many_times(world: World, shard: int) -> None:
    for number in range(shard, ROUNDS, SHARDS):
        plans_during_apply(world, number)
