"""Pages: the cursor that the next link carries, and the host-less link itself.

Which rows a page holds is decided by the callers. Source: SW#D/PagingLinks; the contract's sample cursor is Base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ccsync.sandbox import problem
from ccsync.sandbox.clock import iso


def encode(query: Mapping[str, Any], after: int) -> str:
    """Bake the query and the position into a cursor. ``Any``: checked query values."""
    plain = {name: iso(value) if isinstance(value, datetime) else value for name, value in query.items()}
    text = json.dumps([plain, after]).encode()
    return base64.urlsafe_b64encode(_seal(text) + text).decode()


def _seal(text: bytes) -> bytes:
    # Not a secret: it only tells the sandbox's own cursors from made-up ones.
    return hashlib.sha256(b"ccsync sandbox cursor" + text).digest()[:6]


def decode(query: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the query to answer and the position to go on from; a cursor replaces all other parameters but limit."""
    if "cursor" not in query:
        return dict(query), 0
    try:
        raw = base64.urlsafe_b64decode(query["cursor"].encode("ascii"))
        if _seal(raw[6:]) != raw[:6]:
            raise ValueError
        plain, after = json.loads(raw[6:])
    except ValueError:
        raise problem.invalid("cursor does not have a valid value") from None
    baked = {name: _value(name, value) for name, value in plain.items()}
    return baked | ({"limit": query["limit"]} if "limit" in query else {}), after


def _value(name: str, value: Any) -> Any:
    if name.endswith(("_after", "_before")):
        return datetime.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value


def links(path: str, query: Mapping[str, Any], after: int | None) -> dict[str, Any]:
    """Return ``_links`` for a collection; empty on the last page. The link has no host."""
    if after is None:
        return {}
    return {"next": {"href": f"{path}?cursor={encode(query, after)}"}}
