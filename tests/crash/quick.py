"""Worlds for tests that open many: no waiting for the disk, one engine session for all commands of a world."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ccsync.engine.session import Session
from ccsync.state.files import LocalDisk

from tests.support.world import World, open_world

MEMORY = Path("/dev/shm")


class Unsynced(LocalDisk):
    """No power is cut here; waiting for the disk would only take time."""

    def sync(self, descriptor: int) -> None: ...

    def sync_folder(self, folder: Path) -> None: ...


@contextmanager
def quick_world(**options: Any) -> Iterator[World]:
    """A world in a folder of its own, in memory where there is such a place."""
    folder = Path(tempfile.mkdtemp(prefix="ccsync-test-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        with open_world(folder, **options) as world:
            (folder / "session").mkdir()
            with Session(folder / "session", threads=1) as session:
                world.disk, world.session = Unsynced(), session
                yield world
    finally:
        shutil.rmtree(folder, ignore_errors=True)
