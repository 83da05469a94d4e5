"""Reads what the API answers: error bodies of every shape, and what kind of trouble an answer is. Nothing is sent here.

Source: FACTS 7; openapi.yml 3.0.178, #/definitions/APIErrorSchema and #/definitions/AuthorizationErrorSchema.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum, auto
from typing import Any

LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. retry_after: the header's text. media: content type without parameters, lower case."""

    status: int
    body: bytes
    media: str = ""
    retry_after: str | None = None
    location: str | None = None

    def document(self) -> Any:  # Any: a JSON document
        """The body as JSON, every text of it encodable. Raises ValueError when it isn't JSON."""
        try:
            document = json.loads(self.body)
            return _whole(document) if _HALF_ESCAPE.search(self.body) else document
        except RecursionError:
            raise ValueError("nested too deeply") from None


_HALF_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def _whole(value: Any) -> Any:  # Any: JSON
    """The value with halves of surrogate pairs replaced: JSON can spell them, but no file or digest can hold them."""
    match value:
        case str():
            return _HALF.sub("\ufffd", value)
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {_whole(name): _whole(one) for name, one in value.items()}
        case _:
            return value


class Kind(StrEnum):
    """What an answer means, whatever was asked."""

    DONE = auto()
    ELSEWHERE = auto()
    THROTTLED = auto()
    QUOTA = auto()
    QUEUE_FULL = auto()
    UNAUTHORISED = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    CONFLICT = auto()
    REFUSED = auto()
    BROKEN = auto()
    """Their side is in trouble, or the answer is none that the API gives."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error body says, fit for people's eyes: no address, token or quoted value is left in it."""

    key: str = ""
    message: str = ""
    raw: str = field(default="", repr=False)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.key, self.message) if part)


def kind_of(answer: Answer, *, makes_a_job: bool = False) -> Kind:
    """The kind of an answer. makes_a_job: whether the call was one that the queue of 1,000 activities can refuse."""
    status = answer.status
    if 200 <= status < 300:
        return Kind.DONE
    if 300 <= status < 400:
        return Kind.ELSEWHERE
    if status == 429:
        return _too_many(problem_of(answer), makes_a_job=makes_a_job)
    known = {401: Kind.UNAUTHORISED, 403: Kind.FORBIDDEN, 404: Kind.NOT_FOUND, 409: Kind.CONFLICT}
    # 408 and 425 are a gateway's: the request may or may not have been passed on.
    return known.get(status, Kind.REFUSED if 400 <= status < 500 and status not in (408, 425) else Kind.BROKEN)


def _too_many(problem: Problem, *, makes_a_job: bool) -> Kind:
    """Tells the three 429s apart. The body for a full queue is not published (FACTS 2.7); only calls that make a job
    can get it, and a 429 that nothing is known of is taken for the rate limit, which has the shorter waits."""
    key, text = problem.key.lower(), problem.raw.lower()
    if key == "quota_exceeded" or "limit exceeded" in text:
        return Kind.QUOTA
    if key != "throttled" and makes_a_job and ("queue" in text or "activities" in text):
        return Kind.QUEUE_FULL
    return Kind.THROTTLED


def problem_of(answer: Answer, *, personal: bool = False) -> Problem:
    """What an error body says: an array of objects, one object, OAuth's object, HTML, text or nothing.

    personal: the request held people's data, so quoted parts of the message are left out too.
    """
    try:
        document = answer.document()
    except ValueError:
        return Problem(raw=answer.body[:2000].decode("utf-8", "replace"))
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict):
        return Problem(raw=str(first)[:2000])
    key = first.get("error_key") or first.get("error") or ""
    message = first.get("error_message") or first.get("error_description") or first.get("message") or ""
    raw = f"{key} {message}"[:2000]
    return Problem(clean_key(key), clean(message, personal=personal), raw)


def clean_key(key: object) -> str:
    """An error key as it stands when it looks like one, else nothing."""
    return key if isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,80}", key) else ""


def clean(message: object, *, personal: bool = False) -> str:
    """The vendor's words without anything that may be a person's or a secret: addresses, long tokens, control
    characters and, when the request held people's data, whatever is quoted. At most 300 characters."""
    if not isinstance(message, str):
        return ""
    text = re.sub(r"\S*(?:@|%40)\S*", "(address)", message[:5000])
    text = re.sub(r"[A-Za-z0-9_+/=.-]{40,}", "(token)", text)
    if personal:
        text = re.sub(r"""(["'`“‘«]).*?(["'`”’»])""", "(value)", text)
    text = re.sub(r"<[^>]*>|[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", " ", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """The seconds that a `Retry-After` header asks for, either form; None when there is none or it makes no sense.
    Source: RFC 9110 10.2.3; the vendor documents none (FACTS 6)."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without zone
        return None
