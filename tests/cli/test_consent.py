"""Agreeing, and switching a connection off: read on a terminal, written into the file, and what follows from it."""

import re

import pytest
from ccsync.core.consent import text_version
from ccsync.core.spec import Connection, ConnectionName, Endpoints

from tests.cli.conftest import Run
from tests.cli.test_terminal import plain, started
from tests.cli.world import Configuration, World


def version(world: World, statement: str | None = None) -> str:
    connection = Connection(ConnectionName("newsletter"), "", endpoints=Endpoints(api=world.endpoints.api))
    return text_version(connection, statement) or ""


def test_a_person_agrees_once_and_again_when_the_text_changes(world: World, run: Run) -> None:
    world.configure(Configuration(consent="description: none # yet"))
    unasked = run("connections", "consent", "newsletter")
    assert unasked.code == 9, "nobody can be asked"
    assert "--auto-approve" not in unasked.err, "consent has no such option"
    terminal = started(world, "connections", "consent", "newsletter")
    terminal.read_until("accepted")
    terminal.answer("yes")
    assert terminal.end() == 0
    said = plain(terminal.said)
    assert "on your instruction" in said
    assert max(len(line) for line in said.splitlines()) <= 80
    written = (world.folder / "ccsync.yaml").read_text()
    assert "description: none # yet" in written
    record = r'{data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "[0-9-]+", text: "?'
    assert re.search(f"consent: {record}{version(world)}", written)
    assert "Nothing to do" in run("connections", "consent", "newsletter").out
    assert run("apply", "--auto-approve").code == 0

    world.people(("zoe",))
    statement = "https://example.com/privacy"
    (world.folder / "ccsync.yaml").write_text(
        written.replace("{name: cont", f"{{privacy_statement: {statement}, name: cont")
    )
    planned = run("plan")
    assert planned.code == 0
    assert "warning[W211]" in planned.err
    refused = run("apply", "--auto-approve", "--allow", "weekly_newsletter:max_source_drop")
    assert refused.code == 8
    assert "error[E211]" in refused.err


def test_declining_writes_nothing(world: World) -> None:
    before = (world.folder / "ccsync.yaml").read_text()
    terminal = started(world, "connections", "consent", "newsletter")
    terminal.read_until("accepted")
    terminal.answer("y")
    assert terminal.end() == 9
    assert (world.folder / "ccsync.yaml").read_text() == before


def test_a_connection_that_is_switched_off_is_planned_and_not_applied(world: World, run: Run) -> None:
    before = (world.folder / "ccsync.yaml").read_text()
    assert run("plan", "-o", "p.ccplan").code == 0
    done = run("connections", "disable", "newsletter")
    assert done.code == 0
    assert "apply refuses weekly_newsletter" in done.out
    assert "already" in run("connections", "disable", "newsletter").out
    planned = run("plan")
    assert planned.code == 0
    assert "warning[W212]" in planned.err
    assert run("apply", "--auto-approve").code == 8
    assert run("apply", "p.ccplan", "--auto-approve").code == 5  # of another configuration
    assert not [path for method, path in world.requests() if method == "POST" and "import" in path]

    assert run("connections", "enable", "newsletter").code == 0
    assert (world.folder / "ccsync.yaml").read_text().replace("enabled: true", "") != before
    assert run("apply", "--auto-approve").code == 0


@pytest.mark.parametrize("command", ["consent", "disable", "enable", "login", "logout"])
def test_only_administrators_decide_about_connections(world: World, run: Run, command: str) -> None:
    world.configure(Configuration(roles="roles: {administrators: [anna@example.com], contributors: ['*']}"))
    done = run("connections", command, "newsletter", "--as", "bob")
    assert done.code == 8
    assert "ask anna@example.com" in done.err


def test_an_export_without_a_connection_is_shown_and_does_not_run(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    path = world.folder / "ccsync.yaml"
    path.write_text(path.read_text().replace("connection: newsletter", "connection: null"))
    assert "none: does not run" in run("exports", "list").out
    assert "weekly_newsletter (no connection)" in run("status").out
    assert "no longer declared" not in run("explain", "anna@example.com").out
    planned = run("plan")
    assert (planned.code, "W213" in planned.out) == (0, True)
    for command in (("plan", "weekly_newsletter"), ("run", "weekly_newsletter")):
        done = run(*command)
        assert (done.code, "error[E213]" in done.err) == (7, True)
    assert len(world.members()) == 5
