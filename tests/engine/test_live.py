"""Export files of the remote side: read whole or refused, one row a person."""

from pathlib import Path

import pytest
from ccsync.engine.live import load_people
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.errors import RemoteError, StorageError
from ccsync.ports.live import LiveFile

EMAIL = {"email": "Email address"}


def file(tmp_path: Path, text: str | bytes, columns: dict[str, str] | None = None, rows: int | None = None) -> LiveFile:
    path = tmp_path / "export.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return LiveFile(path, columns or EMAIL, rows)


def people(session: Session, live: LiveFile, *fields: str) -> list[tuple[object, ...]]:
    found = load_people(session, live, fields)
    columns = "".join(f", {identifier(field)}" for field in found.fields)
    rows = session.rows(f"SELECT key, contact_id, unsubscribed{columns} FROM {identifier(found.relation)} ORDER BY key")
    assert found.size == len(rows)
    return rows


def test_addresses_become_keys_and_cells_lose_their_blanks(session: Session, tmp_path: Path) -> None:
    text = 'Email address,First name,Tags\n Ann@Example.COM ,"  Ann ",x\nbob@example.com,  ,y\n'
    live = file(tmp_path, text, {**EMAIL, "first_name": "First name"})
    assert people(session, live, "first_name", "last_name") == [
        ("ann@example.com", None, False, "Ann"),
        ("bob@example.com", None, False, None),
    ]


def test_any_place_of_the_address_and_any_heading_will_do(session: Session, tmp_path: Path) -> None:
    headings = {"email": 'E-mail, "primary"', "contact_id": "Id", "cf:a b": "A\nB"}
    live = file(tmp_path, '"A\nB","E-mail, ""primary""",Id\nx,ann@example.com,id-1\n', headings)
    assert people(session, live, "cf:a b") == [("ann@example.com", "id-1", False, "x")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_byte_order_marks_and_quoted_line_breaks_are_read(
    session: Session, tmp_path: Path, end: str, bom: bytes
) -> None:
    text = f'Email address,First name{end}ann@example.com,"An{end}n"{end}bob@example.com,Bob{end}'
    live = file(tmp_path, bom + text.encode(), {**EMAIL, "first_name": "First name"})
    assert people(session, live, "first_name") == [
        ("ann@example.com", None, False, f"An{end}n"),
        ("bob@example.com", None, False, "Bob"),
    ]


def test_a_person_listed_twice_is_one_and_an_opt_out_of_either_counts(session: Session, tmp_path: Path) -> None:
    text = "Email address,Status\nANN@example.com,Implicit\nann@example.com,Unsubscribed\nann@example.com,\n"
    assert people(session, file(tmp_path, text, {**EMAIL, "status": "Status"})) == [("ann@example.com", None, True)]


def test_of_two_contacts_with_one_key_none_is_named(session: Session, tmp_path: Path) -> None:
    text = "Email address,Id\nANN@example.com,1\nann@example.com,2\nbob@example.com,3\nBOB@example.com,3\n"
    assert people(session, file(tmp_path, text, {**EMAIL, "contact_id": "Id"})) == [
        ("ann@example.com", None, False),
        ("bob@example.com", "3", False),
    ]


def test_rows_without_an_address_are_left_out_but_count_as_rows(session: Session, tmp_path: Path) -> None:
    live = file(tmp_path, "Email address,Phone\n,555\nann@example.com,\n", rows=2)
    assert people(session, live) == [("ann@example.com", None, False)]


def test_addresses_too_odd_for_us_are_members_all_the_same(session: Session, tmp_path: Path) -> None:
    long = "x" * 60 + "@example.com"
    assert people(session, file(tmp_path, f"Email address\nJosé@example.com\n{long}\n")) == [
        ("josé@example.com", None, False),
        (long, None, False),
    ]


def test_a_file_with_a_header_only_is_an_empty_list(session: Session, tmp_path: Path) -> None:
    assert people(session, file(tmp_path, "Email address,First name\n", rows=0)) == []


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("Email address,First name\nann@example.com,Ann\n", 2, id="fewer rows than announced"),
        pytest.param("Email address,First name\nann@example.com,Ann\nbob@exa", None, id="cut off inside a row"),
        pytest.param('Email address,First name\nann@example.com,"An', None, id="cut off inside quotes"),
        pytest.param("Email address,First name\nann@example.com,Ann,more\n", None, id="more cells than headings"),
        pytest.param("<html><body>Sorry</body></html>\n", None, id="not the file at all"),
        pytest.param("", None, id="empty"),
        pytest.param(b"Email address,First name\nann@example.com,\xff\xfe\n", None, id="not UTF-8"),
        pytest.param(b"Email address\xff,First name\n", None, id="header not UTF-8"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_without_a_word_of_its_data(
    session: Session, tmp_path: Path, text: str | bytes, rows: int | None
) -> None:
    with pytest.raises(RemoteError) as refused:
        load_people(session, file(tmp_path, text, rows=rows))
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "E650"
    assert "ann@" not in str(diagnostic)
    assert "Ann" not in str(diagnostic)


def test_a_file_that_is_gone_is_a_matter_of_the_disk(session: Session, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        load_people(session, LiveFile(tmp_path / "none.csv", EMAIL))
