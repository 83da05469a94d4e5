"""The OAuth server: every flow, rotation, and errors in OAuth's shape."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ccsync.sandbox.tokens import CLIENT_ID, CLIENT_SECRET

MakeAccount = Callable[..., Any]
AUTH = "/oauth2/default/v1"
SCOPE = "contact_data account_read offline_access"
BACK = "http://127.0.0.1:9/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def token(account, auth=None, **form):
    account.clock.forward(1)
    return account.control.post(f"{AUTH}/token", data=form, auth=auth)


def ask_consent(account, **more):
    query = {"client_id": CLIENT_ID, "redirect_uri": BACK, "response_type": "code", "scope": SCOPE, "state": "s"} | more
    return account.control.get(f"{AUTH}/authorize", params=query)


def code_of(answer) -> dict[str, str]:
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def works(account, access_token: str) -> bool:
    headers = {"Authorization": f"Bearer {access_token}"}
    return account.control.get("/v3/contacts", headers=headers).status_code == 200


@pytest.fixture
def willing(account):
    account.do("/oauth", auto="approve")
    return account


def by_device(account) -> dict[str, Any]:
    asked = account.control.post(f"{AUTH}/device/authorize", data={"client_id": CLIENT_ID, "scope": SCOPE}).json()
    return token(account, grant_type=DEVICE, client_id=CLIENT_ID, device_code=asked["device_code"]).json()


def test_the_authorization_code_needs_the_secret_and_works_once(willing):
    code = code_of(ask_consent(willing))
    assert code["state"] == "s"
    form = {"grant_type": "authorization_code", "code": code["code"], "redirect_uri": BACK}
    got = token(willing, auth=(CLIENT_ID, CLIENT_SECRET), **form)
    assert (got.status_code, got.json()["expires_in"], got.json()["token_type"]) == (200, 86_400, "Bearer")
    assert works(willing, got.json()["access_token"])
    again = token(willing, auth=(CLIENT_ID, CLIENT_SECRET), **form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_the_wrong_secret_is_invalid_client(willing):
    form = {"grant_type": "authorization_code", "code": code_of(ask_consent(willing))["code"], "redirect_uri": BACK}
    assert token(willing, auth=(CLIENT_ID, "wrong"), **form).status_code == 401
    assert token(willing, client_id=CLIENT_ID, **form).json()["error"] == "invalid_client"


@pytest.mark.parametrize(("verifier", "status"), [(VERIFIER, 200), ("x" * 43, 400)])
def test_pkce_needs_the_verifier_and_no_secret(willing, verifier, status):
    code = code_of(ask_consent(willing, code_challenge=CHALLENGE, code_challenge_method="S256"))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": CLIENT_ID}
    assert token(willing, code_verifier=verifier, **form).status_code == status


def test_a_code_is_over_after_five_minutes(willing):
    code = code_of(ask_consent(willing))["code"]
    willing.clock.forward(301)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    assert token(willing, auth=(CLIENT_ID, CLIENT_SECRET), **form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scope": "contact_data+account_read"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": ""}, "invalid_request"), ({"code_challenge": "x"}, "invalid_request"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_request_is_told_to_the_application(willing, more, error):
    assert code_of(ask_consent(willing, **more))["error"] == error


@pytest.mark.parametrize("more", [{"client_id": "x"}, {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": ""}])
def test_a_wrong_client_or_address_is_an_html_page(willing, more):
    answer = ask_consent(willing, **more)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (400, "text/html")


def test_consent_is_asked_for_on_a_page_and_may_be_refused(account):
    page = ask_consent(account, scope="contact_data")
    assert page.status_code == 200
    assert "contact_data" in page.text
    form = {
        "client_id": CLIENT_ID,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": SCOPE,
        "state": '"><script>',
    }
    assert "<script>" not in account.control.get(f"{AUTH}/authorize", params=form).text
    assert (
        code_of(account.control.post(f"{AUTH}/authorize", data=form | {"decision": "deny"}))["error"] == "access_denied"
    )
    assert "code" in code_of(account.control.post(f"{AUTH}/authorize", data=form | {"decision": "approve"}))


def test_the_device_flow_waits_slows_down_and_succeeds(account):
    asked = account.control.post(f"{AUTH}/device/authorize", data={"client_id": CLIENT_ID, "scope": SCOPE}).json()
    assert asked.keys() == {
        "device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval",
    }  # fmt: skip
    form = {"grant_type": DEVICE, "client_id": CLIENT_ID, "device_code": asked["device_code"]}
    assert token(account, **form).json()["error"] == "authorization_pending"
    assert token(account, **form).json()["error"] == "slow_down"
    page = account.control.get(urlsplit(asked["verification_uri_complete"])._replace(scheme="", netloc="").geturl())
    assert asked["user_code"] in page.text
    pressed = {"user_code": asked["user_code"], "decision": "approve"}
    assert account.control.post(f"{AUTH}/device", data=pressed).status_code == 200
    got = token(account, **form).json()
    assert works(account, got["access_token"])
    assert got["refresh_token"]
    assert token(account, **form).json()["error"] == "invalid_grant"


def test_the_device_flow_can_be_denied_expire_and_be_switched_off(account):
    start = {"client_id": CLIENT_ID, "scope": SCOPE}
    asked = account.control.post(f"{AUTH}/device/authorize", data=start).json()
    account.do("/oauth", user_code=asked["user_code"], decision="deny")
    form = {"grant_type": DEVICE, "client_id": CLIENT_ID, "device_code": asked["device_code"]}
    assert token(account, **form).json()["error"] == "access_denied"
    asked = account.control.post(f"{AUTH}/device/authorize", data=start).json()
    account.clock.forward(1_801)
    assert token(account, **form | {"device_code": asked["device_code"]}).json()["error"] == "expired_token"
    account.do("/account", device_flow=False)
    refused = account.control.post(f"{AUTH}/device/authorize", data=start)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(("grace", "status"), [("0", 400), ("30", 200)])
def test_a_refresh_token_works_once_and_the_grace_is_a_switch(make_account: MakeAccount, grace, status):
    account = make_account(switches={"refresh_grace_s": grace})
    account.do("/oauth", auto="approve")
    first = by_device(account)
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": first["refresh_token"]}
    second = token(account, **form).json()
    assert second["refresh_token"] != first["refresh_token"]
    again = token(account, **form)
    assert again.status_code == status
    if status == 400:
        assert again.json().keys() == {"error", "error_description"}
    account.clock.forward(31)
    assert token(account, **form).status_code == 400


@pytest.mark.parametrize(("setting", "alive"), [("valid", True), ("dead", False)])
def test_the_old_access_token_follows_the_switch(make_account: MakeAccount, setting, alive):
    account = make_account(switches={"old_access_token_after_rotation": setting})
    account.do("/oauth", auto="approve")
    first = by_device(account)
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": first["refresh_token"]}
    assert works(account, token(account, **form).json()["access_token"])
    assert works(account, first["access_token"]) is alive


def test_a_long_lived_refresh_token_stays_the_same_and_dies_of_disuse(willing):
    willing.do("/account", refresh_mode="long_lived")
    first = by_device(willing)
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": first["refresh_token"]}
    for _ in range(2):
        willing.clock.forward(179 * 86_400)
        got = token(willing, **form).json()
        assert got["refresh_token"] == first["refresh_token"]
    assert works(willing, got["access_token"])
    willing.clock.forward(181 * 86_400)
    assert token(willing, **form).json()["error"] == "invalid_grant"


def test_tokens_expire_and_are_revoked_on_request(willing):
    got = by_device(willing)
    willing.do("/tokens/expire")
    assert not works(willing, got["access_token"])
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": got["refresh_token"]}
    got = token(willing, **form).json()
    willing.do("/tokens/revoke")
    assert not works(willing, got["access_token"])
    assert token(willing, **form | {"refresh_token": got["refresh_token"]}).status_code == 400


def test_the_token_endpoint_takes_one_call_a_second(account):
    form = {"grant_type": "nonsense"}
    assert account.control.post(f"{AUTH}/token", data=form).json()["error"] == "unsupported_grant_type"
    assert account.control.post(f"{AUTH}/token", data=form).status_code == 429
