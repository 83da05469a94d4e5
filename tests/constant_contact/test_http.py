"""How the API is asked: what is tried again, what is not, where a token goes, and what a failure says."""

import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.constant_contact.wire import Timeouts
from ccsync.core.batch import Transport
from ccsync.core.event import Waiting
from ccsync.core.spec import Endpoints, ListId, Secret
from ccsync.errors import (
    CcsyncError,
    DeniedError,
    InvalidError,
    OutcomeUnknownError,
    QuotaError,
    RejectedError,
    RemoteError,
    StoppedError,
    TransientError,
)
from ccsync.ports.live import ImportBody

from tests.constant_contact.raw_server import answer, raw_server
from tests.constant_contact.world import CANARY, START, World

Scripted = Callable[[Callable[[httpx.Request], httpx.Response]], ConstantContact]
BODY = ImportBody(Transport.CSV, f"email\n{CANARY}\n".encode(), 1)


# ---------------------------------------------------------------- reading is tried again


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "html", "truncated", "throttled"])
def test_reading_is_tried_again(world: World, remote: ConstantContact, kind: str) -> None:
    world.fault(kind, path="/contacts/counts", times=3)
    assert remote.contacts_total() == 0
    assert remote.calls_made() == 4


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408, 202])
@pytest.mark.parametrize("shape", ["array", "object", "oauth", "html", "empty"])
def test_reading_is_tried_again_whatever_the_shape_of_the_error(
    world: World, remote: ConstantContact, status: int, shape: str
) -> None:
    world.fault("status", status=status, shape=shape, path="/contacts/counts", times=2)
    assert remote.contacts_total() == 0
    assert remote.calls_made() == 3


def test_waits_grow_are_not_equal_and_end(world: World, remote: ConstantContact) -> None:
    world.fault("status", status=503, times=None)
    with pytest.raises(TransientError, match="E603"):
        remote.contacts_total()
    waits = [wait for wait in world.clock.slept if wait > 0.25]
    assert len(set(waits)) == len(waits)
    assert waits[0] <= 0.5
    assert 15 <= max(waits) <= 30
    assert sum(waits) <= 180
    assert {event.why for event in world.events if isinstance(event, Waiting)} == {"retry"}


def test_a_refusal_is_not_tried_again(world: World, remote: ConstantContact) -> None:
    world.fault("status", status=400, error_message="limit is not valid")
    with pytest.raises(RejectedError, match="E620") as caught:
        remote.contacts_total()
    assert "limit is not valid" in str(caught.value.diagnostics[0].detail)
    assert remote.calls_made() == 1


def test_a_retry_after_header_is_honoured_and_capped(world: World, remote: ConstantContact) -> None:
    world.fault("throttled", headers={"Retry-After": "20"})
    world.fault("throttled", headers={"Retry-After": "86400"})
    remote.contacts_total()
    assert 20.0 in world.clock.slept
    assert 60.0 in world.clock.slept
    assert max(world.clock.slept) == 60


def test_throttling_ends_as_transient(world: World, remote: ConstantContact) -> None:
    world.fault("throttled", times=None)
    with pytest.raises(TransientError, match=r"E606.*too many requests"):
        remote.contacts_total()


def test_a_full_quota_is_not_waited_for(world: World, remote: ConstantContact) -> None:
    world.do("/limits", requests_per_day=0)
    with pytest.raises(QuotaError, match="E604"):
        remote.contacts_total()
    assert remote.calls_made() == 1
    assert remote.calls_left_today() == 0


def test_asked_to_stop_waiting_ends(world: World, remote: ConstantContact) -> None:
    world.fault("status", status=503, times=None)
    world.clock.stop = True
    with pytest.raises(StoppedError, match="E623"):
        remote.contacts_total()
    assert remote.calls_made() == 1


# ---------------------------------------------------------------- 401 and 403


class TwoTokens:
    """A token source whose first token is dead."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refreshed: list[str] = []

    def current(self) -> str:
        return self.tokens[0]

    def refresh(self, stale: str) -> str:
        self.refreshed.append(stale)
        self.tokens.remove(stale)
        return self.tokens[0]


def test_an_expired_token_is_refreshed_once_and_a_post_replayed(world: World) -> None:
    tokens = TwoTokens("dead", world.app.access_token)
    remote = world.open(tokens=tokens)
    list_id = ListId(world.list_id())
    remote.start_import(list_id, BODY, "x.csv")
    assert tokens.refreshed == ["dead"]
    assert remote.calls_made() == 2  # the refused one counts too
    assert len(remote.recent(START)) == 1


def test_a_token_that_is_refused_again_is_denied(world: World) -> None:
    tokens = TwoTokens("dead", "dead too", "never asked for")
    with pytest.raises(DeniedError, match="E302"):
        world.open(tokens=tokens).contacts_total()
    assert tokens.refreshed == ["dead"]


def test_a_ready_token_that_is_refused_says_where_it_came_from(world: World, remote: ConstantContact) -> None:
    world.do("/tokens/expire")
    with pytest.raises(DeniedError, match="E302") as caught:
        remote.contacts_total()
    assert "access_token" in str(caught.value.diagnostics[0].hint)


@pytest.mark.parametrize("token", ["", "  \n", "two words", "line\nbreak", "ümlaut", "x" * 9000, None])
def test_a_token_that_is_none_is_refused_before_anything_is_sent(world: World, token: str | None) -> None:
    auth = replace(world.connection.auth, access_token=Secret("${env:T}", token))
    with pytest.raises(DeniedError, match="E301") as caught:
        world.open(auth=auth)
    assert token is None or not token.strip() or token not in str(caught.value)


def test_white_space_around_a_token_does_no_harm(world: World) -> None:
    world.open(auth=world.auth(f" {world.app.access_token}\r\n")).account()


def test_a_missing_privilege_is_named(world: World, remote: ConstantContact) -> None:
    world.do("/account", privileges=["contacts:read", "contacts:lists:read", "account:read"])
    with pytest.raises(DeniedError, match=r"E306.*contacts:lists:write, contacts:write"):
        remote.check_access()
    with pytest.raises(DeniedError, match=r"E306.*contacts:lists:write$"):
        remote.create_list("New")


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [(["account_read"], "contact_data"), (["contact_data"], "account_read"), ([], "account_read")],
)
def test_a_missing_scope_is_named(world: World, scopes: list[str], missing: str) -> None:
    token = world.do("/tokens", scopes=scopes)["access_token"]
    with pytest.raises(DeniedError, match=f"E303.*{missing}"):
        world.open(auth=world.auth(token)).check_access()


def test_a_deactivated_application_is_named(world: World, remote: ConstantContact) -> None:
    world.do("/account", application_active=False)
    for attempt in (remote.check_access, remote.lists, lambda: remote.start_removal(ListId("l"), ["a"])):
        with pytest.raises(DeniedError, match="E307"):
            attempt()


def test_a_403_without_a_reason_is_not_guessed_at(world: World, remote: ConstantContact) -> None:
    remote.lists()
    world.fault("forbidden", path="/contact_lists")
    with pytest.raises(DeniedError, match="E308"):
        remote.lists()


# ---------------------------------------------------------------- the wire


def on(world: World, base: str, **timeouts: float) -> ConstantContact:
    """A destination on a real socket."""
    endpoints = Endpoints(f"{base}/v3", f"{base}/oauth2/default/v1")
    return world.open(transport="network", endpoints=endpoints, timeouts=Timeouts(**timeouts))


def test_nobody_listening_is_said_after_seconds_and_names_the_host(world: World) -> None:
    with raw_server([]) as (base, _):
        pass
    remote = on(world, base)
    for attempt in (remote.contacts_total, lambda: remote.start_import(ListId("l"), BODY, "x.csv")):
        with pytest.raises(TransientError, match=rf"E603.*{base.removeprefix('http://')}"):
            attempt()
    assert sum(world.clock.slept) < 30


def test_a_host_that_went_away_is_waited_for_longer(world: World) -> None:
    with raw_server([answer(b'{"total": 1}')]) as (base, _):
        remote = on(world, base)
        assert remote.contacts_total() == 1
    with pytest.raises(TransientError, match="E603"):
        remote.contacts_total()
    assert sum(world.clock.slept) > 100


def test_an_unknown_host_is_said(world: World) -> None:
    with pytest.raises(TransientError, match=r"E603.*no-such-host\.invalid"):
        on(world, "https://no-such-host.invalid").contacts_total()


def test_silence_ends_a_read_and_leaves_a_post_unknown(world: World) -> None:
    with raw_server([None, answer(b'{"total": 3}'), None]) as (base, seen):
        remote = on(world, base, read=1.0)
        assert remote.contacts_total() == 3
        with pytest.raises(OutcomeUnknownError, match="E626"):
            remote.start_import(ListId("l"), BODY, "x.csv")
        assert len(seen) == 3


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"HTTP/1.1 200",
        b"garbage\r\n\r\n",
        answer(b'{"total": 3}', length=500),
        answer(b"<html>Sign in to this network</html>", media="text/html"),
        answer(b""),
        answer(b"[1]"),
        answer(b"[" * 100_000 + b"]" * 100_000),
        answer(b'{"total": ' + b"\xff\xfe" + b"}"),
        answer(b"", status="204 No Content"),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ],
    ids=range(12),
)  # fmt: skip
def test_an_answer_that_is_none_is_asked_for_again_and_leaves_a_post_unknown(world: World, bad: bytes) -> None:
    with raw_server([bad, answer(b'{"total": 3}'), bad]) as (base, _):
        remote = on(world, base, read=5)
        assert remote.contacts_total() == 3
        with pytest.raises(OutcomeUnknownError, match="E626"):
            remote.start_import(ListId("l"), BODY, "x.csv")


def test_what_is_sent_names_the_program_and_lets_the_library_write_the_boundary(world: World) -> None:
    with raw_server([answer(b'{"activity_id": "a-1"}', status="201 Created")]) as (base, seen):
        assert on(world, base).start_import(ListId("l-1"), BODY, "run.csv") == "a-1"
    (request,) = seen
    assert request.startswith(b"POST /v3/activities/contacts_file_import HTTP/1.1\r\n")
    assert b"User-Agent: ccsync/" in request
    assert b"Content-Type: multipart/form-data; boundary=" in request
    assert b'name="file"; filename="run.csv"' in request
    assert b'name="list_ids"\r\n\r\nl-1\r\n' in request


def test_a_loopback_host_is_never_asked_through_a_proxy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with raw_server([answer(b'{"total": 3}')]) as (base, _):
        assert on(world, base).contacts_total() == 3


def test_elsewhere_the_proxy_of_the_environment_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with raw_server([refusal] * 20) as (proxy, seen):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        remote = on(world, "https://api.example")
        for attempt in (remote.contacts_total, lambda: remote.start_import(ListId("l"), BODY, "x.csv")):
            with pytest.raises(TransientError, match=r"E603.*proxy"):
                attempt()
    assert {request.split(b"\r\n")[0] for request in seen} == {b"CONNECT api.example:443 HTTP/1.1"}
    assert not any(b"Bearer" in request for request in seen)


@pytest.mark.parametrize(
    "base",
    ["http://api.cc.email/v3", "ftp://api.cc.email", "//x/v3", "", "https://user:pw@api.cc.email/v3",
     "https://api.cc.email/v3?x=1", "http://127.0.0.1.evil.example/v3", "https://:443/v3"],
)  # fmt: skip
def test_a_token_is_not_sent_to_an_address_that_is_not_safe(world: World, base: str) -> None:
    with pytest.raises(InvalidError, match="E622"):
        world.open(endpoints=Endpoints(base, base))


# ---------------------------------------------------------------- lies and odd shapes


@pytest.mark.parametrize(
    "document",
    [{}, {"lists": None}, {"lists": [None, 3, {"name": "no id"}]}, {"lists": {"a": 1}}, {"lists": [], "_links": []}],
    ids=str,
)
def test_lists_of_no_known_shape_are_none(scripted: Scripted, document: object) -> None:
    assert scripted(lambda request: httpx.Response(200, json=document)).lists() == ()


def test_an_answer_about_somebody_else_is_nobody(scripted: Scripted) -> None:
    other = {"contact_id": "c", "email_address": {"address": "other@example.com"}}
    remote = scripted(lambda request: httpx.Response(200, json={"contacts": [other]}))
    assert remote.contact("me@example.com") is None


def test_a_file_that_is_gone_under_one_spelling_is_found_under_the_other(scripted: Scripted, tmp_path: Path) -> None:
    def go(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v3")
        if request.method == "POST":
            return httpx.Response(201, json={"activity_id": "a"})
        if path == "/activities/a":
            links = {"results": {"href": "/v3/contacts_exports/a"}}
            return httpx.Response(200, json={"activity_id": "a", "state": "completed", "_links": links})
        if path == "/contact_exports/a":
            return httpx.Response(200, text="Email address\r\na@example.com\r\n")
        return httpx.Response(404, json=[])

    file = scripted(go).export_unsubscribed(tmp_path)
    assert "a@example.com" in file.path.read_text()
    assert file.rows is None  # nobody announced a number


def exporting(text: str, headers: dict[str, str], counted: int) -> Callable[[httpx.Request], httpx.Response]:
    """A server whose export job ends well and whose file is `text`."""

    def go(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, json={"activity_id": "a"})
        if request.url.path.endswith("/activities/a"):
            status = {"items_completed_count": counted}
            return httpx.Response(200, json={"activity_id": "a", "state": "completed", "status": status})
        return httpx.Response(200, headers=headers, text=text)

    return go


def test_a_file_with_fewer_people_than_its_job_counted_is_not_used(scripted: Scripted, tmp_path: Path) -> None:
    text = "Email address\r\na@example.com\r\nb@example.com\r\n"
    assert scripted(exporting(text, {}, 2)).export_unsubscribed(tmp_path).rows == 2
    assert scripted(exporting(text, {}, 3)).export_unsubscribed(tmp_path).rows == 2  # it may count the header
    with pytest.raises(TransientError, match=r"E624.*2 of the 5 people"):
        scripted(exporting(text, {}, 5)).export_unsubscribed(tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_a_file_shorter_than_announced_is_not_used(scripted: Scripted, tmp_path: Path) -> None:
    text = "Email address\r\na@example.com\r\n"
    with pytest.raises(TransientError, match=r"E603.*ended early"):
        scripted(exporting(text, {"Content-Length": "999"}, 1)).export_unsubscribed(tmp_path)


# ---------------------------------------------------------------- nothing secret in any message


FAULTS = [
    {"kind": kind} for kind in ("drop_before", "html", "truncated", "throttled", "quota_exceeded", "forbidden")
] + [
    {"kind": "status", "status": status, "shape": shape, "error_message": f"{CANARY} '{CANARY}'", "error_key": CANARY}
    for status in (400, 401, 403, 404, 409, 500)
    for shape in ("array", "object", "oauth", "html")
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_no_address_and_no_token_is_in_any_error_or_log(
    world: World, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    remote = world.open()
    world.do("/faults", **fault, times=None)
    texts = []
    for attempt in (lambda: remote.contact(CANARY), lambda: remote.start_import(ListId("l"), BODY, "x.csv")):
        with pytest.raises(CcsyncError) as caught:
            attempt()
        texts += [repr(caught.value), *map(repr, caught.value.diagnostics)]
        texts += traceback.format_exception(caught.value)
    text = "".join(texts) + caplog.text + repr(world.events)
    assert CANARY not in text
    assert "canary" not in text.lower().replace("canary)", "")
    assert world.app.access_token not in text


def test_every_failure_is_of_our_own_tree(world: World, remote: ConstantContact) -> None:
    """Whatever status comes, the caller sees one of the documented errors."""
    for status in range(300, 600, 7):
        world.do("/faults", kind="status", status=status, times=1)
        with pytest.raises((RemoteError, DeniedError)):
            remote.start_removal(ListId("l"), ["a"])
        world.control.delete("/sandbox/faults")


def test_json_of_a_removal_is_what_the_contract_says(scripted: Scripted) -> None:
    sent: list[dict[str, Any]] = []

    def go(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(201, json={"activity_id": "a"})

    scripted(go).start_removal(ListId("l"), ["c1", "c2"])
    assert sent == [{"source": {"contact_ids": ["c1", "c2"]}, "list_ids": ["l"]}]
