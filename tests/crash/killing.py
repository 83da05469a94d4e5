"""Stops a run at a chosen point: before or after the n-th call of a port. `Killed` is no Exception, as a kill isn't."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.world import World, Wrapping


class Killed(BaseException):
    """The process is gone. Nothing catches this."""


@dataclass(slots=True)
class Points:
    """Counts the calls of all ports and stops at one of them. stop_at: None to count only; counts from 0, two a call
    (before, after); or the first of this name."""

    stop_at: int | str | None = None
    seen: list[str] = field(default_factory=list)
    end: Callable[[], None] = field(default=lambda: _raise())

    def point(self, name: str) -> None:
        self.seen.append(name)
        if self.stop_at in (name, len(self.seen) - 1):
            self.end()

    def over(self, port: str) -> Callable[[Any], Any]:
        return lambda real: Port(real, port, self)


def _raise() -> None:
    raise Killed


@dataclass(frozen=True, slots=True)
class Port:
    """A real port with a point before and after each of its calls."""

    real: Any
    name: str
    points: Points

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self.real, attribute)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self.points.point(f"before {self.name}.{attribute}")
            result = found(*given, **named)
            self.points.point(f"after {self.name}.{attribute}")
            return result

        return call


def doom(world: World, stop_at: int | str | None, end: Callable[[], None] = _raise) -> Points:
    """From now on every port of this world counts, and stops at the point."""
    points = Points(stop_at, end=end)
    world.wrapping = Wrapping(points.over("destination"), points.over("journal"), points.over("writer"))
    return points


def spare(world: World) -> None:
    world.wrapping = Wrapping()
