"""What CI asks for: annotations, a plan that is the one reviewed, a plan of what a branch touches."""

import re
from pathlib import Path

import yaml
from ccsync.errors import Diagnostic, Severity, Where
from ccsync.views.annotations import annotation_line

from tests.cli.conftest import Run
from tests.cli.test_main_job import applied
from tests.cli.world import Configuration, World

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
