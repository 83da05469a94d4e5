"""Segments as an order to read: whose rows count, in which order, and which other segments decide. Pure; reads nothing.

A tree of any_of, all_of and except comes down to a list: each table segment that gives values, and the segments that
a person must or must not be in for its rows to count. The first in the list that has a person gives the values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ccsync.core.spec import CombinedSegment, Project, SegmentName, SetOperation, TableSegment


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether people of the rows must (or, not wanted, must not) be in a segment."""

    segment: SegmentName
    wanted: bool


@dataclass(frozen=True, slots=True)
class Load:
    """Rows of a table segment that give values."""

    segment: TableSegment
    conditions: tuple[Condition, ...] = ()


def loads_of(project: Project, names: Sequence[SegmentName]) -> tuple[Load, ...]:
    """What to read for the union of these segments, first come first; a load that can add nobody is left out."""
    loads: list[Load] = []
    for load in (load for name in names for load in _loads(project, name, ())):
        covered = any(
            earlier.segment == load.segment and set(earlier.conditions) <= set(load.conditions) for earlier in loads
        )
        if not covered:
            loads.append(load)
    return tuple(loads)


def table_segments(project: Project, name: SegmentName) -> Iterator[TableSegment]:
    """Every table segment that a segment is made of, in the order of the tree."""
    segment = project.segments[name]
    if isinstance(segment, TableSegment):
        yield segment
        return
    for operand in segment.operands:
        yield from table_segments(project, operand)


def _loads(project: Project, name: SegmentName, conditions: tuple[Condition, ...]) -> Iterator[Load]:
    segment = project.segments[name]
    if isinstance(segment, TableSegment):
        yield Load(segment, conditions)
        return
    if segment.operation is SetOperation.ANY_OF:
        for operand in segment.operands:
            yield from _loads(project, operand, conditions)
        return
    yield from _loads(project, segment.operands[0], (*conditions, *_others(segment)))


def _others(segment: CombinedSegment) -> Iterator[Condition]:
    wanted = segment.operation is SetOperation.ALL_OF
    for operand in segment.operands[1:]:
        yield Condition(operand, wanted)
