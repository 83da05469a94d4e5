"""Whatever the world, a plan carried out leaves nothing to plan, and nobody was put back or taken off wrongly."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ccsync.engine.diff import ThreeWayDiffer
from ccsync.engine.firewall import LiveFirewall
from ccsync.engine.outcomes import OutcomeFinder
from ccsync.engine.session import Session
from ccsync.ports.bodies import Drops
from ccsync.ports.diff import Diffed, Sibling
from ccsync.ports.live import Live
from ccsync.ports.outcomes import Sent, SentBatch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.engine import tables
from tests.properties.test_diff import FIELDS, KEYS, Known, World, worlds


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with tempfile.TemporaryDirectory() as folder, Session(Path(folder), threads=2) as session:
        yield session


class Account:
    """The exports of a world, their files, and a list that does what it is told."""

    def __init__(self, session: Session, folder: Path, world: World) -> None:
        self.session, self.folder, self.world = session, folder, world
        self.exports = {known.name: known for known in (world.me, *world.siblings)}
        self.desired = {
            name: tables.desired(session, undisputed(known.wanted, world), FIELDS) if known.wanted is not None else None
            for name, known in self.exports.items()
        }
        self.ledgers = {
            name: tables.ledger(session, folder / name, known.rows, world.ledger_fields)
            if known.rows is not None
            else None
            for name, known in self.exports.items()
        }
        keys = sorted(world.memory)
        self.optouts = tables.memory(session, folder / "optouts", keys) if keys else None
        self.members = {key: dict(row) for key, row in (world.live or {}).items()}
        # Who unsubscribed stays so, on the list and off it.
        self.unsubscribed = world.unsubscribed | {
            key for key, row in self.members.items() if (row.get("status") or "").strip().lower() == "unsubscribed"
        }
        self.looks = 0

    def live(self) -> Live:
        self.looks += 1
        folder = self.folder / f"live-{self.looks}"
        folder.mkdir()
        return tables.live(folder, self.members, sorted(self.unsubscribed), self.world.columns)

    def plan(self) -> dict[str, Diffed]:
        live = self.live()
        return {name: self._diff(name, known, live) for name, known in self.exports.items() if self._speaks(name)}

    def _speaks(self, name: str) -> bool:
        return self.desired[name] is not None or self.ledgers[name] is not None

    def _diff(self, name: str, known: Known, live: Live) -> Diffed:
        siblings = [
            Sibling(other.name, self.ledgers[other.name], wanted.relation if wanted else None, other.on_leave)
            for other in self.exports.values()
            if other.name != name and self._speaks(other.name)
            for wanted in (self.desired[other.name],)
        ]
        return ThreeWayDiffer(self.session).diff(
            tables.request(
                name=name,
                fields=FIELDS,
                wanted=self.desired[name],
                ledger=self.ledgers[name],
                siblings=siblings,
                optouts=self.optouts,
                live=live,
                on_leave=known.on_leave,
            )
        )

    def apply(
        self, diffs: dict[str, Diffed], sent: Sent = Sent.CLEAN, lost: frozenset[str] = frozenset(), explained: int = 0
    ) -> None:
        """Carries out the plan, then records it. sent, explained: what the counters say; lost: whose rows vanish."""
        before = self.live()
        plan = tables.plan(*(tables.export_plan(name, fields=FIELDS) for name in diffs))
        drops = {name: self._look(diffed, before) for name, diffed in diffs.items()}
        vanished: Counter[tuple[str, int]] = Counter()
        for name, diffed in diffs.items():
            seen = tables.read(self.session, drops[name].path)
            dropped = {(row["key"], row["op"]) for row in seen if row["now"] != "present"}
            for row in tables.read(self.session, diffed.changes):
                if row["batch"] is None or (row["key"], row["op"]) in dropped:
                    continue
                if row["key"] in lost:
                    vanished[name, int(str(row["batch"]))] += 1
                else:
                    self._do(row)
        read_back = self.live() if sent is Sent.DOUBTFUL else None
        settled = []
        for name, diffed in diffs.items():
            settlement = tables.settlement(
                plan,
                diffed.changes,
                name=name,
                ledger=self.ledgers[name],
                batches=[
                    SentBatch(
                        batch.number,
                        sent,
                        explained,
                        shortfall=vanished[name, batch.number],
                        persons=batch.rows - vanished[name, batch.number],
                    )
                    for batch in diffed.batches
                ],
                drops=[drops[name].path],
                ids=drops[name].ids,
                read_back=read_back,
            )
            settled.append((settlement, OutcomeFinder(self.session).outcome(settlement, self._folder())))
        for settlement, outcome in settled:
            path, _ = OutcomeFinder(self.session).next_ledger(settlement, outcome, self._folder())
            self.ledgers[settlement.export] = path
        self.optouts = OutcomeFinder(self.session).next_optouts(self.optouts, settled, self._folder())

    def _look(self, diffed: Diffed, live: Live) -> Drops:
        return LiveFirewall(self.session).drops(diffed.changes, live, self._folder())

    def _do(self, row: dict[str, object]) -> None:
        if row["op"] == "remove":
            self.members.pop(str(row["key"]), None)
            return
        values = self.members.setdefault(str(row["key"]), {"status": "Implicit"})
        values.update({f: str(row[f"after:{f}"]) for f in FIELDS if row[f"after:{f}"] is not None})

    def _folder(self) -> Path:
        self.looks += 1
        folder = self.folder / f"out-{self.looks}"
        folder.mkdir()
        return folder


def undisputed(wanted: tables.People, world: World) -> tables.People:
    """What is left of an export's wishes when nobody writes a field on which two exports disagree."""
    everyone = [known.wanted or {} for known in (world.me, *world.siblings)]

    def agreed(key: str, field: str) -> bool:
        return len({theirs[key][field] for theirs in everyone if key in theirs and theirs[key][field] is not None}) < 2

    return {key: {f: row[f] if agreed(key, f) else None for f in FIELDS} for key, row in wanted.items()}


def refreshed(world: World) -> World:
    """With ids for every member, so that each removal can be sent."""
    live = {key: {**row, "contact_id": f"id-{key}"} for key, row in (world.live or {}).items()}
    return replace(world, live=live, columns=tuple(sorted({*world.columns, "contact_id"})))


@settings(max_examples=20, deadline=None)
@given(worlds(), st.sampled_from([Sent.CLEAN, Sent.DOUBTFUL]))
def test_a_plan_right_after_an_apply_is_empty(session: Session, world: World, sent: Sent) -> None:
    check_convergence(session, world, sent)


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(worlds(), st.sampled_from([Sent.CLEAN, Sent.DOUBTFUL]))
def test_a_plan_right_after_an_apply_is_empty_hundreds_of_times(session: Session, world: World, sent: Sent) -> None:
    check_convergence(session, world, sent)


def check_convergence(session: Session, world: World, sent: Sent) -> None:
    with tempfile.TemporaryDirectory() as folder:
        account = Account(session, Path(folder), refreshed(world))
        before = dict(account.members)
        diffs = account.plan()
        event(f"changes: {sum(diffed.counts.counts.changes for diffed in diffs.values()) > 0}")
        account.apply(diffs, sent)
        assert set(before) - set(account.members) <= ours(world)
        left = {key for key in known_members(world) if key not in before}
        assert not left & set(account.members)
        check_nothing_left(account)


def check_nothing_left(account: Account) -> None:
    """Nothing is left to plan, but for one thing that needs no call: whom one export was refused, another may have
    added meanwhile; then the first sees a member."""
    for name, diffed in account.plan().items():
        path = account.ledgers[name]
        rows = {row["key"]: row for row in tables.read(account.session, path)} if path else {}
        for row in tables.read(account.session, diffed.changes):
            refused = rows.get(row["key"], {}).get("status") == "rejected"
            late = row["op"] == "adopt" and row["batch"] is None and refused
            assert late or row["op"] == "held_back"


def known_members(world: World) -> set[str]:
    return {
        key
        for known in (world.me, *world.siblings)
        for key, row in (known.rows or {}).items()
        if row["status"] in ("member", "opted_out")
    } | set(world.memory)


def ours(world: World) -> set[str]:
    return {
        key
        for known in (world.me, *world.siblings)
        for key, row in (known.rows or {}).items()
        if row["status"] == "member" and row["ownership"] == "ours"
    }


some_keys = st.frozensets(st.sampled_from(KEYS), max_size=2)


@settings(max_examples=15, deadline=None)
@given(worlds(), some_keys, some_keys, st.sampled_from([0, 100]))
def test_people_who_leave_during_an_apply_stay_off_and_lost_rows_are_settled(
    session: Session, world: World, leaving: frozenset[str], lost: frozenset[str], explained: int
) -> None:
    check_trouble(session, world, leaving, lost, explained)


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(worlds(), some_keys, some_keys, st.sampled_from([0, 100]))
def test_people_who_leave_during_an_apply_stay_off_hundreds_of_times(
    session: Session, world: World, leaving: frozenset[str], lost: frozenset[str], explained: int
) -> None:
    check_trouble(session, world, leaving, lost, explained)


def check_trouble(
    session: Session, world: World, leaving: frozenset[str], lost: frozenset[str], explained: int
) -> None:
    """People leave between plan and apply, rows vanish on the way; the next apply has no trouble."""
    with tempfile.TemporaryDirectory() as folder:
        account = Account(session, Path(folder), refreshed(world))
        before = dict(account.members)
        diffs = account.plan()
        concerned = {str(row["key"]) for diffed in diffs.values() for row in tables.read(session, diffed.changes)}
        left = {key for key in leaving if account.members.pop(key, None) is not None}
        account.apply(diffs, Sent.DOUBTFUL, lost, explained)
        account.apply(account.plan())
        check_nothing_left(account)
        known = left & (known_members(world) | concerned)
        assert not known & set(account.members)
        assert set(before) - set(account.members) - left <= ours(world)
