"""Signing in from the terminal: the code is shown, the tokens never are, and the next command is signed in."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_terminal import started
from tests.cli.world import World

TOKEN = 'auth: {flow: access_token, access_token: "${env:CC_ACCESS_TOKEN}"}'


@pytest.fixture
def device(world: World) -> World:
    """The project signs in by the device flow."""
    text = (world.folder / "ccsync.yaml").read_text()
    assert TOKEN in text
    client_id = world.endpoints.client_id
    (world.folder / "ccsync.yaml").write_text(text.replace(TOKEN, f"auth: {{flow: device, client_id: {client_id}}}"))
    return world


def test_without_a_sign_in_the_way_to_it_is_told(device: World, run: Run) -> None:
    done = run("plan")
    assert done.code == 8
    assert "ccsync connections login newsletter" in done.err


def test_a_person_signs_in_once_and_every_command_is_signed_in_until_they_sign_out(device: World, run: Run) -> None:
    device.control("oauth", auto="approve")
    done = run("connections", "login", "newsletter")
    assert done.code == 0, done.err
    assert "code: " in done.err
    assert "signed in until" in done.out
    assert_tokens_are_private(device, done.out + done.err)
    assert run("apply", "--auto-approve").code == 0
    assert run("plan", "--detailed-exitcode").code == 0

    assert "signed out" in run("connections", "logout", "newsletter").out
    assert run("plan").code == 8
    assert "was not signed in" in run("connections", "logout", "newsletter").out


def assert_tokens_are_private(device: World, said: str) -> None:
    stored = [path for path in (device.folder / "home").rglob("*") if path.is_file() and "refresh_token" in _text(path)]
    assert stored
    assert all(path.stat().st_mode & 0o077 == 0 for path in stored)
    assert "eyJ" not in said


def _text(path: Path) -> str:
    return path.read_text(errors="replace")


def test_declining_in_the_browser_is_8(device: World, run: Run) -> None:
    device.control("oauth", auto="deny")
    done = run("connections", "login", "newsletter")
    assert done.code == 8
    assert "E314" in done.err


def test_a_ready_token_needs_no_sign_in(world: World, run: Run) -> None:
    assert run("connections", "login", "newsletter").code == 64


@pytest.mark.parametrize(("colour", "shown"), [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)])
def test_a_picture_for_the_telephone_is_shown_where_it_can_be_read(
    device: World, colour: dict[str, str], shown: bool
) -> None:
    """Dark on light takes colour; without it, a dark terminal would show it inverted."""
    device.control("oauth", auto="approve")
    terminal = started(device, "connections", "login", "newsletter", **colour)
    assert terminal.end() == 0
    assert ("▀▀▀▀▀█" in terminal.said) is shown
    assert "code: " in terminal.said
