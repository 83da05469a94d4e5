"""A sign-in in storage that many machines share, so that CI runners renew one rotating grant and never twice at once.

There is no lock between machines, only compare-and-swap. Whoever renews first writes that it does; everybody else then
waits until the content changes. A holder that died is told by a content that stayed the same for `DEAD_AFTER_S` of the
waiter's own steady clock: two machines' clocks are never compared.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ccsync.constant_contact.grant import Grant, decoded, encoded
from ccsync.constant_contact.tokenstore import DAMAGED, unreadable
from ccsync.constant_contact.waiting import pause
from ccsync.core.spec import Connection
from ccsync.errors import Diagnostic, TransientError
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import SharedBox

DEAD_AFTER_S = 60.0
"""Longer than a renewal can take: it is sent at once after the mark was written, and given up after 25 seconds."""
LOOK_S = 0.5
KEEP_TRIES = 5


class SharedStore:
    """`TokenStore` over one box. Who holds the lock stands in the box, beside the sign-in."""

    def __init__(self, connection: Connection, box: SharedBox, clock: Clock) -> None:
        self._connection = connection
        self._box = box
        self._clock = clock
        self._me = secrets.token_hex(8)
        self._version: str | None = None

    def load(self) -> Grant | None:
        found = self._box.get()
        return self._grant(self._document(found[0])) if found else None

    def save(self, grant: Grant) -> None:
        """Raises TransientError (E318) when another machine took the lock over."""
        before = self._version
        if self._put(grant, before):
            return
        for _ in range(KEEP_TRIES):
            # Taken over, yet these may be the only tokens that work: they stand unless newer ones do.
            found = self._box.get()
            there = self._grant(self._document(found[0])) if found else None
            if there is not None and there.obtained() >= grant.obtained():
                break
            if self._put(grant, found[1] if found else None):
                return
        raise self._taken_over()

    def forget(self) -> bool:
        was = self.load() is not None
        if not self._box.swap(_written(None, self._me), self._version):
            raise self._taken_over()
        self._note_version()
        return was

    @contextmanager
    def locked(self) -> Iterator[None]:
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def _acquire(self) -> None:
        seen, since = None, self._clock.monotonic()
        while True:
            found = self._box.get()
            content, version = found or (_written(None, ""), None)
            document = self._document(content)
            if version != seen:
                seen, since = version, self._clock.monotonic()
            free = not document["held_by"] or self._clock.monotonic() - since >= DEAD_AFTER_S
            if free and self._box.swap(_written(document["grant"], self._me), version):
                self._note_version()
                return
            pause(self._clock, LOOK_S if not free else 0.0)

    def _release(self) -> None:
        """Leaves the box to others; if somebody took it over, it is theirs already."""
        found = self._box.get()
        if found is not None and found[1] == self._version:
            self._box.swap(_written(self._document(found[0])["grant"], ""), found[1])

    def _put(self, grant: Grant, version: str | None) -> bool:
        kept = json.loads(encoded(grant, self._connection.name))
        if not self._box.swap(_written(kept, self._me), version):
            return False
        self._note_version()
        return True

    def _note_version(self) -> None:
        found = self._box.get()
        self._version = found[1] if found and self._document(found[0])["held_by"] == self._me else None

    def _grant(self, document: dict[str, Any]) -> Grant | None:  # Any: JSON
        if document["grant"] is None:
            return None
        try:
            return decoded(json.dumps(document["grant"]).encode())
        except (ValueError, TypeError, KeyError):
            raise self._unreadable() from None

    def _document(self, content: bytes) -> dict[str, Any]:  # Any: JSON
        try:
            document: Any = json.loads(content)  # Any: JSON
            if isinstance(document["held_by"], str) and isinstance(document["grant"], dict | None):
                return {"held_by": document["held_by"], "grant": document["grant"]}
        except (ValueError, TypeError, KeyError):
            pass
        raise self._unreadable()

    def _unreadable(self) -> Exception:
        return unreadable(self._connection, DAMAGED, "It is in the state (`token_store: state`)")

    def _taken_over(self) -> TransientError:
        return TransientError(
            Diagnostic(
                "E318",
                f"another machine took over renewing the sign-in of connection {self._connection.name}",
                detail="This one was too slow, or asleep. It used no token that was not stored.",
                hint="run the command again",
            )
        )


def _written(grant: dict[str, Any] | None, held_by: str) -> bytes:  # Any: JSON
    return json.dumps({"held_by": held_by, "grant": grant}).encode()
