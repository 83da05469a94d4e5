"""An apply with its state in a bucket, stopped or cut off at each of its requests to the store: another machine takes
the lock over, settles and converges, and nothing is sent twice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ccsync.errors import CcsyncError

from tests.crash.quick import quick_world
from tests.crash.scenario import assert_truth, before, converge, jobs
from tests.state.buckets import FaultyObjects, bucket, remote_state, some_keys
from tests.state.world import StoppedHere, ids
from tests.support.world import World

pytest.importorskip("obstore", reason="the extra [cloud] is not installed")
SHARDS = 8
HOWS = ("stopped", "gone", "unheard", "down")


class Machines:
    """Two machines with one state; which of them works is said by `on`."""

    def __init__(self, world: World, *, sealed: bool) -> None:
        self._world = world
        self._shared = bucket()
        self._keys = some_keys() if sealed else None
        self._new_id = ids()
        self.objects = FaultyObjects(self._shared)
        self.on("laptop")
        world.patience_s = 90

    def on(self, machine: str) -> None:
        """What is done from now on is done there; requests to the store are counted anew, and none goes wrong."""
        self.objects = FaultyObjects(self._shared)
        self._world.elsewhere = lambda: remote_state(
            self.objects, self._world.folder / machine, clock=self._world.clock, keys=self._keys, new_id=self._new_id
        )


@contextmanager
def prepared(*, sealed: bool = False) -> Iterator[tuple[World, Machines]]:
    with quick_world() as world:
        machines = Machines(world, sealed=sealed)
        before(world)
        machines.on("laptop")
        yield world, machines


def calm_run() -> tuple[int, int]:
    """How many requests to the store an apply makes, and how many jobs it asks for."""
    with prepared() as (world, machines):
        asked, planned = jobs(world), world.plan()
        machines.on("laptop")
        world.apply(planned)
        requests = machines.objects.requests
        assert_truth(world)
        machines.on("runner")
        converge(world)
        return requests, jobs(world) - asked


def cut_off(places: Sequence[int], calm_jobs: int, hows: Sequence[str] = HOWS) -> None:
    for number, at in enumerate(places):
        how = hows[number % len(hows)]
        with prepared(sealed=bool(number % 3)) as (world, machines):
            asked, planned = jobs(world), world.plan()
            machines.on("laptop")
            down = how == "down"
            machines.objects.how = "lost" if down else how
            machines.objects.fails = (lambda n, at=at: n >= at) if down else (lambda n, at=at: n == at)
            try:
                world.apply(planned)
            except (StoppedHere, CcsyncError):
                assert how != "unheard", "one request without an answer is settled on the spot"
            machines.on("runner")
            converge(world)
            assert jobs(world) - asked == calm_jobs, f"{how} at request {at}: sent twice or not at all"


def test_cut_off_here_and_there(tmp_path: Path) -> None:
    requests, calm_jobs = calm_run()
    assert requests > 60
    cut_off([requests * part // 4 for part in range(1, 4)], calm_jobs)


@pytest.mark.long
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_cut_off_anywhere(shard: int, how: str) -> None:
    requests, calm_jobs = calm_run()
    cut_off(range(1 + shard, requests + 1, SHARDS), calm_jobs, [how])


@pytest.mark.long
@pytest.mark.parametrize("every", [2, 3, 5, 7, 11])
@pytest.mark.parametrize("how", ["lost", "unheard"])
def test_a_store_that_fails_every_nth_request(how: str, every: int) -> None:
    _, calm_jobs = calm_run()
    with prepared() as (world, machines):
        asked, planned = jobs(world), world.plan()
        machines.on("laptop")
        machines.objects.how, machines.objects.fails = how, lambda n: n % every == 0
        world.apply(planned)
        converge(world)
        assert jobs(world) - asked == calm_jobs
