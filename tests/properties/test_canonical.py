"""The key rule in SQL is the key rule for single addresses, whatever the text."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.core.key import FORBIDDEN, SPACE, canonical_key, why_no_key
from ccsync.engine.canonical import filled_sql, key_sql, why_no_key_sql
from ccsync.engine.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

ODD = "@@@...()<>[],:  \t\n\0\u00a0\u200b\u3000\ufeffİıßẞΣςσÅÅé\u0301e\u0300K;;'\"\\%_-+"
texts = st.one_of(
    st.none(),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text(alphabet=ODD + "abzABZ019", max_size=60),
    st.from_regex(r"\s{0,2}[A-Za-z0-9.+ßİé]{1,45}@[A-Za-zΣ.]{1,12}\.[a-zA-Z]{2,4}\s{0,2}", fullmatch=True),
)

ASK = f"""
SELECT {key_sql("t")}, CASE WHEN ({key_sql("t")}) IS NULL THEN {why_no_key_sql("t")} END, {filled_sql("t")}
FROM (SELECT unnest(CAST(? AS VARCHAR[])) AS t)
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    workdir: Path = tmp_path_factory.mktemp("work")
    with Session(workdir, threads=1) as session:
        yield session


@settings(deadline=None)
@given(column=st.lists(texts, min_size=1, max_size=30))
def test_columns_and_single_addresses_agree(session: Session, column: list[str | None]) -> None:
    got = session.rows(ASK, [column])
    assert [row[:2] for row in got] == [(canonical_key(text), why_no_key(text)) for text in column]
    assert [row[2] for row in got] == [(text or "").strip(SPACE) or None for text in column]


@given(text=texts)
def test_the_key_of_a_key_is_itself(text: str | None) -> None:
    key = canonical_key(text)
    assert key is None or canonical_key(key) == key


def interesting(code: int) -> bool:
    """Whether something is done to the character, or might be; and a sample of the rest."""
    character = chr(code)
    changed = unicodedata.normalize("NFC", character.lower()) != character
    return changed or (unicodedata.category(character)[0] in "ZC" and code < 0x20000) or code % 101 == 0


def test_columns_and_single_addresses_agree_on_every_character_that_matters(session: Session) -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF and interesting(code)]
    column = [shape.format(character) for character in characters for shape in ("{}@b.example", "a@{}.example", " {}")]
    got = session.rows(ASK, [column])
    assert got == [(canonical_key(text), why_no_key(text), text.strip(SPACE) or None) for text in column]


def test_what_python_holds_for_white_space_is_white_space() -> None:
    assert set(SPACE) == {chr(i) for i in range(0x110000) if chr(i).isspace()}
    assert all(any(first <= ord(character) <= last for first, last in FORBIDDEN) for character in SPACE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna@Example.COM", "\u3000anna@example.com\n"),
        ("re\u0301ne@example.com", "RÉNE@example.com"),
        ("ΟΔΟΣ@example.com", "οδοσ@example.com"),
        ("İnfo@example.com", "info@example.com"),
    ],
)
def test_one_person_has_one_key(one: str, other: str) -> None:
    assert canonical_key(one) == canonical_key(other) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "missing_email"),
        ("", "missing_email"),
        ("\u00a0 \t", "missing_email"),
        ("anna", "invalid_email"),
        ("anna@example", "invalid_email"),
        ("@example.com", "invalid_email"),
        ("anna@.example.com", "invalid_email"),
        ("anna@example.com.", "invalid_email"),
        ("anna@example..com", "invalid_email"),
        ("an na@example.com", "invalid_email"),
        ("an\u200bna@example.com", "invalid_email"),
        ("an\0na@example.com", "invalid_email"),
        ("a@b@example.com", "invalid_email"),
        ("a" * 60, "invalid_email"),
        ("a" * 39 + "@example.com", "email_too_long"),
        ("a" * 38 + "@example.com", None),
        ("é" * 38 + "@example.com", None),
    ],
)
def test_an_address_without_a_key_has_its_reason(text: str | None, why: str | None) -> None:
    assert why_no_key(text) == why
    assert (canonical_key(text) is None) is (why is not None)


@pytest.mark.parametrize("sign", "()<>[],;:\\")
def test_signs_that_stand_around_and_between_addresses_are_in_none(sign: str) -> None:
    assert canonical_key(f"a{sign}b@example.com") is None
    assert canonical_key(f"ab@exa{sign}mple.com") is None


@pytest.mark.parametrize("address", ["a..b@example.com", "a.@example.com", "o'brien+x@example.com", "{a}|b@x.example"])
def test_odd_addresses_that_hosts_do_give_are_usable(address: str) -> None:
    assert canonical_key(address) == address
