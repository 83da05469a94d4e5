"""The pictures of the report, as inline SVG without text: the numbers stand beside them, for readers and for machines.

Each is drawn 100 units wide and stretched to its place, so that a page of any width shows it; classes give the colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ccsync.views.report.markup import EMPTY, Html, element

_WIDTH = 100.0
_LEAST = 0.6
"""What is there at all is drawn at least so wide."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar. kind: the class that colours it, `add`, `remove`, …"""

    kind: str
    amount: int


def bar(parts: Sequence[Part], whole: int) -> Html:
    """Parts side by side, to the scale of `whole`."""
    drawn, at = [], 0.0
    for part in parts:
        if part.amount <= 0:
            continue
        width = max(_WIDTH * part.amount / max(whole, 1), _LEAST)
        width = min(width, _WIDTH - at)
        drawn.append(element("rect", class_=f"fill-{part.kind}", x=at, y=0, width=max(width, 0), height=10))
        at += width
    return _picture("bar", 10, *drawn)


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of a list's history. members: of ours on the list then. added, removed: by the run that led there."""

    at: str
    serial: int
    members: int
    added: int = 0
    removed: int = 0


_HEIGHT = 40.0
_BASE = 36.0
_TOP = 4.0


def course(points: Sequence[Point], planned: int) -> Html:
    """Members over the runs, left to right, as steps of equal width, and dashed where this plan leads."""
    values = [*(point.members for point in points), planned]
    low, high = min(values), max(values)
    low = 0 if low < high / 2 else low - (high - low) // 4  # a small change of a long list must be seen

    def x(number: int) -> float:
        return 2 + (_WIDTH - 4) * number / max(len(values) - 1, 1)

    def y(value: int) -> float:
        return _BASE - (_BASE - _TOP) * (value - low) / max(high - low, 1)

    places = [(x(number), y(value)) for number, value in enumerate(values)]
    past, last = places[:-1], places[-2:]
    outline = " ".join(f"{px:.2f} {py:.2f}" for px, py in past)
    area = f"M{past[0][0]:.2f} {_HEIGHT:g} L{outline} L{past[-1][0]:.2f} {_HEIGHT:g}Z"
    return _picture(
        "course",
        _HEIGHT,
        element("path", class_="area", d=area),
        element("path", class_="line", d=f"M{outline}") if len(past) > 1 else EMPTY,
        element(
            "path", class_="line planned", d=f"M{last[0][0]:.2f} {last[0][1]:.2f} L{last[1][0]:.2f} {last[1][1]:.2f}"
        ),
        *(element("path", class_="dot", d=f"M{px:.2f} {py:.2f}h0") for px, py in past),
        element("path", class_="dot planned", d=f"M{last[1][0]:.2f} {last[1][1]:.2f}h0"),
    )


def comings_and_goings(points: Sequence[Point]) -> Html:
    """Below the course, run by run: added upwards, removed downwards."""
    most = max((max(point.added, point.removed) for point in points), default=0)
    if not most:
        return EMPTY
    step = (_WIDTH - 4) / max(len(points), 1)
    drawn = [element("line", class_="axis", x1=0, y1=10, x2=_WIDTH, y2=10)]
    for number, point in enumerate(points):
        at, width = 2 + (_WIDTH - 4) * number / max(len(points), 1) - 0.5, min(step * 0.6, 3)
        up, down = 9 * point.added / most, 9 * point.removed / most
        if up:
            drawn.append(element("rect", class_="fill-add", x=at, y=10 - up, width=width, height=up))
        if down:
            drawn.append(element("rect", class_="fill-remove", x=at, y=10, width=width, height=down))
    return _picture("goings", 20, *drawn)


def _picture(kind: str, height: float, *drawn: Html) -> Html:
    return element(
        "svg",
        *drawn,
        class_=kind,
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )
