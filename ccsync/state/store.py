"""A small durable store: named bytes with put-if-absent and compare-and-swap, in a local folder.

An object store with conditional writes stands behind the same `Store` (`remote.py`) and the same contract test. What
the names mean is the business of `generations.py` and `journal.py`.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NewType, Protocol

from ccsync.errors import Diagnostic, LockedError
from ccsync.ports.clock import Clock
from ccsync.state.files import (
    Disk,
    checked_chunks,
    disk_trouble,
    is_leftover,
    make_folders,
    open_private,
    remove_tree,
    replace_file,
    sweep,
    write_new_file,
)

Version = NewType("Version", str)
"""Stands for one content of one name; equal versions are equal contents."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_SWAP_WAIT_S = 10.0
_SWAP_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Stored:
    """sealed: whether the content was sealed with a key of ours."""

    data: bytes
    version: Version
    sealed: bool = False


class Store(Protocol):
    """Names are paths with `/`, of letters, digits, `_`, `.` and `-`. Whatever a call did is durable when it returns.

    Every method raises StorageError (E713); a name is then what it was or what it should become.
    """

    def get(self, name: str) -> Stored | None: ...

    def fetch(self, name: str) -> Path | None:
        """A local file with this content, to be read and never changed; None when there is no such name."""

    def put_if_absent(self, name: str, data: bytes, *, beside: str | None = None) -> bool:
        """False, and nothing done, when the name exists, or when `beside` is given and does not."""

    def swap(self, name: str, data: bytes, expected: Version | None) -> bool:
        """Replaces the content if it still is `expected` (None: no such name). False, and nothing done, if not."""

    def put_file(self, name: str, path: Path, sha256: str) -> None:
        """Stores a copy of a file. sha256: of the file; a file that changes meanwhile is StorageError."""

    def list(self, prefix: str) -> tuple[str, ...]:
        """The next part of every name below `prefix` (`""`, or ending in `/`), sorted, each once."""

    def delete(self, prefix: str) -> None:
        """Removes a name, or all names below it, at once: a reader sees all of them or none."""

    def sweep(self, prefix: str) -> None:
        """Removes what interrupted writes and deletions left right below `prefix`. Wants the state lock."""


def is_name(name: str) -> bool:
    """Whether the store could have made this name; others in its folder are somebody else's."""
    return _NAME.fullmatch(name) is not None


class LocalStore:
    """`Store` over a folder. Two processes may share it, and two hosts where the file system honours flock."""

    def __init__(self, root: Path, disk: Disk, clock: Clock) -> None:
        self.root = root
        self.disk = disk
        self._clock = clock

    def get(self, name: str) -> Stored | None:
        with disk_trouble("read the state"):
            try:
                data = self._path(name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Stored(data, Version(hashlib.sha256(data).hexdigest()))

    def fetch(self, name: str) -> Path | None:
        with disk_trouble("read the state"):
            path = self._path(name)
            return path if path.is_file() else None

    def put_if_absent(self, name: str, data: bytes, *, beside: str | None = None) -> bool:
        path = self._path(name)
        with disk_trouble("write the state"):
            if beside is None:
                make_folders(self.disk, path.parent)
            elif not self._path(beside).is_file():
                return False
            try:
                return write_new_file(self.disk, path, (data,))
            except FileNotFoundError:
                # The folder was taken away by `delete`, which renames it, so nothing can be written into it any more.
                if beside is None:
                    raise
                return False

    def swap(self, name: str, data: bytes, expected: Version | None) -> bool:
        path = self._path(name)
        with disk_trouble("write the state"):
            make_folders(self.disk, path.parent)
            with self._exclusive(path):
                sweep(self.disk, path.parent, path.name)
                now = self.get(name)
                if (now.version if now else None) != expected:
                    return False
                replace_file(self.disk, path, (data,))
                return True

    def put_file(self, name: str, path: Path, sha256: str) -> None:
        target = self._path(name)
        with disk_trouble("copy a file into the state"):
            make_folders(self.disk, target.parent)
            replace_file(self.disk, target, checked_chunks(path, sha256))

    def list(self, prefix: str) -> tuple[str, ...]:
        with disk_trouble("read the state"):
            try:
                names = [path.name for path in self._folder(prefix).iterdir()]
            except FileNotFoundError:
                return ()
            except NotADirectoryError:
                if not prefix:
                    raise
                return ()
        return tuple(sorted(name for name in names if not is_leftover(name)))

    def delete(self, prefix: str) -> None:
        path = self._path(prefix)
        with disk_trouble("delete a part of the state"):
            if path.is_dir():
                remove_tree(self.disk, path)
            elif path.exists():
                self.disk.unlink(path)
                self.disk.sync_folder(path.parent)

    def sweep(self, prefix: str) -> None:
        sweep(self.disk, self._folder(prefix))

    def _path(self, name: str) -> Path:
        if not is_name(name):
            raise ValueError(f"no name for the store: {name!r}")
        return self.root / name

    def _folder(self, prefix: str) -> Path:
        return self._path(prefix.removesuffix("/")) if prefix else self.root

    @contextmanager
    def _exclusive(self, path: Path) -> Iterator[None]:
        """Keeps other swaps of one name out. It has a file of its own: a lock on a file that is replaced locks nothing.

        Not to be taken over: its holder may be between its last look and the rename.
        """
        descriptor = open_private(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT)
        try:
            deadline = self._clock.monotonic() + _SWAP_WAIT_S
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self._clock.monotonic() >= deadline:
                        raise _swap_blocked(path.name) from None
                    self._clock.sleep(_SWAP_POLL_S)
            yield
        finally:
            os.close(descriptor)


def _swap_blocked(name: str) -> LockedError:
    return LockedError(
        Diagnostic(
            "E701",
            f"another process has been replacing {name} for over {_SWAP_WAIT_S:.0f} seconds; nothing was written",
            hint="if a ccsync process is paused, let it go on or end it, then run the command again",
        )
    )
