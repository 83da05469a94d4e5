"""What every place for a sign-in promises, and what only some do."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from ccsync.cli.clock import SystemClock
from ccsync.constant_contact.envstore import hand_over
from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.sharedstore import DEAD_AFTER_S, SharedStore
from ccsync.constant_contact.tokenplaces import open_store
from ccsync.constant_contact.tokenstore import TokenStore
from ccsync.core.spec import Auth, AuthFlow, Connection, ConnectionName, TokenPlace
from ccsync.errors import CcsyncError, DeniedError, StorageError, TransientError
from ccsync.ports.ledger import SharedBox
from ccsync.sealing import fresh_key, load_keys
from ccsync.state.files import LocalDisk
from ccsync.state.head import read_head
from ccsync.state.sealed import SealedStore
from ccsync.state.store import LocalStore

from tests.constant_contact.keyrings import FileKeyring
from tests.constant_contact.places import box_opener
from tests.constant_contact.world import StillClock

CONNECTION = Connection(ConnectionName("newsletter"), "", auth=Auth(AuthFlow.DEVICE, "client"))
GRANT = Grant(
    "access-1", "refresh-1", "2026-10-02T12:00:00+00:00", "2026-10-01T12:00:00+00:00", "2026-10-01T12:00:00+00:00"
)
NEWER = replace(GRANT, access_token="access-2", obtained_at="2026-10-01T13:00:00+00:00")
KEY = fresh_key()
LASTING = [TokenPlace.FILE, TokenPlace.KEYRING, TokenPlace.STATE]


def box_in(folder: Path, name: str = "newsletter", key: str = KEY) -> SharedBox:
    return box_opener({"CCSYNC_KEY": key, "CCSYNC_HOME": str(folder)})(name)


class Opened:
    """Opens the store of one place again and again, as several processes would."""

    def __init__(self, folder: Path, place: TokenPlace) -> None:
        self.folder = folder
        self.environ: Mapping[str, str] = {"CCSYNC_HOME": str(folder / "home"), "CCSYNC_TOKEN_NEWSLETTER": "refresh-1"}
        self.connection = replace(CONNECTION, auth=replace(CONNECTION.auth, token_store=place))
        self.clock = StillClock()

    def __call__(self) -> TokenStore:
        return open_store(self.connection, self.environ, self.clock, lambda name: box_in(self.folder, name))


@pytest.fixture(autouse=True)
def ring(tmp_path: Path) -> Iterator[FileKeyring]:
    before = keyring.get_keyring()
    made = FileKeyring(tmp_path / "keyring.json")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture(params=LASTING)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return Opened(tmp_path, request.param)


def saved(store: TokenStore, grant: Grant) -> None:
    with store.locked():
        store.save(grant)


def test_what_is_saved_is_loaded_by_any_process(opened: Opened) -> None:
    assert opened().load() is None
    saved(opened(), GRANT)
    assert opened().load() == GRANT
    saved(opened(), NEWER)
    assert opened().load() == NEWER


def test_what_is_forgotten_is_gone(opened: Opened) -> None:
    store = opened()
    with store.locked():
        assert not store.forget()
    saved(store, GRANT)
    with store.locked():
        assert store.forget()
    assert opened().load() is None
    saved(opened(), NEWER)
    assert opened().load() == NEWER


def test_saving_twice_under_one_lock_keeps_the_second(opened: Opened) -> None:
    store = opened()
    with store.locked():
        store.save(GRANT)
        store.save(NEWER)
    assert opened().load() == NEWER


def test_each_connection_and_client_has_its_own(opened: Opened) -> None:
    saved(opened(), GRANT)
    opened.connection = replace(opened.connection, auth=replace(opened.connection.auth, client_id="another"))
    assert opened().load() is None


def test_what_is_damaged_is_said_without_its_content(opened: Opened, tmp_path: Path) -> None:
    broken = replace(GRANT, expires_at="never, secret")
    saved(opened(), broken)
    with pytest.raises(DeniedError, match="E311") as caught:
        opened().load()
    assert "secret" not in str(caught.value.diagnostics)
    saved(opened(), GRANT)
    assert opened().load() == GRANT


def test_one_renews_at_a_time(opened: Opened) -> None:
    opened.clock = SystemClock()  # type: ignore[assignment]  # the other one waits for real
    order: list[str] = []

    def second() -> None:
        with opened().locked():
            order.append("second")

    with opened().locked():
        other = threading.Thread(target=second)
        other.start()
        other.join(0.1)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]


# ---------------------------------------------------------------- the keyring


def test_a_keyring_that_is_locked_or_not_there_is_said(tmp_path: Path, ring: FileKeyring) -> None:
    opened = Opened(tmp_path, TokenPlace.KEYRING)
    ring.locked = True
    with pytest.raises(StorageError, match="E713"):
        saved(opened(), GRANT)
    from keyring.backends import fail

    keyring.set_keyring(fail.Keyring())
    with pytest.raises(DeniedError, match="E316") as caught:
        opened().load()
    assert "token_store: file" in str(caught.value.diagnostics[0].hint)


# ---------------------------------------------------------------- the environment


def test_the_environment_gives_a_refresh_token_and_keeps_nothing(tmp_path: Path) -> None:
    opened = Opened(tmp_path, TokenPlace.ENV)
    store = opened()
    given = store.load()
    assert given is not None
    assert given.refresh_token == "refresh-1"
    assert given.expires() < opened.clock.now()
    saved(store, GRANT)
    assert store.load() == GRANT
    assert opened().load() == given
    with pytest.raises(DeniedError, match="E315"):
        saved(store, replace(GRANT, refresh_token="refresh-2"))
    after = store.load()
    assert after is not None
    assert after.dead
    opened.environ = {"CCSYNC_TOKEN_NEWSLETTER": "two words"}
    with pytest.raises(DeniedError, match="E311") as caught:
        opened().load()
    assert "two words" not in str(caught.value.diagnostics)
    opened.environ = {}
    assert opened().load() is None


def test_what_is_handed_over_is_one_token_in_a_private_new_file(tmp_path: Path) -> None:
    file = tmp_path / "token.secret"
    hand_over(CONNECTION, GRANT, file)
    assert file.read_text() == "refresh-1"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StorageError, match="E713"):
        hand_over(CONNECTION, NEWER, file)
    assert file.read_text() == "refresh-1"


# ---------------------------------------------------------------- the state


def shared(folder: Path, clock: StillClock) -> SharedStore:
    return SharedStore(CONNECTION, box_in(folder), clock)


def test_a_shared_sign_in_is_sealed_and_no_lost_state(tmp_path: Path) -> None:
    saved(shared(tmp_path, StillClock()), GRANT)
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert files
    assert all(b"refresh-1" not in path.read_bytes() and path.stat().st_mode & 0o077 == 0 for path in files)
    keys = load_keys({"CCSYNC_KEY": KEY})
    assert (
        read_head(SealedStore(LocalStore(tmp_path / "state", LocalDisk(), SystemClock()), keys, lambda: tmp_path))
        is None
    )
    with pytest.raises(DeniedError, match="E721"):
        SharedStore(CONNECTION, box_in(tmp_path, key=fresh_key()), StillClock()).load()


def test_a_plain_sign_in_that_somebody_put_there_is_refused(tmp_path: Path) -> None:
    LocalStore(tmp_path / "state", LocalDisk(), SystemClock()).swap("sign-ins/newsletter.json", b'{"held_by":""}', None)
    with pytest.raises(CcsyncError, match="E709"):
        shared(tmp_path, StillClock()).load()


def test_a_runner_that_died_is_waited_for_by_the_waiters_own_clock(tmp_path: Path) -> None:
    saved(shared(tmp_path, StillClock()), GRANT)
    dead = shared(tmp_path, StillClock()).locked()
    dead.__enter__()
    clock = StillClock()
    began = clock.monotonic()
    waiter = shared(tmp_path, clock)
    with waiter.locked():
        assert clock.monotonic() - began >= DEAD_AFTER_S
        waiter.save(NEWER)
    assert shared(tmp_path, clock).load() == NEWER
    with shared(tmp_path, clock).locked():
        assert clock.monotonic() - began < 2 * DEAD_AFTER_S  # and the lock was given back


def test_a_runner_that_only_slept_does_not_begin_a_renewal_after_it_was_taken_over(tmp_path: Path) -> None:
    sleeper, waker = shared(tmp_path, StillClock()), shared(tmp_path, StillClock())
    saved(waker, GRANT)
    marked = replace(GRANT, refreshing="2026-10-01T12:00:01+00:00")
    with sleeper.locked():
        with waker.locked():
            waker.save(NEWER)
        with pytest.raises(TransientError, match="E318"):
            sleeper.save(marked)
    assert waker.load() == NEWER


def test_tokens_that_came_while_it_was_taken_over_are_kept_unless_newer_ones_are_there(tmp_path: Path) -> None:
    sleeper, waker = shared(tmp_path, StillClock()), shared(tmp_path, StillClock())
    saved(waker, GRANT)
    with sleeper.locked():
        with waker.locked():
            pass
        sleeper.save(NEWER)
    assert waker.load() == NEWER


def test_many_runners_take_turns(tmp_path: Path) -> None:
    """Compare-and-swap alone keeps them apart: each adds one to what it read."""
    first = replace(GRANT, scope="0")
    saved(shared(tmp_path, StillClock()), first)

    def add() -> None:
        store = SharedStore(CONNECTION, box_in(tmp_path), Quick())
        with store.locked():
            grant = store.load()
            assert grant is not None
            store.save(replace(grant, scope=str(int(grant.scope) + 1)))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    found = shared(tmp_path, StillClock()).load()
    assert found is not None
    assert found.scope == "8"


class Quick(SystemClock):
    """A clock that runs twenty times as fast."""

    def sleep(self, wait_s: float) -> None:
        super().sleep(wait_s / 20)

    def monotonic(self) -> float:
        return super().monotonic() * 20
