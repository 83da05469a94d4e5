"""Requests made from the contract by chance, valid and spoilt: never a 500, never a status the contract lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ccsync.sandbox.validate import Schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract import swagger
from tests.contract.conftest import COUNTS
from tests.contract.world import SERVED, World, world

TEXT = st.text(max_size=60)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[World]:
    swagger.load()
    with world() as made:
        yield made


def values_for(schema: Schema, ids: list[str]) -> st.SearchStrategy[Any]:
    """Make values for a schema: mostly fitting, sometimes anything."""
    match schema.get("type", "object"):
        case "object":
            properties = {name: values_for(part, ids) for name, part in schema.get("properties", {}).items()}
            required = {name: properties.pop(name) for name in schema.get("required", ()) if name in properties}
            fitting: st.SearchStrategy[Any] = st.fixed_dictionaries(required, optional=properties)
        case "array":
            fitting = st.lists(values_for(schema.get("items", {}), ids), max_size=min(4, schema.get("maxItems", 4)))
        case "integer":
            fitting = st.integers(-5, 40) | st.integers()
        case "boolean":
            fitting = st.booleans()
        case _:
            fitting = st.sampled_from(ids) if schema.get("format") == "uuid" else _texts(schema)
    return st.integers(0, 24).flatmap(lambda luck: JUNK if luck == 0 else fitting)


def _texts(schema: Schema) -> st.SearchStrategy[str]:
    known = [*schema.get("enum", ()), "Account", "Contact", "a@example.com", "unsubscribed", "home", "2020-02-30",
             "1/2/2003", "string", "email_address", "", "2022-01-01T16:37:59.091Z", "Ünï'\";--", "x" * 300]  # fmt: skip
    if "example" in schema:
        known.append(str(schema["example"]))
    return st.sampled_from(known) | TEXT


@st.composite
def requests(draw: st.DrawFn, ids: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Make a request to any operation: path, parameters and body from the contract."""
    at = draw(st.integers(0, len(SERVED) - 1))
    one = SERVED[at]
    some = [*ids.values(), "00000000-0000-4000-8000-000000000000"]
    request: dict[str, Any] = {}
    names = [name for name in ids if "{" + name + "}" in one.path]
    wild = st.sampled_from([*some, "x", "%2e%2e", "0"])
    request["path"] = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, wild)))
    documented = swagger.parameters(one.method, one.path, "query")
    request["params"] = draw(st.fixed_dictionaries({}, optional={
        name: st.one_of(_texts(each), st.sampled_from(some), st.integers(-1, 600).map(str))
        for name, each in documented.items()}))  # fmt: skip
    schema = swagger.body_schema(one.method, one.path)
    if schema is not None:
        request["json"] = draw(values_for(schema, some))
    elif one.name.endswith("file_import"):
        table = st.lists(st.lists(_texts({}), min_size=1, max_size=4), max_size=5)
        head = st.sampled_from(["email", "email,first_name", "email,cf:Tier,anniversary", "sms_number", "nonsense", ""])
        text = draw(head) + "\n" + "\n".join(",".join(row) for row in draw(table))
        request["files"] = {"file": ("a.csv", text.encode("utf-8", "surrogatepass"))}
        request["data"] = {"list_ids": draw(st.sampled_from([ids["list_id"], "", "x"]))}
    return at, request


def run(fuzzed: World, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )  # fmt: skip
    @given(requests(fuzzed.ids))
    def hold(drawn: tuple[int, dict[str, Any]]) -> None:
        at, request = drawn
        one = SERVED[at]
        answer = fuzzed.send(one, **request)
        COUNTS["fuzzed"] += 1
        assert answer.status_code < 500, (one.name, request, fuzzed.client.get("/sandbox/statistics").json()["crashes"])
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        body = answer.json() if is_json else answer.text
        if answer.status_code != 204:
            assert swagger.problems_with(one.method, one.path, answer.status_code, body) == []

    hold()
    fuzzed.app.drain()
    assert fuzzed.client.get("/sandbox/statistics").json()["crashes"] == {}


def test_no_request_brings_the_sandbox_down(fuzzed: World) -> None:
    run(fuzzed, 400)


@pytest.mark.long
def test_no_request_of_thousands_brings_the_sandbox_down(fuzzed: World) -> None:
    run(fuzzed, 10_000)
