"""The three-way table, row by row as the public contract has it, and what the changes file is."""

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from ccsync.core.change import Counts
from ccsync.core.spec import ExportName, OnLeave
from ccsync.engine.diff import ThreeWayDiffer
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.desired import Desired, Relation
from ccsync.ports.diff import Diffed, Sibling
from ccsync.ports.live import Live

from tests.engine import tables
from tests.engine.tables import member

ANN, BOB = "ann@example.com", "bob@example.com"


class World:
    """One export and its surroundings, as little of it as a test names."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder

    def diff(
        self,
        desired: tables.People | None,
        ledger: tables.People | None = None,
        live: tables.People | Live | None = None,
        *,
        columns: tuple[str, ...] = (),
        unsubscribed: tuple[str, ...] = (),
        memory: tuple[str, ...] = (),
        fields: tuple[str, ...] = ("first_name",),
        ledger_fields: tuple[str, ...] | None = None,
        siblings: tuple[Sibling, ...] = (),
        on_leave: OnLeave = OnLeave.REMOVE_FROM_LIST,
        unusable: tuple[tuple[str | None, str], ...] = (),
        name: str = "weekly",
        mapping: Mapping[str, str] | None = None,
        ledger_mapping: Mapping[str, str] | None = None,
    ) -> Diffed:
        if live is not None and not isinstance(live, Live):
            live = tables.live(self.folder, live, unsubscribed, columns)
        found = fields if ledger_fields is None else ledger_fields
        return ThreeWayDiffer(self.session).diff(
            tables.request(
                fields=fields,
                wanted=None if desired is None else tables.desired(self.session, desired, fields, unusable),
                ledger=None if ledger is None else tables.ledger(self.session, self.folder / "ledger", ledger, found),
                siblings=siblings,
                optouts=tables.memory(self.session, self.folder / "memory", memory) if memory else None,
                live=live,
                on_leave=on_leave,
                name=name,
                mapping=mapping,
                ledger_mapping=ledger_mapping,
            )
        )

    def rows(self, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        diffed = self.diff(*args, **kwargs)  # type: ignore[arg-type]
        return [(row["op"], row["key"], row["reason"]) for row in tables.read(self.session, diffed.changes)]

    def sibling(
        self,
        ledger: tables.People | None,
        desired: tables.People | None = None,
        name: str = "zeta",
        on_leave: OnLeave = OnLeave.REMOVE_FROM_LIST,
    ) -> Sibling:
        path = None if ledger is None else tables.ledger(self.session, self.folder / f"ledger-{name}", ledger)
        wanted = None if desired is None else tables.desired(self.session, desired, ()).relation
        return Sibling(ExportName(name), path, wanted, on_leave)


@pytest.fixture
def world(session: Session, tmp_path: Path) -> World:
    return World(session, tmp_path)


# ---------------------------------------------------------------- the rows of the public contract


def test_a_new_member_is_added(world: World) -> None:
    assert world.rows({ANN: {}}, {}, {}) == [("add", ANN, "segment_joined")]


def test_a_member_who_was_there_before_us_is_adopted(world: World) -> None:
    assert world.rows({ANN: {}}, {}, {ANN: {}}) == [("adopt", ANN, "already_on_list")]


def test_a_member_of_ours_without_a_change_is_not_in_the_file(world: World) -> None:
    diffed = world.diff({ANN: {"first_name": "Ann"}}, {ANN: member(first_name="Ann")}, {ANN: {}})
    assert diffed.counts.counts == Counts(unchanged=1)
    assert tables.read(world.session, diffed.changes) == []
    assert diffed.batches == ()


def test_a_member_who_left_by_themselves_is_held_back(world: World) -> None:
    assert world.rows({ANN: {}}, {ANN: member()}, {}) == [("held_back", ANN, "opted_out")]


def test_an_unsubscribed_person_is_held_back_on_the_list_and_off_it(world: World) -> None:
    rows = world.rows({ANN: {}, BOB: {}}, {ANN: member()}, {ANN: {}}, unsubscribed=(ANN, BOB))
    assert rows == [("held_back", ANN, "unsubscribed"), ("held_back", BOB, "unsubscribed")]


def test_a_member_of_ours_who_leaves_the_segment_is_removed(world: World) -> None:
    assert world.rows({}, {ANN: member()}, {ANN: {}}) == [("remove", ANN, "segment_left")]


def test_an_unsubscribed_member_who_leaves_the_segment_is_removed(world: World) -> None:
    assert world.rows({}, {ANN: member()}, {ANN: {}}, unsubscribed=(ANN,)) == [("remove", ANN, "segment_left")]


def test_an_adopted_member_who_leaves_the_segment_is_forgotten(world: World) -> None:
    assert world.rows({}, {ANN: member("adopted")}, {ANN: {}}) == [("forget", ANN, "segment_left")]


def test_a_leaver_who_is_gone_already_is_forgotten(world: World) -> None:
    assert world.rows({}, {ANN: member()}, {}) == [("forget", ANN, "already_gone")]


def test_foreign_members_are_counted_and_never_in_the_file(world: World) -> None:
    diffed = world.diff({ANN: {}}, {ANN: member()}, {ANN: {}, BOB: {}, "eve@example.com": {}})
    assert diffed.counts.counts == Counts(unchanged=1, foreign=2)
    assert (diffed.counts.live, diffed.counts.managed) == (3, 1)
    assert tables.read(world.session, diffed.changes) == []


def test_an_export_that_keeps_its_leavers_does_nothing_about_them(world: World) -> None:
    diffed = world.diff({}, {ANN: member()}, {ANN: {}}, on_leave=OnLeave.KEEP)
    assert diffed.counts.counts == Counts(unchanged=1)


# ---------------------------------------------------------------- the opt-out memory


@pytest.mark.parametrize("live", [{}, None], ids=["refreshed", "not refreshed"])
def test_who_is_in_the_memory_is_held_back_even_when_no_ledger_knows_them(
    world: World, live: tables.People | None
) -> None:
    assert world.rows({ANN: {}}, None, live, memory=(ANN,)) == [("held_back", ANN, "opted_out")]


def test_the_memory_of_another_list_says_nothing(world: World) -> None:
    other = tables.memory(world.session, world.folder / "other", [ANN], list_id="list-2")
    request = tables.request(wanted=tables.desired(world.session, {ANN: {}}, ("first_name",)), optouts=other)
    assert ThreeWayDiffer(world.session).diff(request).counts.counts.add == 1


def test_who_came_back_by_themselves_is_adopted_and_not_ours(world: World) -> None:
    diffed = world.diff({ANN: {}}, {ANN: {"status": "opted_out", "ownership": "ours"}}, {ANN: {}}, memory=(ANN,))
    (row,) = tables.read(world.session, diffed.changes)
    assert (row["op"], row["reason"], row["ownership"]) == ("adopt", "came_back", "adopted")


def test_without_a_refresh_nobody_of_the_memory_is_taken_for_a_member(world: World) -> None:
    both = {ANN: member(first_name="Ann")}
    assert world.rows({ANN: {"first_name": "Anna"}}, both, memory=(ANN,)) == [("held_back", ANN, "opted_out")]


def test_a_person_whom_a_sibling_knew_and_who_is_off_the_list_is_held_back(world: World) -> None:
    for row in (member(), {"status": "opted_out"}):
        rows = world.rows({ANN: {}}, None, {}, siblings=(world.sibling({ANN: row}, {}),))
        assert rows == [("held_back", ANN, "opted_out")]


def test_opted_out_rows_of_people_no_longer_wanted_are_forgotten(world: World) -> None:
    rows = {ANN: {"status": "opted_out", "ownership": "ours"}, BOB: {"status": "rejected", "ownership": "ours"}}
    assert world.rows({}, rows, {}) == [("forget", ANN, "segment_left"), ("forget", BOB, "segment_left")]


# ---------------------------------------------------------------- fields


def test_an_update_names_the_first_field_that_changed_and_counts_each(world: World) -> None:
    fields = ("first_name", "last_name", "city")
    diffed = world.diff(
        {ANN: {"first_name": "Ann", "last_name": "New", "city": "Oslo"}},
        {ANN: member(first_name="Ann", last_name="Old", city="Rome")},
        {ANN: {}},
        fields=fields,
    )
    (row,) = tables.read(world.session, diffed.changes)
    assert (row["op"], row["reason"]) == ("update", "field_changed:last_name")
    assert [row[f"before:{f}"] for f in fields] == ["Ann", "Old", "Rome"]
    assert [row[f"after:{f}"] for f in fields] == ["Ann", "New", "Oslo"]
    assert diffed.counts.fields_changed == {"last_name": 1, "city": 1}
    assert diffed.counts.reasons == {"field_changed:last_name": 1}


def test_a_field_that_is_mapped_anew_or_otherwise_is_a_changed_mapping(world: World) -> None:
    wanted = {ANN: {"first_name": "Anna"}}
    ledger = {ANN: member(first_name="Ann")}
    changed = world.rows(wanted, ledger, {ANN: {}}, mapping={"first_name": "1"}, ledger_mapping={"first_name": "2"})
    new = world.rows(wanted, ledger, {ANN: {}}, ledger_fields=())
    assert changed == new == [("update", ANN, "mapping_changed:first_name")]


def test_a_null_leaves_the_value_alone(world: World) -> None:
    assert world.rows({ANN: {"first_name": None}}, {ANN: member(first_name="Ann")}, {ANN: {}}) == []


def test_an_adoption_sends_fields_only_when_they_differ_from_live(world: World) -> None:
    desired = {ANN: {"first_name": "Ann"}, BOB: {"first_name": "Bob"}, "eve@example.com": {"first_name": None}}
    live = {ANN: {"first_name": " Ann "}, BOB: {"first_name": "Rob"}, "eve@example.com": {"first_name": "Eve"}}
    diffed = world.diff(desired, None, live, columns=("first_name",))
    rows = tables.read(world.session, diffed.changes)
    assert {row["key"]: row["batch"] for row in rows} == {ANN: None, BOB: 1, "eve@example.com": None}
    assert {row["key"]: row["before:first_name"] for row in rows} == {
        ANN: "Ann",
        BOB: "Rob",
        "eve@example.com": "Eve",
    }
    assert (diffed.people, diffed.batches[0].members) == (1, 1)


def test_an_adoption_sends_what_live_does_not_show(world: World) -> None:
    diffed = world.diff({ANN: {"first_name": "Ann"}, BOB: {"first_name": None}}, None, {ANN: {}, BOB: {}})
    assert {row["key"]: row["batch"] for row in tables.read(world.session, diffed.changes)} == {ANN: 1, BOB: None}


def test_content_that_was_refused_is_held_back_until_it_changes(world: World) -> None:
    content = tables.read(world.session, world.diff({ANN: {"first_name": "Ann"}}, None, {}).changes)[0]["content"]
    assert isinstance(content, str)
    rejected = {ANN: {"status": "rejected", "ownership": "ours", "refused_content": content}}
    assert world.rows({ANN: {"first_name": "Ann"}}, rejected, {}) == [("held_back", ANN, "rejected")]
    assert world.rows({ANN: {"first_name": "Anna"}}, rejected, {}) == [("add", ANN, "content_changed")]
    refused = {ANN: member(first_name="Old", refused_content=content)}
    assert world.rows({ANN: {"first_name": "Ann"}}, refused, {ANN: {}}) == [("held_back", ANN, "rejected")]
    assert world.rows({ANN: {"first_name": "Anna"}}, refused, {ANN: {}}) == [
        ("update", ANN, "field_changed:first_name")
    ]
    (adopted,) = tables.read(world.session, world.diff({ANN: {"first_name": "Ann"}}, rejected, {ANN: {}}).changes)
    assert (adopted["op"], adopted["batch"], adopted["after:first_name"]) == ("adopt", None, None)


def test_drift_is_counted_a_field_and_not_overwritten(world: World) -> None:
    wanted = {"first_name": "Ann", "city": "Oslo"}
    diffed = world.diff(
        {ANN: wanted, BOB: wanted},
        {ANN: member(**wanted), BOB: member(first_name="Ann", city=None)},
        {ANN: {"first_name": "Annie"}, BOB: {"first_name": None}},
        fields=("first_name", "city"),
        columns=("first_name",),
    )
    assert diffed.counts.drift == {"first_name": 2}
    assert [row["key"] for row in tables.read(world.session, diffed.changes)] == [BOB]
    assert diffed.counts.counts == Counts(update=1, unchanged=1)


# ---------------------------------------------------------------- exports that share a list


def test_a_member_whom_another_export_wants_stays(world: World) -> None:
    diffed = world.diff({}, {ANN: member()}, {ANN: {}}, siblings=(world.sibling(None, {ANN: {}}),))
    assert diffed.counts.counts == Counts(unchanged=1)


@pytest.mark.parametrize(("name", "op"), [("alpha", "remove"), ("zulu", "forget")])
def test_of_two_exports_that_added_a_member_the_first_by_name_removes(world: World, name: str, op: str) -> None:
    rows = world.rows({}, {ANN: member()}, {ANN: {}}, name=name, siblings=(world.sibling({ANN: member()}, {}),))
    assert rows == [(op, ANN, "segment_left" if op == "remove" else "removed_by_sibling")]


def test_an_adopted_member_that_a_sibling_added_is_left_to_the_sibling(world: World) -> None:
    rows = world.rows({}, {ANN: member("adopted")}, {ANN: {}}, siblings=(world.sibling({ANN: member()}, {}),))
    assert rows == [("forget", ANN, "removed_by_sibling")]


def test_what_a_declared_sibling_keeps_is_claimed_and_what_a_deleted_one_keeps_is_not(world: World) -> None:
    kept = world.sibling({ANN: member()}, {}, "alpha", OnLeave.KEEP)
    assert world.rows({}, {ANN: member()}, {ANN: {}}, siblings=(kept,)) == []
    deleted = world.sibling({ANN: member()}, None, "alpha", OnLeave.KEEP)
    assert world.rows({}, {ANN: member()}, {ANN: {}}, siblings=(deleted,)) == [("remove", ANN, "segment_left")]


def test_an_adoption_of_what_a_sibling_added_is_ours(world: World) -> None:
    diffed = world.diff({ANN: {}}, None, {ANN: {}}, siblings=(world.sibling({ANN: member()}, {}),))
    assert tables.read(world.session, diffed.changes)[0]["ownership"] == "ours"


def test_without_a_refresh_a_sibling_s_member_is_on_the_list(world: World) -> None:
    rows = world.rows({ANN: {}}, None, siblings=(world.sibling({ANN: member()}, {ANN: {}}),))
    assert rows == [("adopt", ANN, "already_on_list")]


# ---------------------------------------------------------------- exports that are no longer declared


@pytest.mark.parametrize(("on_leave", "op"), [(OnLeave.REMOVE_FROM_LIST, "remove"), (OnLeave.KEEP, "forget")], ids=str)
def test_the_members_of_a_deleted_export_are_removed_or_forgotten(world: World, on_leave: OnLeave, op: str) -> None:
    rows = world.rows(None, {ANN: member(), BOB: member("adopted")}, {ANN: {}, BOB: {}}, on_leave=on_leave)
    assert sorted(rows) == sorted([(op, ANN, "export_deleted"), ("forget", BOB, "export_deleted")])


# ---------------------------------------------------------------- the file


def test_a_leaver_whose_row_is_gone_from_the_source_is_told_apart(world: World) -> None:
    asked: list[list[tuple[object, ...]]] = []

    def present(keys: Relation) -> Relation:
        asked.append(world.session.rows(f"SELECT key FROM {identifier(keys)}"))
        return tables.table(world.session, {"key": [ANN]})

    wanted = tables.desired(world.session, {}, ("first_name",))
    ledger = tables.ledger(world.session, world.folder / "ledger", {ANN: member(), BOB: member()}, ("first_name",))
    live = tables.live(world.folder, {ANN: {}, BOB: {}})
    request = tables.request(wanted=wanted, ledger=ledger, live=live, present=present)
    diffed = ThreeWayDiffer(world.session).diff(request)
    assert asked == [[(ANN,), (BOB,)]]
    assert diffed.counts.reasons == {"segment_left": 1, "source_row_gone": 1}
    assert [row["reason"] for row in tables.read(world.session, diffed.changes)] == ["segment_left", "source_row_gone"]


def test_the_sources_are_not_asked_when_nobody_is_removed(world: World) -> None:
    def present(keys: Relation) -> Relation:
        raise AssertionError("asked")

    wanted = tables.desired(world.session, {ANN: {}}, ("first_name",))
    assert ThreeWayDiffer(world.session).diff(tables.request(wanted=wanted, present=present)).counts.counts.add == 1


def test_changes_come_first_then_what_is_held_back_then_what_is_unusable(world: World) -> None:
    diffed = world.diff(
        {"n@example.com": {}, "a@example.com": {}, "u@example.com": {"first_name": "U"}, "h@example.com": {}},
        {"u@example.com": member(), "r@example.com": member(), "f@example.com": member("adopted")},
        {"u@example.com": {}, "r@example.com": {}, "f@example.com": {}, "a@example.com": {}},
        memory=("h@example.com",),
        unusable=(("x", "invalid_email"), (None, "missing_email")),
    )
    rows = tables.read(world.session, diffed.changes)
    assert [(row["batch"], row["op"], row["key"]) for row in rows] == [
        (1, "remove", "r@example.com"),
        (2, "update", "u@example.com"),
        (3, "add", "n@example.com"),
        (None, "adopt", "a@example.com"),
        (None, "forget", "f@example.com"),
        (None, "held_back", "h@example.com"),
        (None, "unusable", None),
        (None, "unusable", "x"),
    ]
    assert list(rows[0]) == [
        *("op", "key", "contact_id", "reason", "batch", "content", "ownership"),
        *("before:first_name", "after:first_name"),
    ]
    assert (diffed.unresolved, diffed.people) == (1, 2)


def test_an_id_of_the_ledger_counts_only_where_live_was_not_read(world: World) -> None:
    ledger = {ANN: member(contact_id="old"), BOB: member(contact_id="old")}
    diffed = world.diff({}, ledger, {ANN: {"contact_id": "new"}, BOB: {}}, columns=("contact_id",))
    assert [row["contact_id"] for row in tables.read(world.session, diffed.changes)] == ["new", None]
    diffed = world.diff({}, ledger, None)
    assert [row["contact_id"] for row in tables.read(world.session, diffed.changes)] == ["old", "old"]


def test_the_file_is_private_and_its_bytes_follow_from_its_rows(tmp_path: Path) -> None:
    def bytes_of(threads: int, turn: int) -> bytes:
        with Session(tmp_path / f"work-{turn}", threads=threads) as session:
            wanted, unusable = Relation("wanted"), Relation("unusable")
            order = "ASC" if turn % 2 else "DESC"  # the order of rows must not matter
            session.execute(
                f"CREATE TABLE wanted AS SELECT 'p' || i || '@example.com' AS key, 'N' || i AS first_name"
                f" FROM range(130000) t(i) ORDER BY i {order}"
            )
            session.execute("CREATE TABLE unusable AS SELECT 'x' AS key, 'invalid_email' AS reason FROM range(9)")
            request = tables.request(wanted=Desired(wanted, unusable, 130000, 130009, {}, 0, ()))
            diffed = ThreeWayDiffer(session).diff(request)
            assert stat.S_IMODE(diffed.changes.stat().st_mode) == 0o600
            return diffed.changes.read_bytes()

    assert len({bytes_of(threads, turn) for turn, threads in enumerate([1, 2, 2, 4])}) == 1


def test_nothing_is_left_in_the_session(world: World) -> None:
    before = world.session.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1")
    wanted = tables.desired(world.session, {ANN: {}}, ("first_name",))
    request = tables.request(wanted=wanted, siblings=(world.sibling({BOB: member()}, {BOB: {}}),))
    mid = world.session.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1")
    ThreeWayDiffer(world.session).diff(request)
    assert world.session.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1") == mid != before
