"""`Store` over the objects of a bucket: what is tried again, and how a deletion of many objects is one step.

A request without an answer may have been carried out, and a bucket deletes one object at a time. Both are answered
here, so that what stands above (`generations.py`, `journal.py`) sees the same store as a folder.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from ccsync.errors import Diagnostic, StorageError
from ccsync.ports.clock import Clock
from ccsync.state.cache import Cache
from ccsync.state.files import checked_chunks, disk_trouble
from ccsync.state.objects import NotDoneError, Objects, Tag, UnsureError
from ccsync.state.store import Stored, Version, is_name

T = TypeVar("T")

TRIES = 5
FIRST_WAIT_S = 0.2
_CONFLICTS = 10
_DELETED = ".deleted/"  # no name begins with a dot


class RemoteStore:
    """`Store` over `Objects`.

    A deletion first puts a gravestone, `.deleted/<prefix>`: from then on the names below are not listed, whatever a
    killed deletion left of them, and `sweep` finishes it. The gravestone goes last.
    """

    def __init__(self, objects: Objects, cache: Cache, clock: Clock, tries: int = TRIES) -> None:
        self._objects = objects
        self._cache = cache
        self._clock = clock
        self._tries = tries
        self._fetched: dict[str, Path] = {}

    def get(self, name: str) -> Stored | None:
        _check(name)
        found = self._again("read the state", lambda: self._objects.get(name))
        return Stored(found.data, Version(found.tag)) if found else None

    def fetch(self, name: str) -> Path | None:
        """Asked for once a process: what is fetched so is never changed."""
        _check(name)
        if name not in self._fetched or not self._fetched[name].is_file():
            path = self._fetch(name)
            if path is None:
                return None
            self._fetched[name] = path
        return self._fetched[name]

    def _fetch(self, name: str) -> Path | None:
        for _ in range(_CONFLICTS):
            tag = self._again("read the state", lambda: self._objects.tag(name))
            if tag is None:
                return None
            found = self._cache.find(name, tag)
            with suppress(NotDoneError):  # written anew between the two requests
                return found or self._again("read the state", partial(self._download, name, tag))
        raise _unreachable("read the state", UnsureError("something else each time"), _CONFLICTS)

    def _download(self, name: str, tag: Tag) -> Path:
        return self._cache.keep(name, tag, self._objects.read(name, tag))

    def put_if_absent(self, name: str, data: bytes, *, beside: str | None = None) -> bool:
        _check(name)
        if self.write(name, data, None) is None:
            return False
        if beside is None or self._stands(beside):
            return True
        self._again("write the state", lambda: self._objects.delete(name))
        return False

    def swap(self, name: str, data: bytes, expected: Version | None) -> bool:
        _check(name)
        return self.write(name, data, expected) is not None

    def write(self, name: str, data: bytes, expected: Version | None) -> Version | None:
        """As `swap`; the version that was written, None when nothing was."""
        over = Tag(expected) if expected else None
        unsure: list[UnsureError] = []

        def attempt() -> Tag:
            try:
                return self._objects.put(name, data, over=over)
            except UnsureError as error:
                unsure.append(error)
                raise

        for _ in range(_CONFLICTS):
            try:
                return Version(self._again("write the state", attempt))
            except NotDoneError:
                now = self._again("read the state", lambda: self._objects.get(name))
                if now is not None and unsure and now.data == data:
                    return Version(now.tag)  # done by the request that had no answer
                if (now.tag if now else None) != over:
                    return None
                # Another write was under way and came to nothing: stores answer "conflict" then.
                self._clock.sleep(FIRST_WAIT_S)
        return None

    def put_file(self, name: str, path: Path, sha256: str) -> None:
        _check(name)
        self._fetched.pop(name, None)
        with disk_trouble("copy a file into the state"):
            for _ in checked_chunks(path, sha256):  # once before anything is sent: an upload can't be taken back
                pass
            self._again(
                "copy a file into the state",
                lambda: self._objects.overwrite(name, lambda: checked_chunks(path, sha256)),
            )

    def list(self, prefix: str) -> tuple[str, ...]:
        if prefix:
            _check(prefix.removesuffix("/"))
        found = self._again("read the state", lambda: self._objects.below(prefix))
        names = {name for name in (*found.objects, *found.folders) if is_name(name)}
        if names and prefix:
            names -= {deleted[len(prefix) :] for deleted in self._deleted(prefix)}
        return tuple(sorted(names))

    def delete(self, prefix: str) -> None:
        _check(prefix)
        doing = "delete a part of the state"
        keys = self._again(doing, lambda: self._objects.keys(f"{prefix}/"))
        if not keys:
            self._again(doing, lambda: self._objects.delete(prefix))
            return
        self._again(doing, lambda: self._objects.overwrite(_gravestone(prefix), b""))
        self._bury(prefix)

    def sweep(self, prefix: str) -> None:
        """Finishes deletions that were interrupted."""
        for deleted in self._deleted(prefix):
            self._bury(deleted)

    def _bury(self, prefix: str) -> None:
        doing = "delete a part of the state"
        keys = self._again(doing, lambda: self._objects.keys(f"{prefix}/"))
        # A journal stands by its plan: without it nothing more can be written beside.
        for key in (*sorted(keys, key=lambda key: not key.endswith("plan.json")), _gravestone(prefix)):
            self._fetched.pop(key, None)
            self._again(doing, partial(self._objects.delete, key))

    def _deleted(self, prefix: str) -> tuple[str, ...]:
        start = _gravestone(prefix.removesuffix("/")) + "~" if prefix else _DELETED
        found = self._again("read the state", lambda: self._objects.below(_DELETED))
        return tuple(name.replace("~", "/") for name in found.objects if f"{_DELETED}{name}".startswith(start))

    def _stands(self, name: str) -> bool:
        """Whether a name is there and not being deleted."""
        parents = [name[:at] for at, letter in enumerate(name) if letter == "/"]
        for key in (name, *map(_gravestone, parents)):
            there = self._again("read the state", partial(self._objects.tag, key))
            if (there is not None) != (key == name):
                return False
        return True

    def _again(self, doing: str, call: Callable[[], T]) -> T:
        """Tries several times, waiting longer and longer. Raises StorageError (E725)."""
        wait_s = FIRST_WAIT_S
        for left in reversed(range(self._tries)):
            try:
                return call()
            except UnsureError as error:
                if not left:
                    raise _unreachable(doing, error, self._tries) from None
            self._clock.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            wait_s *= 3
        raise AssertionError("unreachable")


def _gravestone(prefix: str) -> str:
    return _DELETED + prefix.replace("/", "~")


def _check(name: str) -> None:
    if not is_name(name):
        raise ValueError(f"no name for the store: {name!r}")


def _unreachable(doing: str, error: UnsureError, tries: int) -> StorageError:
    return StorageError(
        Diagnostic(
            "E725",
            f"could not {doing}: the object store gave {error.kind}, {tries} times",
            detail="Nothing is half-written: every object is the old one or the new one. Nothing was sent after that.",
            hint="run the command again when the store can be reached; the journal says what is open",
        )
    )
