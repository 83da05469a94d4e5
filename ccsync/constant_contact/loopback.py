"""Catches the browser when it comes back from signing in: one request, on this machine only. No token is seen here.

Source: RFC 8252 7.3 and 8.3 (loopback redirects of native applications).
"""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from ccsync.constant_contact.waiting import pause
from ccsync.errors import Diagnostic, InvalidError, TransientError
from ccsync.ports.clock import Clock

DEFAULT_REDIRECT = "http://localhost:8765/callback"
"""Must be entered in the developer portal as it stands: the vendor compares redirect addresses letter by letter."""

LOOK_S = 0.2
STOP_LOOK_S = 0.05
"""How long is slept between looks: nothing but a sleep tells that the process was asked to stop."""
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>ccsync</title>'
    '<body style="font:16px system-ui;max-width:30em;margin:4em auto"><p>{text}</p></body></html>'
)


@dataclass(frozen=True, slots=True)
class Return:
    """With what the browser came back. code: empty when error (OAuth's word) says why not."""

    code: str = field(default="", repr=False)
    error: str = ""


class Catcher:
    """A web server on this machine that waits for one address with the right `state`."""

    def __init__(self, redirect_uri: str, state: str) -> None:
        """Raises InvalidError (E312) for an address that is not of this machine, or a port that is taken."""
        parts = urlsplit(redirect_uri)
        if parts.scheme != "http" or parts.hostname not in ("localhost", "127.0.0.1") or not parts.port:
            raise _unusable("it must be http://localhost:PORT/… or http://127.0.0.1:PORT/…")
        self.found: Return | None = None
        handler = _handler(self, parts.path or "/", state)
        try:
            self._server = HTTPServer(("127.0.0.1", parts.port), handler)
        except OSError as error:
            raise _unusable(f"port {parts.port} can't be used ({error.strerror})") from error
        self._server.timeout = LOOK_S

    def wait(self, clock: Clock, deadline: float) -> Return:
        """deadline: of the monotonic clock. Raises TransientError (E313) when nobody comes in time, StoppedError."""
        while self.found is None:
            if clock.monotonic() > deadline:
                raise TransientError(
                    Diagnostic(
                        "E313",
                        "nobody finished signing in within the time allowed",
                        detail="Nothing was changed.",
                        hint="run `ccsync connections login` again; on a machine without a browser use `flow: device`",
                    )
                )
            self._server.handle_request()
            pause(clock, STOP_LOOK_S)
        return self.found

    def close(self) -> None:
        self._server.server_close()


@contextmanager
def catching(redirect_uri: str, state: str) -> Iterator[Catcher]:
    catcher = Catcher(redirect_uri, state)
    try:
        yield catcher
    finally:
        catcher.close()


def _handler(catcher: Catcher, path: str, state: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a browser that connects and says nothing does not hold up the one that comes back

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            genuine = asked.path == path and hmac.compare_digest(query.get("state", "").encode(), state.encode())
            if not genuine or not (query.get("code") or query.get("error")):
                # A page elsewhere may have sent the browser here; it is told nothing, and the wait goes on.
                self._answer(404, "This is not what was waited for.")
                return
            catcher.found = Return(query.get("code", ""), "" if query.get("code") else query["error"])
            text = "ccsync is signed in." if catcher.found.code else "ccsync is not signed in."
            self._answer(200, f"{text} You can close this page.")

        def _answer(self, status: int, text: str) -> None:
            body = _PAGE.format(text=text).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")  # the address holds the code
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: the address holds the code."""

    return Handler


def _unusable(why: str) -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E312",
            f"the address that the browser comes back to can't be used: {why}",
            detail="Nobody was signed in.",
            hint="give another address, and enter it in the developer portal too; or use `flow: device`",
        )
    )
