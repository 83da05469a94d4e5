"""Who is acting and what follows from it; who approves a change of which file."""

import json
import subprocess

from tests.cli.conftest import Run
from tests.cli.test_terminal import started
from tests.cli.world import Configuration, World

ROLES = "roles: {administrators: [anna@example.com], contributors: [bob@example.com, carla], viewers: ['*']}"


def test_whoami_tells_who_why_and_what_follows(world: World, run: Run) -> None:
    world.configure(Configuration(roles=ROLES))
    said = run("whoami", "--as", "bob@example.com").out
    assert "bob@example.com, from --as" in said
    assert "anna@example.com (CCSYNC_ACTOR)" in said
    assert "contributor: `roles.contributors` names this user" in said
    assert "newsletter: may not; available to administrators" in said
    assert "not enforced" in said

    document = json.loads(run("whoami", "--as", "stranger", "--json").out)
    assert (document["role"], document["may"]) == ("viewer", ["look", "plan"])
    assert document["because"] == "`roles.viewers` takes in everybody"
    assert document["connections"] == {"newsletter": False}

    world.configure(Configuration())
    mine = json.loads(run("whoami", "--json").out)
    assert (mine["from"], mine["role"], mine["connections"]) == ("CCSYNC_ACTOR", "administrator", {"newsletter": True})


def test_every_refusal_names_who_may(world: World, run: Run) -> None:
    world.configure(Configuration(roles=ROLES))
    for command in (
        ("apply", "--auto-approve", "--as", "bob@example.com"),
        ("connections", "login", "newsletter", "--as", "bob@example.com"),
        ("plan", "-o", "x.ccplan", "--as", "stranger"),
    ):
        done = run(*command)
        assert done.code == 8
        assert "ask anna@example.com" in done.err


def test_viewers_see_counts_on_a_terminal_too(world: World, run: Run) -> None:
    world.configure(Configuration(roles=ROLES))
    assert run("plan", "-o", "p.ccplan").code == 0
    for command in (("plan",), ("show", "p.ccplan")):
        for user, sees in (("anna@example.com", True), ("stranger", False)):
            terminal = started(world, *command, "--as", user)
            assert terminal.end() == 0
            assert "5 to add" in terminal.said
            assert ("a***@e***.com" in terminal.said) is sees, (command, user)


def test_codeowners_gives_files_of_exports_to_contributors_who_may_use_their_connection(world: World, run: Run) -> None:
    (world.folder / "queries").mkdir()
    (world.folder / "queries" / "few.sql").write_text("SELECT * FROM source LIMIT 1")
    (world.folder / "segments.yaml").write_text(
        "version: 1\nsegments: {few: {source: crm, query: queries/few.sql}}\nsources: {}\n"
    )
    (world.folder / "more.yaml").write_text(
        "version: 1\nexports: {other: {connection: newsletter, list: {name: Other, create: true}, segments: [few],"
        " data_matching: {email: email}}}\n"
    )
    subprocess.run(("git", "init", "-q", str(world.folder)), check=True)

    world.configure(Configuration(roles=ROLES))
    rules = rules_of(run("generate", "codeowners").out)
    assert rules == {
        "/*.y*ml": ["anna@example.com"],
        "/segments.yaml": ["bob@example.com", "@carla", "anna@example.com"],
        "/queries/few.sql": ["bob@example.com", "@carla", "anna@example.com"],
    }
    world.configure(Configuration(roles=ROLES, available_to="[bob@example.com]"))
    assert rules_of(run("generate", "codeowners").out)["/more.yaml"] == ["bob@example.com", "anna@example.com"]
    world.configure(Configuration(roles=ROLES, available_to="administrators_and_contributors"))
    assert "@carla" in rules_of(run("generate", "codeowners").out)["/more.yaml"]

    subprocess.run(("git", "init", "-q", str(world.folder.parent)), check=True)
    (world.folder / ".git").rename(world.folder.parent / "gone")
    assert f"/{world.folder.name}/" in rules_of(run("generate", "codeowners").out)

    world.configure(Configuration())
    assert "E220" in run("generate", "codeowners").err


def rules_of(text: str) -> dict[str, list[str]]:
    """Pattern → owners."""
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {pattern: owners for pattern, *owners in lines}
