"""Killed before and after every call of every port, once and twice in a row: the next command settles and converges."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import pytest

from tests.crash.killing import Killed, doom, spare
from tests.crash.quick import quick_world
from tests.crash.scenario import assert_truth, before, converge, jobs
from tests.support.world import World

SHARDS = 8
KILL_POINTS = 100
"""At least so many calls are stopped before and after."""


@contextmanager
def prepared() -> Iterator[World]:
    with quick_world() as world:
        before(world)
        yield world


def test_a_calm_run_ends_as_it_should() -> None:
    with prepared() as world:
        planned = world.plan()
        assert [
            (e.name, e.counts.add, e.counts.update, e.counts.remove, e.counts.adopt) for e in planned.plan.exports
        ] == [
            ("fresh", 3, 0, 0, 0),
            ("vip", 3, 1, 2, 1),
        ]
        world.apply(planned)
        assert_truth(world)
        converge(world)


@cache
def calm_run() -> tuple[tuple[str, ...], int]:
    """The points of an apply, and how many jobs it asks for."""
    with prepared() as world:
        asked = jobs(world)
        planned = world.plan()
        points = doom(world, None)
        world.apply(planned)
        return tuple(points.seen), jobs(world) - asked


@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_the_first_and_the_last_call_of_each_kind(shard: int) -> None:
    points, calm_jobs = calm_run()
    ends = {points.index(name) for name in points} | {len(points) - 1 - points[::-1].index(name) for name in points}
    kill_at(sorted(ends)[shard::SHARDS], calm_jobs)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_anywhere(shard: int) -> None:
    points, calm_jobs = calm_run()
    assert len(points) >= KILL_POINTS
    kill_at(range(shard, len(points), SHARDS), calm_jobs)


def kill_at(places: Sequence[int], calm_jobs: int) -> None:
    for stop_at in places:
        with prepared() as world:
            asked = jobs(world)
            planned = world.plan()
            seen = doom(world, stop_at).seen
            with pytest.raises(Killed):
                world.apply(planned)
            spare(world)
            converge(world)
            assert jobs(world) - asked == calm_jobs, f"sent twice or not at all after a kill {seen[-1]}"


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_again_while_settling(shard: int) -> None:
    points, calm_jobs = calm_run()
    for first in range(shard, len(points), SHARDS):
        second = 0
        while True:
            with prepared() as world:
                asked = jobs(world)
                planned = world.plan()
                doom(world, first)
                with pytest.raises(Killed):
                    world.apply(planned)
                doom(world, second)
                try:
                    world.recover()
                except Killed:
                    spare(world)
                    converge(world)
                    assert jobs(world) - asked == calm_jobs
                else:
                    break
            second += 3
