"""What a sign-in gave, and how it is written down. Where it is kept is `tokenstore.py`, when it is renewed
`grants.py`."""

import json
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in gave. Times are UTC text as `datetime.isoformat` writes them.

    refresh_token: empty when none was given. refreshing: when a renewal was sent whose answer was never stored; empty
    when there is none. dead: the server said that this grant is over. repr shows no token.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: str
    obtained_at: str
    signed_in_at: str
    scope: str = ""
    refreshing: str = ""
    dead: bool = False

    def expires(self) -> datetime:
        return _moment(self.expires_at)

    def obtained(self) -> datetime:
        return _moment(self.obtained_at)


def encoded(grant: Grant, connection: str) -> bytes:
    """As a document that `decoded` reads. connection: for the person who looks at it."""
    return json.dumps({"format": FORMAT, "connection": connection, **asdict(grant)}, indent=1).encode() + b"\n"


def decoded(content: bytes) -> Grant:
    """Raises ValueError, TypeError or KeyError, whose text may quote the content, for what is no sign-in."""
    document: Any = json.loads(content)  # Any: JSON
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("another format")
    known = {one.name for one in fields(Grant)}
    grant = Grant(**{name: value for name, value in document.items() if name in known})
    texts = [value for name, value in asdict(grant).items() if name != "dead"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(grant.dead, bool):
        raise ValueError("not a sign-in")
    if not re.fullmatch(r"[\x21-\x7e]+", grant.access_token) or not re.fullmatch(r"[\x21-\x7e]*", grant.refresh_token):
        raise ValueError("not a token")
    grant.expires(), grant.obtained()
    return grant


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
