"""The allow-list: what can't be sent, whatever asks for it."""

import json

import httpx
import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.constant_contact.routes import ROUTES, Outgoing, check_outgoing, find_route
from ccsync.constant_contact.wire import Call
from ccsync.errors import RejectedError

from tests.constant_contact.world import World

DANGEROUS = [
    ("POST", "/activities/contact_delete"),
    ("POST", "/activities/list_delete"),
    ("POST", "/activities/add_list_memberships"),
    ("POST", "/activities/custom_fields_delete"),
    ("POST", "/contacts/sign_up_form"),
    ("POST", "/contacts"),
    ("PUT", "/contacts/5"),
    ("DELETE", "/contacts/5"),
    ("PUT", "/contacts/resubscribe/5"),
    ("DELETE", "/contact_lists/5"),
    ("PUT", "/contact_lists/5"),
    ("PUT", "/account/summary"),
    ("POST", "/contact_custom_fields"),
    ("DELETE", "/contact_custom_fields/5"),
]
TRICKS = [
    ("POST", "/activities/contacts_json_import/../contact_delete"),
    ("POST", "/activities//contact_delete"),
    ("POST", "/activities/contacts_file_import%2f..%2fcontact_delete"),
    ("POST", "/activities/contacts_file_import/"),
    ("POST", "/Activities/contacts_file_import"),
    ("post", "/contact_lists"),
    ("GET", "/activities/a/b"),
    ("GET", "/activities/a\n"),
    ("GET", "/contact_lists/%2e%2e"),
    ("GET", ""),
]


@pytest.mark.parametrize(("method", "path"), DANGEROUS + TRICKS)
def test_a_call_that_is_not_ours_can_not_be_sent(world: World, remote: ConstantContact, method: str, path: str) -> None:
    before = len(world.requests())
    with pytest.raises(RejectedError, match="E625"):
        find_route(method, path)
    with pytest.raises(RejectedError, match="E625"):
        remote._api.post(Call(method, path, json=b"{}"))
    if method.isupper() and path.isprintable():  # httpx mends the others by itself
        with pytest.raises(RejectedError, match="E625"):
            remote._api._wire._client.request(method, f"http://127.0.0.1:8025/v3{path}")
    assert len(world.requests()) == before


def test_another_host_can_not_be_reached(remote: ConstantContact) -> None:
    with pytest.raises(RejectedError, match="E625"):
        remote._api._wire._client.get("http://127.0.0.1:8026/v3/contact_lists")


def test_the_writing_calls_are_these_five() -> None:
    assert {route.path for route in ROUTES if route.method != "GET"} == {
        "/contact_lists",
        "/activities/contact_exports",
        "/activities/contacts_file_import",
        "/activities/contacts_json_import",
        "/activities/remove_list_memberships",
    }
    assert {route.method for route in ROUTES} == {"GET", "POST"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"source": {"all_active_contacts": True}, "list_ids": ["l"]},
        {"source": {"list_ids": ["l"]}, "list_ids": ["l"]},
        {"source": {"tag_ids": ["t"]}, "list_ids": ["l"]},
        {"source": {"contact_ids": ["c"], "all_active_contacts": True}, "list_ids": ["l"]},
        {"source": {"contact_ids": []}, "list_ids": ["l"]},
        {"source": {"contact_ids": ["c"] * 501}, "list_ids": ["l"]},
        {"source": {"contact_ids": "c"}, "list_ids": ["l"]},
        {"source": {"contact_ids": ["c"]}, "list_ids": ["l", "m"]},
        {"source": {"contact_ids": ["c"]}, "list_ids": []},
        {"source": {"contact_ids": ["c"]}, "list_ids": ["l"], "exclude": {"contact_ids": ["d"]}},
    ],
    ids=lambda document: str(document)[:60],
)  # fmt: skip
def test_a_removal_by_anything_but_contact_ids_is_not_sent(remote: ConstantContact, document: object) -> None:
    body = json.dumps(document).encode()
    with pytest.raises(RejectedError, match="E625"):
        remote._api.post(Call("POST", "/activities/remove_list_memberships", json=body))
    assert remote.calls_made() == 0


@pytest.mark.parametrize(
    "document",
    [{}, {"fields": ["email_address"]}, {"status": "active"}, {"list_ids": []}, {"list_ids": ["a", "b"]},
     {"new_subscriber": True}, {"segment_id": 1}, {"list_ids": ["a"], "status": "active"}, [], None],
    ids=str,
)  # fmt: skip
def test_an_export_without_its_filter_is_not_sent(remote: ConstantContact, document: object) -> None:
    body = json.dumps(document).encode()
    with pytest.raises(RejectedError, match="E625"):
        remote._api.post(Call("POST", "/activities/contact_exports", json=body))
    assert remote.calls_made() == 0


@pytest.mark.parametrize("length", [None, 4_000_000, 5_000_000])
@pytest.mark.parametrize("path", ["/activities/contacts_file_import", "/activities/contacts_json_import"])
def test_an_import_of_4_000_000_bytes_or_of_unknown_length_is_not_sent(path: str, length: int | None) -> None:
    with pytest.raises(RejectedError, match="E625"):
        check_outgoing(Outgoing("POST", path, length, None))
    check_outgoing(Outgoing("POST", path, 3_999_999, None))


def test_a_body_of_unknown_length_does_not_leave(remote: ConstantContact) -> None:
    client = remote._api._wire._client
    request = client.build_request(
        "POST", "http://127.0.0.1:8025/v3/activities/contacts_json_import", content=iter([b"{}"])
    )
    with pytest.raises(RejectedError, match="E625"):
        client.send(request)


def test_the_token_is_not_put_on_a_request_to_another_host(world: World) -> None:
    seen: list[httpx.Headers] = []
    remote = world.open(transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"total": 1})))
    client = remote._api._wire._client
    client.event_hooks = {"request": [lambda request: seen.append(request.headers)]}
    client.get("http://evil.example/v3/contacts/counts")
    client.get("http://127.0.0.1:8025/v3/contacts/counts")
    assert [("authorization" in headers) for headers in seen] == [False, True]
