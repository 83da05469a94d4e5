"""The sandbox against the vendor's contract, both ways: what it takes, what it answers, and what it lacks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from ccsync.sandbox import contract
from ccsync.sandbox.operations import Operation
from ccsync.sandbox.validate import Schema

from tests.contract import swagger
from tests.contract.conftest import COUNTS
from tests.contract.world import SERVED, World, request_for, world

NOBODY = "00000000-0000-4000-8000-000000000000"
by_name = pytest.mark.parametrize("one", SERVED, ids=lambda one: one.name)


def answer_is_right(one: Operation, answer: httpx.Response) -> None:
    """Hold an answer against the contract, and count it."""
    COUNTS["answers"] += 1
    COUNTS[f"{answer.status_code}"] += 1
    if answer.status_code == 204:
        assert answer.content == b""
        body: Any = None
        assert "204" in swagger.operation(one.method, one.path)["responses"]
        return
    media = answer.headers["content-type"].split(";")[0]
    assert media == ("text/csv" if one.name.startswith("GET /contact_exports") and answer.is_success else media)
    body = answer.json() if media == "application/json" else answer.text
    assert swagger.problems_with(one.method, one.path, answer.status_code, body) == []


# what is served ----------------------------------------------------------------------------------------


@by_name
def test_the_operation_is_in_the_contract_with_these_scopes_and_rights(one: Operation) -> None:
    found = swagger.operation(one.method, one.path)
    COUNTS["operations"] += 1
    scopes = {scope for block in found["security"] for given in block.values() for scope in given}
    assert scopes == set(one.scopes)
    assert set(found.get("x-authorization-privileges", ())) == set(one.privileges)


@by_name
def test_the_query_parameters_are_those_of_the_contract(one: Operation) -> None:
    documented = swagger.parameters(one.method, one.path, "query")
    assert set(one.query) - {"cursor"} == set(documented)
    for name, parameter in documented.items():
        ours = one.query[name]
        assert parameter.get("enum") in (None, ours.get("enum"), (ours.get("items") or {}).get("enum")), name
        if "maximum" in parameter and ours["type"] == "integer":
            assert (ours["minimum"], ours["maximum"]) == (parameter["minimum"], parameter["maximum"])
        elif "maximum" in parameter and ours["type"] == "csv":
            assert ours["maxItems"] == parameter["maximum"]  # the contract writes the number of values like that


@by_name
def test_the_request_body_is_that_of_the_contract(one: Operation) -> None:
    documented = swagger.body_schema(one.method, one.path)
    ours = one.body
    if one.name == "POST /activities/contacts_json_import":
        rest = dict(contract.JSON_IMPORT_REST)
        documented = copy.deepcopy(documented)
        assert documented is not None
        del documented["properties"]["import_data"]
        documented["required"] = ["list_ids"]
        ours = rest
    if documented is None or ours is None:
        assert (documented, ours) == (None, None)
        return
    differences = [each for each in compare(documented, ours, one.name) if each not in WIDER]
    assert differences == [], "\n".join(differences)


# Where the sandbox asks for more or allows less than the schema says, because the contract's text does.
STRICTER = {
    "POST /contacts.create_source is required",  # text: "You must include the create_source property"
    "POST /contact_custom_fields.label is required",  # SW#D/CustomField requires label and type
    "POST /contact_custom_fields.type is required",
    "POST /contact_custom_fields.choices.choice_label is required",  # a choice without a label can't be shown
}
# What the sandbox takes beyond the schema.
WIDER = {
    # a read-modify-write sends back what GET /contacts answered
    "PUT /contacts/{contact_id}.email_address.opt_in_source is only ours",
}
KEYS = ("maxLength", "minLength", "maxItems", "minItems", "format")


def compare(theirs: Schema, ours: Schema, where: str) -> Iterator[str]:
    if theirs["type"] != ours["type"]:
        yield f"{where} is {theirs['type']}, not {ours['type']}"
        return
    for key in KEYS:
        if key in theirs and theirs[key] != ours.get(key):
            yield f"{where}: {key} is {theirs[key]}, not {ours.get(key)}"
    if ours["type"] == "array":
        yield from compare(theirs["items"], ours["items"], where)
    if ours["type"] != "object":
        return
    documented = theirs.get("properties", {})
    for name in set(documented) ^ set(ours.get("properties", {})):
        yield f"{where}.{name} is only {'theirs' if name in documented else 'ours'}"
    for name in set(theirs.get("required", ())) - set(ours.get("required", ())):
        yield f"{where}.{name} is not required by us"
    for name in set(ours.get("required", ())) - set(theirs.get("required", ())):
        if f"{where}.{name} is required" not in STRICTER:
            yield f"{where}.{name} is required only by us"
    for name in set(documented) & set(ours.get("properties", {})):
        yield from compare(documented[name], ours["properties"][name], f"{where}.{name}")


# what it answers ---------------------------------------------------------------------------------------


@pytest.fixture
def there() -> Iterator[World]:
    """An account of the test's own."""
    swagger.load()
    with world() as made:
        yield made


@pytest.fixture(scope="module")
def steady() -> Iterator[World]:
    """An account that requests refused can share, for they change nothing."""
    swagger.load()
    with world() as made:
        yield made


@by_name
def test_a_valid_request_gets_an_answer_of_the_contract(there: World, one: Operation) -> None:
    answer = there.send(one, **request_for(one.name, there.ids))
    assert answer.is_success, answer.text
    answer_is_right(one, answer)
    there.app.drain()
    for job in there.client.get("/v3/activities").json()["activities"]:
        assert job["state"] == "completed", job
    listing = next(each for each in SERVED if each.name == "GET /activities")
    answer_is_right(listing, there.client.get("/v3/activities"))


@by_name
def test_mistakes_get_the_errors_of_the_contract(steady: World, one: Operation) -> None:
    valid = request_for(one.name, steady.ids)
    sent = 0
    for wrong in mistakes(one, valid):
        answer = steady.send(one, **wrong)
        assert 400 <= answer.status_code < 500, (wrong, answer.text)
        answer_is_right(one, answer)
        sent += 1
    assert sent >= 3
    assert steady.client.get("/sandbox/statistics").json()["crashes"] == {}


def mistakes(one: Operation, valid: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Make invalid requests from a valid one: identity, rights, ids, parameters, body."""
    yield valid | {"headers": {"Authorization": "Bearer nobody"}}
    yield valid | {"headers": {"Authorization": ""}}
    yield valid | {"params": dict(valid.get("params", {})) | {"nonsense": "1"}}
    for name in ("list_id", "custom_field_id", "contact_id", "tag_id", "activity_id", "file_export_id"):
        if "{" + name + "}" in one.path:
            for wrong in (NOBODY, "not-an-id"):
                yield valid | {"path": {name: wrong}}
    for name, rule in one.query.items():
        for wrong in _wrong_parameters(rule):
            yield valid | {"params": dict(valid.get("params", {})) | {name: wrong}}
    if "json" in valid:
        yield {"path": valid.get("path", {}), "content": b"{", "headers": {"Content-Type": "application/json"}}
        yield {"path": valid.get("path", {}), "content": b"{}", "headers": {"Content-Type": "text/plain"}}
        schema = swagger.body_schema(one.method, one.path)
        assert schema is not None
        for body in _wrong_bodies(schema, valid["json"]):
            yield valid | {"json": body}
        yield valid | {"json": valid["json"] | {"nonsense": 1}}


def _wrong_parameters(rule: Schema) -> Iterator[str]:
    match rule["type"]:
        case "integer":
            yield from ("x", str(rule["minimum"] - 1), str(rule["maximum"] + 1))
        case "boolean":
            yield "maybe"
        case "date-time":
            yield "yesterday"
        case "csv":
            if rule.get("items", {}).get("enum") or rule.get("items", {}).get("format"):
                yield "nonsense"
            yield ""
        case _:
            if "enum" in rule:
                yield "nonsense"


def _wrong_bodies(schema: Schema, valid: Any) -> Iterator[Any]:
    """Break one thing at a time, at every depth."""
    match schema["type"]:
        case "object":
            yield []
            for name in schema.get("required", ()):
                yield {key: value for key, value in valid.items() if key != name}
            for name, part in schema.get("properties", {}).items():
                if name in valid:
                    for wrong in _wrong_bodies(part, valid[name]):
                        yield valid | {name: wrong}
        case "array":
            yield {}
            if "maxItems" in schema and valid:
                yield valid * (schema["maxItems"] + 1)
            if valid:
                for wrong in _wrong_bodies(schema["items"], valid[0]):
                    yield [wrong, *copy.deepcopy(valid[1:])]
        case "string":
            yield 7
            if "maxLength" in schema:
                yield "x" * (schema["maxLength"] + 1)
            if schema.get("format") == "uuid":
                yield "not-an-id"
        case "integer":
            yield "seven"
        case "boolean":
            yield "yes"


@by_name
def test_scopes_and_rights_are_enforced_call_by_call(steady: World, one: Operation) -> None:
    request = request_for(one.name, steady.ids)
    if one.scopes:
        other = [scope for scope in ("contact_data", "account_read", "account_update") if scope not in one.scopes]
        token = steady.client.post("/sandbox/tokens", json={"scopes": other}).json()["access_token"]
        answer = steady.send(one, **request | {"headers": {"Authorization": f"Bearer {token}"}})
        assert answer.status_code == 403
        answer_is_right(one, answer)
    if one.privileges:
        everything = steady.app.service.account.privileges
        steady.client.post("/sandbox/account", json={"privileges": []})
        answer = steady.send(one, **request)
        steady.client.post("/sandbox/account", json={"privileges": everything})
        assert answer.status_code == 403
        answer_is_right(one, answer)
