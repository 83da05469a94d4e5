"""Buckets to keep a state in, and one whose requests fail, get lost, or end the process."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from ccsync.ports.clock import Clock
from ccsync.sealing import Keys, fresh_key, load_keys
from ccsync.state.cache import Cache
from ccsync.state.objects import Below, CloudObjects, Content, NotDoneError, Object, Objects, Tag, UnsureError
from ccsync.state.opening import State
from ccsync.state.remotelock import USUAL_PACE, Pace
from ccsync.state.sealed import SealedStore
from ccsync.state.store import Store

from tests.state.world import FakeClock, QuickDisk, StoppedHere, ids
from tests.support.states import opening_beside

T = TypeVar("T")
_NUMBERS = itertools.count()
ADDRESS = "s3://lake/state"


def bucket(kind: str = "memory", settings: Mapping[str, str] | None = None, prefix: str = "") -> CloudObjects:
    """A place in a bucket, an empty one unless a prefix is given. kind: memory, s3 or azure."""
    store = pytest.importorskip("obstore.store", reason="the extra [cloud] is not installed")
    prefix = prefix or f"state-{os.getpid()}-{next(_NUMBERS)}/"
    if kind == "memory":
        return CloudObjects(store.MemoryStore(), prefix, ADDRESS)
    scheme = {"s3": "s3", "azure": "az"}[kind]
    opened = store.from_url(
        f"{scheme}://lake", config=settings, client_options={"allow_http": True}, retry_config={"max_retries": 0}
    )
    return CloudObjects(opened, prefix, ADDRESS)


def cache_at(folder: Path) -> Cache:
    return Cache(folder, QuickDisk(), FakeClock())


def some_keys(*texts: str) -> Keys:
    current, *old = texts or (fresh_key(),)
    found = load_keys({"CCSYNC_KEY": current, "CCSYNC_OLD_KEYS": " ".join(old)})
    assert found is not None
    return found


def sealed(inner: Store, scratch: Path) -> SealedStore:
    scratch.mkdir()
    return SealedStore(inner, some_keys(), lambda: scratch)


def remote_state(
    objects: Objects,
    machine: Path,
    *,
    clock: Clock | None = None,
    keys: Keys | None = None,
    pace: Pace = USUAL_PACE,
    new_id: Callable[[], str] | None = None,
) -> State:
    """The state in a bucket, as one machine sees it; its cache and its marks are in the folder `machine`."""
    opening = opening_beside(machine, clock or FakeClock(), new_id or ids(), QuickDisk(), keys, pace)
    return opening.remote(ADDRESS, objects, objects)


class FaultyObjects:
    """Counts requests; those that `fails` names by number (from 1) go wrong.

    how: "lost" is not done, "unheard" is done but has no answer, "stopped" ends the process before it, "gone" right
    after it was done. A process that ended asks for nothing more.
    """

    def __init__(self, inner: Objects, fails: Callable[[int], bool] = lambda _: False, how: str = "lost") -> None:
        self.inner = inner
        self.fails = fails
        self.how = how
        self.requests = 0
        self.conflicts = 0
        self.ended = False

    def _ask(self, call: Callable[[], T]) -> T:
        self.requests += 1
        bad = self.fails(self.requests)
        if self.ended or (bad and self.how == "stopped"):
            self.ended = True
            raise StoppedHere
        if bad and self.how == "lost":
            raise UnsureError("no answer")
        try:
            answer = call()
        except NotDoneError:
            self.conflicts += 1
            if bad and self.how == "unheard":
                raise UnsureError("no answer") from None
            raise
        if bad and self.how == "unheard":
            raise UnsureError("no answer")
        if bad:
            self.ended = True
            raise StoppedHere
        return answer

    def get(self, key: str) -> Object | None:
        return self._ask(lambda: self.inner.get(key))

    def tag(self, key: str) -> Tag | None:
        return self._ask(lambda: self.inner.tag(key))

    def read(self, key: str, tag: Tag) -> Iterator[bytes]:
        data = self._ask(lambda: b"".join(self.inner.read(key, tag)))
        yield data

    def put(self, key: str, content: Content, *, over: Tag | None) -> Tag:
        return self._ask(lambda: self.inner.put(key, content, over=over))

    def overwrite(self, key: str, content: Content) -> None:
        self._ask(lambda: self.inner.overwrite(key, content))

    def below(self, prefix: str) -> Below:
        return self._ask(lambda: self.inner.below(prefix))

    def keys(self, prefix: str) -> tuple[str, ...]:
        return self._ask(lambda: self.inner.keys(prefix))

    def delete(self, key: str) -> None:
        self._ask(lambda: self.inner.delete(key))
