"""The session: clean at exit, private files, no data in errors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError, StorageError


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(tmp_path / "work", memory_limit="200MB", threads=2) as session:
        yield session


@pytest.mark.parametrize("name", ["plain", 'with "quotes"', "a b", "select", "ünï", "semi;colon", "cf:tier"])
def test_an_identifier_of_any_name_is_that_column(session: Session, name: str) -> None:
    session.execute(f"CREATE TABLE t AS SELECT 1 AS {identifier(name)}")
    assert session.rows("SELECT column_name FROM (DESCRIBE t)") == [(name,)]


def test_a_literal_is_its_text(session: Session) -> None:
    text = "O'Brien; -- \\ \" \n"
    assert session.scalar(f"SELECT {literal(text)}") == text


@pytest.mark.parametrize("quote", [identifier, literal])
def test_what_sql_can_not_hold_is_refused(quote: object) -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")  # type: ignore[operator]


def test_fresh_names_are_never_given_twice(session: Session) -> None:
    assert len({session.fresh_name("t") for _ in range(100)}) == 100


def test_times_are_utc(session: Session) -> None:
    assert session.scalar("SELECT CAST(TIMESTAMPTZ '2026-01-01 00:00:00+02' AS VARCHAR)") == "2025-12-31 22:00:00+00"


def test_no_extension_is_ever_fetched(session: Session) -> None:
    settings = "SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions')"
    assert session.row(settings) == (False, False)


def test_parquet_is_private_whatever_the_umask_and_equal_for_equal_rows(session: Session, tmp_path: Path) -> None:
    session.execute("CREATE TABLE t AS SELECT 'k' || i AS key FROM range(300000) r(i)")
    contents = set()
    old = os.umask(0)
    try:
        for name in ("a", "b", "a"):
            path = tmp_path / f"{name}.parquet"
            session.copy_to_parquet("SELECT key FROM t WHERE key <> ? ORDER BY key", path, ["k7"])
            assert path.stat().st_mode & 0o777 == 0o600
            contents.add(path.read_bytes())
    finally:
        os.umask(old)
    assert len(contents) == 1


def test_a_folder_that_is_gone_is_trouble_with_the_disk(session: Session, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="E713"):
        session.copy_to_parquet("SELECT 1 AS a", tmp_path / "nowhere" / "a.parquet")


def test_an_error_of_a_query_holds_no_data(session: Session) -> None:
    with pytest.raises(CcsyncError) as caught:
        session.rows("SELECT CAST('anna@example.com' AS INTEGER)")
    assert "anna" not in str(caught.value)
    assert "anna" not in repr(caught.value.diagnostics)
    assert caught.value.__cause__ is None


def test_tables_can_be_dropped_twice(session: Session) -> None:
    name = session.fresh_name("t")
    session.execute(f"CREATE TABLE {identifier(name)} AS SELECT 1 AS a")
    assert session.count(name) == 1
    session.drop(name, name)


LEAVES_NOTHING = """
import sys
from pathlib import Path
from ccsync.engine.session import Session
session = Session(Path(sys.argv[1]), memory_limit="100MB", threads=1)
session.execute("CREATE TABLE t AS SELECT 1 AS a")
session.rows("SELECT * FROM t")
if sys.argv[2] == "closed":
    session.close()
    session.close()
"""


@pytest.mark.parametrize("end", ["closed", "left open"])
def test_the_interpreter_ends_without_a_word(tmp_path: Path, end: str) -> None:
    command = [sys.executable, "-c", LEAVES_NOTHING, str(tmp_path / "work"), end]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
