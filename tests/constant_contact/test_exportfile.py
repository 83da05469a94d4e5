"""Is a downloaded file a whole export, how many people are in it, and what stands under which heading."""

import csv
import io
from pathlib import Path

import pytest
from ccsync.constant_contact import exportfile
from ccsync.constant_contact.exportfile import NotWhole, shape_of
from ccsync.constant_contact.headings import asked_fields, columns
from ccsync.core.fields import Definition
from ccsync.ports.live import CustomField
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = ["Email address", "First name"]
values = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(values, values), max_size=20),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ending=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    final=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_rows_are_counted_as_a_csv_reader_counts_them(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    quoting: int,
    ending: str,
    bom: bool,
    final: bool,
    chunk: int,
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=ending).writerows([HEADER, *rows])
    content = text.getvalue()
    if not final:
        content = content.removesuffix(ending)
    path = tmp_path_factory.mktemp("export") / "x.csv"
    path.write_bytes(content.encode("utf-8-sig" if bom else "utf-8"))
    before, exportfile.CHUNK = exportfile.CHUNK, chunk
    try:
        shape = shape_of(path)
    finally:
        exportfile.CHUNK = before
    assert shape.header == tuple(HEADER)
    assert shape.rows == len(rows)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n <html>", "web page"),
        (b'Email address,First name\r\na@example.com,"An', "middle of a quoted value"),
        (b"Email address\r\nJos\xe9@example.com\r\n", "not UTF-8"),
        (b"Email address\r\nJos\xc3", "middle of a character"),
        ("Email address\na@example.com\n".encode("utf-16"), "not UTF-8"),
        (b'"Email address', "can't be read"),
    ],
)
def test_what_is_no_whole_export_is_said(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(NotWhole, match=why):
        shape_of(path)


def test_a_million_rows_are_counted_in_little_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("w") as file:
        file.write('"Email address","First name"\n')
        file.writelines(f'"person{number}@example.com","Given ""x"" name"\n' for number in range(100_000))
    assert shape_of(path).rows == 100_000


# ---------------------------------------------------------------- headings


@pytest.mark.parametrize(
    "heading",
    ["Email address", "Email Address", "email_address", "E-mail address", "EMAIL", "\ufeffEmail address", " Email "],
)
def test_the_address_is_found_in_every_spelling(heading: str) -> None:
    assert columns([heading, "x"], (), ()) == {"email": heading}


def test_without_an_address_there_is_nothing() -> None:
    assert columns(["First name"], ["first_name"], ()) == {}


def test_statuses_and_ids_are_found() -> None:
    header = ["Contact ID", "Email address", "Email status", "Email permission status"]
    assert columns(header, (), ()) == {
        "email": "Email address", "contact_id": "Contact ID", "status": "Email status",
        "permission": "Email permission status",
    }  # fmt: skip
    assert columns(header[1:2] + header[3:], (), ())["status"] == "Email permission status"


def test_headings_of_people_are_found_for_the_fields_wanted_only() -> None:
    header = ["Email address", "First name", "Company", "Phone - mobile", "Street address line 1 - Home", "City - Work"]
    wanted = ["first_name", "company_name", "mobile_phone", "street", "work_city", "last_name", "anniversary"]
    assert columns(header, wanted, ()) == {
        "email": "Email address", "first_name": "First name", "company_name": "Company",
        "mobile_phone": "Phone - mobile", "street": "Street address line 1 - Home", "work_city": "City - Work",
    }  # fmt: skip
    assert columns(header, ["job_title"], ()) == {"email": "Email address"}


def test_a_street_with_a_second_line_is_not_compared() -> None:
    header = ["Email address", "Street address line 1 - Home"]
    assert "street" not in columns(header, ["street", "street2"], ())


def custom(name: str, label: str) -> CustomField:
    return CustomField("id-" + name, name, label, Definition("string"))


def test_custom_fields_are_found_by_label_unless_it_could_mean_two_things() -> None:
    known = [
        custom("tier", "Tier!"),
        custom("a", "Same"),
        custom("b", "same"),
        custom("c", "First name"),
        custom("d", "X"),
    ]
    header = ["Email address", "First name", "tier", "Same", "X", "x"]
    wanted = [f"cf:{name}" for name in ("tier", "a", "b", "c", "d", "nobody")]
    assert columns(header, wanted, known) == {"email": "Email address", "cf:tier": "tier"}


def test_of_two_address_columns_the_first_is_the_accounts_own() -> None:
    assert columns(["Email address", "Email Address"], (), ())["email"] == "Email address"


def test_a_heading_that_stands_twice_is_left_out() -> None:
    assert "first_name" not in columns(["Email address", "First name", "First Name"], ["first_name"], ())


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ([], ("email_address",)),
        (["last_name", "first_name"], ("email_address", "last_name", "first_name")),
        (["first_name", "cf:tier"], ()),
        (["phone"], ()),
        (["city"], ()),
    ],
)
def test_columns_are_named_when_all_can_be(fields: list[str], asked: tuple[str, ...]) -> None:
    assert asked_fields(fields) == asked
