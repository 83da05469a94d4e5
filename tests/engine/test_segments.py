"""Which rows a tree of segments asks for, in which order."""

import pytest
from ccsync.core.spec import CombinedSegment, Project, SegmentName, SetOperation
from ccsync.engine.segments import Load, loads_of, table_segments

from tests.engine.projects import Bench, export, project, source, table


def combined(name: str, operation: SetOperation, *operands: str) -> CombinedSegment:
    return CombinedSegment(SegmentName(name), operation, tuple(SegmentName(operand) for operand in operands))


def any_of(name: str, *operands: str) -> CombinedSegment:
    return combined(name, SetOperation.ANY_OF, *operands)


def all_of(name: str, *operands: str) -> CombinedSegment:
    return combined(name, SetOperation.ALL_OF, *operands)


def without(name: str, *operands: str) -> CombinedSegment:
    return combined(name, SetOperation.EXCEPT, *operands)


@pytest.fixture
def tree(bench: Bench) -> Project:
    leaves = [table(name) for name in "abcd"]
    trees = [
        any_of("any", "a", "b"),
        all_of("all", "c", "d"),
        without("base", "any", "d"),
        all_of("deep", "base", "c", "all"),
    ]
    return project(bench.root, [], [*leaves, *trees], [])


def said(loads: tuple[Load, ...]) -> list[str]:
    return [
        " ".join([str(load.segment.name), *(f"{'+' if c.wanted else '-'}{c.segment}" for c in load.conditions)])
        for load in loads
    ]


@pytest.mark.parametrize(
    ("names", "loads"),
    [
        (["a"], ["a"]),
        (["b", "a"], ["b", "a"]),
        (["any"], ["a", "b"]),
        (["all"], ["c +d"]),
        (["base"], ["a -d", "b -d"]),
        (["deep"], ["a +c +all -d", "b +c +all -d"]),
        (["all", "c"], ["c +d", "c"]),
        (["c", "all"], ["c"]),
        (["a", "any", "a"], ["a", "b"]),
    ],
)
def test_a_tree_comes_down_to_what_to_read(tree: Project, names: list[str], loads: list[str]) -> None:
    assert said(loads_of(tree, [SegmentName(name) for name in names])) == loads


def test_every_table_segment_of_a_tree_is_known(tree: Project) -> None:
    assert [leaf.name for leaf in table_segments(tree, SegmentName("deep"))] == ["a", "b", "d", "c", "c", "d"]


@pytest.fixture
def three(bench: Bench) -> Bench:
    """Segments a, b and c with overlapping people who have different names in each."""
    bench.write("a.csv", "email,first\nx@b.example,Xa\ny@b.example,Ya\nnobody,N\n")
    bench.write("b.csv", "email,first\nY@b.example,Yb\nz@b.example,Zb\n,N\n")
    bench.write("c.csv", "email,first\ny@b.example,Yc\nz@b.example,Zc\nw@b.example,Wc\nalso nobody,N\n")
    return bench


SOURCES = [source("csv", f"{name}.csv", name) for name in "abc"]
LEAVES = [table(name, name) for name in "abc"]


@pytest.mark.parametrize(
    ("tree", "wanted"),
    [
        ([], ["a"]),
        ([any_of("t", "a", "b")], ["x Xa", "y Ya", "z Zb"]),
        ([any_of("t", "b", "a")], ["x Xa", "y Yb", "z Zb"]),
        ([all_of("t", "a", "b")], ["y Ya"]),
        ([all_of("t", "b", "a", "c")], ["y Yb"]),
        ([without("t", "b", "a")], ["z Zb"]),
        ([without("t", "c", "a", "b")], ["w Wc"]),
        ([any_of("s", "a", "b"), without("t", "c", "s")], ["w Wc"]),
        ([all_of("s", "a", "b"), without("t", "c", "s")], ["w Wc", "z Zc"]),
        ([without("s", "a", "b"), without("t", "a", "s")], ["y Ya"]),
        ([all_of("s", "a", "b"), any_of("t", "s", "c")], ["w Wc", "y Ya", "z Zc"]),
        ([any_of("s", "a", "b"), all_of("t", "s", "c")], ["y Ya", "z Zb"]),
    ],
)
def test_values_come_from_the_first_segment_that_has_the_person(
    three: Bench, tree: list[CombinedSegment], wanted: list[str]
) -> None:
    if not tree:
        tree, wanted = [any_of("t", "a")], ["x Xa", "y Ya"]
    people = three.rows(three.desired(SOURCES, [*LEAVES, *tree], export("t")).relation)
    assert [f"{str(key)[0]} {first}" for key, first in people] == wanted


def test_segments_of_an_export_are_a_union_and_nobody_is_a_duplicate(three: Bench) -> None:
    desired = three.desired(SOURCES, LEAVES, export("a", "b", "c"))
    assert [first for _, first in three.rows(desired.relation)] == ["Wc", "Xa", "Ya", "Zb"]
    assert (desired.rows, desired.unusable["duplicate"]) == (10, 0)
    assert (desired.unusable["invalid_email"], desired.unusable["missing_email"], desired.blocking) == (2, 1, 3)
    assert [(read.source, read.rows) for read in desired.sources] == [("a", 3), ("b", 3), ("c", 4)]


def test_rows_of_a_segment_that_only_decides_are_not_unusable(three: Bench) -> None:
    desired = three.desired(SOURCES, [*LEAVES, all_of("t", "b", "c")], export("t"))
    assert (desired.rows, desired.blocking, desired.size) == (3, 1, 2)
    assert [(read.source, read.rows) for read in desired.sources] == [("b", 3), ("c", 4)]


def test_a_segment_that_only_decides_needs_the_address_and_no_more(three: Bench) -> None:
    three.write("keys.csv", "email\ny@b.example\n")
    sources = [*SOURCES, source("csv", "keys.csv", "keys")]
    leaves = [*LEAVES, table("keys", "keys")]
    desired = three.desired(sources, [*leaves, all_of("t", "a", "keys")], export("t"))
    assert three.rows(desired.relation) == [("y@b.example", "Ya")]


def test_a_segment_read_twice_counts_its_rows_once(three: Bench) -> None:
    tree = [all_of("s", "a", "b"), without("r", "a", "b")]
    desired = three.desired(SOURCES, [*LEAVES, *tree], export("s", "r"))
    assert (desired.size, desired.rows, desired.unusable["invalid_email"]) == (2, 3, 1)
