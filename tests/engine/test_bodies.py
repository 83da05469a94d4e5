"""Bodies and ids of batches: less who was dropped, only who is asked for."""

import json
from pathlib import Path

import pytest
from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.engine.bodies import BodyWriter
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session

from tests.engine import tables

REMOVAL = Batch(1, BatchKind.REMOVAL, 3, 0)
CSV = Batch(2, BatchKind.IMPORT, 3, 0, transport=Transport.CSV)
JSON = Batch(2, BatchKind.IMPORT, 3, 0, transport=Transport.JSON)
FIELDS = ("first_name", "birthday_day", "cf:tier")


@pytest.fixture
def changes(session: Session, tmp_path: Path) -> Path:
    rows: list[tuple[str, str, str, str | None, str | None, str | None, str | None]] = [
        ("remove", "a@example.com", "1", "id-a", None, None, None),
        ("remove", "b@example.com", "1", None, None, None, None),
        ("remove", "c@example.com", "1", "id-c", None, None, None),
        ("add", "d@example.com", "2", None, 'D "d", d', "07", "gold"),
        ("add", "e@example.com", "2", None, None, "12", None),
        ("update", "f@example.com", "2", None, "F", "1", "é𝄞"),
        ("add", "g@example.com", "3", None, "G", "1", "x"),
        ("forget", "h@example.com", None, None, None, None, None),  # type: ignore[list-item]
    ]
    names = ("op", "key", "number", "contact_id", *(f"after:{field}" for field in FIELDS))
    table = tables.table(session, {name: [row[at] for row in rows] for at, name in enumerate(names)})
    path = tmp_path / "changes.parquet"
    session.copy_to_parquet(f"SELECT *, number::INTEGER AS batch FROM {identifier(table)} ORDER BY batch, key", path)
    return path


def dropped(session: Session, path: Path, *rows: tuple[str, str, str]) -> Path:
    """rows: op, key, now."""
    columns = {name: [row[at] for row in rows] for at, name in enumerate(("op", "key", "now"))}
    table = tables.table(session, {**columns, "reason": ["any"] * len(rows)})
    session.copy_to_parquet(f"SELECT key, op, reason, now FROM {identifier(table)}", path)
    return path


def test_a_csv_body_starts_with_the_names_of_the_import(session: Session, changes: Path, tmp_path: Path) -> None:
    only = tmp_path / "only.parquet"
    session.copy_to_parquet("SELECT unnest(['f@example.com', 'd@example.com', 'x@example.com']) AS key", only)
    body = BodyWriter(session).import_body(changes, FIELDS, CSV, (), only)
    assert body.rows.decode() == (
        "email,first_name,birthday_day,cf:tier\n"
        '"f@example.com","F","1","é𝄞"\n'
        '"d@example.com","D ""d"", d","07","gold"\n'
    )
    assert body.count == 2


def test_a_json_body_leaves_out_what_is_to_be_left_alone_and_counts_in_numbers(session: Session, changes: Path) -> None:
    body = BodyWriter(session).import_body(changes, FIELDS, JSON, (), None)
    assert json.loads(body.rows) == [
        {"email": "f@example.com", "first_name": "F", "birthday_day": 1, "cf:tier": "é𝄞"},
        {"email": "d@example.com", "first_name": 'D "d", d', "birthday_day": 7, "cf:tier": "gold"},
        {"email": "e@example.com", "birthday_day": 12},
    ]


def test_who_was_dropped_by_any_look_is_left_out_and_who_is_merely_there_is_not(
    session: Session, changes: Path, tmp_path: Path
) -> None:
    first = dropped(
        session, tmp_path / "1", ("add", "d@example.com", "present"), ("add", "e@example.com", "unsubscribed")
    )
    second = dropped(session, tmp_path / "2", ("update", "f@example.com", "gone"), ("update", "d@example.com", "gone"))
    body = BodyWriter(session).import_body(changes, FIELDS, JSON, (first, second), None)
    assert [row["email"] for row in json.loads(body.rows)] == ["d@example.com"]


@pytest.mark.parametrize(("batch", "rows"), [(CSV, b"email,first_name,birthday_day,cf:tier\n"), (JSON, b"[]")])
def test_a_batch_of_which_nobody_is_left_has_no_rows(
    session: Session, changes: Path, tmp_path: Path, batch: Batch, rows: bytes
) -> None:
    gone = [("add", "d@example.com", "gone"), ("add", "e@example.com", "gone"), ("update", "f@example.com", "gone")]
    body = BodyWriter(session).import_body(changes, FIELDS, batch, (dropped(session, tmp_path / "d", *gone),), None)
    assert (body.count, body.rows) == (0, rows)


def ids_file(session: Session, path: Path, **ids: str) -> Path:
    """ids: name → contact id."""
    columns = {"key": [f"{name}@example.com" for name in ids], "contact_id": list(ids.values())}
    session.copy_to_parquet(f"FROM {identifier(tables.table(session, columns))} ORDER BY key", path)
    return path


def test_removals_are_named_by_the_ids_of_the_run_and_never_by_those_of_the_plan(
    session: Session, changes: Path, tmp_path: Path
) -> None:
    writer = BodyWriter(session)
    assert writer.removal_ids(changes, REMOVAL, (), None, None) == ()
    seen, ids = ids_file(session, tmp_path / "seen", a="new-a"), tmp_path / "ids.parquet"
    wanted = writer.unresolved(changes, (), seen)
    assert wanted == ("b@example.com", "c@example.com")
    pages = iter([(("B@Example.com ", "id-b"), ("a@example.com", "other")), (), (("b@example.com", "id-b"),)])
    assert writer.write_ids(pages, wanted, seen, ids) == 2
    assert tables.read(session, ids) == [
        {"key": "a@example.com", "contact_id": "new-a"},
        {"key": "b@example.com", "contact_id": "id-b"},
    ]
    assert writer.removal_ids(changes, REMOVAL, (), ids, None) == ("new-a", "id-b")
    gone = dropped(session, tmp_path / "d", ("remove", "b@example.com", "gone"), ("remove", "c@example.com", "gone"))
    assert writer.removal_ids(changes, REMOVAL, (gone,), ids, None) == ("new-a",)
    assert writer.unresolved(changes, (gone,), seen) == ()


def test_two_contacts_of_one_key_are_not_named(session: Session, tmp_path: Path) -> None:
    ids = tmp_path / "ids.parquet"
    pages = iter([(("jose\u0301@example.com", "id-1"), ("josé@example.com", "id-2"))])
    assert BodyWriter(session).write_ids(pages, ("josé@example.com",), None, ids) == 0


def test_a_second_try_of_a_removal_names_only_those_asked_for(session: Session, changes: Path, tmp_path: Path) -> None:
    only, ids = tmp_path / "only.parquet", ids_file(session, tmp_path / "ids", a="id-a", b="id-b")
    session.copy_to_parquet("SELECT 'b@example.com' AS key", only)
    assert BodyWriter(session).removal_ids(changes, REMOVAL, (), ids, only) == ("id-b",)


def test_two_people_with_one_contact_are_named_once(session: Session, changes: Path, tmp_path: Path) -> None:
    ids = ids_file(session, tmp_path / "ids", a="id", b="id")
    assert BodyWriter(session).removal_ids(changes, REMOVAL, (), ids, None) == ("id",)
