"""The digest of a configuration: deaf to how it is written, and to nothing else."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ccsync.config.load import load_project
from hypothesis import given, settings
from hypothesis import strategies as st

# Any: YAML data of every shape.

PROJECT: dict[str, Any] = {
    "workspace": {
        "name": "contoso",
        "state": "state",
        "privacy_statement": "https://x.example/p",
        "guards": {"min_rows": 2, "max_update": {"percent": 50}},
    },
    "roles": {"administrators": ["anna", "bob"], "contributors": ["eve"], "viewers": ["*"]},
    "connections": {
        "main": {
            "type": "constant_contact",
            "display_name": "Main: x # y",
            "description": "d",
            "available_to": ["anna", "bob"],
            "consent": {"data_privacy": "agreed", "agreed_by": "anna", "agreed_on": "2026-10-01", "text": "v1"},
            "auth": {"flow": "authorization_code", "client_id": "abc", "client_secret": "${env:S}"},
            "endpoints": {"api": "https://api.example/v3", "auth": "https://auth.example"},
            "limits": {
                "requests_per_second": 3,
                "requests_per_day": 900,
                "max_open_activities": 9,
                "max_contacts": 50,
                "poll_seconds": [1, 9],
            },
        },
    },
    "sources": {
        "crm": {
            "type": "csv",
            "path": "crm.csv",
            "delimiter": ";",
            "header": False,
            "quote": "'",
            "escape": "\\",
            "encoding": "latin-1",
            "null_text": "NULL",
        },
        "events": {"type": "json", "path": "e.json", "format": "array"},
        "shop": {"type": "sqlite", "path": "shop.db"},
    },
    "segments": {
        "dutch": {"source": "crm", "where": "country = 'NL'", "display_name": "Dutch"},
        "recent": {"source": "events", "query": "SELECT *\nFROM source"},
        "buyers": {"source": "shop", "table": "buyers"},
        "either": {"any_of": ["dutch", "recent"]},
        "both": {"all_of": ["dutch", "buyers"]},
        "rest": {"except": {"base": "either", "minus": ["both", "buyers"]}},
    },
    "exports": {
        "weekly": {
            "connection": "main",
            "display_name": "Weekly",
            "list": {"name": "Weekly", "create": True},
            "segments": ["rest", "both"],
            "data_matching": {"email": "EMail"},
            "attributes": {"first_name": "First", "city": {"sql": "upper(city)"}, "country": {"value": "NL"}},
            "custom_fields": {"tier": "tier", "level": {"column": "level"}},
            "on_leave": "keep",
            "on_delete": "remove_members",
            "duplicates": {"keep": "none", "order_by": ["a desc", "b"]},
            "guards": {
                "allow_empty": True,
                "max_remove": {"percent": 10, "rows": 7},
                "max_unusable": {"rows": 3},
                "max_source_drop": {"percent": 40},
                "max_new_contacts": 8,
            },
            "limits": {"max_profiles": 500},
        },
        "monthly": {
            "connection": "main",
            "list": {"id": "123a3f10-01ab-11e6-8106-00163e6dbd8c"},
            "segments": ["either"],
            "data_matching": {"email": {"column": "EMail"}},
        },
    },
}

SETS = {"administrators", "contributors", "viewers", "available_to", "segments", "any_of", "all_of", "minus"}


def digest(folder: Path, files: dict[str, str]) -> str:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_project(folder, environ={}, resolve=False).project.digest


def shuffled(value: Any, rng: random.Random, key: str = "") -> Any:
    """Mappings, and lists whose order means nothing, in another order."""
    if isinstance(value, dict):
        keys = rng.sample(list(value), len(value))
        return {name: shuffled(value[name], rng, name) for name in keys}
    if isinstance(value, list) and key in SETS:
        return rng.sample(value, len(value))
    return value


def block(value: Any, rng: random.Random, indent: int = 0) -> str:
    """YAML in block or flow style, with comments and blank lines strewn in."""
    blank = rng.choice(["", "", "\n", " " * indent + "# a comment: {x}\n"])
    if not isinstance(value, dict) or rng.random() < 0.2:
        return f" {inline(value, rng)}{rng.choice(['', ' # why'])}\n"
    start = "\n" if indent else ""
    pad = " " * indent
    step = rng.choice([2, 3, 4])
    return start + "".join(f"{blank}{pad}{key}:{block(inner, rng, indent + step)}" for key, inner in value.items())


def inline(value: Any, rng: random.Random) -> str:
    if isinstance(value, str) and "'" not in value and "\n" not in value and rng.random() < 0.5:
        return f"'{value}'"
    if isinstance(value, int) and not isinstance(value, bool) and value > 0 and rng.random() < 0.5:
        return rng.choice([hex(value), f"0o{value:o}", f"+{value}", f"00{value}"])
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("digests")


@pytest.fixture(scope="module")
def original(folders: Path) -> str:
    return digest(folders / "original", {"all.yaml": json.dumps({"version": 1, **PROJECT})})


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_style_comments_and_files_mean_nothing(
    folders: Path, original: str, rng: random.Random, count: int
) -> None:
    parts: list[dict[str, Any]] = [{"version": 1} for _ in range(count)]
    for section, entries in shuffled(PROJECT, rng).items():
        for key, entry in entries.items():
            rng.choice(parts).setdefault(section, {})[key] = entry
    files = {f"f{i}.yaml": block(part, rng) for i, part in enumerate(parts)}
    with tempfile.TemporaryDirectory(dir=folders) as folder:
        assert digest(Path(folder) / "configs", files) == original


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    return [path]


# what stands for a choice or a form, and may not simply become any other text
OTHERS = {
    "flow": None,
    "type": None,
    "client_secret": "${env:T}",
    "agreed_on": "2026-10-02",
    "data_privacy": "not_agreed",
    "privacy_statement": "https://x.example/q",
    "encoding": "utf-16",
    "format": "newline_delimited",
    "delimiter": "|",
    "quote": "#",
    "escape": "~",
    "api": "https://other.example",
    "auth": "https://other.example",
    "on_leave": "remove_from_list",
    "on_delete": "keep_members",
    "keep": "first",
    "name": "other",
    "id": "123a3f10-01ab-11e6-8106-00163e6dbd8d",
    "connection": "spare",
    "source": "spare",
    "base": "buyers",
    "query": "SELECT *\nFROM source WHERE x",
}


def changed(value: Any, path: tuple[Any, ...]) -> Any:
    key = path[-1]
    if key in OTHERS:
        return OTHERS[key]
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case list() if key in {"poll_seconds", "order_by"}:
            return value[:1] * 2 if key == "poll_seconds" else value[::-1]
        case list():
            return value[:1] if len(value) > 1 else ["both"] if path[0] in {"segments", "exports"} else ["other"]
        case _:
            return f"{value}2"


@pytest.mark.parametrize(
    "path", [path for path in leaves(PROJECT) if OTHERS.get(path[-1], "") is not None], ids=".".join
)
def test_any_other_declaration_has_another_digest(tmp_path: Path, path: tuple[Any, ...]) -> None:
    base = json.loads(json.dumps(PROJECT))
    base["connections"]["spare"] = {"type": "constant_contact", "auth": {"client_id": "x"}}
    base["sources"]["spare"] = {"type": "csv", "path": "s"}
    if path[:3] == ("segments", "buyers", "source"):
        base["sources"]["spare"] = {"type": "duckdb", "path": "s"}
    before = digest(tmp_path / "before", {"a.yaml": json.dumps({"version": 1, **base})})
    node = base
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = changed(node[path[-1]], path)
    assert digest(tmp_path / "after", {"a.yaml": json.dumps({"version": 1, **base})}) != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "connections: {m: {type: constant_contact, auth: {client_id: a}}}",
            "connections: {m: {type: constant_contact, auth: {client_id: a, flow: pkce}}}",
        ),
        ("sources: {s: {type: duckdb, path: x}}", "sources: {s: {type: sqlite, path: x}}"),
        (
            "segments: {a: {any_of: [b, c]}, b: {any_of: [c]}, c: {source: s}}\nsources: {s: {type: csv, path: x}}",
            "segments: {a: {all_of: [b, c]}, b: {any_of: [c]}, c: {source: s}}\nsources: {s: {type: csv, path: x}}",
        ),
    ],
)
def test_another_kind_has_another_digest(tmp_path: Path, one: str, other: str) -> None:
    first = digest(tmp_path / "one", {"a.yaml": f"version: 1\n{one}\n"})
    assert digest(tmp_path / "other", {"a.yaml": f"version: 1\n{other}\n"}) != first


def test_a_default_written_out_means_nothing(tmp_path: Path) -> None:
    short = """\
version: 1
connections: {main: {type: constant_contact, auth: {client_id: a}}}
sources: {crm: {type: csv, path: x}}
segments: {a: {source: crm}}
exports: {w: {connection: main, list: {name: L}, segments: [a], data_matching: {email: e}, attributes: {city: c}}}
"""
    long = """\
version: 1
workspace: {name: default, state: .ccsync, guards: {max_update: {percent: 60.0}}}
connections:
  main:
    type: constant_contact
    display_name: main
    description: ""
    available_to: administrators
    consent: {data_privacy: not_agreed}
    auth: {flow: device, client_id: a}
    endpoints: {api: https://api.cc.email/v3/}
    limits: {requests_per_second: 4.0, requests_per_day: 10000, max_open_activities: 10, poll_seconds: [1.0, 15]}
sources: {crm: {type: csv, path: x, delimiter: ",", header: true, quote: '"', escape: '"', null_text: ""}}
segments: {a: {source: crm}}
exports:
  w:
    display_name: w
    connection: main
    list: {name: L, create: false}
    segments: [a]
    data_matching: {email: {column: e}}
    attributes: {city: {column: c}}
    custom_fields: {}
    on_leave: remove_from_list
    on_delete: keep_members
    duplicates: {keep: first, order_by: []}
    guards: {min_rows: 1, allow_empty: false, max_remove: {percent: 20, rows: none}, max_new_contacts: none}
    limits: {max_profiles: 1000000}
"""
    assert digest(tmp_path / "short", {"a.yaml": short}) == digest(tmp_path / "long", {"a.yaml": long})


def test_a_roles_section_counts_even_when_empty(tmp_path: Path) -> None:
    one = digest(tmp_path / "one", {"a.yaml": "version: 1\n"})
    assert digest(tmp_path / "two", {"a.yaml": "version: 1\nroles: {viewers: []}\n"}) != one


def test_the_text_of_a_query_file_counts_and_its_name_and_place_do_not(tmp_path: Path) -> None:
    def with_query(folder: str, name: str, sql: str, given: str | None = None) -> str:
        (tmp_path / folder / "q").mkdir(parents=True)
        (tmp_path / folder / "q" / name).write_bytes(sql.encode())
        text = "version: 1\nsources: {crm: {type: csv, path: x}}\nsegments:\n  a:\n    source: crm\n    query: "
        (tmp_path / folder / "a.yaml").write_text(text + (given or f"q/{name}"))
        return load_project(tmp_path / folder, environ={}, resolve=False).project.digest

    first = with_query("a", "x.sql", "SELECT *\nFROM source\n")
    assert with_query("b", "y.sql", "SELECT *\r\nFROM source") == first
    assert with_query("c", "x.sql", "", given="|\n      SELECT *\n      FROM source\n") == first
    assert with_query("d", "x.sql", "SELECT *\nFROM source WHERE true\n") != first
