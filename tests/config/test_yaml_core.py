"""The YAML reader: what plain scalars mean, what is refused and where, and that nothing makes it run away."""

import json
import math
import re
import time

import pytest
import yaml
from ccsync.config import yaml_core
from ccsync.config.yaml_core import MAX_DEPTH, parse, scalar
from ccsync.errors import Diagnostic
from hypothesis import example, given
from hypothesis import strategies as st

PARSERS = ["CSafeLoader", "SafeLoader"] if yaml.__with_libyaml__ else ["SafeLoader"]


@pytest.fixture(params=PARSERS, autouse=True)
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML comes with and without its C parser; both must read the same."""
    monkeypatch.setattr(yaml_core, "_LOADER", getattr(yaml, request.param))


def data(text: str | bytes) -> object:
    document, found = parse(text.encode() if isinstance(text, str) else text, "x.yaml")
    assert found == ()
    assert document is not None
    return document.data


def refused(text: str | bytes) -> list[tuple[str, str]]:
    _, found = parse(text.encode() if isinstance(text, str) else text, "x.yaml")
    return [(str(problem.where), problem.code) for problem in found]


def first(text: str | bytes) -> Diagnostic:
    _, found = parse(text.encode() if isinstance(text, str) else text, "x.yaml")
    return found[0]


# YAML 1.2.2, section 10.3.2, row by row
TABLE = [
    (r"null|Null|NULL|~|", lambda text: None),
    (r"true|True|TRUE", lambda text: True),
    (r"false|False|FALSE", lambda text: False),
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda text: int(text[2:], 8)),
    (r"0x[0-9a-fA-F]+", lambda text: int(text[2:], 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    (r"[-+]?(\.inf|\.Inf|\.INF)", lambda text: -math.inf if text[0] == "-" else math.inf),
    (r"\.nan|\.NaN|\.NAN", lambda text: math.nan),
]


def by_the_table(text: str) -> object:
    for pattern, meaning in TABLE:
        if re.fullmatch(pattern, text):
            return meaning(text)
    return text


@given(
    st.one_of(
        st.text(alphabet="0123456789+-.eExo_:abfnulINFtrysANTUE~ ", max_size=12),
        st.sampled_from([pattern for pattern, _ in TABLE]).flatmap(
            lambda pattern: st.from_regex(pattern, fullmatch=True)
        ),
        st.text(max_size=20),
    )
)
@example("012").via("octal in YAML 1.1")
@example("1_000")
@example("12:30:00")
@example("2026-10-01")
@example("yes")
@example("Off")
@example("0b1")
@example("1e3")
@example("٣").via("a digit, but not one of YAML's")
def test_plain_scalars_mean_what_the_core_schema_says(text: str) -> None:
    expected = by_the_table(text)
    found = scalar(text)
    assert type(found) is type(expected)
    assert found == expected or (found != found and expected != expected)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("012", 12),
        ("0o12", 10),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2026-10-01", "2026-10-01"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("NO", "NO"),
        ("True", True),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("=", "="),
        ("", None),
        ("''", ""),
        ('"1"', "1"),
        ("|-\n    1", "1"),
    ],
)
def test_values_in_a_file(text: str, meaning: object) -> None:
    found = data(f"key: {text}\n")
    assert found == {"key": meaning}
    assert type(found["key"]) is type(meaning)  # type: ignore[index]


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_is_read_as_json(value: object) -> None:
    assert data(json.dumps(value, ensure_ascii=False)) == value


@given(st.binary(max_size=60) | TEXT.map(str.encode))
def test_whatever_is_read_there_is_a_document_or_a_reason(raw: bytes) -> None:
    document, found = parse(raw, "x.yaml")
    assert document is not None or found
    assert all(problem.where is not None and problem.where.file == "x.yaml" for problem in found)


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    assert data(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - x\r\n") == {"a": 1, "b": ["x"]}


def test_places_are_those_of_keys_and_values() -> None:
    document, _ = parse("a: 1\nexports:\n  weekly: {list: x}\n  ß: [1, {k: v}]\n".encode(), "x.yaml")
    assert document is not None
    assert str(document.where(("exports", "weekly"), key=True)) == "x.yaml:3:3"
    assert str(document.where(("exports", "weekly"))) == "x.yaml:3:11"
    assert str(document.where(("exports", "weekly", "list"), key=True)) == "x.yaml:3:12"
    assert str(document.where(("exports", "ß", 1, "k"))) == "x.yaml:4:14"
    assert str(document.where(("exports", "weekly", "missing", "deeper"))) == "x.yaml:3:11"
    assert str(document.where(())) == "x.yaml:1:1"


def test_aliases_are_read_as_what_they_stand_for() -> None:
    assert data("a: &x {k: [1]}\nb: *x\nc: &y t\nd: {*y : 1}\n") == {
        "a": {"k": [1]}, "b": {"k": [1]}, "c": "t", "d": {"t": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\na: 2\n", [("x.yaml:2:1", "E102")], id="a key twice"),
        pytest.param("a: {b: 1, c: 2, b: 3}\n", [("x.yaml:1:17", "E102")], id="a key twice, in one line"),
        pytest.param("a: !!str 1\nb: !x 2\n", [("x.yaml:1:4", "E101"), ("x.yaml:2:4", "E101")], id="tags"),
        pytest.param("a: !!python/object/apply:os.system [ls]\n", [("x.yaml:1:4", "E101")], id="a tag that runs"),
        pytest.param("a: 1\n---\nb: 1\n", [("x.yaml:2:1", "E101")], id="two documents"),
        pytest.param("%YAML 1.1\n---\na: 1\n", [("x.yaml:1:1", "E101")], id="YAML 1.1"),
        pytest.param("1: a\n", [("x.yaml:1:1", "E101")], id="a number as key"),
        pytest.param("a:\n  true: b\n  ~: c\n", [("x.yaml:2:3", "E101"), ("x.yaml:3:3", "E101")], id="words as keys"),
        pytest.param("? [a]\n: b\n", [("x.yaml:1:3", "E101")], id="a list as key"),
        pytest.param("a: &x {}\n*x : 1\n", [("x.yaml:2:1", "E101")], id="an alias to a mapping as key"),
        pytest.param("a: &x {b: 1}\nc:\n  <<: *x\n", [("x.yaml:3:3", "E101")], id="a merge key"),
        pytest.param("a: *nothing\n", [("x.yaml:1:4", "E101")], id="an alias without anchor"),
        pytest.param("a: &x [*x]\n", [("x.yaml:1:8", "E108")], id="an alias within its anchor"),
        pytest.param('a: "\\0"\n', [("x.yaml:1:4", "E101")], id="an escaped NUL"),
        pytest.param(f"a: {'9' * 5000}\n", [("x.yaml:1:4", "E101")], id="a number without end"),
    ],
)
def test_refused_with_its_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert refused(text) == expected


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"a: b\nc: \xff\n", "x.yaml:2:4"),
        ("a: é\nc: é".encode()[:-1], "x.yaml:2:4"),
        (b"a: b\0\n", "x.yaml:1:5"),
        (b"a: 1\r\nb: \x07\r\n", "x.yaml:2:4"),
        ("a: x\u2028y\n".encode(), "x.yaml:1:5"),
        ("a: 1\n\ufeffb: 2\n".encode(), "x.yaml:2:1"),
        ("a: 1".encode("utf-16"), "x.yaml:1:1"),
    ],
)
def test_what_is_no_plain_utf8_text_is_refused(raw: bytes, place: str) -> None:
    assert refused(raw) == [(place, "E101")]


@pytest.mark.parametrize(
    "text",
    ["a:\n\tb: 1\n", "a: [1\nb: 2\n", "a: b: c\n", "a: 'x\n", "a: }\n", "- a\nb: c\n", "a: %x\n", 'a: "\\ud800"\n'],
)
def test_what_is_no_yaml_is_refused(text: str) -> None:
    found = first(text)
    assert found.code == "E101"
    assert found.where is not None
    assert found.where.line is not None or text.startswith('a: "')


def test_tabs_get_a_hint() -> None:
    assert first("a:\n\tb: 1\n").hint == "indent with spaces, not with tabs"


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    levels = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    levels += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    started = time.monotonic()
    assert first("\n".join(levels)).code == "E108"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "a:\n" + "".join(" " * i + "a:\n" for i in range(1, 400))]
)
def test_endless_nesting_is_refused(text: str) -> None:
    assert first(text).code == "E108"


def test_nesting_by_aliases_counts_too() -> None:
    lines = ["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH + 5)]
    assert first("\n".join(lines)).code == "E108"


def test_many_values_are_refused() -> None:
    assert first("[" + "1," * 300_000 + "1]").code == "E108"


def test_an_empty_file_is_nothing() -> None:
    assert data("") is None
    assert data("# only this\n") is None
