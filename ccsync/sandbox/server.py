"""Serves a sandbox on loopback, says where it is, and stops when told.

What it serves is ``app``'s work.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from ccsync.sandbox.app import create_app
from ccsync.sandbox.options import Endpoints, SandboxOptions, SandboxUsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Endpoints", "SandboxOptions", "SandboxUsageError", "serve"]


class _QuietHandler(WSGIRequestHandler):
    """Keeps the terminal free: the request log is on the page and in the control API."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        if type == "error":
            sys.stderr.write(f"sandbox: {message % args if args else message}\n")


class _OwnHostOnly:
    """Refuses requests that a foreign host name led here: a web page elsewhere could point its name at this machine."""

    def __init__(self, app: WSGIApplication, host: str) -> None:
        self._app = app
        self._host = host

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
        if name not in ("localhost", self._host) and not _is_address(name):
            start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
            return [b"The sandbox answers to its address only.\n"]
        return self._app(environ, start_response)


def serve(
    options: SandboxOptions, *, announce: Callable[[Endpoints], None], stop: threading.Event | None = None
) -> None:
    """Serve until ``stop`` is set (or for ever); ``announce`` is called once requests are answered.

    Raises ``SandboxUsageError`` for a host that is not loopback without ``allow_other_hosts``, for an unknown switch
    and for a seed that can't be read, and ``OSError`` for a port in use.
    """
    if not options.allow_other_hosts and not is_loopback(options.host):
        raise SandboxUsageError(
            f"{options.host} is not a loopback address: whoever can reach it could use the sandbox without a password;"
            " --allow-other-hosts (`allow_other_hosts`) allows that"
        )
    app = create_app(options)
    try:
        # Other machines call it by names that nobody here can know.
        wsgi = app if options.allow_other_hosts else _OwnHostOnly(app, options.host)
        server = _make_server(options, wsgi)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            host = f"[{options.host}]" if ":" in options.host else options.host
            endpoints = app.endpoints(f"http://{host}:{server.server_port}")
            if options.ready_file is not None:
                write_ready_file(options.ready_file, endpoints)
            announce(endpoints)
            (stop or threading.Event()).wait()
        finally:
            app.service.faults.released.set()
            server.shutdown()
            thread.join()
            server.server_close()
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)
    finally:
        app.close()


def _make_server(options: SandboxOptions, app: WSGIApplication) -> BaseWSGIServer:
    try:
        return make_server(options.host, options.port, app, threaded=True, request_handler=_QuietHandler)
    except SystemExit as refused:  # werkzeug exits when the port is taken
        raise OSError(f"can't listen on {options.host}:{options.port}") from refused


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether a host can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def write_ready_file(file: Path, endpoints: Endpoints) -> None:
    """Write the ready file in one step: whoever sees it sees all of it. Only the owner may read the token."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    opened = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        json.dump(asdict(endpoints), out, indent=2)
        out.write("\n")
    aside.replace(file)
