"""Cutting at the vendor's real caps, at and past each limit."""

import pytest
from ccsync.core.batch import MAX_CSV_ROWS, MAX_JSON_ROWS, BatchKind, Transport, max_row_bytes
from ccsync.engine.batches import Caps, Cut, cut
from ccsync.engine.encode import after, csv_header
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError
from ccsync.ports.desired import Relation


def changes(session: Session, rows: int, op: str, *columns: str) -> Relation:
    """columns: SQL of the fields, over the number `i` of a row."""
    relation = session.fresh_name("changes")
    session.execute(
        f"CREATE TEMP TABLE {identifier(relation)} AS SELECT 'p' || format('{{:07d}}', i) || '@example.com' AS key,"
        f" {op} AS op, true AS send{''.join(f', {column}' for column in columns)} FROM range({rows}) AS t(i)"
    )
    return relation


def sizes(found: Cut) -> list[tuple[str, int]]:
    return [(str(batch.transport or batch.kind), batch.rows) for batch in found.batches]


@pytest.mark.parametrize(("rows", "batches"), [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1000, [500, 500])])
def test_removals_go_five_hundred_a_call(session: Session, rows: int, batches: list[int]) -> None:
    assert sizes(cut(session, changes(session, rows, "'remove'"), ())) == [("removal", size) for size in batches]


def test_a_csv_import_holds_one_row_less_than_its_lines(session: Session) -> None:
    assert sizes(cut(session, changes(session, MAX_CSV_ROWS, "'add'"), ())) == [("csv", 39_999)]
    assert sizes(cut(session, changes(session, MAX_CSV_ROWS + 1, "'add'"), ())) == [("csv", 39_999), ("csv", 1)]


def test_a_json_import_holds_forty_thousand(session: Session) -> None:
    table = changes(session, MAX_JSON_ROWS + 1, "'add'", f"'x' AS {after('home_city')}")
    assert sizes(cut(session, table, ("home_city",))) == [("json", 40_000), ("json", 1)]


def test_bytes_are_counted_as_encoded_and_filled_to_the_last(session: Session) -> None:
    fields = ("first_name",)
    line = len('"p0000000@example.com","') + len('"\n') + 4 * 50  # 50 characters of four bytes
    frame = len(csv_header(fields))
    fit = (max_row_bytes() - frame) // line
    table = changes(session, fit + 1, "'add'", f"repeat('𝄞', 50) AS {after('first_name')}")
    found = cut(session, table, fields)
    assert sizes(found) == [("csv", fit), ("csv", 1)]
    assert found.batches[0].bytes == frame + fit * line <= max_row_bytes() < frame + (fit + 1) * line


def test_rows_that_csv_can_not_say_travel_as_json_and_members_before_new_people(session: Session) -> None:
    table = changes(
        session,
        8,
        "CASE WHEN i % 2 = 0 THEN 'add' ELSE 'update' END",
        f"CASE WHEN i < 4 THEN 'Ann' WHEN i < 6 THEN NULL ELSE 'A' || chr(10) END AS {after('first_name')}",
    )
    found = cut(session, table, ("first_name",), Caps(csv_rows=2, json_rows=2))
    assert [(batch.transport, batch.rows, batch.members) for batch in found.batches] == [
        (Transport.CSV, 2, 2),
        (Transport.JSON, 2, 2),
        (Transport.CSV, 2, 0),
        (Transport.JSON, 2, 0),
    ]


def test_imports_are_numbered_after_removals(session: Session) -> None:
    found = cut(session, changes(session, 1002, "CASE WHEN i < 501 THEN 'remove' ELSE 'add' END"), ())
    assert [(batch.number, batch.kind) for batch in found.batches] == [
        (1, BatchKind.REMOVAL),
        (2, BatchKind.REMOVAL),
        (3, BatchKind.IMPORT),
    ]


def test_a_row_that_no_request_can_hold_stops_the_plan(session: Session) -> None:
    table = changes(session, 1, "'add'", f"repeat('x', 4000000) AS {after('first_name')}")
    with pytest.raises(CcsyncError, match="E904"):
        cut(session, table, ("first_name",))
