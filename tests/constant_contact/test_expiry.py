"""When a sign-in ends, as far as its file or its token says."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ccsync.constant_contact.expiry import ACCESS, UNUSED, sign_in_ends
from ccsync.constant_contact.filestore import FileStore
from ccsync.constant_contact.grant import Grant
from ccsync.constant_contact.tokenstore import TokenStore
from ccsync.core.spec import Auth, AuthFlow, Connection, ConnectionName, Secret, TokenPlace

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=20)


def jwt(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


def nowhere() -> TokenStore:
    raise AssertionError("not asked")


@pytest.mark.parametrize(
    ("token", "ends"),
    [
        (jwt({"exp": int(LATER.timestamp())}), LATER),
        (jwt({"iat": int(NOW.timestamp())}), NOW + ACCESS),
        (jwt({}), None),
        (jwt({"exp": 1e99}), None),
        (jwt([]), None),
        ("opaque", None),
        ("a.%%%.c", None),
        ("a.b", None),
    ],
)
def test_a_ready_token_says_itself_when_it_ends_or_nobody_knows(token: str, ends: datetime | None) -> None:
    auth = Auth(AuthFlow.ACCESS_TOKEN, access_token=Secret("${env:T}", token))
    assert sign_in_ends(Connection(ConnectionName("main"), "Main", auth=auth), nowhere, NOW) == ends


def test_a_sign_in_ends_when_it_is_not_renewed_any_more(tmp_path: Path) -> None:
    connection = Connection(ConnectionName("main"), "Main", auth=Auth(client_id="abc"))
    environ = {"CCSYNC_HOME": str(tmp_path)}
    store = FileStore(connection, environ)
    assert sign_in_ends(connection, lambda: store, NOW) is None
    for refresh_token, dead, ends in (("r", False, NOW + UNUSED), ("", False, LATER), ("r", True, NOW)):
        store.save(Grant("a", refresh_token, LATER.isoformat(), NOW.isoformat(), NOW.isoformat(), dead=dead))
        assert sign_in_ends(connection, lambda: store, NOW) == ends
    store.path.write_text("damaged")
    assert sign_in_ends(connection, lambda: store, NOW) == NOW
    in_environment = replace(connection, auth=Auth(client_id="abc", token_store=TokenPlace.ENV))
    assert sign_in_ends(in_environment, nowhere, NOW) is None
