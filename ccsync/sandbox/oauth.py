"""The OAuth server: authorization code with Basic or PKCE, device flow, refresh; with its errors in OAuth's shape.

Tokens themselves are in ``tokens``. Source: DOC server_flow, pkce_flow, device_flow; RFC 6749, 7636, 8628; FACTS 1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from werkzeug.wrappers import Request, Response

from ccsync.sandbox import limits, problem
from ccsync.sandbox.consent_desk import Code, Device
from ccsync.sandbox.gateway import Bucket
from ccsync.sandbox.problem import Problem, ProblemValue, Shape
from ccsync.sandbox.service import Service
from ccsync.sandbox.tokens import SCOPES, TokenSet

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
BASE = "/oauth2/default/v1"


# authorize ---------------------------------------------------------------------------------------------


def authorize(service: Service, request: Request, _: Mapping[str, str]) -> Response:
    """GET /authorize: a page that asks; POST: somebody pressed a button on it. Problems of the URL are HTML."""
    given = request.args.to_dict() if request.method == "GET" else request.form.to_dict()
    redirect_uri = given.get("redirect_uri", "")
    if given.get("client_id") != service.tokens.application.client_id or not _may_redirect(redirect_uri):
        raise Problem(ProblemValue(400, "invalid_request", "Your client_id or redirect_uri is not valid.", Shape.HTML))
    wrong = _wrong_with(given)
    if wrong is not None:
        return _redirect(redirect_uri, given, error=wrong[0], error_description=wrong[1])
    decision = service.desk.auto if request.method == "GET" else given.get("decision", "deny")
    if decision == "ask":
        return _page("Allow access?", f"<p>An application asks for: {escape(given.get('scope', ''))}</p>", given)
    if decision != "approve":
        return _redirect(redirect_uri, given, error="access_denied", error_description="The resource owner said no.")
    scopes = tuple(given.get("scope", "").split())
    expires = service.clock.now() + timedelta(seconds=limits.AUTHORIZATION_CODE_S)
    code = Code(secrets.token_urlsafe(24), redirect_uri, scopes, given.get("code_challenge"), expires)
    with service.desk.lock:
        service.desk.codes[code.value] = code
    return _redirect(redirect_uri, given, code=code.value)


def _may_redirect(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not parts.fragment


def _wrong_with(given: Mapping[str, str]) -> tuple[str, str] | None:
    if given.get("response_type") != "code":
        return "unsupported_response_type", "The response type is not supported."
    scopes = given.get("scope", "").split()
    if not scopes or not set(scopes) <= set(SCOPES):
        return "invalid_scope", "One or more scopes are not configured for the authorization server."
    if not given.get("state"):
        return "invalid_request", "The authentication request has an invalid 'state' parameter."
    if "code_challenge" in given and given.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256."
    return None


def _redirect(uri: str, given: Mapping[str, str], **answer: str) -> Response:
    query = urlencode(answer | ({"state": given["state"]} if given.get("state") else {}))
    return Response(status=302, headers={"Location": f"{uri}{'&' if urlsplit(uri).query else '?'}{query}"})


def _page(title: str, inner: str, hidden: Mapping[str, str]) -> Response:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<body style="font:16px system-ui;max-width:30em;margin:4em auto"><h1>{escape(title)}</h1>{inner}'
        f'<form method="post">{fields}<button name="decision" value="approve">Allow</button> '
        f'<button name="decision" value="deny">Deny</button></form></body></html>'
    )
    return Response(text, content_type="text/html; charset=utf-8")


# device ------------------------------------------------------------------------------------------------


def device_authorize(service: Service, request: Request, _: Mapping[str, str]) -> Response:
    """POST /device/authorize."""
    form = request.form
    if form.get("client_id") != service.tokens.application.client_id:
        raise problem.oauth(401, "invalid_client", "The client is not known.")
    if not service.tokens.application.device_flow:
        raise problem.oauth(400, "unauthorized_client", "The device flow is not enabled for this application.")
    scopes = tuple(form.get("scope", "").split())
    if not scopes or not set(scopes) <= set(SCOPES):
        raise problem.oauth(400, "invalid_scope", "One or more scopes are not configured.")
    letters = "BCDFGHJKLMNPQRSTVWXZ"
    user_code = "".join(secrets.choice(letters) for _ in range(8))
    shown = f"{user_code[:4]}-{user_code[4:]}"
    expires = service.clock.now() + timedelta(seconds=limits.DEVICE_CODE_S)
    decision = {"approve": "approve", "deny": "deny"}.get(service.desk.auto, "pending")
    one = Device(secrets.token_urlsafe(32), shown, scopes, expires, limits.DEVICE_INTERVAL_S, decision)
    with service.desk.lock:
        service.desk.devices[one.device_code] = one
    page = f"{request.host_url.rstrip('/')}{BASE}/device"
    return _json(
        200,
        {"device_code": one.device_code, "user_code": shown, "verification_uri": page,
         "verification_uri_complete": f"{page}?user_code={shown}", "expires_in": limits.DEVICE_CODE_S,
         "interval": one.interval_s},
    )  # fmt: skip


def device_page(service: Service, request: Request, _: Mapping[str, str]) -> Response:
    """GET /device: the page where somebody types the code; POST: the decision."""
    if request.method == "GET":
        code = request.args.get("user_code", "")
        asked = f"<p>Code: <b>{escape(code)}</b></p>" if code else "<p>Open the link with the code in it.</p>"
        return _page("Connect a device", asked, {"user_code": code})
    done = service.desk.decide(request.form.get("user_code", ""), request.form.get("decision", "deny"))
    text = "Done. You can close this page." if done else "This code is not known."
    return Response(f"<!doctype html><p>{text}</p>", 200 if done else 404, content_type="text/html; charset=utf-8")


# token -------------------------------------------------------------------------------------------------


def token(service: Service, request: Request, _: Mapping[str, str]) -> Response:
    """POST /token: one call a second; errors as RFC 6749 writes them."""
    _slow_down(service)
    form = request.form.to_dict()
    kind = form.get("grant_type")
    grants: Mapping[str | None, Callable[[Service, Request, dict[str, str]], TokenSet]] = {
        "authorization_code": _by_code, "refresh_token": _by_refresh, DEVICE_GRANT: _by_device,
    }  # fmt: skip
    if kind not in grants:
        raise problem.oauth(400, "unsupported_grant_type", "The authorization grant type is not supported.")
    made = grants[kind](service, request, form)
    lifetime = service.tokens.lifetime_s
    answer: dict[str, Any] = {
        "token_type": "Bearer", "expires_in": lifetime, "access_token": made.access.value,
        "scope": " ".join(made.access.scopes),
    }  # fmt: skip
    if made.refresh is not None:
        answer["refresh_token"] = made.refresh.value
    return _json(200, answer)


def _slow_down(service: Service) -> None:
    desk = service.desk
    with desk.lock:
        if desk.bucket is None or desk.bucket.rate != desk.token_rate:
            desk.bucket = Bucket(desk.token_rate, service.clock.steady())
        if not desk.bucket.take(service.clock.steady()):
            service.log.count("rate_limit_hits", "token_endpoint")
            present = service.switches["retry_after"] == "present"
            raise problem.throttled({"Retry-After": "1"} if present else {})


def _client(service: Service, request: Request, form: Mapping[str, str]) -> bool:
    """Check who asks; returns whether a secret was shown."""
    application = service.tokens.application
    given = request.authorization
    if given is not None and given.type == "basic":
        if (given.username, given.password) != (application.client_id, application.client_secret):
            raise problem.oauth(401, "invalid_client", "Client authentication failed.")
        return True
    if form.get("client_id") != application.client_id:
        raise problem.oauth(401, "invalid_client", "Client authentication failed.")
    if not application.active:
        raise problem.oauth(401, "invalid_client", "The application is deactivated.")
    return False


def _by_code(service: Service, request: Request, form: dict[str, str]) -> TokenSet:
    with_secret = _client(service, request, form)
    with service.desk.lock:
        code = service.desk.codes.pop(form.get("code", ""), None)  # single use, whatever comes of it
    now = service.clock.now()
    if code is None or code.expires_at < now or code.redirect_uri != form.get("redirect_uri"):
        raise problem.oauth(400, "invalid_grant", "The authorization code is invalid or has expired.")
    if code.challenge is not None:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            raise problem.oauth(400, "invalid_grant", "PKCE verification failed.")
    elif not with_secret:
        raise problem.oauth(401, "invalid_client", "Client authentication is required.")
    return service.tokens.issue(service.tokens.new_grant(), code.scopes, now)


def _by_device(service: Service, request: Request, form: dict[str, str]) -> TokenSet:
    _client(service, request, form)
    desk, now, steady = service.desk, service.clock.now(), service.clock.steady()
    with desk.lock:
        one = desk.devices.get(form.get("device_code", ""))
        if one is None:
            raise problem.oauth(400, "invalid_grant", "The device code is invalid.")
        if one.expires_at < now:
            raise problem.oauth(400, "expired_token", "The device code has expired.")
        if one.decision == "deny":
            raise problem.oauth(400, "access_denied", "The resource owner said no.")
        if one.decision != "approve":
            hasty = one.polled_at is not None and steady - one.polled_at < one.interval_s
            slower = one.interval_s + 5 if hasty else one.interval_s
            desk.devices[one.device_code] = replace(one, polled_at=steady, interval_s=slower)
            if hasty:
                raise problem.oauth(400, "slow_down", "You are polling too fast.")
            raise problem.oauth(400, "authorization_pending", "The device authorization is pending.")
        del desk.devices[one.device_code]
    return service.tokens.issue(service.tokens.new_grant(), one.scopes, now)


def _by_refresh(service: Service, request: Request, form: dict[str, str]) -> TokenSet:
    _client(service, request, form)
    made = service.tokens.refresh(
        form.get("refresh_token", ""), service.clock.now(), grace_s=service.switches.number("refresh_grace_s"),
        kill_old_access=service.switches["old_access_token_after_rotation"] == "dead",  # noqa: S105  a setting
    )  # fmt: skip
    if made is None:
        raise problem.oauth(400, "invalid_grant", "The refresh token is invalid or expired.")
    return made


def revoke(service: Service, request: Request, _: Mapping[str, str]) -> Response:
    """POST /revoke: ends the grant of a token, and answers 200 whether it was known or not. Source: RFC 7009 2.2."""
    if service.switches["revoke_endpoint"] != "present":
        raise problem.oauth(404, "not_found", "The requested resource was not found.")
    form = request.form.to_dict()
    _client(service, request, form)
    service.tokens.end(form.get("token", ""))
    return Response("", 200)


def _json(status: int, document: Mapping[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(json.dumps(document), status, headers, content_type="application/json")


ROUTES: tuple[tuple[str, str, Callable[[Service, Request, Mapping[str, str]], Response]], ...] = (
    ("GET", "/authorize", authorize),
    ("POST", "/authorize", authorize),
    ("POST", "/device/authorize", device_authorize),
    ("GET", "/device", device_page),
    ("POST", "/device", device_page),
    ("POST", "/token", token),
    ("POST", "/revoke", revoke),
)
"""Method, path below the OAuth server's address, handler."""
