"""Runs that are interrupted right after their first change was posted."""

from typing import Any

from ccsync.core.event import Status
from ccsync.errors import ExitCode

from tests.support.world import World, Wrapping

DAY_S = 86_400.0


class Stopping:
    """A destination; the run is asked to stop as soon as an import was posted, or a removal."""

    def __init__(self, real: Any, world: World) -> None:
        self.real, self.world = real, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def start_import(self, *given: Any) -> Any:
        return self._then_stop(self.real.start_import(*given))

    def start_removal(self, *given: Any) -> Any:
        return self._then_stop(self.real.start_removal(*given))

    def _then_stop(self, job: Any) -> Any:
        self.world.stop.code = ExitCode.INTERRUPTED
        return job


def interrupt(world: World) -> None:
    """Applies, is interrupted right after its first change was posted, and the job ends by itself."""
    planned = world.plan()
    world.wrapping = Wrapping(lambda real: Stopping(real, world))
    assert world.apply(planned).status is Status.CANCELED
    world.wrapping = Wrapping()
    world.stop.code = None
    world.do("/activities/drain")


def days_pass(world: World, days: float) -> None:
    world.clock.forward(days * DAY_S)
    world.token = world.do("/tokens")["access_token"]
