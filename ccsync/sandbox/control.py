"""The control API under ``/sandbox/``: seeds the account, plays the people, orders faults, moves the clock, counts.

Everything is JSON in and out and needs no token. This module routes; what each call does is in ``deeds``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from ccsync.sandbox import deeds
from ccsync.sandbox.deeds import Document
from ccsync.sandbox.options import SandboxUsageError
from ccsync.sandbox.problem import Problem
from ccsync.sandbox.service import Service

Deed = Callable[[Service, Document, Mapping[str, str]], Any]  # returns a JSON document
Handler = Callable[[Service, Request, Mapping[str, str]], Response]


def _handler(deed: Deed) -> Handler:
    def handle(service: Service, request: Request, path: Mapping[str, str]) -> Response:
        try:
            _refuse_other_sites(request)
            return _reply(200, deed(service, _given(request), path))
        except SandboxUsageError as wrong:
            return _reply(400, {"error": str(wrong)})
        except Problem as refused:
            return _reply(refused.value.status, {"error": refused.value.message})
        except (TypeError, ValueError) as wrong:
            return _reply(400, {"error": f"not understood: {wrong}"})

    return handle


def _refuse_other_sites(request: Request) -> None:
    # A web page elsewhere must not steer the sandbox through somebody's browser.
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise SandboxUsageError("requests from other sites are refused")


def _given(request: Request) -> Document:
    if request.method in ("GET", "DELETE"):
        return request.args.to_dict()
    raw = request.get_data()
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise SandboxUsageError("the content type must be application/json")
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        raise SandboxUsageError("the body is not JSON") from None
    if not isinstance(given, dict):
        raise SandboxUsageError("the body must be a JSON object")
    return given


def _reply(status: int, document: Any) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")


_DEEDS: tuple[tuple[str, str, Deed], ...] = (
    ("POST", "/seed", deeds.seed),
    ("GET", "/people/{email}", deeds.person),
    ("POST", "/people/unsubscribe", deeds.unsubscribe),
    ("POST", "/people/resubscribe", deeds.resubscribe),
    ("POST", "/people/leave", deeds.leave),
    ("POST", "/people/join", deeds.join),
    ("POST", "/people/edit", deeds.edit),
    ("POST", "/people/delete", deeds.delete),
    ("GET", "/members", deeds.members),
    ("GET", "/lists", deeds.show_lists),
    ("POST", "/lists", deeds.add_list),
    ("POST", "/lists/rename", deeds.rename_list),
    ("POST", "/lists/delete", deeds.delete_list),
    ("POST", "/lists/use", deeds.use_list),
    ("POST", "/fields", deeds.add_field),
    ("GET", "/faults", deeds.show_faults),
    ("POST", "/faults", deeds.add_fault),
    ("DELETE", "/faults", deeds.clear_faults),
    ("DELETE", "/faults/{fault_id}", deeds.remove_fault),
    ("GET", "/switches", deeds.show_switches),
    ("POST", "/switches", deeds.set_switches),
    ("GET", "/clock", deeds.show_clock),
    ("POST", "/clock", deeds.move_clock),
    ("POST", "/tokens", deeds.new_token),
    ("POST", "/tokens/expire", deeds.expire_tokens),
    ("POST", "/tokens/revoke", deeds.revoke_tokens),
    ("POST", "/oauth", deeds.set_oauth),
    ("GET", "/limits", deeds.show_limits),
    ("POST", "/limits", deeds.set_limits),
    ("POST", "/account", deeds.set_account),
    ("GET", "/activities", deeds.show_activities),
    ("POST", "/activities/drain", deeds.drain),
    ("GET", "/requests", deeds.show_requests),
    ("GET", "/statistics", deeds.show_statistics),
    ("POST", "/reset", deeds.reset),
)

ROUTES: tuple[tuple[str, str, Handler], ...] = tuple((method, path, _handler(deed)) for method, path, deed in _DEEDS)
"""Method, path below ``/sandbox``, handler."""

DESCRIPTIONS: tuple[tuple[str, str, str], ...] = tuple(
    (method, path, " ".join((deed.__doc__ or "").split())) for method, path, deed in _DEEDS
)
"""Method, path and what it does: what the documentation is held against."""
