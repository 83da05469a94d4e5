"""The state lock: flock on `lock`, which the kernel frees when its holder dies, and `lock.json`, which says who it is.

It keeps two runs from working at once. That a run which lost it can't write state is up to HEAD's compare-and-swap.
"""

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ccsync.errors import Diagnostic, LockedError, StorageError
from ccsync.ports.clock import Clock
from ccsync.state.files import Disk, disk_trouble, make_folders, open_private, replace_file, sweep

POLL_S = 0.25
_GRACE_S = 0.005
_GRACE_TRIES = 3
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. since: UTC text. run: empty until one is known. command: its name, without arguments."""

    actor: str
    host: str
    pid: int
    command: str
    since: str
    run: str = ""

    def __str__(self) -> str:
        run = f", run {self.run}" if self.run else ""
        return f"`ccsync {self.command}` by {self.actor} on {self.host} (pid {self.pid}{run}) since {self.since}"


class Held(Protocol):
    """`ports.ledger.Lease`, and the end of it. A context manager; leaving it frees the lock."""

    def check(self) -> None: ...

    def release(self) -> None:
        """Frees the lock; does nothing when it was freed or taken away before. Never raises."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class StateLock(Protocol):
    """The lock of one state."""

    def acquire(self, holder: Holder, *, timeout_s: float = 0.0) -> Held:
        """Takes the lock, waiting up to `timeout_s`. Raises LockedError (E701) naming the holder, StorageError."""

    def holder(self) -> Holder | None:
        """Who holds the lock now; None when nobody does. Changes nothing."""

    def unlock(self) -> Holder | None:
        """Takes the lock away from whoever holds it; returns who that was. That one's `check` then fails."""


Flock = Callable[[int, int], None]


class Lock:
    """The lock of one state folder."""

    def __init__(self, root: Path, disk: Disk, clock: Clock, flock: Flock = fcntl.flock) -> None:
        self._path = root / "lock"
        self._facts = root / "lock.json"
        self._disk = disk
        self._clock = clock
        self._flock = flock

    def acquire(self, holder: Holder, *, timeout_s: float = 0.0) -> "HeldLock":
        """Takes the lock, waiting up to `timeout_s`. An e-mail address among the facts is cut before its `@`.

        Raises LockedError (E701) naming the holder, StorageError (E713), also where the file system can't lock.
        """
        with disk_trouble("take the state lock"):
            make_folders(self._disk, self._path.parent)
            descriptor = self._wait(timeout_s)
            try:
                token = secrets.token_hex(8)
                sweep(self._disk, self._path.parent, self._facts.name)
                facts = {**facts_of(holder), "token": token}
                replace_file(self._disk, self._facts, (json.dumps(facts, indent=2).encode(),))
            except BaseException:
                os.close(descriptor)
                raise
        return HeldLock(self._path, self._facts, self._disk, descriptor, token)

    def holder(self) -> Holder | None:
        """Who holds the lock now; None when nobody does. Changes nothing."""
        with disk_trouble("look at the state lock"):
            try:
                descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                if self._try(descriptor, fcntl.LOCK_SH):
                    return None
            finally:
                os.close(descriptor)
            return self._read() or Holder("somebody", "an unknown host", 0, "…", "an unknown time")

    def unlock(self) -> Holder | None:
        """Takes the lock away from whoever holds it, for `ccsync state unlock`; returns who that was.

        The file is replaced by a new one: the next run locks that, and the old holder's `check` sees the difference.
        """
        former = self.holder()
        with disk_trouble("take the state lock away"):
            if self._path.exists():
                sweep(self._disk, self._path.parent, self._path.name)
                self._disk.unlink(self._facts)  # before the lock is free: afterwards it may be the next holder's
                replace_file(self._disk, self._path, ())
        return former

    def _wait(self, timeout_s: float) -> int:
        start = self._clock.monotonic()
        tries = 0
        while (descriptor := self._attempt()) is None:
            tries += 1
            waited = self._clock.monotonic() - start
            # A few quick tries always: somebody may only be looking who holds the lock (`holder`).
            wait_s = _GRACE_S if tries <= _GRACE_TRIES else min(POLL_S, timeout_s - waited)
            before = self._clock.monotonic()
            if wait_s > 0:
                self._clock.sleep(wait_s)
            asleep = self._clock.monotonic() - before
            if wait_s <= 0 or asleep < wait_s / 2:  # no time left, or asked to stop
                raise self._held(timeout_s)
        return descriptor

    def _attempt(self) -> int | None:
        descriptor = open_private(self._path, os.O_RDWR | os.O_CREAT)
        try:
            if self._try(descriptor, fcntl.LOCK_EX) and _is_same(self._path, descriptor):
                self._prove(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _try(self, descriptor: int, kind: int) -> bool:
        try:
            self._flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                raise _cannot_lock() from error
            raise
        return True

    def _prove(self, held: int) -> None:
        """Some network and user-space file systems say yes to everybody: a second lock must be refused."""
        second = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if self._try(second, fcntl.LOCK_EX) and _is_same(self._path, held):
                raise _cannot_lock()
        finally:
            os.close(second)

    def _read(self) -> Holder | None:
        return holder_from(_facts(self._facts))

    def _held(self, timeout_s: float) -> LockedError:
        return locked(
            self._read(),
            timeout_s,
            "wait for it, pass `--lock-timeout SECONDS`, or, if that run hangs, `ccsync lock release`",
        )


class HeldLock:
    """`ports.ledger.Lease`. A context manager; leaving it frees the lock."""

    def __init__(self, path: Path, facts: Path, disk: Disk, descriptor: int, token: str) -> None:
        self._path = path
        self._facts = facts
        self._disk = disk
        self._descriptor: int | None = descriptor
        self._token = token

    def check(self) -> None:
        """See `ports.ledger.Lease`. Also raises LockedError once the lock was given back."""
        if not self._ours():
            raise lock_lost("it was taken away with `ccsync lock release`")

    def release(self) -> None:
        """Frees the lock; does nothing when it was freed or taken away before. Never raises."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            if self._ours():
                self._disk.unlink(self._facts)
        with suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = None

    def _ours(self) -> bool:
        if self._descriptor is None:
            return False
        return _is_same(self._path, self._descriptor) and _facts(self._facts).get("token") == self._token

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        there, ours = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _facts(path: Path) -> dict[str, object]:
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def facts_of(holder: Holder) -> dict[str, str | int]:
    """For the lock file, which holds no e-mail address: `anna@contoso.example` becomes `anna@…`."""

    def cut(text: str) -> str:
        return " ".join(f"{word.partition('@')[0]}@…" if "@" in word else word for word in text.split(" "))

    return {name: cut(value) if isinstance(value, str) else value for name, value in asdict(holder).items()}


def holder_from(facts: Mapping[str, object]) -> Holder | None:
    """The holder in a lock file; None when it can't be made out."""
    fields = {name: facts.get(name) for name in Holder.__dataclass_fields__}
    if not all(isinstance(value, int if name == "pid" else str) for name, value in fields.items()):
        return None
    return Holder(**fields)  # type: ignore[arg-type]  # checked one line above


def locked(holder: Holder | None, timeout_s: float, hint: str) -> LockedError:
    waited = f" after waiting {timeout_s:g} seconds" if timeout_s > 0 else ""
    return LockedError(
        Diagnostic(
            "E701",
            f"the state is locked{waited}: {holder or 'another process holds it'}",
            detail="Nothing was read, changed or sent.",
            hint=hint,
        )
    )


def lock_lost(how: str) -> LockedError:
    return LockedError(
        Diagnostic(
            "E701",
            f"this run no longer holds the state lock: {how}",
            detail="It stopped here: no further batch was sent and no state was written.",
            hint="run `ccsync plan`; it settles what this run had sent",
        )
    )


def _cannot_lock() -> StorageError:
    return StorageError(
        Diagnostic(
            "E713",
            "the file system of the state folder does not support file locks",
            detail="Without a lock two runs could send at once. Nothing was read, changed or sent.",
            hint="set `workspace.state` to a folder on a local disk",
        )
    )
