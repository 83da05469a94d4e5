"""Small documents beside the generations: what schedules and notifications remember. Losing one loses no promise.

What they hold is `core/schedule.py`'s and `core/notice.py`'s. A document that can't be read counts as none.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ccsync.errors import Diagnostic, StaleError, StorageError
from ccsync.state.head import json_bytes
from ccsync.state.sealed import SealedStore

NOTES_FORMAT = 1
SCHEDULE = "schedule.json"
NOTICES = "notices.json"
NOTES = (SCHEDULE, NOTICES)
_TRIES = 20

Entries = Mapping[str, Any]
"""Name → JSON. Any: whatever the owner of the document writes."""


class Notes:
    """establish: see `head.establish`; called before anything is written."""

    def __init__(self, store: SealedStore, establish: Callable[[], object]) -> None:
        self._store = store
        self._establish = establish

    def read(self, name: str) -> Entries:
        """The entries of a document; none when there is none of this format. Raises StorageError (E713) and DeniedError
        (E720, E721) for a key that is missing."""
        try:
            stored = self._store.get(name)
        except StaleError:  # its seal is broken
            return {}
        return _parsed(stored.data) if stored else {}

    def change(self, name: str, change: Callable[[Entries], Entries]) -> None:
        """Replaces a document by compare-and-swap; `change` is called anew when another process was faster. Nothing is
        written when nothing changes. Raises StorageError (E713)."""
        for _ in range(_TRIES):
            try:
                stored = self._store.get(name)
            except StaleError:
                self._store.delete(name)
                continue
            before = _parsed(stored.data) if stored else {}
            after = change(before)
            if after == before:
                return
            self._establish()
            data = json_bytes({"format": NOTES_FORMAT, "entries": dict(after)})
            if self._store.swap(name, data, stored.version if stored else None):
                return
        raise StorageError(
            Diagnostic("E713", f"{name} is written by other processes all the time; nothing was changed")
        )

    def take_over(self, other: "Notes") -> None:
        """Copies the documents of another place. For a place that has its HEAD."""
        for name in NOTES:
            if entries := other.read(name):
                self.change(name, lambda _, there=entries: there)  # type: ignore[misc]  # bound now

    def seal_anew(self) -> int:
        """Seals what is not sealed with the key that seals now; how many documents that were."""
        done = 0
        for name in NOTES:
            stored = self._store.get(name)
            if stored is not None and not self._store.is_current(name):
                done += self._store.swap(name, stored.data, stored.version)
        return done


def _parsed(data: bytes) -> Entries:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    entries = document.get("entries") if isinstance(document, dict) and document.get("format") == NOTES_FORMAT else None
    return entries if isinstance(entries, dict) else {}
