"""Killed before and after every call of every port, once and twice in a row: the next command settles and converges."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.killing import Killed, doom, spare
from tests.crash.scenario import assert_truth, before, converge, jobs
from tests.support.world import World, open_world

SHARDS = 8


@contextmanager
def prepared(folder: Path) -> Iterator[World]:
    folder.mkdir()
    with open_world(folder) as world:
        before(world)
        yield world


def test_a_calm_run_ends_as_it_should(tmp_path: Path) -> None:
    with prepared(tmp_path / "calm") as world:
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


def calm_run(folder: Path) -> tuple[list[str], int]:
    """The points of an apply, and how many jobs it asks for."""
    with prepared(folder) as world:
        asked = jobs(world)
        planned = world.plan()
        points = doom(world, None)
        world.apply(planned)
        return points.seen, jobs(world) - asked


@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_the_first_and_the_last_call_of_each_kind(tmp_path: Path, shard: int) -> None:
    points, calm_jobs = calm_run(tmp_path / "calm")
    ends = {points.index(name) for name in points} | {len(points) - 1 - points[::-1].index(name) for name in points}
    kill_at(tmp_path, sorted(ends)[shard::SHARDS], calm_jobs)


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_anywhere(tmp_path: Path, shard: int) -> None:
    points, calm_jobs = calm_run(tmp_path / "calm")
    assert len(points) > 100
    kill_at(tmp_path, range(shard, len(points), SHARDS), calm_jobs)


def kill_at(tmp_path: Path, places: Sequence[int], calm_jobs: int) -> None:
    for stop_at in places:
        with prepared(tmp_path / f"at-{stop_at}") as world:
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
def test_killed_again_while_settling(tmp_path: Path, shard: int) -> None:
    points, calm_jobs = calm_run(tmp_path / "calm")
    for first in range(shard, len(points), SHARDS):
        second = 0
        while True:
            with prepared(tmp_path / f"at-{first}-{second}") as world:
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
