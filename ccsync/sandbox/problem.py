"""The vendor's error answers, in each of the shapes it uses.

Which request deserves which error is decided elsewhere; this module only knows what the answers look like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Shape(StrEnum):
    """How an error body is built. Source: SW#D/APIErrorSchema, SW#D/AuthorizationErrorSchema, RFC 6749 5.2."""

    ARRAY = "array"
    OBJECT = "object"
    OAUTH = "oauth"
    HTML = "html"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class ProblemValue:
    """An error as data: status, key, message and the shape of its body."""

    status: int
    key: str
    message: str
    shape: Shape = Shape.ARRAY
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(Exception):  # noqa: N818  the vendor's answer, not a fault of ours
    """A request that ends in one of the vendor's error answers."""

    def __init__(self, value: ProblemValue) -> None:
        super().__init__(f"{value.status} {value.key}")
        self.value = value


def invalid(message: str, *, key: str = "contacts.api.validation.error") -> Problem:
    """400 with the array shape."""
    return Problem(ProblemValue(400, key, message))


def malformed(message: str) -> Problem:
    """400 for a body that could not be read at all."""
    return invalid(message, key="http.status.bad_request")


def not_found(what: str = "The requested resource was not found.") -> Problem:
    """404 with the array shape."""
    return Problem(ProblemValue(404, "contacts.api.not_found", what))


def conflict(message: str) -> Problem:
    """409 with the array shape. The vendor's key is not published."""
    return Problem(ProblemValue(409, "contacts.api.conflict", message))


def unsupported_media(message: str) -> Problem:
    """415 with the array shape."""
    return Problem(ProblemValue(415, "http.status.unsupported_media_type", message))


def unauthorized() -> Problem:
    """401 from the gateway, an object. Source: captured answer, FACTS 7."""
    return Problem(ProblemValue(401, "unauthorized", "Unauthorized", Shape.OBJECT))


def forbidden(message: str) -> Problem:
    """403, an object. Source: DOC account_get_privileges."""
    return Problem(ProblemValue(403, "access_denied", message, Shape.OBJECT))


def throttled(headers: Mapping[str, str] | None = None) -> Problem:
    """429 for the per-second limit. Source: DOC rate_limits."""
    return Problem(ProblemValue(429, "throttled", "Too Many Requests", Shape.OBJECT, headers or {}))


def quota_exceeded(headers: Mapping[str, str] | None = None) -> Problem:
    """429 for the daily limit. Source: DOC rate_limits."""
    return Problem(ProblemValue(429, "quota_exceeded", "Limit Exceeded", Shape.OBJECT, headers or {}))


def queue_full(headers: Mapping[str, str] | None = None) -> Problem:
    """429 for more than 1,000 queued activities. The status is documented, the body is not."""
    text = "Too many requests. You exceeded 1,000 queued activities for this user account."
    return Problem(ProblemValue(429, "too_many_requests", text, Shape.OBJECT, headers or {}))


def oauth(status: int, error: str, description: str) -> Problem:
    """An error of the token endpoint. Source: RFC 6749 5.2; captured text in FACTS 1.3."""
    return Problem(ProblemValue(status, error, description, Shape.OAUTH))


def body_of(problem: ProblemValue) -> tuple[Any, str]:
    """Return the body (JSON value or text) and its media type. ``Any``: a JSON document."""
    match problem.shape:
        case Shape.ARRAY:
            return [{"error_key": problem.key, "error_message": problem.message}], "application/json"
        case Shape.OBJECT:
            return {"error_key": problem.key, "error_message": problem.message}, "application/json"
        case Shape.OAUTH:
            return {"error": problem.key, "error_description": problem.message}, "application/json"
        case Shape.HTML:
            return f"<html><body><h1>{problem.status}</h1><p>{problem.message}</p></body></html>", "text/html"
        case Shape.EMPTY:
            return "", "text/plain"
