"""Segments in SQL give the people that a few lines of dict logic give, whatever the rows and the tree."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from ccsync.core.key import SPACE, canonical_key
from ccsync.core.spec import (
    CombinedSegment,
    Connection,
    Duplicates,
    Keep,
    Segment,
    SegmentName,
    SetOperation,
    SourceName,
    Suppression,
    TableSegment,
)
from ccsync.engine.desired import SegmentEngine
from ccsync.engine.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.projects import Bench, export, project, source, table

Row = tuple[str, str]
LEAVES = ("a", "b", "c")
NAMES = ("all_0", "all_1", "all_2", "all_3")

emails = st.sampled_from(
    ["a@x.example", "A@X.example ", "b@x.example", "c@x.example", "\u00a0c@x.example", "d", "", "é@x.example"]
)
firsts = st.sampled_from(["Zoe", "Anna", " Anna ", "", "x" * 51, "É" * 50])
files = st.fixed_dictionaries({leaf: st.lists(st.tuples(emails, firsts), max_size=8) for leaf in LEAVES})


@st.composite
def trees(draw: st.DrawFn) -> list[CombinedSegment]:
    """Combined segments, each over leaves and those before it."""
    made: list[CombinedSegment] = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        known = [*LEAVES, *(segment.name for segment in made)]
        operands = draw(st.lists(st.sampled_from(known), min_size=2, max_size=3, unique=True))
        operation = draw(st.sampled_from(list(SetOperation)))
        made.append(CombinedSegment(SegmentName(name), operation, tuple(SegmentName(it) for it in operands)))
    return made


class Oracle:
    """The rules of segments, read off the contract, in dicts and sets."""

    def __init__(self, rows: Mapping[str, Sequence[Row]], segments: Mapping[str, Segment], keep: Keep) -> None:
        self.rows, self.segments, self.keep = rows, segments, keep

    def keys(self, name: str) -> set[str]:
        segment = self.segments[name]
        if isinstance(segment, TableSegment):
            return {key for email, _ in self.rows[name] if (key := canonical_key(email))}
        first, *others = (self.keys(operand) for operand in segment.operands)
        match segment.operation:
            case SetOperation.ANY_OF:
                return first.union(*others)
            case SetOperation.ALL_OF:
                return first.intersection(*others)
            case SetOperation.EXCEPT:
                return first.difference(*others)

    def people(self, name: str) -> dict[str, str | None]:
        segment = self.segments[name]
        if isinstance(segment, TableSegment):
            return self.leaf(self.rows[name])
        if segment.operation is SetOperation.ANY_OF:
            return self.union([str(operand) for operand in segment.operands])
        base, *others = segment.operands
        wanted = segment.operation is SetOperation.ALL_OF
        return {
            key: first
            for key, first in self.people(base).items()
            if all((key in self.keys(other)) is wanted for other in others)
        }

    def union(self, names: Sequence[str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for name in names:
            found = {**self.people(name), **found}
        return found

    def leaf(self, rows: Sequence[Row]) -> dict[str, str | None]:
        copies: dict[str, list[str | None]] = {}
        for email, first in rows:
            key, value = canonical_key(email), first.strip(SPACE) or None
            if key and len(value or "") <= 50:
                copies.setdefault(key, []).append(value)
        return {
            key: min(values, key=lambda value: (value is None, value or ""))
            for key, values in copies.items()
            if self.keep is Keep.FIRST or len(values) == 1
        }


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Session(tmp_path_factory.mktemp("work"), memory_limit="200MB", threads=1) as session:
        yield Bench(tmp_path_factory.mktemp("config"), session)


@settings(deadline=None, max_examples=25)
@given(rows=files, combined=trees(), keep=st.sampled_from(list(Keep)), data=st.data())
def test_segments_give_the_people_of_the_dict_logic(
    bench: Bench, rows: dict[str, list[Row]], combined: list[CombinedSegment], keep: Keep, data: st.DataObject
) -> None:
    for name, lines in rows.items():
        bench.write(f"{name}.csv", "email,first\n" + "".join(f'"{email}","{first}"\n' for email, first in lines))
    segments: list[Segment] = [*(table(leaf, leaf) for leaf in LEAVES), *combined]
    chosen = data.draw(
        st.lists(st.sampled_from([str(it.name) for it in segments]), min_size=1, max_size=3, unique=True)
    )
    of = replace(export(*chosen), duplicates=Duplicates(keep))
    desired = bench.desired([source("csv", f"{leaf}.csv", leaf) for leaf in LEAVES], segments, of)
    oracle = Oracle(rows, {str(it.name): it for it in segments}, keep)
    assert dict(bench.rows(desired.relation)) == oracle.union(chosen)
    assert desired.size == len(oracle.union(chosen))


@settings(deadline=None, max_examples=25)
@given(rows=st.lists(st.tuples(emails, firsts), max_size=12), keep=st.sampled_from(list(Keep)))
def test_every_row_is_a_person_or_unusable_with_one_reason(bench: Bench, rows: list[Row], keep: Keep) -> None:
    bench.write("a.csv", "email,first\n" + "".join(f'"{email}","{first}"\n' for email, first in rows))
    of = replace(export(), duplicates=Duplicates(keep))
    desired = bench.desired(source("csv", "a.csv"), table(), of)
    listed = Counter(str(reason).partition(":")[0] for _, reason in bench.rows(desired.unusable_relation))
    assert {reason: count for reason, count in desired.unusable.items() if count} == listed
    assert desired.size + sum(listed.values()) == desired.rows == len(rows)
    assert desired.blocking == sum(listed.values()) - (listed["duplicate"] if keep is Keep.FIRST else 0)


agreeing = st.lists(st.tuples(emails, firsts, st.sampled_from(["true", "false", ""])), max_size=12)


def left_out(rows: Sequence[tuple[str, str, str]], keep: Keep, suppressed: set[str]) -> tuple[set[str], dict[str, str]]:
    """Who is wanted, and who is left out on purpose and why; by the rules of the guide, row by row."""
    people: dict[str, list[bool]] = {}
    for email, first, agreed in rows:
        key = canonical_key(email)
        if key and (agreed != "true" or len(first.strip(SPACE)) <= 50):
            people.setdefault(key, []).append(agreed == "true")
    without = {key: "consent_missing" for key, agreed in people.items() if not all(agreed)}
    alone = {key for key, agreed in people.items() if keep is Keep.FIRST or len(agreed) == 1}
    there = {key for email, _, _ in rows if (key := canonical_key(email))} & suppressed
    return (alone - set(without)) - suppressed, without | dict.fromkeys(there, "suppressed")


@settings(deadline=None, max_examples=25)
@given(rows=agreeing, keep=st.sampled_from(list(Keep)), suppressed=st.sets(emails.filter(canonical_key), max_size=2))
def test_without_consent_or_suppressed_nobody_is_wanted(
    bench: Bench, rows: list[tuple[str, str, str]], keep: Keep, suppressed: set[str]
) -> None:
    bench.write("a.csv", "email,first,ok\n" + "".join(f'"{row[0]}","{row[1]}",{row[2]}\n' for row in rows))
    bench.write("b.csv", "who\nx@nobody.example\n" + "".join(f'"{email}"\n' for email in sorted(suppressed)))
    of = replace(export(), duplicates=Duplicates(keep), require="ok = 'true'")
    barred = (Suppression(SourceName("b"), "who"),)
    made = replace(
        project(bench.root, [source("csv", "a.csv"), source("csv", "b.csv", "b")], [table()], [of]),
        connections={of.connection: Connection(of.connection, "main", suppress=barred)},
    )
    engine = SegmentEngine(bench.session, made)
    try:
        desired = engine.desired(of)
    finally:
        engine.close()
    keys = {key for email in suppressed if (key := canonical_key(email))}
    people, filtered = left_out(rows, keep, keys)
    assert {key for key, _ in bench.rows(desired.relation)} == people
    assert desired.filtered_relation is not None
    assert dict(bench.rows(desired.filtered_relation)) == filtered
    assert desired.size + sum(desired.unusable.values()) + sum(desired.filtered.values()) == len(rows)
