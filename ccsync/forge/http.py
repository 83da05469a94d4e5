"""One forge's REST API: requests to one host, waiting when it says so, and telling failures apart.

Redirects are not followed and addresses in answers not used, so that the token goes to the host it was given for.
"""

import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from ccsync.core.address import is_loopback
from ccsync.errors import DeniedError, Diagnostic, NotFoundError, OutcomeUnknownError, RejectedError, TransientError
from ccsync.forge.place import Kind, Place
from ccsync.ports.clock import Clock

TRIES = 4
LONGEST_WAIT_S = 60.0
_TIMEOUT_S = 30.0
_SAID_CHARS = 200


class TooLongError(RejectedError):
    """The text of a comment is longer than the forge takes."""


class UnauthenticatedError(DeniedError):
    """The token is no token (401); other refusals are about what it may do."""


class ForgeClient:
    """A context manager: leaving it closes the connections."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._client = httpx.Client(
            headers=_headers(place),
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            trust_env=not is_loopback(urlsplit(place.api).hostname or ""),
        )

    def __enter__(self) -> "ForgeClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, given: Mapping[str, str | int] | None = None) -> tuple[Any, bool]:
        """The answer's JSON, and whether it has a next page. given: the query of a GET, else the JSON body.

        Waits when throttled, and asks again after what surely did not happen, or may happen twice. Raises DeniedError
        (E772), NotFoundError (E773), TransientError (E774), OutcomeUnknownError (E774) for a POST whose answer is
        missing, RejectedError (E775), TooLongError.
        """
        for left in reversed(range(TRIES)):
            answer = self._sent(method, path, given, last=not left)
            if answer is None:
                continue
            wait_s = _wait_s(answer, self._clock.now().timestamp())
            if wait_s is None:
                return self._read(answer, method)
            if not left or wait_s > LONGEST_WAIT_S:
                raise TransientError(_unavailable(self._place, f"it asks to wait {wait_s:,.0f} s"))
            self._clock.sleep(wait_s)
        raise TransientError(_unavailable(self._place, "it did not answer"))

    def _sent(
        self, method: str, path: str, given: Mapping[str, str | int] | None, *, last: bool
    ) -> httpx.Response | None:
        """None when it may be tried again."""
        query, body = (given, None) if method == "GET" else (None, given)
        try:
            answer = self._client.request(method, f"{self._place.api}{path}", params=query, json=body)
        except httpx.ConnectError as error:
            if last:
                raise TransientError(_unavailable(self._place, "no connection")) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            if method == "POST":
                raise OutcomeUnknownError(_unavailable(self._place, "the answer was lost")) from error
            if last:
                raise TransientError(_unavailable(self._place, "the answer was lost")) from error
        else:
            if answer.status_code < 500:
                return answer
            if method == "POST":
                raise OutcomeUnknownError(_unavailable(self._place, f"it answered {answer.status_code}"))
            if last:
                raise TransientError(_unavailable(self._place, f"it answered {answer.status_code}"))
        self._clock.sleep(1.0)
        return None

    def _read(self, answer: httpx.Response, method: str) -> tuple[Any, bool]:  # Any: JSON
        status = answer.status_code
        if status in (200, 201, 204):
            try:
                found = answer.json() if answer.content else None
            except ValueError as error:
                if method == "POST":
                    raise OutcomeUnknownError(_unavailable(self._place, "its answer is no JSON")) from error
                raise RejectedError(_refused(self._place, status, "the answer is no JSON")) from error
            return found, 'rel="next"' in answer.headers.get("link", "")
        said = _message(answer)
        if status == 413 or "too long" in said:
            raise TooLongError(_refused(self._place, status, "the text is too long"))
        if status == 401:
            raise UnauthenticatedError(_denied(self._place, status, said))
        if status == 403:
            raise DeniedError(_denied(self._place, status, said))
        if status == 404:
            raise NotFoundError(_missing(self._place))
        raise RejectedError(_refused(self._place, status, said))


def id_of(found: Any) -> int:  # Any: JSON
    """The id in an answer about one thing. Raises RejectedError (E775)."""
    if not isinstance(found, dict) or not isinstance(found.get("id"), int):
        raise RejectedError(Diagnostic("E775", "the forge's answer is not what it should be: it names no id"))
    return int(found["id"])


def _headers(place: Place) -> dict[str, str]:
    if place.kind is Kind.GITLAB:
        return {"PRIVATE-TOKEN": place.token, "User-Agent": "ccsync"}
    return {
        "Authorization": f"Bearer {place.token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "ccsync",
    }


def _wait_s(answer: httpx.Response, now_s: float) -> float | None:
    """How long to wait before asking again; None when this is not about rates. GitHub throttles with 403 as well, which
    its headers tell from a missing right. Sources: GitHub, rate limits for the REST API; GitLab, rate limits."""
    headers = answer.headers
    spent = headers.get("x-ratelimit-remaining") == "0"
    if answer.status_code != 429 and not (answer.status_code == 403 and (spent or "retry-after" in headers)):
        return None
    with contextlib.suppress(ValueError, KeyError):
        return max(float(headers["retry-after"]), 0.0)
    with contextlib.suppress(ValueError, KeyError):
        return max(float(headers["x-ratelimit-reset"]) - now_s, 1.0)
    return 5.0


def _message(answer: httpx.Response) -> str:
    """What the forge says, for people; of `errors` the texts as well. Never the body as it stands."""
    try:
        found = answer.json()
    except ValueError:
        return ""
    if not isinstance(found, dict):
        return ""
    errors = found.get("errors")
    said = [found.get("message"), *(errors if isinstance(errors, list) else ())]
    return "; ".join(_flat(each) for each in said if each)[:_SAID_CHARS]


def _flat(said: object) -> str:
    if isinstance(said, dict):
        inner = said.get("message") or "; ".join(_flat(each) for each in said.values())
        return str(inner)
    return "; ".join(map(_flat, said)) if isinstance(said, list) else str(said)


def _denied(place: Place, status: int, said: str) -> Diagnostic:
    need = {
        Kind.GITHUB: "the job needs `permissions: {pull-requests: write}`, and pull requests of forks never have it",
        Kind.GITLAB: "GITLAB_TOKEN needs scope api and a role that may comment (Reporter or more)",
    }[place.kind]
    return Diagnostic("E772", f"{place.kind} refused the token: {status} {said}".rstrip(), hint=need)


def _missing(place: Place) -> Diagnostic:
    return Diagnostic(
        "E773",
        f"{place.kind} knows no pull request {place.number} of project {place.project}, or shows it to nobody"
        " with this token",
        hint="check the number, the project and what the token may see",
    )


def _unavailable(place: Place, why: str) -> Diagnostic:
    return Diagnostic("E774", f"{place.kind} could not be asked: {why}", hint="run the command again later")


def _refused(place: Place, status: int, said: str) -> Diagnostic:
    return Diagnostic("E775", f"{place.kind} did not take the comment: {status} {said}".rstrip())
