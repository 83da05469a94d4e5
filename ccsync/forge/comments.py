"""Comments as GitHub and GitLab offer them: addresses, and who wrote what. When to write which is in `sticky.py`."""

from collections.abc import Iterator, Mapping
from typing import Any

from ccsync.errors import DeniedError, Diagnostic, RejectedError
from ccsync.forge.http import ForgeClient, UnauthenticatedError, id_of
from ccsync.forge.place import Kind, Place
from ccsync.forge.sticky import Comments

MAX_BYTES = {Kind.GITHUB: 65_536, Kind.GITLAB: 1_000_000}
"""Characters, by their own account; counted in bytes here. Sources: the refusal `body is too long (maximum is 65536
characters)`; GitLab, application limits."""

_PER_PAGE = 100
_MAX_PAGES = 100


def comments_of(place: Place, client: ForgeClient) -> Comments:
    return GithubComments(place, client) if place.kind is Kind.GITHUB else GitlabComments(place, client)


class GithubComments:
    """Source: REST API, issue comments; a pull request is an issue."""

    def __init__(self, place: Place, client: ForgeClient) -> None:
        self._client = client
        self._repository = f"/repos/{place.project}"
        self._path = f"{self._repository}/issues/{place.number}/comments"
        self._login: str | None = None

    def mine(self) -> Iterator[tuple[int, str]]:
        login = self._own_login()
        for each in _pages(self._client, self._path, {}):
            user = each.get("user") or {}
            by_us = user.get("login") == login if login else user.get("type") == "Bot"
            if by_us:
                yield id_of(each), str(each.get("body") or "")

    def _own_login(self) -> str:
        """Empty for a job's own token: it may not ask who it is, and what it writes is by a bot."""
        if self._login is None:
            try:
                found, _ = self._client.ask("GET", "/user")
                id_of(found)
                self._login = str(found.get("login") or "")
            except UnauthenticatedError:
                raise
            except DeniedError:
                self._login = ""
        return self._login

    def create(self, body: str) -> int:
        found, _ = self._client.ask("POST", self._path, {"body": body})
        return id_of(found)

    def update(self, id_: int, body: str) -> None:
        self._client.ask("PATCH", f"{self._repository}/issues/comments/{id_}", {"body": body})

    def delete(self, id_: int) -> None:
        self._client.ask("DELETE", f"{self._repository}/issues/comments/{id_}")


class GitlabComments:
    """Source: REST API, notes of merge requests."""

    def __init__(self, place: Place, client: ForgeClient) -> None:
        self._client = client
        self._path = f"/projects/{place.project}/merge_requests/{place.number}/notes"
        self._user: int | None = None

    def mine(self) -> Iterator[tuple[int, str]]:
        if self._user is None:
            found, _ = self._client.ask("GET", "/user")
            self._user = id_of(found)
        for each in _pages(self._client, self._path, {"sort": "asc", "order_by": "created_at"}):
            if not each.get("system") and (each.get("author") or {}).get("id") == self._user:
                yield id_of(each), str(each.get("body") or "")

    def create(self, body: str) -> int:
        found, _ = self._client.ask("POST", self._path, {"body": body})
        return id_of(found)

    def update(self, id_: int, body: str) -> None:
        self._client.ask("PUT", f"{self._path}/{id_}", {"body": body})

    def delete(self, id_: int) -> None:
        self._client.ask("DELETE", f"{self._path}/{id_}")


def _pages(client: ForgeClient, path: str, given: Mapping[str, str]) -> Iterator[dict[str, Any]]:  # Any: JSON
    for page in range(1, _MAX_PAGES + 1):
        found, more = client.ask("GET", path, {**given, "per_page": _PER_PAGE, "page": page})
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise RejectedError(Diagnostic("E775", "the forge's list of comments is not what it should be"))
        yield from found
        if not more:
            return
