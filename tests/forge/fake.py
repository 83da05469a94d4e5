"""GitHub and GitLab as far as comments go, on a loopback port: users, pages, rights, limits and faults.

Sources: REST API of GitHub (issue comments, users, rate limits), REST API of GitLab (notes of merge requests, users).
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

TOKEN = "s3cret-token"
Fault = Callable[[Request], Response | None]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class LostAnswerError(Exception):
    """What was asked is done, and the connection breaks."""


@dataclass
class Forge:
    """gitlab: which of the two. app: the token is a job's own, which may not ask who it is.

    faults: looked at in order before each request; one that answers is used up. before_create: called while a comment
    is being made, with the lock not held. lose: break the connection after so many creations.
    """

    gitlab: bool = False
    app: bool = True
    per_page: int = 100
    max_chars: int = 65_536
    may_comment: bool = True
    lose: int = 0
    faults: list[Fault] = field(default_factory=list)
    before_create: Callable[[], None] = lambda: None
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    _next: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, body: str, login: str = "anna", kind: str = "User") -> int:
        """A comment by somebody."""
        with self._lock:
            id_, self._next = self._next, self._next + 1
            user = {"login": login, "type": kind, "id": 7 if login == self.me else 99}
            self.comments[id_] = {"id": id_, "body": body, "user": user, "author": user, "system": False}
            return id_

    @property
    def me(self) -> str:
        return "github-actions[bot]" if self.app and not self.gitlab else "ccsync-bot"

    def bodies(self) -> list[str]:
        return [each["body"] for each in self.comments.values()]

    def ours(self) -> list[int]:
        return [id_ for id_, each in self.comments.items() if each["body"].startswith("<!-- ccsync:plan ")]

    def environment(self, **more: str) -> dict[str, str]:
        if self.gitlab:
            found = {"GITLAB_CI": "true", "CI_API_V4_URL": f"{self.address}/api/v4", "CI_PROJECT_ID": "12"}
            return {**found, "CI_MERGE_REQUEST_IID": "5", "GITLAB_TOKEN": TOKEN, **more}
        found = {
            "GITHUB_API_URL": self.address,
            "GITHUB_REPOSITORY": "anna/audiences",
            "GITHUB_REF": "refs/pull/5/merge",
        }
        return {**found, "GITHUB_TOKEN": TOKEN, **more}

    # ---------------------------------------------------------------- the wire

    def __call__(self, environ: Any, start: Any) -> Any:  # Any: WSGI
        request = Request(environ)
        self.requests.append((request.method, request.full_path.rstrip("?")))
        return self._answer(request)(environ, start)

    def _answer(self, request: Request) -> Response:
        for fault in list(self.faults):
            answer = fault(request)
            if answer is not None:
                self.faults.remove(fault)
                return answer
        sent = request.headers.get("PRIVATE-TOKEN") if self.gitlab else request.headers.get("Authorization")
        if sent != (TOKEN if self.gitlab else f"Bearer {TOKEN}"):
            return reply(401, {"message": "Bad credentials"})
        root = (
            "/api/v4/projects/12/merge_requests/5/notes" if self.gitlab else "/repos/anna/audiences/issues/5/comments"
        )
        one = root if self.gitlab else "/repos/anna/audiences/issues/comments"
        path, method = request.path, request.method
        if path == ("/api/v4/user" if self.gitlab else "/user"):
            if self.app and not self.gitlab:
                return reply(403, {"message": "Resource not accessible by integration"})
            return reply(200, {"id": 7, "login": self.me})
        if path == root and method == "GET":
            return self._page(request)
        if path == root and method == "POST":
            return self._create(request)
        if path.startswith(f"{one}/"):
            return self._change(request, int(path.rpartition("/")[2]))
        return reply(404, {"message": "Not Found"})

    def _page(self, request: Request) -> Response:
        size, page = min(int(request.args["per_page"]), self.per_page), int(request.args["page"])
        found = sorted(self.comments.values(), key=lambda each: each["id"])
        answer = reply(200, found[(page - 1) * size : page * size])
        if page * size < len(found):
            answer.headers["Link"] = f'<{self.address}/elsewhere?page={page + 1}>; rel="next"'
        return answer

    def _body(self, request: Request) -> str | Response:
        body = json.loads(request.get_data())["body"]
        if not self.may_comment:
            return reply(403, {"message": "Resource not accessible by integration"})
        if len(body) > self.max_chars:
            if self.gitlab:
                return reply(400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}})
            errors = [{"resource": "IssueComment", "message": "Body is too long (maximum is 65536 characters)"}]
            return reply(422, {"message": "Validation Failed", "errors": errors})
        return str(body)

    def _create(self, request: Request) -> Response:
        body = self._body(request)
        if isinstance(body, Response):
            return body
        self.before_create()
        id_ = self.say(body, self.me, "Bot")
        if self.lose:
            self.lose -= 1
            raise LostAnswerError
        return reply(201, {"id": id_})

    def _change(self, request: Request, id_: int) -> Response:
        with self._lock:
            if id_ not in self.comments:
                return reply(404, {"message": "Not Found"})
            if request.method == "DELETE":
                del self.comments[id_]
                return Response(status=204)
        body = self._body(request)
        if isinstance(body, Response):
            return body
        self.comments[id_]["body"] = body
        return reply(200, {"id": id_})


def reply(status: int, document: object, **headers: str) -> Response:
    return Response(json.dumps(document), status, headers, content_type="application/json")


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    server = make_server("127.0.0.1", 0, forge, threaded=True, request_handler=_Quiet)
    server.log = lambda *_: None  # type: ignore[method-assign]  # LostAnswerError is meant
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    forge.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
