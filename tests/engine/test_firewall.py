"""The firewall: who a fresh look takes out of a plan."""

from pathlib import Path

import pytest
from ccsync.engine.firewall import LiveFirewall
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session

from tests.engine import tables

OPS = ("add", "update", "adopt", "remove", "forget", "held_back", "unusable")


def changes(session: Session, path: Path, *rows: tuple[str, str, str]) -> Path:
    """rows: op, key, reason."""
    columns = {name: [row[at] for row in rows] for at, name in enumerate(("op", "key", "reason"))}
    batch = "CASE WHEN op = 'add' THEN 3 END AS batch"
    session.copy_to_parquet(f"SELECT *, {batch} FROM {identifier(tables.table(session, columns))}", path)
    return path


def seen(
    session: Session,
    folder: Path,
    members: tables.People | None,
    unsubscribed: tuple[str, ...],
    *rows: tuple[str, str, str],
) -> tuple[set[tuple[object, ...]], object]:
    live = tables.live(folder, members, unsubscribed, ("status",))
    found = LiveFirewall(session).drops(changes(session, folder / "changes.parquet", *rows), live, folder)
    return {(row["op"], row["reason"], row["now"]) for row in tables.read(session, found.path)}, found.counts


def everyone(key: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((op, key, "already_gone" if op == "forget" else "any") for op in OPS)


KEY = "ann@example.com"


def test_whoever_is_off_the_list_is_taken_out_of_updates_adoptions_and_removals(
    session: Session, tmp_path: Path
) -> None:
    rows, counts = seen(session, tmp_path, {}, (), *everyone(KEY))
    assert rows == {
        ("update", "opted_out", "gone"),
        ("adopt", "opted_out", "gone"),
        ("remove", "already_gone", "gone"),
    }
    assert counts == {"already_gone": 1, "opted_out": 2}


def test_whoever_is_on_the_list_by_now_is_noted_as_added_by_somebody_else_and_not_forgotten(
    session: Session, tmp_path: Path
) -> None:
    rows, counts = seen(session, tmp_path, {KEY: {}}, (), *everyone(KEY))
    assert rows == {("add", "already_on_list", "present"), ("forget", "came_back", "present")}
    assert counts == {"came_back": 1}


@pytest.mark.parametrize("members", [{KEY: {}}, {}, None], ids=["on the list", "off it", "no list yet"])
def test_the_unsubscribed_are_taken_out_of_every_import(
    session: Session, tmp_path: Path, members: tables.People | None
) -> None:
    imports = [row for row in everyone(KEY) if row[0] in ("add", "update", "adopt")]
    rows, counts = seen(session, tmp_path, members, (KEY,), *imports)
    now = ("unsubscribed", "unsubscribed") if members else ("opted_out", "gone")  # who left besides has left for good
    assert rows == {("add", "unsubscribed", "unsubscribed"), ("update", *now), ("adopt", *now)}
    assert counts == ({"unsubscribed": 3} if members else {"opted_out": 2, "unsubscribed": 1})


def test_a_status_column_of_the_member_file_tells_as_well(session: Session, tmp_path: Path) -> None:
    rows, _ = seen(session, tmp_path, {KEY: {"status": "Unsubscribed"}}, (), ("add", KEY, "any"))
    assert rows == {("add", "unsubscribed", "unsubscribed")}


def test_an_unsubscribed_member_is_removed_all_the_same(session: Session, tmp_path: Path) -> None:
    assert seen(session, tmp_path, {KEY: {}}, (KEY,), ("remove", KEY, "segment_left")) == (set(), {})


def test_a_list_that_does_not_exist_yet_lets_new_people_through(session: Session, tmp_path: Path) -> None:
    assert seen(session, tmp_path, None, (), ("add", KEY, "segment_joined")) == (set(), {})


def test_people_forgotten_for_another_reason_stay_forgotten(session: Session, tmp_path: Path) -> None:
    assert seen(session, tmp_path, {KEY: {}}, (), ("forget", KEY, "segment_left")) == (set(), {})


def test_ids_are_those_that_the_look_shows_and_of_contacts_that_stand_under_one_address(
    session: Session, tmp_path: Path
) -> None:
    names = ("ann", "bob", "cyd", "dan")
    rows = [("remove", f"{name}@example.com", "segment_left") for name in names]
    path = changes(session, tmp_path / "changes.parquet", *rows, ("update", "eve@example.com", "any"))
    ids = {"ann": "1", "bob": "2", "eve": "2", "cyd": None}
    members = {f"{name}@example.com": {"contact_id": one} for name, one in ids.items()}
    firewall = LiveFirewall(session)

    def noted(folder: str, columns: tuple[str, ...], before: Path | None) -> Path | None:
        (tmp_path / folder).mkdir()
        live = tables.live(tmp_path / folder, members, (), columns)
        return firewall.drops(path, live, tmp_path / folder, (), before).ids

    first = noted("first", ("contact_id",), None)
    assert first is not None
    assert tables.read(session, first) == [{"key": "ann@example.com", "contact_id": "1"}]
    known = tmp_path / "known"
    columns = {"key": ["ann@example.com", "cyd@example.com"], "contact_id": ["old", "3"]}
    session.copy_to_parquet(f"FROM {identifier(tables.table(session, columns))}", known)
    second = noted("second", ("contact_id",), known)
    assert second is not None
    assert tables.read(session, second) == [
        {"key": "ann@example.com", "contact_id": "1"},
        {"key": "cyd@example.com", "contact_id": "3"},
    ]
    assert noted("third", (), known) is None
