"""The SQL formatters spell values as a few lines of plain Python do, and leave alone what they have spelled."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import duckdb
import pytest
from ccsync.core.fields import FieldSpec, Kind
from ccsync.engine.formats import format_sql, given_sql
from hypothesis import given, settings
from hypothesis import strategies as st

LABELS = ("Tea", "wine", "Red Wine", "Ω mega", "a;b", "x,y", "Dup", "DUP", "O'Neil")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def formatted(
    database: duckdb.DuckDBPyConnection, texts: Sequence[str], spec: FieldSpec, **how: bool
) -> list[str | None]:
    given = f"SELECT n, {given_sql('text', spec)} AS text FROM (SELECT unnest($1::VARCHAR[]) AS text, unnest($2) AS n)"
    sql = f"SELECT {format_sql('text', spec, **how)} FROM ({given}) ORDER BY n"
    return [value for (value,) in database.execute(sql, [list(texts), list(range(len(texts)))]).fetchall()]


def spec(kind: Kind, decimals: int = 4, *, negative: bool = True) -> FieldSpec:
    return FieldSpec("cf:x", 255, in_csv=True, kind=kind, decimals=decimals, negative=negative, choices=LABELS)


# ---------------------------------------------------------------- the same in Python


def a_number(text: str, decimals: int, *, negative: bool) -> str | None:
    if not re.fullmatch(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", text):
        return None
    try:
        rounded = Decimal(text).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        return None
    if rounded < 0 and not negative:
        return None
    plain = f"{rounded:f}"
    plain = plain.rstrip("0").rstrip(".") if decimals else plain
    return "0" if plain.lstrip("-") in ("", "0") else plain


_DATES = (
    r"(?P<y>[1-9]\d{3})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    r"(?P<y>[1-9]\d{3})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
    r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>[1-9]\d{3})",
    r"(?P<m>\d{1,2})-(?P<d>\d{1,2})-(?P<y>[1-9]\d{3})",
)


def a_date(text: str) -> date | None:
    text = re.sub(
        r"^(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?$", r"\1", text, flags=re.ASCII
    )
    for pattern in _DATES:
        found = re.fullmatch(pattern, text, re.ASCII)
        if found:
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                return None
    return None


def a_boolean(text: str) -> str | None:
    words = {"true": "true", "t": "true", "yes": "true", "y": "true", "1": "true"}
    words |= {"false": "false", "f": "false", "no": "false", "n": "false", "0": "false"}
    return words.get(text.lower())


def a_choice(text: str, labels: Sequence[str] = LABELS) -> str | None:
    if text in labels:
        return text
    alike = [label for label in labels if label.lower() == text.lower()]
    return alike[0] if len(alike) == 1 else None


def some_choices(text: str) -> str | None:
    labels = [label for label in LABELS if "," not in label]
    try:
        parts = json.loads(text) if text.startswith("[") else None
    except ValueError:
        parts = None
    if parts is None:
        parts = [text] if a_choice(text, labels) else text.split("," if "," in text else ";")
    named = [a_choice(part.strip(), labels) for part in parts if part.strip()]
    if any(name is None for name in named):
        return None
    return ",".join(sorted({name for name in named if name}, key=lambda name: name.encode())) or None


# ---------------------------------------------------------------- texts

digits = st.text("0123456789", max_size=12)
numbers = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "-", "+"]), digits),
    st.builds("{}{}.{}".format, st.sampled_from(["", "-"]), digits, digits),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12).map(repr),
    st.sampled_from(["1e3", "1,000", "½", "1 2", "٣", "0x10", "9" * 40, "-0.00004", "1e-7", "€ 5", "--1", "."]),
)
days = st.builds(
    lambda form, y, m, d: form.format(y=y, m=m, d=d),
    st.sampled_from(["{y}-{m}-{d}", "{y:04}-{m:02}-{d:02}", "{m}/{d}/{y}", "{y}/{m}/{d}", "{m}-{d}-{y}", "{d}.{m}.{y}",
                     "{y:04}-{m:02}-{d:02}T10:11:12", "{y:04}-{m:02}-{d:02} 23:59:59.5+02"]),
    st.integers(900, 9999), st.integers(0, 13), st.integers(0, 32),
)  # fmt: skip
words = st.sampled_from(["true", "TRUE", "Yes", "n", "0", "1", "2", "ja", "t", "False"])
parts = st.sampled_from([*LABELS, "tea", "TEA", "dup", "red wine", "ω mega", "nothing", " Tea "])
lists = st.one_of(
    parts.map(str.strip),
    st.builds(lambda sep, some: sep.join(some).strip(), st.sampled_from([",", ";", ", "]), st.lists(parts, min_size=1)),
    st.lists(parts).map(json.dumps),
    st.sampled_from(["[", "[]", "[Tea]", ";", '["Tea"', ","]),
)

CASES: dict[str, tuple[FieldSpec, st.SearchStrategy[str], Callable[[str], str | None]]] = {
    "whole number": (spec(Kind.NUMBER, 0), numbers, lambda text: a_number(text, 0, negative=True)),
    "money": (spec(Kind.NUMBER, 2), numbers, lambda text: a_number(text, 2, negative=True)),
    "not below zero": (
        spec(Kind.NUMBER, 4, negative=False),
        numbers,
        lambda text: a_number(text, 4, negative=False),
    ),
    "date": (spec(Kind.DATE), days, lambda text: str(a_date(text)) if a_date(text) else None),
    "boolean": (spec(Kind.BOOLEAN), words, a_boolean),
    "choice": (spec(Kind.CHOICE), parts.map(str.strip), a_choice),
    "choices": (spec(Kind.CHOICES), lists, lambda text: some_choices(text) if text.strip('[]",; ') else None),
}


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=8)
@given(data=st.data())
def test_a_value_is_spelled_as_plain_python_spells_it(
    database: duckdb.DuckDBPyConnection, case: str, data: st.DataObject
) -> None:
    field, texts, oracle = CASES[case]
    given = data.draw(st.lists(texts.filter(bool), min_size=30, max_size=60))
    found = formatted(database, given, field)
    assert dict(zip(given, found, strict=True)) == {text: oracle(text) for text in given}
    again = [value for value in found if value is not None]
    assert formatted(database, again, field) == again


def test_a_birthday_is_the_month_and_the_day_of_a_date(database: duckdb.DuckDBPyConnection) -> None:
    texts = ["1980-02-29", "2/9/1980", "1981-02-29", "1980-11-05T23:00:00Z"]
    for kind, expected in ((Kind.MONTH, ["2", "2", None, "11"]), (Kind.DAY, ["29", "9", None, "5"])):
        field = FieldSpec(f"birthday_{kind}", None, in_csv=True, kind=kind)
        assert formatted(database, texts, field, of_date=True) == expected
        assert formatted(database, ["07", "0", "x", "12"], field) == ["7", None, None, "12"]


def test_a_moment_is_told_in_utc(database: duckdb.DuckDBPyConnection) -> None:
    texts = ["2026-10-01T12:00:00+02:00", "2026-10-01", "2026-13-01", "tomorrow", "2026-10-01 12:00:00.75"]
    found = formatted(database, texts, spec(Kind.MOMENT))
    first = datetime.fromisoformat(texts[0]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found == [first, "2026-10-01T00:00:00Z", None, None, "2026-10-01T12:00:00Z"]
    assert formatted(database, [text for text in found if text], spec(Kind.MOMENT)) == [text for text in found if text]
