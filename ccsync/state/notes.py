"""Small documents beside the generations: what schedules and notifications remember. Losing one loses no promise.

What they hold is `core/schedule.py`'s and `core/notice.py`'s. A document that can't be read counts as none.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ccsync.errors import Diagnostic, StorageError
from ccsync.state.head import json_bytes
from ccsync.state.store import Store

NOTES_FORMAT = 1
SCHEDULE = "schedule.json"
NOTICES = "notices.json"
_TRIES = 20

Entries = Mapping[str, Any]
"""Name → JSON. Any: whatever the owner of the document writes."""


class Notes:
    """establish: see `head.establish`; called before anything is written."""

    def __init__(self, store: Store, establish: Callable[[], object]) -> None:
        self._store = store
        self._establish = establish

    def read(self, name: str) -> Entries:
        """The entries of a document; none when there is none of this format. Raises StorageError (E713)."""
        stored = self._store.get(name)
        return _parsed(stored.data) if stored else {}

    def change(self, name: str, change: Callable[[Entries], Entries]) -> None:
        """Replaces a document by compare-and-swap; `change` is called anew when another process was faster. Nothing is
        written when nothing changes. Raises StorageError (E713)."""
        for _ in range(_TRIES):
            stored = self._store.get(name)
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


def _parsed(data: bytes) -> Entries:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    entries = document.get("entries") if isinstance(document, dict) and document.get("format") == NOTES_FORMAT else None
    return entries if isinstance(entries, dict) else {}
