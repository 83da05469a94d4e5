"""A cache of objects in the user's folder, so that a large ledger is fetched once; each use checks its digest.

It holds what the store holds, sealed or not, readable by its owner only. Losing it costs time and nothing else.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ccsync.ports.clock import Clock
from ccsync.state.files import Disk, disk_trouble, make_folders, replace_file, sha256_of
from ccsync.state.objects import Tag

UNUSED_DAYS = 14
_DAY_S = 24 * 60 * 60


class Cache:
    """The cached objects of one place. folder: made when it is first needed."""

    def __init__(self, folder: Path, disk: Disk, clock: Clock) -> None:
        self._folder = folder
        self._disk = disk
        self._clock = clock

    def find(self, key: str, tag: Tag) -> Path | None:
        """The object as a file, if it is here and is what was fetched."""
        with disk_trouble("read the cache of the state"):
            for path in sorted(self._folder.glob(f"{_name(key, tag)}-*")):
                if sha256_of(path) == path.name.rpartition("-")[2]:
                    self._touch(path)
                    return path
                path.unlink(missing_ok=True)
        return None

    def keep(self, key: str, tag: Tag, chunks: Iterable[bytes]) -> Path:
        """Puts an object here. What `chunks` raises is passed on, and nothing is kept then."""
        digest = hashlib.sha256()

        def noted() -> Iterable[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk

        with disk_trouble("write to the cache of the state"):
            make_folders(self._disk, self._folder)
            self._forget_unused()
            fetched = self._folder / f"fetched-{secrets.token_hex(6)}"
            replace_file(self._disk, fetched, noted())
            path = self._folder / f"{_name(key, tag)}-{digest.hexdigest()}"
            self._disk.rename(fetched, path)
            self._touch(path)
        return path

    def _touch(self, path: Path) -> None:
        now = self._clock.now().timestamp()
        os.utime(path, (now, now))

    def _forget_unused(self) -> None:
        """By age alone, unfinished files included: another process may be writing one now."""
        limit = self._clock.now().timestamp() - UNUSED_DAYS * _DAY_S
        with suppress(OSError):
            for path in sorted(self._folder.iterdir()):
                if path.stat().st_mtime < limit:
                    path.unlink(missing_ok=True)


def _name(key: str, tag: Tag) -> str:
    return hashlib.sha256(f"{key}\n{tag}".encode()).hexdigest()[:32]
