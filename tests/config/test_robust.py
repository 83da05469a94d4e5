"""Whatever stands in the files, loading gives a project or reasons: never an accident, never a value said back."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ccsync.catalogue import CATALOGUE
from ccsync.config.load import load_project
from ccsync.errors import InvalidError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.test_digest import PROJECT

# Any: YAML data of every shape.

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**12),
    st.floats(),
    st.sampled_from(
        ["", " ", "x", "main", "crm", "dutch", "${env:X}", "${", "$${x}", "none", "a.sql", "https://x.example"]
    ),
    st.just("tell-nobody@example.com"),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "base", "minus", "sql", "rows", "flow", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, inner in children for below in paths(inner, (*path, key)))]


PLACES = paths(PROJECT)[1:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robust")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=4), st.booleans())
def test_a_project_or_reasons(folder: Path, edits: list[tuple[tuple[Any, ...], Any]], resolve: bool) -> None:
    data = json.loads(json.dumps(PROJECT))
    for path, value in edits:
        node = data
        for key in path[:-1]:
            node = node[key] if isinstance(node, dict) and key in node else {}
        if isinstance(node, dict):
            node[path[-1]] = value
    # JSON is YAML but for the spelling of what JSON has not got
    text = json.dumps({"version": 1, **data}).replace("NaN", ".nan").replace("Infinity", ".inf")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        Path(place, "a.yaml").write_text(text, encoding="utf-8")
        try:
            loaded = load_project(Path(place), environ={"X": "x", "S": "s"}, resolve=resolve)
        except InvalidError as error:
            found = error.diagnostics
        else:
            found = loaded.warnings
    for problem in found:
        assert problem.code in CATALOGUE
        assert (problem.where is None) == (problem.code == "W104")
        assert problem.where is None or problem.where.line == 1
        assert "tell-nobody" not in repr(problem)
