"""Links and redirects: where they may lead, and that a token goes nowhere else."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.core.batch import Transport
from ccsync.core.spec import ListId
from ccsync.errors import (
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from ccsync.ports.live import ImportBody

from tests.constant_contact.world import HOST

Scripted = Callable[[Callable[[httpx.Request], httpx.Response]], ConstantContact]


def page(href: str | None = None) -> dict[str, Any]:
    return {"lists": [{"list_id": "l", "name": "L"}], "_links": {"next": {"href": href}} if href else {}}


def next_leads_to(href: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(200, json=page(None if "cursor" in str(request.url) else href))


@pytest.mark.parametrize("href", ["/v3/contact_lists?cursor=a%2Fb&limit=5", f"{HOST}/v3/contact_lists?cursor=x"])
def test_links_below_the_api_are_followed(scripted: Scripted, href: str) -> None:
    assert len(scripted(next_leads_to(href)).lists()) == 1


@pytest.mark.parametrize(
    "href",
    ["https://evil.example/v3/contact_lists?cursor=1", "//evil.example/v3/contact_lists?cursor=1",
     "http://127.0.0.1:8026/v3/contact_lists?cursor=1", "https://127.0.0.1:8025/v3/contact_lists?cursor=1",
     "http://127.0.0.1:8025@evil.example/v3/contact_lists", "javascript:cursor", "https://[bad/cursor"],
)  # fmt: skip
def test_links_to_another_host_are_refused(scripted: Scripted, href: str) -> None:
    with pytest.raises(RejectedError, match="E621"):
        scripted(next_leads_to(href)).lists()


@pytest.mark.parametrize("href", ["/v3/contact_lists/../contacts?cursor=1", "/v3/emails?cursor=1", "/cursor"])
def test_links_to_calls_that_are_not_ours_are_refused(scripted: Scripted, href: str) -> None:
    with pytest.raises(RejectedError, match="E625"):
        scripted(next_leads_to(href)).lists()


def test_pages_that_lead_in_a_circle_end(scripted: Scripted) -> None:
    answer_all = lambda request: httpx.Response(200, json=page("/v3/contact_lists?cursor=1"))  # noqa: E731
    with pytest.raises(TransientError, match=r"E603.*no end"):
        scripted(answer_all).lists()


def test_a_redirect_on_the_same_host_is_followed(scripted: Scripted) -> None:
    def go(request: httpx.Request) -> httpx.Response:
        if request.url.query:
            return httpx.Response(200, json={"total": 4})
        return httpx.Response(307, headers={"Location": "/v3/contacts/counts?include=new_subscriber"})

    assert scripted(go).contacts_total() == 4


def test_a_redirect_to_another_host_gets_no_request(scripted: Scripted) -> None:
    asked = []

    def go(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://evil.example/v3/contacts/counts"})

    remote = scripted(go)
    with pytest.raises(RejectedError, match="E621"):
        remote.contacts_total()
    with pytest.raises(OutcomeUnknownError, match="E626"):
        remote.start_import(ListId("l"), ImportBody(Transport.CSV, b"email\n", 1), "x.csv")
    assert set(asked) == {"127.0.0.1"}


def test_redirects_in_a_circle_end(scripted: Scripted) -> None:
    go = lambda request: httpx.Response(302, headers={"Location": "/v3/contacts/counts"})  # noqa: E731
    with pytest.raises(TransientError, match="E603"):
        scripted(go).contacts_total()
