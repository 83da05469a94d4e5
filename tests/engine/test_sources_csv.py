"""CSV sources: strict, whatever the file does."""

import gzip
import os
from collections.abc import Callable
from functools import partial

import pytest
from ccsync.errors import InvalidError

from tests.engine.projects import Bench, codes, everything_said, export, source, table

ANNA, BOB = ("anna@example.com", "Anna"), ("bob@example.com", "Bob")


@pytest.mark.parametrize(
    "content",
    [
        "email,first\nanna@example.com,Anna\nbob@example.com,Bob\n",
        "email,first\nanna@example.com,Anna\nbob@example.com,Bob",
        "email,first\r\nanna@example.com,Anna\r\nbob@example.com,Bob\r\n",
        "\ufeffemail,first\nanna@example.com,Anna\nbob@example.com,Bob\n",
        '\ufeff"email","first"\r\n"anna@example.com","Anna"\r\n"bob@example.com","Bob"\r\n',
        "first,email\nAnna,anna@example.com\n\nBob,bob@example.com\n",
        "EMail,FIRST\nanna@example.com,Anna\nbob@example.com,Bob\n",
    ],
)
def test_the_same_people_in_any_dress_of_csv(bench: Bench, content: str) -> None:
    assert bench.people(source("csv", bench.write("a.csv", content))) == [ANNA, BOB]


def test_quotes_hold_delimiters_line_breaks_and_quotes(bench: Bench) -> None:
    content = 'email,first\na@example.com,"Ann ""A"", B"\nb@example.com,"two\nlines"\n'
    people = bench.people(source("csv", bench.write("a.csv", content)))
    assert people == [("a@example.com", 'Ann "A", B'), ("b@example.com", "two\nlines")]


def test_options_say_how_to_read(bench: Bench) -> None:
    content = "email;first\nanna@example.com;'An;na'\nbob@example.com;-\n"
    options = {"delimiter": ";", "quote": "'", "escape": "'", "null_text": "-"}
    people = bench.people(source("csv", bench.write("a.csv", content), **options))
    assert people == [("anna@example.com", "An;na"), ("bob@example.com", None)]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_read_when_declared(bench: Bench, encoding: str) -> None:
    content = "email,first\nanna@example.com,Änne\n".encode(encoding)
    people = bench.people(source("csv", bench.write("a.csv", content), encoding=encoding))
    assert people == [("anna@example.com", "Änne")]


def test_without_a_header_columns_are_numbered(bench: Bench) -> None:
    one = source("csv", bench.write("a.csv", "\ufeffanna@example.com,Anna\n"), header=False)
    from_query = table(query="SELECT column0 AS email, column1 AS first FROM source")
    assert bench.people(one, from_query) == [ANNA]


def test_a_compressed_file_is_read(bench: Bench) -> None:
    name = bench.write("a.csv.gz", gzip.compress(b"email,first\nanna@example.com,Anna\n"))
    assert bench.people(source("csv", name)) == [ANNA]


def test_texts_that_look_like_numbers_stay_texts(bench: Bench) -> None:
    people = bench.people(source("csv", bench.write("a.csv", "email,first\na@example.com,007\nb@example.com,1e3\n")))
    assert [first for _, first in people] == ["007", "1e3"]


def test_files_of_a_glob_are_one_source_in_any_order_of_columns(bench: Bench) -> None:
    bench.write("data/b.csv", "first,email\nBob,bob@example.com\n")
    bench.write("data/a.csv", "email,first\nanna@example.com,Anna\n")
    desired = bench.desired(source("csv", "data/*.csv"))
    assert bench.rows(desired.relation) == [ANNA, BOB]
    assert desired.sources[0].files == (("data/a.csv", 34), ("data/b.csv", 32))
    assert desired.sources[0].rows == 2


def test_a_header_without_rows_is_nobody(bench: Bench) -> None:
    desired = bench.desired(source("csv", bench.write("a.csv", "email,first\n")))
    assert (desired.size, desired.rows, desired.blocking) == (0, 0, 0)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("email,first\nanna@example.com\n", "E415", 2),
        ("email,first\nbob@example.com,Bob\nanna@example.com,Anna,secret\n", "E415", 3),
        ('email,first\nanna@example.com,"secret\n', "E415", 2),
        ('email,first\nbob@example.com,Bob\n"anna"secret,x\n', "E415", 3),
        (b"email,first\nanna@example.com,secret\xff\n", "E417", None),
        (b"email,first\n" + b"b@example.com,B\n" * 100_000 + b"anna@example.com,secret\xff\n", "E417", 100_002),
        (b"email,first\nanna@example.com," + b"x" * 3_000_000 + b"\nb@example.com,B\n", "E418", 2),
        ("email,first,Email\nanna@example.com,secret,x\n", "E414", 1),
        ("email,,first\nanna@example.com,x,secret\n", "E414", 1),
        ("", "E414", 1),
        ("email,fi\0rst\nanna@example.com,secret\n", "E417", 1),
        ("email,first\nanna@example.com,sec\0ret\n", "E417", None),
        ("email,first\r\nanna@example.com,secret\nb@example.com,B\r\n", "E415", None),
        ("email,first\nanna@example.com,secret\n".encode("utf-16"), "E417", None),
    ],
)
def test_a_file_that_can_not_be_trusted_is_refused_with_its_place(
    bench: Bench, content: str | bytes, code: str, line: int | None
) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", bench.write("a.csv", content)))
    assert codes(caught.value) == [code]
    where = caught.value.diagnostics[0].where
    if line is not None:
        assert where is not None
        assert (where.file, where.line) == ("a.csv", line)
    assert "secret" not in everything_said(caught.value)
    assert "anna" not in everything_said(caught.value)


def test_a_huge_value_is_refused_and_no_crash(bench: Bench) -> None:
    huge = b"anna@example.com," + b"x" * 52_000_000 + b"\n"
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", bench.write("a.csv", b"email,first\n" + huge + b"b@example.com,B\n")))
    assert codes(caught.value) == ["E418"]


@pytest.mark.parametrize("pack", [bytes, partial(gzip.compress, compresslevel=1)])
@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n\r\n"])
def test_a_huge_last_row_is_not_passed_over(bench: Bench, pack: Callable[[bytes], bytes], end: bytes) -> None:
    content = pack(b"email,first\nb@example.com,B\nanna@example.com," + b"x" * 40_000_000 + end)
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", bench.write("a.csv" if pack is bytes else "a.csv.gz", content)))
    assert codes(caught.value) == ["E418"]


@pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(b"email,first\nb@example.com,B\n" * 1000)[:-20]])
def test_a_damaged_compressed_file_is_refused(bench: Bench, content: bytes) -> None:
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", bench.write("a.csv.gz", content)))
    assert codes(caught.value) == ["E416"]


def test_columns_that_differ_from_file_to_file_are_refused(bench: Bench) -> None:
    bench.write("data/a.csv", "email,first\nanna@example.com,Anna\n")
    bench.write("data/b.csv", "email,name\nbob@example.com,Bob\n")
    with pytest.raises(InvalidError) as caught:
        bench.desired(source("csv", "data/*.csv"))
    (problem,) = caught.value.diagnostics
    assert (problem.code, str(problem.where)) == ("E413", "data/b.csv:1")
    assert "lacks first and has name besides" in str(problem.detail)


@pytest.mark.parametrize("path", ["nowhere.csv", "nowhere/*.csv"])
def test_a_file_that_is_not_there_is_named(bench: Bench, path: str) -> None:
    with pytest.raises(InvalidError, match=r"E401 source crm: no file at nowhere") as caught:
        bench.desired(source("csv", path))
    assert caught.value.diagnostics[0].hint


def test_a_path_that_would_be_taken_for_a_pattern_is_refused(bench: Bench) -> None:
    bench.write("a[1].csv", "email,first\n")
    with pytest.raises(InvalidError, match="E401"):
        bench.desired(source("csv", "a[[]1].csv"))


def test_a_file_that_changed_since_it_was_opened_is_refused(bench: Bench) -> None:
    one = source("csv", bench.write("a.csv", "email,first\nanna@example.com,Anna\n"))
    wanted = export()
    engine = bench.engine(one, [table()], [wanted])
    engine.desired(wanted)
    status = (bench.root / "a.csv").stat()
    bench.write("a.csv", "email,first\nanna@example.com,Anne\n")
    os.utime(bench.root / "a.csv", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(InvalidError) as caught:
        engine.desired(wanted)
    assert codes(caught.value) == ["E421"]
    assert str(caught.value.diagnostics[0].where) == "a.csv"


def test_a_million_bytes_of_quoted_line_breaks_are_read_whole(bench: Bench) -> None:
    rows = "".join(f'u{i}@example.com,"a\nb\n""{i}"""\n' for i in range(60_000))
    desired = bench.desired(source("csv", bench.write("a.csv", "email,first\n" + rows)))
    assert desired.size == 60_000
    assert bench.session.scalar(f"SELECT count(DISTINCT first_name) FROM {desired.relation}") == 60_000


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_header_that_was_not_taken_apart_points_to_the_delimiter(bench: Bench, mark: str) -> None:
    bench.write("people.csv", "email,first,consent\n".replace(",", mark))
    with pytest.raises(InvalidError, match="E402") as caught:
        bench.desired(source("csv", "people.csv"), table(where="consent = 'yes'"))
    assert "`delimiter`" in str(caught.value.diagnostics[0].hint)
    with pytest.raises(InvalidError, match="E402") as caught:
        bench.desired(source("csv", "people.csv", delimiter=mark), table(where="consnet = 'yes'"))
    assert 'did you mean "consent"' in str(caught.value.diagnostics[0].hint)
