"""The WSGI application: finds the operation, lets the faults and the gateway have their say, writes the answer.

What an operation does is its handler's business; how the application is served is ``server``'s.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from ccsync.sandbox import control, oauth, problem, seeding
from ccsync.sandbox.account import Account
from ccsync.sandbox.activities import ActivityQueue, QueueRules
from ccsync.sandbox.clock import iso
from ccsync.sandbox.consent_desk import ConsentDesk
from ccsync.sandbox.faults import Fault, FaultBook, FaultKind
from ccsync.sandbox.gateway import Gateway
from ccsync.sandbox.operations import MEDIA_415, MULTIPART, OPERATIONS, Operation
from ccsync.sandbox.options import Endpoints, SandboxOptions, SandboxUsageError
from ccsync.sandbox.page import views
from ccsync.sandbox.problem import Problem, ProblemValue, Shape
from ccsync.sandbox.request_log import RequestLog, RequestRecord
from ccsync.sandbox.service import Answer, Call, Service
from ccsync.sandbox.store import Store
from ccsync.sandbox.switches import SwitchBoard
from ccsync.sandbox.tokens import SCOPES, TokenBook
from ccsync.sandbox.validate import check_body, check_query

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY_BYTES = 512 * 1024 * 1024
API, AUTH, CONTROL = "/v3", "/oauth2/default/v1", "/sandbox"

OpenHandler = Callable[[Service, Request, Mapping[str, str]], Response]


class ConnectionDropped(ConnectionResetError):  # noqa: N818  named for what happens
    """The connection was closed on purpose; a client in the same process sees this exception itself."""


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A route outside the API: OAuth, control, page. No gateway stands before it."""

    name: str
    handler: OpenHandler
    faulty: bool = False
    """Whether ordered faults apply to it."""


class Sandbox:
    """A WSGI application that is a Constant Contact account."""

    def __init__(self, options: SandboxOptions) -> None:
        self.service = _assemble(options)
        self._closed = False
        tokens = self.service.tokens
        self.access_token = tokens.issue(tokens.new_grant(), SCOPES, options.clock.now()).access.value
        self._urls, self._routes = _routes()
        if options.seed is not None:
            try:
                seeding.load_file(self.service, options.seed)
            except SandboxUsageError:
                self.close()
                raise

    def endpoints(self, base: str) -> Endpoints:
        """Say where everything is, given the address (``http://host:port``) it is served at."""
        client_id = self.service.tokens.application.client_id
        return Endpoints(base + API, base + AUTH, base + CONTROL, client_id, self.access_token)

    def drain(self) -> int:
        """Finish every activity that can finish, at once; returns how many that were."""
        return self.service.queue.drain()

    def close(self) -> None:
        """Stop the background work and give up the data (a data file is kept)."""
        if self._closed:
            return
        self._closed = True
        self.service.faults.released.set()
        self.service.queue.close()
        self.service.save()
        self.service.store.close()

    # one request ----------------------------------------------------------------------------------------

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        request = Request(environ)
        request.max_content_length = request.max_form_memory_size = MAX_BODY_BYTES
        target, path = self._find(request)
        fault = self._fault(request, target)
        try:
            response = self._respond(request, target, path, fault)
        except ConnectionDropped:
            self._log(request, target, 0, began, fault)
            _cut_connection(environ)
            raise
        finally:
            request.close()
        self._log(request, target, response.status_code, began, fault)
        if fault is not None and fault.kind is FaultKind.TRUNCATED:
            return _truncated(response, environ, start_response)
        return response(environ, start_response)

    def _find(self, request: Request) -> tuple[Operation | OpenRoute | HTTPException, Mapping[str, str]]:
        try:
            name, path = self._urls.bind_to_environ(request.environ).match()
        except HTTPException as missing:
            return missing, {}
        return self._routes[name], path

    def _fault(self, request: Request, target: Operation | OpenRoute | HTTPException) -> Fault | None:
        if isinstance(target, HTTPException) or (isinstance(target, OpenRoute) and not target.faulty):
            return None
        return self.service.faults.take(request.method, request.path.removeprefix(API))

    def _respond(
        self, request: Request, target: Operation | OpenRoute | HTTPException, path: Mapping[str, str],
        fault: Fault | None,
    ) -> Response:  # fmt: skip
        if fault is not None:
            self._before(fault)
            if fault.problem is not None and not fault.after:
                return problem_response(fault.problem)
        response = self._handled(request, target, path)
        if fault is not None and fault.problem is not None:
            return problem_response(fault.problem)
        lost = fault is not None and fault.kind is FaultKind.DROP_AFTER
        if lost or (_queues(target, response) and self._lost_by_chance()):
            raise ConnectionDropped("The connection was closed after the request was handled.")
        return response

    def _lost_by_chance(self) -> bool:
        return self.service.faults.lost_by_chance(self.service.switches.number("lost_reply_after_enqueue"))

    def _before(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.DELAY:
                self.service.clock.sleep(fault.seconds, self.service.faults.released)
            case FaultKind.HANG:
                self.service.clock.sleep(fault.seconds, self.service.faults.released)
                raise ConnectionDropped("No answer.")
            case FaultKind.DROP_BEFORE:
                raise ConnectionDropped("The connection was closed before the request was handled.")
            case _:
                pass

    def _handled(
        self, request: Request, target: Operation | OpenRoute | HTTPException, path: Mapping[str, str]
    ) -> Response:
        try:
            if isinstance(target, HTTPException):
                return _no_route(request, target)
            if isinstance(target, OpenRoute):
                return target.handler(self.service, request, path)
            return answer_response(self._operate(request, target, path))
        except Problem as known:
            return problem_response(known.value)
        except HTTPException as broken:
            return problem_response(ProblemValue(400, "http.status.bad_request", broken.name))
        except Exception as crash:  # noqa: BLE001  a crash is answered and counted, the server lives on
            self.service.log.count("crashes", f"{target_name(target)}: {type(crash).__name__}: {crash}")
            return problem_response(
                ProblemValue(500, "internal_error", "There was a problem with our internal service.")
            )

    def _operate(self, request: Request, operation: Operation, path: Mapping[str, str]) -> Answer:
        self.service.gateway.admit(request.headers.get("Authorization"), operation.scopes, operation.privileges)
        query = check_query(dict(request.args.lists()), operation.query)
        body = _json_body(request, operation)
        return operation.handler(Call(self.service, request, path, query, body, self.service.clock.now()))

    def _log(
        self, request: Request, target: Operation | OpenRoute | HTTPException, status: int, began: float,
        fault: Fault | None,
    ) -> None:  # fmt: skip
        if isinstance(target, OpenRoute) and not target.faulty:
            return
        record = RequestRecord(
            iso(self.service.clock.now()), request.method, request.path, target_name(target), status,
            request.content_length or 0, round((time.perf_counter() - began) * 1000, 1),
            fault.kind.value if fault else None,
        )  # fmt: skip
        self.service.log.add(record, time.monotonic())


@cache
def _routes() -> tuple[Map, Mapping[str, Operation | OpenRoute]]:
    # The same for every sandbox, and slow enough to build that many short-lived ones would notice.
    rules, targets = [], dict[str, Operation | OpenRoute]()

    def add(method: str, path: str, target: Operation | OpenRoute) -> None:
        rules.append(Rule(path.replace("{", "<").replace("}", ">"), methods=[method], endpoint=target.name))
        targets[target.name] = target

    for operation in OPERATIONS:
        add(operation.method, API + operation.path, operation)
    for method, path, handler in oauth.ROUTES:
        add(method, AUTH + path, OpenRoute(f"{method} {AUTH}{path}", handler, faulty=True))
    for method, path, act in control.ROUTES:
        add(method, CONTROL + path, OpenRoute(f"{method} {CONTROL}{path}", act))
    for method, path, show in views.ROUTES:
        add(method, path, OpenRoute(f"{method} {path}", show))
    return Map(rules, merge_slashes=False), targets


def create_app(options: SandboxOptions) -> Sandbox:
    """Make a sandbox and its data; the caller closes it."""
    return Sandbox(options)


def target_name(target: Operation | OpenRoute | HTTPException) -> str:
    """How a request is named in the log."""
    return "unknown" if isinstance(target, HTTPException) else target.name


def _assemble(options: SandboxOptions) -> Service:
    switches, log = SwitchBoard(options.switches), RequestLog()
    faults, tokens = FaultBook(options.random_seed), TokenBook()
    store, account = Store(options.data), Account(options.random_seed)
    saved = store.rows("SELECT document FROM account_state WHERE key = 'account'")
    if saved:
        account.load_document(saved[0][0])
    rules = QueueRules(
        options.activities, options.speed, options.spread_s, options.random_seed,
        lambda: switches["job_order"] == "shuffled",
    )  # fmt: skip
    queue = ActivityQueue(
        options.clock, rules, lambda kind, crash: log.count("crashes", f"{kind}: {type(crash).__name__}: {crash}")
    )
    gateway = Gateway(
        options.clock, tokens, switches, log, requests_per_second=options.requests_per_second,
        requests_per_day=options.requests_per_day, privileges=lambda: account.privileges,
    )  # fmt: skip
    return Service(options, options.clock, store, account, switches, queue, log, faults, tokens, gateway, ConsentDesk())


def _json_body(request: Request, operation: Operation) -> Any:  # Any: a JSON document
    """Read and check a JSON body; imports only have their content type checked here."""
    name = operation.name
    takes_body = operation.body is not None or name.startswith("POST /activities/")
    if not takes_body:
        return None
    wanted = "multipart/form-data" if name in MULTIPART else "application/json"
    if request.mimetype != wanted:
        message = f"The content type must be {wanted}"
        raise problem.unsupported_media(message) if name in MEDIA_415 else problem.malformed(message)
    if operation.body is None:
        return None
    try:
        document = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise problem.malformed("The JSON was malformed.") from None
    check_body(document, operation.body)
    return document


def answer_response(answer: Answer) -> Response:
    """Turn a handler's answer into a response."""
    if answer.stream is not None:
        response = Response(answer.stream, answer.status, content_type=answer.media)
    elif answer.status == 204:
        response = Response(status=204)
        del response.headers["Content-Type"]
    else:
        text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
        response = Response(text, answer.status, content_type=answer.media)
    response.headers.extend(dict(answer.headers))
    return _traced(response)


def problem_response(value: ProblemValue) -> Response:
    """Turn an error into a response of its shape."""
    body, media = problem.body_of(value)
    text = body if isinstance(body, str) else json.dumps(body)
    response = Response(text, value.status, content_type=media)
    response.headers.extend(dict(value.headers))
    return _traced(response)


def _traced(response: Response) -> Response:
    # As captured from the real gateway, FACTS 7.
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def _no_route(request: Request, missing: HTTPException) -> Response:
    status = missing.code or 404
    key = "contacts.api.not_found" if status == 404 else "http.status.method_not_allowed"
    value = ProblemValue(status, key, missing.name)
    if not request.path.startswith(API):
        value = ProblemValue(status, key, missing.name, Shape.HTML)
    return problem_response(value)


def _queues(target: Operation | OpenRoute | HTTPException, response: Response) -> bool:
    return isinstance(target, Operation) and "/activities/" in target.name and response.status_code == 201


def _cut_connection(environ: WSGIEnvironment) -> None:
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _truncated(response: Response, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    whole = response.get_data()
    response.headers["Content-Length"] = str(len(whole))
    start_response(response.status, response.headers.to_wsgi_list())
    yield whole[: len(whole) // 2]
    _cut_connection(environ)
    raise ConnectionDropped("The connection was closed in the middle of the answer.")
