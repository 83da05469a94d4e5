"""The state lock in an object store: `lock.json`, changed by compare-and-swap only, and kept alive by beats.

Nobody's wall clock counts. A holder writes the object anew every 15 seconds. Who waits looks at the object's mark: one
that stays the same for a minute, measured by the waiting machine's own monotonic clock, has no living holder, and is
replaced; so is, at once, a process of the same machine that ended. Each `check` is a beat as well: a holder that was
replaced learns it there, before it sends anything more.
"""

import json
import os
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ccsync.errors import CcsyncError, StorageError
from ccsync.ports.clock import Clock
from ccsync.state.head import json_bytes
from ccsync.state.lock import Holder, facts_of, holder_from, lock_lost, locked
from ccsync.state.remote import RemoteStore
from ccsync.state.store import Version

LOCK = "lock.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. beat_s: between two signs of life. dead_s: without one until the holder counts as dead. look_s: between
    two looks of who waits."""

    beat_s: float = 15.0
    dead_s: float = 60.0
    look_s: float = 3.0


USUAL_PACE = Pace()


@dataclass(frozen=True, slots=True)
class _Content:
    """What the lock object says. fence: how often the lock changed hands. beats: of this holder. token: the holder's
    own, empty when the lock is free. facts: of the holder. process, home: its number, and where that number counts."""

    fence: int
    token: str = ""
    beats: int = 0
    facts: Mapping[str, object] | None = None
    process: int = 0
    home: str = ""

    def as_bytes(self) -> bytes:
        # With a mark of its own each time: in some stores equal contents have equal marks.
        mark = secrets.token_hex(8)
        process = {"process": self.process, "home": self.home} if self.token else {}
        held = {"token": self.token, "beats": self.beats, "mark": mark, **process, **(self.facts or {})}
        return json_bytes({"format": FORMAT, "fence": self.fence, **held})


class RemoteLock:
    """`StateLock` over a store of objects."""

    def __init__(self, store: RemoteStore, clock: Clock, pace: Pace = USUAL_PACE) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace

    def acquire(self, holder: Holder, *, timeout_s: float = 0.0) -> "RemoteLease":
        """See `StateLock`. A holder without a sign of life for `Pace.dead_s` while this waits is replaced."""
        token = secrets.token_hex(8)
        start = self._clock.monotonic()
        seen: Version | None = None
        since = start
        while True:
            now, content = self._read()
            if now != seen:
                seen, since = now, self._clock.monotonic()
            dead = self._clock.monotonic() - since >= self._pace.dead_s
            if not content.token or dead or _has_ended(content):
                ours = _Content(content.fence + 1, token, 0, facts_of(holder), os.getpid(), _home())
                lease = RemoteLease(self._store, ours, self._pace)
                if lease.take(over=now):
                    return lease
                continue
            left = timeout_s - (self._clock.monotonic() - start)
            before = self._clock.monotonic()
            if left > 0:
                self._clock.sleep(min(self._pace.look_s, left))
            if left <= 0 or self._clock.monotonic() - before < min(self._pace.look_s, left) / 2:  # asked to stop
                raise locked(holder_from(content.facts or {}), timeout_s, self._hint(timeout_s))

    def holder(self) -> Holder | None:
        _, content = self._read()
        if not content.token:
            return None
        return holder_from(content.facts or {}) or Holder("somebody", "an unknown host", 0, "…", "an unknown time")

    def unlock(self) -> Holder | None:
        while True:
            now, content = self._read()
            if not content.token:
                return None
            if self._store.swap(LOCK, _Content(content.fence + 1).as_bytes(), now):
                return holder_from(content.facts or {})

    def _read(self) -> tuple[Version | None, _Content]:
        stored = self._store.get(LOCK)
        return (stored.version, _parsed(stored.data)) if stored else (None, _Content(0))

    def _hint(self, timeout_s: float) -> str:
        if timeout_s > self._pace.dead_s:
            return "that run is alive; wait for it, or, if it hangs, `ccsync lock release`"
        patience = f"{self._pace.dead_s + 2 * self._pace.beat_s:g}"
        return (
            f"wait for it; `--lock-timeout {patience}` also takes the lock over from a run that died;"
            " if that run hangs, `ccsync lock release`"
        )


class RemoteLease:
    """`Held`. A thread keeps it alive between checks."""

    def __init__(self, store: RemoteStore, content: _Content, pace: Pace) -> None:
        self._store = store
        self._content = content
        self._pace = pace
        self._version: Version | None = None
        self._lost = False
        self._turn = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="ccsync-lock", daemon=True)

    def take(self, *, over: Version | None) -> bool:
        """Takes the lock if its object still has this mark, and starts to keep it."""
        self._version = over
        if not self._write(self._content):
            return False
        self._thread.start()
        return True

    def check(self) -> None:
        """See `ports.ledger.Lease`. Also raises LockedError once the lock was given back."""
        if not self.beat():
            raise lock_lost("another run took it over, or it was taken away with `ccsync lock release`")

    def beat(self) -> bool:
        """Shows that this holder lives. False when it holds the lock no more. Raises StorageError."""
        with self._turn:
            if self._lost or self._end.is_set():
                return False
            self._lost = not self._write(replace(self._content, beats=self._content.beats + 1))
            return not self._lost

    def release(self) -> None:
        if self._end.is_set():
            return
        with self._turn:
            self._end.set()
            if not self._lost:
                with suppress(CcsyncError):  # who comes next waits until it counts as dead
                    self._store.swap(LOCK, _Content(self._content.fence).as_bytes(), self._version)
        if self._thread.is_alive():
            self._thread.join(self._pace.beat_s)

    def _write(self, content: _Content) -> bool:
        version = self._store.write(LOCK, content.as_bytes(), self._version)
        if version is not None:
            self._version, self._content = version, content
        return version is not None

    def _keep_alive(self) -> None:
        while not self._end.wait(self._pace.beat_s):
            with suppress(StorageError):  # the next beat may get through; `check` will say so if none does
                if not self.beat():
                    return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _parsed(data: bytes) -> _Content:
    """What can't be read is a lock held by somebody unknown: it may be of a newer ccsync."""
    try:
        document = json.loads(data)
        process, home = int(document.get("process", 0)), str(document.get("home", ""))
        return _Content(int(document["fence"]), str(document["token"]), int(document["beats"]), document, process, home)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _Content(0, "?")


def _home() -> str:
    """Where process numbers mean the same: this machine since it was started, and the namespace of its processes. Empty
    where the system doesn't say."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _has_ended(content: _Content) -> bool:
    """Whether the holder was a process of this very machine that is no more."""
    if not content.home or content.home != _home() or content.process <= 0:
        return False
    try:
        os.kill(content.process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
