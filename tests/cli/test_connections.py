"""What a person sees of connections: cards, checks, lists by any of their ids, sign-ins in other places."""

import json
from pathlib import Path
from typing import Any

import pytest
from ccsync.sealing import fresh_key

from tests.cli.conftest import Run
from tests.cli.test_login import TOKEN, device
from tests.cli.world import CONSENT, Configuration, World

__all__ = ["device"]

ROLES = "roles: {administrators: [anna@example.com], contributors: ['*']}"


def with_auth(world: World, auth: str) -> None:
    text = (world.folder / "ccsync.yaml").read_text()
    assert TOKEN in text
    (world.folder / "ccsync.yaml").write_text(
        text.replace(TOKEN, f"auth: {{flow: device, client_id: {world.endpoints.client_id}, {auth}}}")
    )


def codes(document: dict[str, Any]) -> list[str]:
    return [each["code"] for each in document["findings"]]


def test_a_card_says_who_consented_signed_in_and_uses_it(device: World, run: Run) -> None:
    before = run("connections", "list")
    assert before.code == 0
    assert "signed in     no" in before.out
    device.control("oauth", auto="approve")
    run("connections", "login", "newsletter")
    run("apply", "--auto-approve")
    after = run("connections", "list").out
    for text in (
        "type",
        "constant_contact",
        "agreed by anna@example.com on 2026-10-01",
        "today, kept in file",
        "weekly",
    ):
        assert text in after
    document = json.loads(run("connections", "list", "--json").out)["connections"][0]
    assert document["account"]
    assert document["enabled"] is True


def test_who_is_no_administrator_sees_name_kind_and_who_may_use_it(world: World, run: Run) -> None:
    world.configure(Configuration(roles=ROLES))
    said = run("connections", "list", "--as", "bob").out
    assert "Newsletter account" in said
    assert "available to  administrators" in said
    assert "anna" not in said
    (document,) = json.loads(run("connections", "list", "--as", "bob", "--json").out)["connections"]
    assert set(document) == {"name", "display_name", "type", "available_to", "enabled", "exports"}


def test_a_list_of_connections_needs_no_secret(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with_auth(world, "token_store: file")
    monkeypatch.delenv("CC_API")
    assert "not known" in run("connections", "list").out


def test_a_check_tells_everything_that_is_missing_and_who_can_mend_it(world: World, run: Run) -> None:
    good = run("connections", "check", "newsletter")
    assert good.code == 0, good.err
    for text in ("account_read, contact_data", "contacts:lists:write", "not pinned yet", "of 1,000", "as theirs"):
        assert text in good.out

    world.configure(Configuration(consent="description: none"))
    world.control("account", privileges=["contacts:read", "contacts:lists:read", "account:read"])
    bad = run("connections", "check", "newsletter")
    assert bad.code == 8
    assert "! contacts:write is missing" in bad.out
    assert "error[E306]" in bad.err
    assert "account's owner" in bad.err
    assert "error[E210]" in bad.err
    assert "ccsync connections consent newsletter" in bad.err
    document = json.loads(run("connections", "check", "newsletter", "--json").out)
    assert codes(document) == ["E306", "E210"]
    assert document["privileges"]["contacts:lists:write"] is False
    assert document["contacts"] is not None


def test_a_check_tells_scope_application_and_account_apart(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    as_before = run("connections", "check", "newsletter")
    assert "as before" in as_before.out
    head = world.folder / ".ccsync" / "HEAD"
    assert head.exists()
    token = world.control("tokens", scopes=["account_read"])["access_token"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CC_ACCESS_TOKEN", token)
        document = json.loads(run("connections", "check", "newsletter", "--json").out)
    assert codes(document) == ["E303"]
    assert document["scopes"] == {"account_read": True, "contact_data": False}
    world.control("account", application_active=False)
    off = run("connections", "check", "newsletter")
    assert (off.code, "E307" in off.err) == (8, True)


def test_a_list_is_found_by_name_address_id_or_old_number(world: World, run: Run) -> None:
    made = world.control("lists", name="VIP")["list_id"]
    found = {
        which: json.loads(run("lists", "newsletter", which, "--json").out).get("lists")
        for which in ("VIP", made.upper(), f"https://app.constantcontact.com/pages/contacts/ui#contacts/{made}", "1")
    }
    assert [[each["id"] for each in rows] for rows in found.values()] == [[made]] * 4
    assert run("lists", "newsletter", "nonsense").code == 7
    assert run("lists", "newsletter", "99999").code == 7


def test_a_sign_in_in_the_state_is_shared_and_sealed(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_auth(world, "token_store: state")
    assert "E317" in run("connections", "login", "newsletter").err
    monkeypatch.setenv("CCSYNC_KEY", fresh_key())
    world.control("oauth", auto="approve")
    assert run("connections", "login", "newsletter").code == 0
    assert run("connections", "check", "newsletter").code == 0  # before there is any state
    monkeypatch.setenv("CCSYNC_HOME", str(tmp_path / "another-runner"))
    applied = run("apply", "--auto-approve")
    assert applied.code == 0, applied.err
    assert run("state", "check").code == 0
    assert "kept in state" in run("connections", "list").out
    assert all(b"refresh_token" not in path.read_bytes() for path in world.folder.rglob("*") if path.is_file())
    assert "for all who share the state" in run("connections", "logout", "newsletter").out
    assert run("plan").code == 8


def test_a_sign_in_for_the_environment_is_handed_over_in_a_file(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_auth(world, "token_store: env")
    world.control("oauth", auto="approve")
    assert run("connections", "login", "newsletter").code == 64
    refused = run("connections", "login", "newsletter", "--to", "token.secret")
    assert (refused.code, "E315" in refused.err) == (8, True)
    assert not (world.folder / "token.secret").exists()
    world.control("account", refresh_mode="long_lived")
    done = run("connections", "login", "newsletter", "--to", "token.secret")
    assert done.code == 0, done.err
    secret = (world.folder / "token.secret").read_text()
    assert secret not in done.out + done.err
    assert "CCSYNC_TOKEN_NEWSLETTER" in done.out
    assert run("plan").code == 8
    monkeypatch.setenv("CCSYNC_TOKEN_NEWSLETTER", secret)
    assert run("plan").code == 0


def test_consent_is_not_in_the_way_of_looking(world: World, run: Run) -> None:
    world.configure(Configuration(consent=CONSENT.replace("agreed,", "not_agreed,")))
    assert "missing: ccsync connections consent newsletter" in run("connections", "list").out
