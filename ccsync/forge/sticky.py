"""The one comment of ours on a pull request: found by a mark in its first line, made once, then written anew.

Only comments by the author of the token count as ours: a mark can be typed by anybody.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote, unquote

from ccsync.core.plan import to_text
from ccsync.errors import NotFoundError, OutcomeUnknownError
from ccsync.forge.http import TooLongError

_MARK = re.compile(r"<!-- ccsync:plan (\S+) (\S+) -->")
_LEAST_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Comment:
    """made: when the plan it shows was made, UTC text."""

    id: int
    made: str


class Comments(Protocol):
    """The comments of one pull request."""

    def mine(self) -> Iterator[tuple[int, str]]:
        """Id and text of those that the token's owner wrote, in any order."""

    def create(self, body: str) -> int: ...

    def update(self, id_: int, body: str) -> None: ...

    def delete(self, id_: int) -> None: ...


class Posted(StrEnum):
    CREATED = "posted"
    UPDATED = "updated"
    KEPT = "kept"


def post(
    comments: Comments, name: str, made_at: datetime, write: Callable[[int], str], max_bytes: int
) -> tuple[Posted, int]:
    """Makes the comment of that name say this; also tells its id. write: the text within so many bytes.

    KEPT: it shows a plan that was made later, by a run that overtook this one. Two runs that both find none each make
    one; both then keep the older of the two, so that one is left. Raises what `ForgeClient.ask` raises.
    """
    mark = f"<!-- ccsync:plan {_quoted(name)} {to_text(made_at)} -->"
    while True:
        body = f"{mark}\n{write(max_bytes - len(mark) - 1)}"
        try:
            return _post_surely(comments, name, to_text(made_at), body)
        except TooLongError:
            if max_bytes <= _LEAST_BYTES:
                raise
            max_bytes //= 2


def _post_surely(comments: Comments, name: str, made: str, body: str) -> tuple[Posted, int]:
    """A comment whose answer was lost is looked for before another is made."""
    try:
        return _post(comments, name, made, body)
    except OutcomeUnknownError:
        return _post(comments, name, made, body)


def _post(comments: Comments, name: str, made: str, body: str) -> tuple[Posted, int]:
    mine = _named(comments, name)
    if mine:
        return _write(comments, mine, made, body)
    created = comments.create(body)
    mine = _named(comments, name)
    if not mine or mine[0].id == created:
        return Posted.CREATED, created
    return _write(comments, mine, made, body)


def _write(comments: Comments, mine: list[Comment], made: str, body: str) -> tuple[Posted, int]:
    """Into the oldest; the others go."""
    first, *others = mine
    if any(each.made > made for each in mine):
        return Posted.KEPT, first.id
    try:
        comments.update(first.id, body)
    except NotFoundError:  # somebody took it away just now
        return Posted.CREATED, comments.create(body)
    for each in others:
        with contextlib.suppress(NotFoundError):
            comments.delete(each.id)
    return Posted.UPDATED, first.id


def _named(comments: Comments, name: str) -> list[Comment]:
    found = []
    for id_, text in comments.mine():
        mark = _MARK.match(text)
        if mark and unquote(mark[1]) == name:
            found.append(Comment(id_, mark[2]))
    return sorted(found, key=lambda each: each.id)


def _quoted(name: str) -> str:
    """Without what could end an HTML comment."""
    return quote(name, safe="").replace("-", "%2D")
