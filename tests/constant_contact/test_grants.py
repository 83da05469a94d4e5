"""A sign-in that is kept alive: renewed early, once, durably; and what happens when an answer is lost."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import keyring
import pytest
from ccsync.cli.clock import SystemClock
from ccsync.constant_contact.account import ConstantContact
from ccsync.constant_contact.filestore import FileStore
from ccsync.constant_contact.login import kept_in, login, signed_in
from ccsync.constant_contact.tokenplaces import open_store
from ccsync.core.spec import Auth, AuthFlow, Endpoints, Secret
from ccsync.errors import CcsyncError, DeniedError, ExitCode, StoppedError, StorageError, TransientError
from ccsync.sandbox.options import Endpoints as Served
from ccsync.sandbox.tokens import CLIENT_ID, CLIENT_SECRET
from ccsync.sealing import fresh_key

from tests.constant_contact.keyrings import FileKeyring
from tests.constant_contact.places import box_opener
from tests.constant_contact.served import served_sandbox
from tests.constant_contact.soak import connection_of
from tests.constant_contact.world import World

TOKEN = "*/token"
ROOT = Path(__file__).parents[2]


class Signed:
    """A signed-in connection of the sandbox."""

    def __init__(self, world: World, auth: Auth = Auth(AuthFlow.DEVICE, CLIENT_ID)) -> None:
        self.world = world
        self.connection = replace(world.connection, auth=auth)
        self.environ = {"CCSYNC_HOME": str(world.home)}
        self.store = FileStore(self.connection, self.environ)

    def sign_in(self) -> "Signed":
        self.world.do("/oauth", auto="approve")
        login(
            self.connection, clock=self.world.clock, environ=self.environ, ask=lambda _: None,
            keep=kept_in(self.store), transport=httpx.WSGITransport(self.world.app),
        )  # fmt: skip
        return self

    def open(self) -> ConstantContact:
        return self.world.open(auth=self.connection.auth)

    @property
    def file(self) -> dict[str, Any]:
        return json.loads(self.store.path.read_text())

    def renewals(self) -> int:
        return sum(path.endswith("/token") for _, path in self.world.requests())


@pytest.fixture
def signed(world: World) -> Signed:
    return Signed(world).sign_in()


def test_a_sign_in_works_and_is_private(signed: Signed) -> None:
    assert signed.open().account().id
    assert signed.store.path.stat().st_mode & 0o777 == 0o600
    assert signed.store.path.parent.stat().st_mode & 0o777 == 0o700
    found = signed_in(signed.store)
    assert found is not None
    assert found.lasting
    assert "contact_data" in found.scopes


def test_without_a_sign_in_it_says_how(world: World) -> None:
    with pytest.raises(DeniedError, match="E310") as caught:
        Signed(world).open().account()
    assert "connections login newsletter" in str(caught.value.diagnostics[0].hint)
    assert world.requests() == []


def test_a_fresh_token_is_not_renewed(signed: Signed) -> None:
    before = signed.renewals()
    signed.open().account()
    assert signed.renewals() == before


@pytest.mark.parametrize("mode", ["rotating", "long_lived"])
def test_a_token_is_renewed_before_it_ends(signed: Signed, mode: str) -> None:
    signed.world.do("/account", refresh_mode=mode)
    old = signed.file
    signed.world.clock.forward(86_400 - 3_500)
    signed.open().account()
    new = signed.file
    assert new["access_token"] != old["access_token"]
    assert (new["refresh_token"] == old["refresh_token"]) == (mode == "long_lived")
    assert new["signed_in_at"] == old["signed_in_at"]
    assert new["refreshing"] == ""
    signed.open().account()
    assert signed.file == new


def test_a_short_token_is_not_renewed_in_its_first_half(signed: Signed) -> None:
    signed.world.do("/account", access_token_seconds=600)
    signed.sign_in()
    before = signed.renewals()
    signed.world.clock.forward(290)
    signed.open().account()
    assert signed.renewals() == before
    signed.world.clock.forward(20)
    signed.open().account()
    assert signed.renewals() == before + 1


def test_a_refused_token_is_renewed_once_and_the_call_repeated(signed: Signed) -> None:
    remote = signed.open()
    remote.account()
    signed.world.do("/tokens/expire")
    remote.account()
    remote.account()
    assert signed.renewals() == 2  # the sign-in itself and one renewal


def test_two_programs_renew_once(signed: Signed) -> None:
    one, two = signed.open(), signed.open()
    one.account()
    two.account()
    signed.world.do("/switches", old_access_token_after_rotation="dead")
    signed.world.do("/tokens/expire")
    one.account()
    two.account()
    assert signed.renewals() == 2


@pytest.mark.parametrize("kind", ["drop_before", "html", "status"])
def test_trouble_with_an_early_renewal_is_nobodys_trouble(signed: Signed, kind: str) -> None:
    signed.world.clock.forward(86_400 - 3_000)
    signed.world.fault(kind, path=TOKEN, method="POST")
    remote = signed.open()
    for _ in range(5):
        remote.account()
    assert signed.renewals() == 2  # tried once, not again and again
    signed.world.clock.forward(3_001)
    remote.account()
    assert signed.renewals() == 3


def test_a_lost_answer_is_not_asked_for_again_while_the_token_works(signed: Signed) -> None:
    """With a rotating token a second use is what would end the grant for good."""
    signed.world.clock.forward(86_400 - 3_000)
    signed.world.fault("drop_after", path=TOKEN, method="POST")
    for _ in range(4):
        signed.open().account()
    assert signed.renewals() == 2
    assert signed.file["refreshing"]
    signed.world.clock.forward(3_001)
    with pytest.raises(DeniedError, match=r"E305.*earlier renewal"):
        signed.open().account()


@pytest.mark.parametrize("mode", ["rotating with grace", "long_lived"])
def test_a_lost_answer_is_survived_where_the_server_allows_it(signed: Signed, mode: str) -> None:
    if mode == "long_lived":
        signed.world.do("/account", refresh_mode=mode)
    else:
        signed.world.do("/switches", refresh_grace_s="3600")
    signed.world.do("/tokens/expire")
    signed.world.fault("drop_after", path=TOKEN, method="POST")
    with pytest.raises(TransientError, match="E627"):
        signed.open().account()
    signed.open().account()
    assert signed.file["refreshing"] == ""


def test_a_grant_that_is_over_says_so_without_asking_again(signed: Signed) -> None:
    signed.world.do("/tokens/revoke")
    with pytest.raises(DeniedError, match="E305") as caught:
        signed.open().account()
    assert "connections login" in str(caught.value.diagnostics[0].hint)
    before = signed.renewals()
    with pytest.raises(DeniedError, match="E305"):
        signed.open().account()
    assert signed.renewals() == before
    signed.sign_in().open().account()


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "server_error", ""])
def test_only_invalid_grant_is_the_end(signed: Signed, error: str) -> None:
    signed.world.do("/tokens/expire")
    signed.world.fault("status", status=401, shape="oauth", error_key=error, path=TOKEN, method="POST")
    with pytest.raises(DeniedError, match="E309"):
        signed.open().account()
    signed.open().account()


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_of_the_server_is_not_the_end(signed: Signed, status: int) -> None:
    signed.world.do("/tokens/expire")
    signed.world.fault("status", status=status, path=TOKEN, method="POST")
    with pytest.raises(TransientError, match="E627"):
        signed.open().account()
    signed.open().account()


def test_a_throttled_renewal_is_waited_for(signed: Signed) -> None:
    signed.world.do("/tokens/expire")
    signed.world.fault("throttled", path=TOKEN, method="POST", times=3)
    signed.open().account()
    assert sum(signed.world.clock.slept) > 5


def test_a_stop_while_waiting_leaves_the_sign_in_as_it_was(signed: Signed) -> None:
    before = signed.file
    signed.world.do("/tokens/expire")
    signed.world.fault("throttled", path=TOKEN, method="POST", times=None)
    signed.world.clock.stop = True
    with pytest.raises(CcsyncError, match="E623"):
        signed.open().account()
    assert signed.file == before


class Interrupting(httpx.WSGITransport):
    """A signal arrives while the answer to a refresh is on its way."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if request.url.path.endswith("/token"):
            signal.raise_signal(signal.SIGINT)
        return answer


@pytest.mark.parametrize("lost", [False, True])
def test_a_signal_in_the_middle_of_a_renewal_waits_until_the_tokens_are_kept(signed: Signed, lost: bool) -> None:
    def handler(number: int, frame: object) -> None:
        raise StoppedError(ExitCode.INTERRUPTED)

    old = signed.file
    signed.world.do("/tokens/expire")
    if lost:
        signed.world.fault("truncated", path=TOKEN, method="POST")
    before = signal.signal(signal.SIGINT, handler)
    try:
        remote = signed.world.open(auth=signed.connection.auth, transport=Interrupting(signed.world.app))
        with pytest.raises(StoppedError):
            remote.account()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    if lost:
        assert signed.file["refreshing"]  # so that nobody takes the old refresh token for unused
    else:
        assert signed.file["access_token"] != old["access_token"]
        signed.open().account()


def test_without_a_refresh_token_the_end_is_told(signed: Signed) -> None:
    signed.store.save(replace(signed.store.load(), refresh_token=""))
    signed.open().account()
    signed.world.do("/tokens/expire")
    with pytest.raises(DeniedError, match=r"E305.*offline_access"):
        signed.open().account()


def test_a_client_with_a_secret_shows_it_to_the_sign_in_server_only(world: World) -> None:
    auth = Auth(AuthFlow.DEVICE, CLIENT_ID, Secret("${env:S}", CLIENT_SECRET))
    signed = Signed(world, auth).sign_in()
    world.do("/tokens/expire")
    signed.open().account()
    wrong = replace(auth, client_secret=Secret("${env:S}", "wrong"))
    world.do("/tokens/expire")
    with pytest.raises(DeniedError, match="E309") as caught:
        Signed(world, wrong).open().account()
    assert "wrong" not in str(caught.value.diagnostics)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"format": 2}', b'{"format": 1}', b"\x00" * 90, b"\xff",
     b'{"format":1,"access_token":"a b","refresh_token":"","expires_at":"2026-10-01T00:00:00+00:00",'
     b'"obtained_at":"2026-10-01T00:00:00+00:00","signed_in_at":"x"}'],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_sign_in_is_said_and_not_overwritten(signed: Signed, content: bytes) -> None:
    signed.store.path.write_bytes(content)
    with pytest.raises(DeniedError, match="E311") as caught:
        signed.open().account()
    assert "connections login" in str(caught.value.diagnostics[0].hint)
    assert signed.store.path.read_bytes() == content
    signed.sign_in().open().account()


def test_nothing_is_sent_when_the_next_tokens_could_not_be_kept(signed: Signed) -> None:
    """A refresh whose answer can't be stored would end the grant, so the disk is tried first."""
    signed.world.do("/tokens/expire")
    before = signed.renewals()
    signed.store.path.with_suffix(".lock").unlink(missing_ok=True)
    signed.store.path.with_suffix(".lock").mkdir()
    with pytest.raises(StorageError, match="E713"):
        signed.open().account()
    assert signed.renewals() == before


def test_no_token_is_in_any_message_or_repr(signed: Signed) -> None:
    secrets = [signed.file["access_token"], signed.file["refresh_token"]]
    signed.world.do("/tokens/revoke")
    with pytest.raises(DeniedError) as caught:
        signed.open().account()
    text = repr(caught.value) + str(caught.value.diagnostics) + repr(signed.store.load()) + repr(signed.world.events)
    assert not any(secret in text for secret in secrets)


def test_each_connection_and_client_has_its_own_sign_in(world: World) -> None:
    one = Signed(world)
    others = [
        replace(one.connection, name="other"),
        replace(one.connection, auth=Auth(AuthFlow.DEVICE, "another")),
        replace(one.connection, endpoints=Endpoints(auth="https://authz.example")),
    ]
    paths = {FileStore(connection, one.environ).path for connection in [one.connection, *others]}
    assert len(paths) == 4
    assert not any(CLIENT_ID in str(path) for path in paths)


def test_a_renewal_of_another_process_is_waited_for(signed: Signed) -> None:
    released = threading.Event()

    def renew() -> None:
        with signed.store.locked():
            released.set()

    with signed.store.locked():
        other = threading.Thread(target=renew)
        other.start()
        assert not released.wait(0.2)
    other.join(10)
    assert released.is_set()


# ---------------------------------------------------------------- real processes


CHILD = """
import os, signal, sys
from random import Random
import keyring
from ccsync.cli.clock import SystemClock
from ccsync.constant_contact import account, sharedstore
from ccsync.errors import CcsyncError
from tests.constant_contact.keyrings import FileKeyring
from tests.constant_contact.places import box_opener
from tests.constant_contact.soak import connection_of

*where, place, point = sys.argv[1:6]
keyring.set_keyring(FileKeyring.of(os.environ))
sharedstore.DEAD_AFTER_S = 1

def die_at(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)

class Doomed:
    def __init__(self, store):
        self.store = store
    def load(self):
        return self.store.load()
    def locked(self):
        return self.store.locked()
    def save(self, grant):
        stage = "mark" if grant.refreshing else "keep"
        die_at("before_" + stage)
        self.store.save(grant)
        die_at("after_" + stage)

real = account.open_store
account.open_store = lambda *given: Doomed(real(*given))
try:
    with account.open_destination(
        connection_of(*where, place), clock=SystemClock(), random=Random(), environ=os.environ,
        box=box_opener(os.environ),
    ) as remote:
        remote.account()
except CcsyncError as error:
    print(error)
    sys.exit(8)
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_sandbox() as endpoints:
        yield endpoints


@contextmanager
def on_served(served: Served, home: Path, place: str = "file") -> Iterator[httpx.Client]:
    """Signs in over real sockets; gives the way to the control API."""
    connection = connection_of(served.api, served.auth, served.client_id, place)
    clock = Impatient()
    store = open_store(connection, environ_of(home), clock, box_opener(environ_of(home)))
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring.of(environ_of(home)))
    try:
        with httpx.Client(base_url=served.control, trust_env=False) as control:
            control.post("/oauth", json={"auto": "approve"})
            login(connection, clock=clock, environ=environ_of(home), ask=lambda _: None, keep=kept_in(store))
            yield control
    finally:
        keyring.set_keyring(before)


class Impatient(SystemClock):
    def sleep(self, wait_s: float) -> None:
        super().sleep(min(wait_s, 0.05))

    def monotonic(self) -> float:
        return super().monotonic() * 1000


KEY = fresh_key()


def environ_of(home: Path) -> dict[str, str]:
    return {"CCSYNC_HOME": str(home), "CCSYNC_KEY": KEY}


def child(served: Served, home: Path, place: str = "file", point: str = "") -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", CHILD, served.api, served.auth, served.client_id, place, point]
    environ = os.environ | environ_of(home) | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(arguments, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)


POINTS = [("before_mark", True), ("after_mark", True), ("before_keep", False), ("after_keep", True)]
OTHERS = [pytest.param(place, marks=pytest.mark.long) for place in ("keyring", "state")]


@pytest.mark.parametrize("place", ["file", *OTHERS])
@pytest.mark.parametrize(("point", "survives"), POINTS)
def test_killed_at_any_step_of_a_renewal(
    served: Served, tmp_path: Path, place: str, point: str, survives: bool
) -> None:
    """Only between the server's answer and the disk is a rotating token lost, and then it is said."""
    with on_served(served, tmp_path, place) as control:
        control.post("/tokens/expire")
        killed = child(served, tmp_path, place, point)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        after = child(served, tmp_path, place)
        said, _ = after.communicate(timeout=60)
        assert after.returncode == (0 if survives else 8), said
        assert survives or ("E305" in said and "earlier renewal" in said)


@pytest.mark.parametrize(
    ("place", "count"),
    [("file", 20), *(pytest.param(place, 200, marks=pytest.mark.long) for place in ("file", "keyring", "state"))],
)
def test_many_processes_renew_once_a_rotation(served: Served, tmp_path: Path, place: str, count: int) -> None:
    """All need a token at the moment when none works any more, three times over."""
    with on_served(served, tmp_path, place):
        arguments = (served.api, served.auth, served.client_id, served.control, place, str(count), "3")
        done = subprocess.run(
            (sys.executable, "-m", "tests.constant_contact.soak", *arguments),
            cwd=ROOT, env=os.environ | environ_of(tmp_path) | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        told = json.loads(done.stdout or "{}")
        assert told == {"answered": [count] * 3, "renewed": [1] * 3}, done.stderr[-2000:]
