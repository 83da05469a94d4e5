"""Which sealed HEAD this machine saw last, in the user's folder: an older one in its place was put back by somebody.

A seal proves who wrote a HEAD, not that it is the newest. A machine that never saw the state can't know either.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ccsync.errors import Diagnostic, StaleError
from ccsync.state.files import Disk, make_folders, replace_file
from ccsync.state.head import Head, json_bytes
from ccsync.state.store import Stored

FORMAT = 1


@dataclass(frozen=True, slots=True)
class _Seen:
    lineage: str
    serial: int
    digest: str


class Mark:
    """The mark of one place. Best effort: without a file that can be read or written, nothing is noticed."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk

    def check(self, found: tuple[Head, Stored] | None) -> None:
        """Compares HEAD with what was seen, and notes it when it is newer. Raises StaleError (E724)."""
        seen = self._read()
        if seen is not None:
            if found is None:
                raise self._replayed(f"it is gone; serial {seen.serial} was seen here")
            head, stored = found
            if not stored.sealed:
                raise self._replayed(f"it is not sealed, but was at serial {seen.serial}")
            if head.lineage != seen.lineage:
                raise self._replayed("another state is in its place")
            if head.serial < seen.serial:
                raise self._replayed(f"it is at serial {head.serial}, but serial {seen.serial} was seen here")
            if head.serial == seen.serial and head.digest != seen.digest:
                raise self._replayed(f"it is another one with serial {head.serial} than the one seen here")
        if found is not None and found[1].sealed:
            self.note(found[0])

    def note(self, head: Head) -> None:
        seen = _Seen(head.lineage, head.serial, head.digest)
        if seen != self._read():
            with suppress(OSError):
                make_folders(self._disk, self._path.parent)
                document = {"format": FORMAT, "lineage": head.lineage, "serial": head.serial, "digest": head.digest}
                replace_file(self._disk, self._path, (json_bytes(document),))

    def serial(self) -> int:
        """Of the HEAD seen last; 0 before."""
        seen = self._read()
        return seen.serial if seen else 0

    def _read(self) -> _Seen | None:
        try:
            document = json.loads(self._path.read_bytes())
            return _Seen(str(document["lineage"]), int(document["serial"]), str(document["digest"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _replayed(self, what: str) -> StaleError:
        return StaleError(
            Diagnostic(
                "E724",
                f"the state is not the newest that this machine saw: {what}",
                detail="Who left a list since would be forgotten. It was not used; nothing was changed or sent.",
                hint="if a backup was put back on purpose, `ccsync state restore` goes on from it; if the state was"
                f" begun anew on purpose, delete {self._path}",
            )
        )
