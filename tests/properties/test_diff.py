"""The SQL of the three-way table against plain dict logic, over worlds of a few people."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ccsync.core.spec import ExportName, OnLeave
from ccsync.engine.diff import ThreeWayDiffer
from ccsync.engine.session import Session
from ccsync.ports.desired import Desired
from ccsync.ports.diff import Diffed, Sibling
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import tables

KEYS = ("ann@example.com", "bob@example.com", "o'hara@example.com", "zoë@example.com")
FIELDS = ("first_name", 'cf:tier "x"')
VALUES = st.sampled_from([None, "Ann", "Bob", 'O"Neil', "it's", "𝄞 \u2028x", "a\nb\x01", "10"])
PADDING = st.sampled_from(["", "", " ", "\u3000"])


@dataclass(frozen=True)
class Known:
    """What one export knows and wants. rows, wanted: None for a ledger or a declaration that isn't there."""

    name: str
    rows: dict[str, dict[str, str | None]] | None
    wanted: dict[str, dict[str, str | None]] | None
    on_leave: OnLeave
    stranded: frozenset[str] = frozenset()

    @property
    def unusable(self) -> list[tuple[str | None, str]]:
        reasons = ("field_too_long", "duplicate")
        rows = [(key, reasons[at % 2]) for at, key in enumerate(sorted(self.stranded))]
        return [*rows, (None, "missing_email"), ("no address", "invalid_email")]


@dataclass(frozen=True)
class World:
    """live: None without a refresh. columns: what the live file has besides the address."""

    me: Known
    siblings: tuple[Known, ...]
    memory: frozenset[str]
    live: dict[str, dict[str, str | None]] | None
    unsubscribed: frozenset[str]
    columns: tuple[str, ...]
    ledger_fields: tuple[str, ...]
    ledger_mapping: dict[str, str]


def seen(cell: str | None) -> str | None:
    """What a cell of the live file says."""
    return (cell or "").strip() or None


def content(wanted: dict[str, str | None]) -> str:
    said = {field: value for field, value in wanted.items() if value is not None}
    return hashlib.md5(json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


@st.composite
def known(draw: st.DrawFn, name: str, fields: tuple[str, ...]) -> Known:
    some_keys = st.sets(st.sampled_from(KEYS))
    declared = draw(st.integers(0, 5)) > 0
    wanted = {key: {f: draw(VALUES) for f in FIELDS} for key in sorted(draw(some_keys))} if declared else None
    rows = None
    if draw(st.booleans()) or not declared:
        rows = {}
        for key in sorted(draw(some_keys)):
            status = draw(st.sampled_from(["member", "member", "member", "opted_out", "rejected"]))
            refused = draw(st.sampled_from([None, "other", content((wanted or {}).get(key, {}))]))
            rows[key] = {
                "status": status,
                "ownership": draw(st.sampled_from(["ours", "adopted"])),
                "refused_content": refused,
                "contact_id": draw(st.sampled_from([None, f"id-{name}"])),
                **{f: draw(VALUES) for f in fields},
            }
            if wanted and key in wanted and draw(st.booleans()):
                rows[key].update({f: wanted[key][f] for f in fields})
    stranded = draw(some_keys) - set(wanted or {}) if declared and draw(st.booleans()) else set()
    return Known(name, rows, wanted, draw(st.sampled_from(list(OnLeave))), frozenset(stranded))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    ledger_fields = tuple(draw(st.sets(st.sampled_from(FIELDS), min_size=1)))
    names = draw(st.permutations(["alpha", "beta", "gamma"]))
    me = draw(known(names[0], ledger_fields))
    siblings = tuple(draw(known(name, ledger_fields)) for name in names[1 : 1 + draw(st.integers(0, 2))])
    columns = tuple(sorted(draw(st.sets(st.sampled_from(["contact_id", "status", *FIELDS])))))
    live = None
    if draw(st.booleans()):
        live = {}
        for key in (*KEYS, "foreign@example.com"):
            if draw(st.booleans()):
                row = {f: draw(VALUES) for f in FIELDS}
                if me.wanted and key in me.wanted and draw(st.booleans()):
                    row = dict(me.wanted[key])
                row |= {"contact_id": draw(st.sampled_from([None, "id-live"])), "status": draw(statuses)}
                live[key] = {name: value and draw(PADDING) + value for name, value in row.items() if name in columns}
    return World(
        me=me,
        siblings=siblings,
        memory=frozenset(draw(st.sets(st.sampled_from(KEYS), max_size=2))),
        live=live,
        unsubscribed=frozenset(draw(st.sets(st.sampled_from(KEYS), max_size=1))),
        columns=columns,
        ledger_fields=ledger_fields,
        ledger_mapping={f: draw(st.sampled_from(["now", "before"])) for f in draw(st.sets(st.sampled_from(FIELDS)))},
    )


statuses = st.sampled_from([None, "Implicit", "Unsubscribed", " unsubscribed"])


# ---------------------------------------------------------------- the table, in Python


def expected(world: World, key: str) -> tuple[str, str, str | None, bool] | None:
    """(op, reason, ownership, a call is needed) of one key; None when nothing changes."""
    me, row = world.me, (world.me.rows or {}).get(key)
    theirs = {s.name: (s.rows or {}).get(key) for s in world.siblings}
    member = bool(row and row["status"] == "member")
    others = {name for name, its in theirs.items() if its and its["status"] == "member"}
    others_ours = {name for name in others if theirs[name]["ownership"] == "ours"}
    mine = member and row["ownership"] == "ours"
    out = (
        key in world.memory
        or bool(row and row["status"] == "opted_out")
        or any(its and its["status"] == "opted_out" for its in theirs.values())
    )
    if world.live is None:
        on_list, unsubscribed = (member or bool(others)) and not out, False
    else:
        on_list = key in world.live
        told = (world.live.get(key, {}).get("status") or "").strip().lower() == "unsubscribed"
        unsubscribed = key in world.unsubscribed or told

    if me.wanted is not None and key in me.wanted:
        wanted = me.wanted[key]
        refused = bool(row) and row["refused_content"] == content(wanted)
        if unsubscribed:
            return "held_back", "unsubscribed", None, False
        if not on_list and (out or member or others):
            return "held_back", "opted_out", None, False
        if not on_list and row and row["status"] == "rejected":
            return ("held_back", "rejected", None, False) if refused else ("add", "content_changed", "ours", True)
        if not on_list:
            return "add", "segment_joined", "ours", True
        if member:
            changed = [f for f in FIELDS if wanted[f] is not None and wanted[f] != row.get(f)]
            if not changed:
                return None
            return ("held_back", "rejected", None, False) if refused else ("update", why(world, changed[0]), None, True)
        visible = world.live[key] if world.live is not None else {}
        differs = any(wanted[f] is not None and (f not in visible or seen(visible[f]) != wanted[f]) for f in FIELDS)
        reason = "came_back" if out else "already_on_list"
        return "adopt", reason, "ours" if others_ours else "adopted", differs and not refused

    if row is None or key in me.stranded:
        return None
    left = "segment_left" if me.wanted is not None else "export_deleted"
    forget = ("forget", left, None, False)
    if not member:
        return forget
    if not on_list:
        return "forget", "already_gone", None, False
    if out:
        return forget
    keep = me.on_leave is OnLeave.KEEP
    if mine and keep and me.wanted is None:
        return forget
    claimed = any(
        s.wanted is not None
        and (key in s.wanted or key in s.stranded or (s.on_leave is OnLeave.KEEP and s.name in others_ours))
        for s in world.siblings
    )
    if mine and (claimed or keep):
        return None
    removers = {s.name for s in world.siblings if s.name in others_ours and s.on_leave is not OnLeave.KEEP}
    if mine and me.name == min({me.name, *removers}):
        return "remove", left, None, True
    return ("forget", "removed_by_sibling", None, False) if removers and not claimed else forget


def why(world: World, field: str) -> str:
    same = field in world.ledger_fields and world.ledger_mapping.get(field) == "now"
    return f"{'field_changed' if same else 'mapping_changed'}:{field}"


# ---------------------------------------------------------------- held against the SQL


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with tempfile.TemporaryDirectory() as folder, Session(Path(folder), threads=2) as session:
        yield session


def diff(session: Session, folder: Path, world: World) -> Diffed:
    fields = world.ledger_fields

    def ledger(export: Known) -> Path | None:
        return None if export.rows is None else tables.ledger(session, folder / export.name, export.rows, fields)

    def wish(export: Known) -> Desired | None:
        return None if export.wanted is None else tables.desired(session, export.wanted, FIELDS, export.unusable)

    def sibling(export: Known) -> Sibling:
        wanted = wish(export)
        places = (wanted.relation, wanted.unusable_relation) if wanted else (None, None)
        return Sibling(ExportName(export.name), ledger(export), places[0], export.on_leave, places[1])

    return ThreeWayDiffer(session).diff(
        tables.request(
            name=world.me.name,
            fields=FIELDS,
            wanted=wish(world.me),
            ledger=ledger(world.me),
            siblings=[sibling(each) for each in world.siblings],
            optouts=tables.memory(session, folder / "optouts", sorted(world.memory)) if world.memory else None,
            live=None
            if world.live is None
            else tables.live(folder, world.live, sorted(world.unsubscribed), world.columns),
            on_leave=world.me.on_leave,
            mapping=dict.fromkeys(FIELDS, "now"),
            ledger_mapping=world.ledger_mapping,
        )
    )


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_the_three_way_table_is_what_plain_logic_says(session: Session, world: World) -> None:
    check(session, world)


@pytest.mark.long
@settings(max_examples=5000, deadline=None)
@given(worlds())
def test_the_three_way_table_is_what_plain_logic_says_thousands_of_times(session: Session, world: World) -> None:
    check(session, world)


def check(session: Session, world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = diff(session, Path(folder), world)
        rows = {row["key"]: row for row in tables.read(session, found.changes) if row["op"] != "unusable"}
    keys = {*(world.me.wanted or {}), *(world.me.rows or {})}
    wanted_rows = {key: expected(world, key) for key in keys}
    assert {
        key: (row["op"], row["reason"], row["ownership"], row["batch"] is not None) for key, row in rows.items()
    } == {key: row for key, row in wanted_rows.items() if row is not None}
    check_values(world, rows)
    check_counts(world, found, wanted_rows)


def check_values(world: World, rows: dict[str, dict[str, object]]) -> None:
    for key, row in rows.items():
        ledger = (world.me.rows or {}).get(key, {})
        live = (world.live or {}).get(key, {})
        wanted = (world.me.wanted or {}).get(key)
        if wanted is None:
            assert row["content"] is None
            assert all(row[f"after:{field}"] is None for field in FIELDS)
            continue
        assert row["content"] == content(wanted)
        silent = row["op"] == "adopt" and ledger.get("refused_content") == row["content"]
        for field in FIELDS:
            assert row[f"after:{field}"] == (None if silent else wanted[field])
            assert row[f"before:{field}"] == (seen(live.get(field)) if row["op"] == "adopt" else ledger.get(field))
    for key, row in rows.items():
        ids = [(world.me.rows or {}).get(key, {}).get("contact_id")]
        theirs = [(s.rows or {}).get(key, {}).get("contact_id") for s in world.siblings]
        ids.append(max((known for known in theirs if known), default=None))
        if world.live is not None:
            ids = [seen(world.live.get(key, {}).get("contact_id"))]
        assert row["contact_id"] == next((known for known in ids if known), None)


def check_counts(world: World, found: Diffed, expected_rows: dict[str, object]) -> None:
    counts = found.counts
    ops = [row[0] for row in expected_rows.values() if row is not None]
    for op in ("add", "update", "remove", "adopt", "forget"):
        assert getattr(counts.counts, op) == ops.count(op)
    assert counts.counts.unchanged == sum(1 for row in expected_rows.values() if row is None)
    held = [row[1] for row in expected_rows.values() if row is not None and row[0] == "held_back"]
    assert counts.held_back == {why: held.count(why) for why in ("opted_out", "unsubscribed", "rejected")}
    reasons = [row[1] for row in expected_rows.values() if row is not None and row[0] != "held_back"]
    assert counts.reasons == {reason: reasons.count(reason) for reason in reasons}
    members = {key: row for key, row in (world.me.rows or {}).items() if row["status"] == "member"}
    assert counts.managed == len(members)
    if world.live is None:
        assert (counts.live, counts.counts.foreign, counts.drift) == (None, 0, {})
        return
    assert counts.live == len(world.live)
    assert counts.gone == sum(1 for key in members if key not in world.live)
    ledgers = [rows for rows in (world.me.rows, *(s.rows for s in world.siblings)) if rows]
    ours = {key for rows in ledgers for key, row in rows.items() if row["status"] == "member"}
    assert counts.counts.foreign == len(set(world.live) - set(world.me.wanted or {}) - ours)
    drift = dict.fromkeys(FIELDS, 0)
    for key, row in members.items():
        for field in FIELDS:
            if key in world.live and field in world.columns and row.get(field) is not None:
                drift[field] += seen(world.live[key].get(field)) != row[field]
    assert counts.drift == {field: rows for field, rows in drift.items() if rows}


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_of_the_exports_on_a_list_at_most_one_removes_a_member_and_none_that_is_claimed(
    session: Session, world: World
) -> None:
    everyone = (world.me, *world.siblings)
    removers: dict[str, list[str]] = {}
    for at, me in enumerate(everyone):
        turned = World(
            me,
            everyone[:at] + everyone[at + 1 :],
            world.memory,
            world.live,
            world.unsubscribed,
            world.columns,
            world.ledger_fields,
            world.ledger_mapping,
        )
        with tempfile.TemporaryDirectory() as folder:
            for row in tables.read(session, diff(session, Path(folder), turned).changes):
                if row["op"] == "remove":
                    removers.setdefault(str(row["key"]), []).append(me.name)
    for key, names in removers.items():
        assert len(names) == 1
        assert not any(key in (export.wanted or {}) for export in everyone)
        assert any((e.rows or {}).get(key, {}).get("ownership") == "ours" for e in everyone)
