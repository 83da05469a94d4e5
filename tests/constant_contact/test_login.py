"""Signing in: the device flow, and the two flows with a browser on this machine."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from ccsync.constant_contact.account import open_destination
from ccsync.constant_contact.filestore import FileStore
from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.login import Ended, Page, SignIn, challenge_of, kept_in, login, logout, signed_in
from ccsync.constant_contact.oauth import DeviceCode
from ccsync.core.spec import Auth, AuthFlow, Connection, Secret, TokenPlace
from ccsync.errors import CcsyncError, DeniedError, InvalidError, StoppedError, TransientError, UsageError
from ccsync.sandbox.tokens import CLIENT_ID, CLIENT_SECRET

from tests.constant_contact.world import HOST, World

Asked = DeviceCode | Page


class Person:
    """Somebody who signs in, and what they do when they are asked."""

    def __init__(self, world: World, flow: AuthFlow = AuthFlow.DEVICE, secret: str | None = None) -> None:
        self.world = world
        auth = Auth(flow, CLIENT_ID, Secret("${env:S}", secret) if secret else None)
        self.connection: Connection = replace(world.connection, auth=auth)
        self.environ = {"CCSYNC_HOME": str(world.home)}
        self.store = FileStore(self.connection, self.environ)
        self.asked: list[Asked] = []

    def login(self, act: Callable[[Asked], object] = lambda _: None, **options: str) -> SignIn:
        def ask(asked: Asked) -> None:
            self.asked.append(asked)
            act(asked)

        return login(
            self.connection, clock=self.world.clock, environ=self.environ, ask=ask, keep=kept_in(self.store),
            transport=httpx.WSGITransport(self.world.app), **options,
        )  # fmt: skip

    def logout(self) -> Ended:
        transport = httpx.WSGITransport(self.world.app)
        return logout(self.connection, self.store, clock=self.world.clock, environ=self.environ, transport=transport)


# ---------------------------------------------------------------- device


def test_a_person_types_the_code_and_is_signed_in(world: World) -> None:
    world.do("/oauth", auto="ask")
    person = Person(world)
    found = person.login(lambda asked: world.do("/oauth", user_code=asked.user_code, decision="approve"))
    (asked,) = person.asked
    assert isinstance(asked, DeviceCode)
    assert asked.user_code in str(asked.link)
    assert asked.device_code not in repr(asked)
    assert found.lasting
    assert set(found.scopes) == {"account_read", "contact_data", "offline_access"}
    assert world.open(auth=person.connection.auth).account().id


def test_it_asks_as_often_as_it_may_until_the_person_agrees(world: World) -> None:
    world.do("/oauth", auto="ask")
    person = Person(world)
    codes: list[str] = []
    world.fault("status", status=400, shape="oauth", error_key="authorization_pending", path="*/token", times=3)
    world.fault("status", status=400, shape="oauth", error_key="slow_down", path="*/token", times=2)
    world.fault("html", path="*/token")
    world.fault("drop_before", path="*/token")
    person.login(lambda asked: codes.append(world.do("/oauth", user_code=asked.user_code, decision="approve")))
    waits = [wait for wait in world.clock.slept if wait > 2]
    assert waits == [5, 5, 5, 5, 10, 15, 30, 30]


def test_a_person_who_says_no_is_told(world: World) -> None:
    world.do("/oauth", auto="deny")
    person = Person(world)
    with pytest.raises(DeniedError, match="E314"):
        person.login()
    assert signed_in(person.store) is None


def test_a_code_that_nobody_types_runs_out(world: World) -> None:
    world.do("/oauth", auto="ask")
    with pytest.raises(TransientError, match="E313"):
        Person(world).login()
    assert sum(world.clock.slept) < 1_900


def test_an_application_without_the_device_flow_is_told(world: World) -> None:
    world.do("/account", device_flow=False)
    with pytest.raises(DeniedError, match="E309") as caught:
        Person(world).login()
    assert "developer portal" in str(caught.value.diagnostics[0].hint)


def test_a_lost_answer_with_the_tokens_is_told(world: World) -> None:
    world.do("/oauth", auto="approve")
    world.fault("drop_after", path="*/token")
    with pytest.raises(TransientError, match="E313"):
        Person(world).login()


def test_a_stop_while_waiting_ends_it(world: World) -> None:
    world.do("/oauth", auto="ask")
    world.clock.stop = True
    with pytest.raises(StoppedError):
        Person(world).login()


def test_a_failed_login_leaves_the_older_sign_in(world: World) -> None:
    world.do("/oauth", auto="approve")
    person = Person(world)
    person.login()
    world.do("/oauth", auto="deny")
    with pytest.raises(DeniedError):
        person.login()
    assert world.open(auth=person.connection.auth).account().id


def test_logging_out_forgets_the_sign_in(world: World) -> None:
    world.do("/oauth", auto="approve")
    person = Person(world)
    person.login()
    assert person.logout() is Ended.FORGOTTEN
    assert person.logout() is Ended.NOTHING
    with pytest.raises(DeniedError, match="E310"):
        world.open(auth=person.connection.auth).account()


def test_a_ready_token_needs_no_login(world: World) -> None:
    with pytest.raises(UsageError, match="E903"):
        Person(world, AuthFlow.ACCESS_TOKEN).login()


@pytest.mark.parametrize(
    "body", [{}, {"device_code": "d"}, {"device_code": 5, "user_code": "u", "verification_uri": "v"}]
)
def test_an_answer_without_a_code_is_no_sign_in(world: World, body: dict[str, object]) -> None:
    person = Person(world)
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with pytest.raises(TransientError, match="E313"):
        login(
            person.connection, clock=world.clock, environ=person.environ, ask=lambda _: None,
            keep=kept_in(person.store), transport=transport,
        )  # fmt: skip


# ---------------------------------------------------------------- browser


@pytest.fixture
def redirect_uri() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/callback"


class Browser:
    """Opens the page, lets the sandbox decide, and follows the redirect back to this machine, on its own thread."""

    def __init__(self, world: World, *, first: Callable[[str], list[str]] = lambda _: []) -> None:
        self.world = world
        self.first = first
        self.answers: list[tuple[int, str]] = []
        self.thread: threading.Thread | None = None

    def __call__(self, asked: Asked) -> None:
        assert isinstance(asked, Page)
        self.url = asked.url
        back = self.world.control.get(asked.url).headers["Location"]
        self.thread = threading.Thread(target=self._go, args=([*self.first(back), back],))
        self.thread.start()

    def _go(self, urls: list[str]) -> None:
        with httpx.Client(trust_env=False) as client:
            for url in urls:
                answer = client.get(url)
                self.answers.append((answer.status_code, answer.text))

    def done(self) -> list[int]:
        assert self.thread is not None
        self.thread.join(10)
        return [status for status, _ in self.answers]


@pytest.mark.parametrize(("flow", "secret"), [(AuthFlow.PKCE, None), (AuthFlow.AUTHORIZATION_CODE, CLIENT_SECRET)])
def test_the_browser_comes_back_and_the_person_is_signed_in(
    world: World, redirect_uri: str, flow: AuthFlow, secret: str | None
) -> None:
    world.do("/oauth", auto="approve")
    person, browser = Person(world, flow, secret), Browser(world)
    assert person.login(browser, redirect_uri=redirect_uri).lasting
    assert browser.done() == [200]
    query = parse_qs(urlsplit(browser.url).query)
    assert browser.url.startswith(f"{HOST}/oauth2/default/v1/authorize?")
    assert query["scope"] == ["account_read contact_data offline_access"]
    assert "+contact_data+" in browser.url
    assert ("code_challenge" in query) == (flow is AuthFlow.PKCE)
    assert CLIENT_SECRET not in browser.url
    assert world.open(auth=person.connection.auth).account().id


def test_a_visitor_with_another_state_is_sent_away(world: World, redirect_uri: str) -> None:
    world.do("/oauth", auto="approve")
    strangers = lambda back: [  # noqa: E731
        redirect_uri, f"{redirect_uri}?code=evil", f"{redirect_uri}?code=evil&state=guess",
        f"{redirect_uri}?error=access_denied&state=x", redirect_uri.replace("callback", "favicon.ico"),
        back.split("&state")[0], back.replace("/callback", "/other"),
    ]  # fmt: skip
    person, browser = Person(world, AuthFlow.PKCE), Browser(world, first=strangers)
    person.login(browser, redirect_uri=redirect_uri)
    assert browser.done() == [404] * 7 + [200]
    assert not any("evil" in text for _, text in browser.answers)


def test_a_person_who_says_no_in_the_browser_is_told(world: World, redirect_uri: str) -> None:
    world.do("/oauth", auto="deny")
    person, browser = Person(world, AuthFlow.PKCE), Browser(world)
    with pytest.raises(DeniedError, match="E314"):
        person.login(browser, redirect_uri=redirect_uri)
    browser.done()


def test_a_wrong_secret_is_told(world: World, redirect_uri: str) -> None:
    world.do("/oauth", auto="approve")
    person, browser = Person(world, AuthFlow.AUTHORIZATION_CODE, "not-it"), Browser(world)
    with pytest.raises(DeniedError, match="E309") as caught:
        person.login(browser, redirect_uri=redirect_uri)
    assert "not-it" not in str(caught.value.diagnostics)
    browser.done()


def test_nobody_comes_back_in_time(world: World, redirect_uri: str) -> None:
    person = Person(world, AuthFlow.PKCE)
    with pytest.raises(TransientError, match="E313"):
        person.login(lambda _: world.clock.forward(601), redirect_uri=redirect_uri)


def test_a_stop_while_the_browser_is_waited_for_ends_it(world: World, redirect_uri: str) -> None:
    world.clock.stop = True
    with pytest.raises(StoppedError):
        Person(world, AuthFlow.PKCE).login(redirect_uri=redirect_uri)


@pytest.mark.parametrize(
    "uri", ["http://0.0.0.0:8765/x", "https://localhost:8765/x", "http://example.com:80/", "http://localhost/x", "x"]
)
def test_the_way_back_is_on_this_machine_only(world: World, uri: str) -> None:
    with pytest.raises(InvalidError, match="E312"):
        Person(world, AuthFlow.PKCE).login(redirect_uri=uri)


def test_a_port_that_is_taken_is_told(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"http://localhost:{taken.getsockname()[1]}/callback"
        with pytest.raises(InvalidError, match=r"E312.*port"):
            Person(world, AuthFlow.PKCE).login(redirect_uri=uri)


def test_the_challenge_is_that_of_the_standard() -> None:
    """Source: RFC 7636 appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_every_failure_is_of_our_own_tree(world: World) -> None:
    for status in (200, 302, 400, 403, 404, 500):
        world.do("/faults", kind="status", status=status, path="*/device/authorize", method="POST")
        with pytest.raises(CcsyncError):
            Person(world).login()


# ---------------------------------------------------------------- other places, and the end


def test_signing_out_ends_the_grant_where_the_server_can(world: World) -> None:
    world.do("/oauth", auto="approve")
    world.do("/switches", revoke_endpoint="present")
    person = Person(world)
    person.login()
    grant = person.store.load()
    assert grant is not None
    assert person.logout() is Ended.REVOKED
    kept_in(person.store)(grant)  # as a thief's copy
    with pytest.raises(DeniedError, match="E305"):
        world.open(auth=person.connection.auth).account()


@pytest.mark.parametrize("mode", ["rotating", "long_lived"])
def test_a_sign_in_for_the_environment_must_be_one_that_lasts(world: World, mode: str) -> None:
    """What the environment holds can't be replaced, so a token that works once is never handed over."""
    world.do("/oauth", auto="approve")
    world.do("/account", refresh_mode=mode)
    person = Person(world)
    person.connection = replace(person.connection, auth=replace(person.connection.auth, token_store=TokenPlace.ENV))
    kept: list[Grant] = []

    def signed_in_once() -> SignIn:
        return login(
            person.connection, clock=world.clock, environ=person.environ, ask=lambda _: None, keep=kept.append,
            transport=httpx.WSGITransport(world.app),
        )  # fmt: skip

    if mode == "rotating":
        with pytest.raises(DeniedError, match="E315"):
            signed_in_once()
        assert kept == []
        return
    signed_in_once()
    environ = {**person.environ, "CCSYNC_TOKEN_NEWSLETTER": kept[0].refresh_token}
    for _ in range(2):  # two runs a year apart, neither of which keeps anything
        world.clock.forward(150 * 86_400)
        with open_destination(
            person.connection, clock=world.clock, random=Random(1), environ=environ,
            transport=httpx.WSGITransport(world.app),
        ) as remote:  # fmt: skip
            remote.account()
            remote.account()
