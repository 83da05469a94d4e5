"""What CI asks for: annotations, a plan that is the one reviewed, a plan of what a branch touches."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ccsync.errors import Diagnostic, Severity, Where
from ccsync.views.annotations import annotation_line

from tests.cli.conftest import Run
from tests.cli.test_main_job import applied
from tests.cli.world import Configuration, World
from tests.forge.fake import Forge
from tests.forge.fake import serving as serving_forge

# ---------------------------------------------------------------- validate


def test_problems_become_annotations_at_their_places(world: World, run: Run) -> None:
    world.configure(Configuration(more="on_leaf: keep"))
    done = run("validate", "-C", ".", "--format", "github")
    assert done.code == 7
    (said,) = done.out.splitlines()
    assert re.match(r"::error file=ccsync\.yaml,line=\d+,col=\d+,title=E103 ", said)
    assert "error[E103]" in done.err
    world.configure(Configuration())
    assert run("validate", "--format", "github").out.startswith("The configuration is valid")
    assert run("validate", "--format", "github", "--json").code == 64


def test_an_annotation_can_not_be_broken_out_of() -> None:
    evil = "50 %: a,b\r\n::set-output name=x::y"
    said = annotation_line(Diagnostic("E104", evil, Severity.WARNING, detail=evil, where=Where("a,b:c\n.yaml", 3)))
    assert "\n" not in said
    assert "\r" not in said
    properties, message = said.removeprefix("::warning ").split("::", 1)
    assert properties.startswith("file=a%2Cb%3Ac%0A.yaml,line=3,title=E104 50 %25%3A a%2Cb%0D%0A%3A%3Aset-output")
    assert message.startswith("50 %25: a,b%0D%0A::set-output name=x::y%0A")


def test_the_pre_commit_hook_is_a_command_of_ours(world: World, run: Run) -> None:
    text = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    (hook,) = yaml.safe_load(text)
    assert hook["id"] == "ccsync-validate"
    program, *args = hook["entry"].split()
    assert program == "ccsync"
    assert run(*args).code == 0


# ---------------------------------------------------------------- the plan that was reviewed


def test_a_plan_can_be_verified_without_asking_anybody(world: World, run: Run) -> None:
    applied(world, run)
    world.people(("anna", "bob", "carla", "dries"))
    planned = run("plan", "-o", "one.ccplan")
    plan_id = re.search(r"id ([0-9a-f]{16})", planned.out).group(1)  # type: ignore[union-attr]
    before = len(world.requests())
    done = run("verify", "one.ccplan", "--expect-plan-id", plan_id)
    assert (done.code, done.err) == (0, "")
    assert "Plan: 0 to add, 0 to update, 1 to remove." in done.out
    assert f"Plan {plan_id} may be applied until " in done.out
    other = run("verify", "one.ccplan", "--expect-plan-id", "0" * 16)
    assert other.code == 5
    assert "error[E740]" in other.err
    world.configure(Configuration(more="on_leave: keep"))
    assert run("verify", "one.ccplan").code == 5
    world.configure(Configuration())
    world.people(())
    run("plan", "-o", "blocked.ccplan")
    assert run("verify", "blocked.ccplan").code == 3
    applied_once = run("apply", "one.ccplan", "--auto-approve")
    assert applied_once.code == 0
    assert run("verify", "one.ccplan").code == 5
    assert run("verify", "nothing.ccplan").code == 7
    assert len(world.requests()) > before


def test_only_the_expected_plan_is_applied(world: World, run: Run) -> None:
    planned = run("plan", "-o", "one.ccplan")
    plan_id = re.search(r"id ([0-9a-f]{16})", planned.out).group(1)  # type: ignore[union-attr]
    before = len(world.requests())
    refused = run("apply", "one.ccplan", "--auto-approve", "--expect-plan-id", "0" * 16)
    assert refused.code == 5
    assert "error[E740]" in refused.err
    assert len(world.requests()) == before
    assert run("apply", "--auto-approve", "--expect-plan-id", "0" * 16).code == 5
    assert {method for method, _ in world.requests()} == {"GET", "POST"}
    assert world.members_or_none() is None
    world.people(("anna",))
    assert run("apply", "--auto-approve", "--expect-plan-id", plan_id).code == 5
    world.people(("anna", "bob", "carla", "dries", "eva"))
    assert run("apply", "--auto-approve", "--expect-plan-id", plan_id).code == 0
    assert len(world.members()) == 5


# ---------------------------------------------------------------- what a branch touches


BRANCHED = """\
version: 1
workspace: {name: contoso_marketing}
connections: {newsletter: {type: constant_contact, display_name: N, consent: {data_privacy: agreed, agreed_by:
  anna@example.com, agreed_on: "2026-10-01"}, auth: {flow: access_token, access_token: "${env:CC_ACCESS_TOKEN}"},
  endpoints: {api: "${env:CC_API}", auth: "${env:CC_AUTH}"},
  limits: {requests_per_second: 1000, poll_seconds: [0.01, 0.05]}}}
sources: {crm: {type: csv, path: people.csv}, other: {type: csv, path: "data/*.csv"}}
segments:
  everyone: {source: crm}
  some: {source: other, query: queries/some.sql}
  both: {any_of: [everyone, some]}
exports:
  weekly: {connection: newsletter, list: {name: Weekly, create: true}, segments: [everyone],
    data_matching: {email: email}}
  some_mail: {connection: newsletter, list: {name: Some, create: true}, segments: [some],
    data_matching: {email: email}}
  again: {connection: newsletter, list: {name: Some, create: true}, segments: [both], data_matching: {email: email}}
"""


def git(folder: Path, *args: str) -> str:
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(("git", *who, *args), cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_branch_touches_the_exports_whose_meaning_or_data_it_changes(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = world.folder / "repository"
    configs = top / "configs"
    for folder in (configs / "queries", configs / "data"):
        folder.mkdir(parents=True)
    query, rows, main = configs / "queries" / "some.sql", configs / "data" / "a.csv", configs / "ccsync.yaml"
    main.write_text(BRANCHED)
    query.write_text("SELECT * FROM source")
    rows.write_text("email\nbob@example.com\n")
    (configs / "people.csv").write_text("email\nanna@example.com\n")
    monkeypatch.chdir(top)
    monkeypatch.setenv("CCSYNC_CONFIG_DIR", "configs")
    assert run("plan", "--changed", "main").code == 64  # no repository yet
    git(top, "init", "-q")
    (top / ".gitignore").write_text(".ccsync/\n")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    git(top, "checkout", "-qb", "topic")

    def touched(base: str = "main") -> list[str]:
        done = run("plan", "--changed", base, "--json", "--no-refresh")
        assert done.code == 0, done.err
        document = json.loads(done.out)
        assert document["complete"] is False
        return [each["name"] for each in document["exports"]]

    assert touched() == []
    nothing = run("plan", "--changed", "main", "-o", "nothing.ccplan")
    assert "Nothing was planned: no export is touched." in nothing.out
    assert run("show", "nothing.ccplan").code == 0
    main.write_text("# only a comment\n" + BRANCHED)
    assert touched() == []
    main.write_text(BRANCHED.replace("{name: Weekly, create: true}", "{name: Weekly, create: true}, on_leave: keep"))
    assert touched() == ["weekly"]
    main.write_text(BRANCHED)
    query.write_text("SELECT * FROM source WHERE email > 'b'")
    assert touched() == ["again", "some_mail"]
    query.write_text("SELECT * FROM source")
    (configs / "data" / "b.csv").write_text("email\ncarla@example.com\n")
    assert touched() == ["again", "some_mail"]  # git doesn't know the file yet
    git(top, "add", "-A")
    git(top, "commit", "-qm", "more data")
    git(top, "checkout", "-q", "main")
    main.write_text(BRANCHED.replace("display_name: N", "display_name: M"))
    git(top, "commit", "-qam", "main moves on")
    git(top, "checkout", "-q", "topic")
    assert touched() == ["again", "some_mail"], "what main did since is none of this branch's"
    main.write_text(BRANCHED.replace("display_name: N", "display_name: M"))
    assert touched() == ["again", "some_mail", "weekly"]
    main.write_text(BRANCHED.replace("contoso_marketing}", "contoso_marketing, state: elsewhere}"))
    assert touched() == ["again", "some_mail", "weekly"]
    git(top, "checkout", "-q", "configs")
    unknown = run("plan", "--changed", "origin/nothing")
    assert unknown.code == 64
    assert "error[E741] --changed has nothing to compare with: git knows no commit 'origin/nothing' here" in unknown.err
    assert run("plan", "--changed", "main", "weekly").code == 64


def test_an_export_that_a_branch_deletes_is_planned(world: World, run: Run) -> None:
    main = world.folder / "ccsync.yaml"
    main.write_text(BRANCHED)
    (world.folder / "data").mkdir()
    (world.folder / "queries").mkdir()
    (world.folder / "data" / "a.csv").write_text("email\nbob@example.com\n")
    (world.folder / "queries" / "some.sql").write_text("SELECT * FROM source")
    git(world.folder, "init", "-q")
    git(world.folder, "add", "ccsync.yaml", "queries")
    git(world.folder, "commit", "-qm", "first")
    applied(world, run)
    kept = BRANCHED.partition("  weekly:")[0] + BRANCHED[BRANCHED.index("  some_mail:") :]
    main.write_text(kept)
    document = json.loads(run("plan", "--changed", "HEAD", "--json").out)
    assert [(each["name"], each["deleted"]) for each in document["exports"] if each["deleted"]] == [("weekly", True)]
    main.write_text("version: 1\nnonsense: 1\n")
    git(world.folder, "commit", "-qam", "broken")
    main.write_text(BRANCHED)
    done = run("plan", "--changed", "HEAD", "--json")
    assert [each["code"] for each in json.loads(done.out)["warnings"]] == ["W742"]
    assert len(json.loads(done.out)["exports"]) == 3


# ---------------------------------------------------------------- what a reviewer is shown


def test_a_saved_plan_is_shown_in_every_format(world: World, run: Run) -> None:
    applied(world, run)
    world.people(("anna", "bob", "carla", "frank"), last_name="New")
    run("plan", "-o", "one.ccplan", "--allow", "weekly_newsletter:max_remove")
    markdown = run("show", "one.ccplan", "--format", "markdown")
    assert (markdown.code, markdown.err) == (0, "")
    assert "**Removes 2 people:**" in markdown.out
    assert "| **remove** | **2** | `source_row_gone` 2" in markdown.out
    page = run("show", "one.ccplan", "--format", "html")
    assert page.out.startswith("<!doctype html>")
    assert "after 1 run: 5 on" in page.out
    assert "this plan leads to 4" in page.out
    assert "details" not in re.findall(r"<summary>Rows", page.out)
    assert "Ready to apply" in page.out
    rows = run("show", "one.ccplan", "--format", "html", "--rows", "--op", "remove")
    assert "Rows 1 to 2 of 2" in rows.out
    assert "@example.com" not in rows.out
    assert "dries@example.com" in run("show", "one.ccplan", "--format", "html", "--rows", "--reveal").out
    outputs = dict(
        line.split("=", 1)
        for line in run("show", "one.ccplan", "--format", "github-output").out.splitlines()
        if "=" in line
    )
    assert (outputs["add"], outputs["update"], outputs["remove"]) == ("1", "3", "2")
    applied_since = run("apply", "one.ccplan", "--auto-approve")
    assert applied_since.code == 0
    assert "Stale" in run("show", "one.ccplan", "--format", "html").out
    for refused in (
        ("--json", "--format", "html"),
        ("--format", "markdown", "--rows"),
        ("--format", "github-output", "--reveal"),
    ):
        assert run("show", "one.ccplan", *refused).code == 64


def test_a_saved_plan_is_posted_on_its_pull_request(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("plan", "-o", "one.ccplan")
    monkeypatch.delenv("GITLAB_CI", raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert run("pr-comment", "one.ccplan").code == 64
    with serving_forge(Forge()) as forge:
        for name, value in forge.environment().items():
            monkeypatch.setenv(name, value)
        first = run("pr-comment", "one.ccplan")
        assert (first.code, first.out) == (0, "Comment 1 on GitHub pull request 5: posted.\n")
        assert "**Plan: 5 to add, 0 to update, 0 to remove.**" in forge.bodies()[0]
        again = run("pr-comment", "one.ccplan", "--pull-request", "5", "--name", "contoso_marketing")
        assert again.out == "Comment 1 on GitHub pull request 5: updated.\n"
        monkeypatch.setenv("GITHUB_TOKEN", "wrong")
        assert run("pr-comment", "one.ccplan").code == 8
