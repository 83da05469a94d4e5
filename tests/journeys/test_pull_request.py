"""A change to an audience as a pull request: planned, commented, merged, applied by machines that forget everything.

The steps are those of `ccsync generate github-actions`, run by bash in fresh clones; the state is shared, the disks are
not.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from ccsync.sealing import fresh_key
from ccsync.views.human import NO_CHANGES

from tests.cli.conftest import Run
from tests.cli.world import World
from tests.forge.fake import TOKEN, Forge, serving
from tests.support.emulators import s3_server
from tests.support.runner import BASH, Event, GoneError, Job, Runner, Watch, git, load_workflow

CONFIG = """\
version: 1
workspace: {name: contoso_marketing, state: "STATE"}
connections:
  newsletter:
    type: constant_contact
    display_name: "Newsletter account"
    consent: {data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}
    auth: {flow: access_token, access_token: "${env:CC_ACCESS_TOKEN}"}
    endpoints: {api: "${env:CC_API}", auth: "${env:CC_AUTH}"}
    limits: {requests_per_second: 1000, poll_seconds: [0.01, 0.05]}
sources:
  crm: {type: csv, path: "${env:CRM}"}
segments:
  everyone: {source: crm, where: "first_name <> 'Nobody'"}
exports:
  weekly_newsletter:
    connection: newsletter
    list: {name: "Weekly newsletter", create: true}
    segments: [everyone]
    data_matching: {email: email}
    attributes: {first_name: first_name}
    guards: {max_remove: {percent: 50}}
"""

TEAM = ("anna", "bob", "carla", "dries", "eva", *(f"person{number}" for number in range(20)))
PULL = Event("pull_request", "refs/pull/5/merge", 5)


class Team:
    """A bare repository, a person's clone of it, a forge for comments, and runners."""

    def __init__(self, folder: Path, world: World, forge: Forge, state: str, key: str) -> None:
        self.world, self.forge, self.folder = world, forge, folder
        self.origin, self.clone = folder / "origin.git", folder / "clone"
        git(folder, "init", "-q", "--bare", str(self.origin))
        git(folder, "init", "-q", str(self.clone))
        (self.clone / "configs").mkdir()
        (self.clone / "configs" / "ccsync.yaml").write_text(CONFIG.replace("STATE", state))
        self.settings = {
            "CC_API": world.endpoints.api,
            "CC_AUTH": world.endpoints.auth,
            "CRM": str(world.folder / "people.csv"),
        }
        self.secrets = {"CC_ACCESS_TOKEN": world.endpoints.access_token, "CCSYNC_KEY": key}
        world.people(TEAM)

    def push(self, message: str, branch: str = "main") -> None:
        git(self.clone, "checkout", "-q", "-B", branch)
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-qm", message)
        git(self.clone, "push", "-q", "--force", f"file://{self.origin}", f"HEAD:refs/heads/{branch}")

    def open_pull_request(self, branch: str) -> None:
        """As a forge keeps it: the branch merged into main, with main as the first parent."""
        git(self.clone, "checkout", "-q", "--detach", "main")
        git(self.clone, "merge", "-q", "--no-ff", "-m", "merged for a look", branch)
        git(self.clone, "push", "-q", "--force", f"file://{self.origin}", f"HEAD:{PULL.ref}")
        git(self.clone, "checkout", "-q", branch)

    def merge(self, branch: str) -> None:
        git(self.clone, "checkout", "-q", "main")
        git(self.clone, "merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        git(self.clone, "push", "-q", f"file://{self.origin}", "main")

    def rewrite(self, old: str, new: str) -> None:
        file = self.clone / "configs" / "ccsync.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def runner(self, workflow: str) -> Runner:
        environ = {"GITHUB_API_URL": self.forge.address, "LANG": "C.UTF-8"}
        if "AWS_ENDPOINT_URL" in self.settings:
            environ["AWS_ENDPOINT_URL"] = self.settings["AWS_ENDPOINT_URL"]
        return Runner(load_workflow(workflow), self.folder, self.origin, self.secrets, self.settings, environ, TOKEN)


@contextmanager
def team_at_work(
    world: World,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    key: str = "",
    *,
    gitlab: bool = False,
    **settings: str,
) -> Iterator[tuple[Team, Runner]]:
    folder = world.folder / "team"
    folder.mkdir()
    with serving(Forge(gitlab=gitlab)) as forge:
        team = Team(folder, world, forge, state, key)
        team.secrets |= settings
        team.settings |= settings
        monkeypatch.chdir(team.clone)
        monkeypatch.delenv("CCSYNC_CONFIG_DIR")
        generated = run("generate", "github-actions")
        assert generated.code == 0
        workflows = team.clone / ".github" / "workflows"
        workflows.mkdir(parents=True)
        (workflows / "ccsync.yml").write_text(generated.out)
        team.push("Audiences as code")
        yield team, team.runner(generated.out)


def at_home(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person at the clone, with everything at hand that the runners have."""
    for name, value in {**team.settings, **team.secrets}.items():
        monkeypatch.setenv(name, value)


def set_up(team: Team, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first apply, by a person."""
    at_home(team, monkeypatch)
    assert run("apply", "--auto-approve").code == 0


def test_a_pull_request_is_planned_commented_merged_and_applied(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with team_at_work(world, run, monkeypatch, str(world.folder / "shared-state")) as (team, runner):
        set_up(team, run, monkeypatch)
        team.rewrite("'Nobody'", "'Bob'")
        team.push("Leave Bob out", "topic")
        team.open_pull_request("topic")
        reviewed = runner.run(PULL)
        assert results(reviewed) == ["success", "success", "skipped"], reviewed["plan"].log
        assert reviewed["plan"].outputs["applyable"] == "true"
        (comment,) = team.forge.bodies()
        assert "**1** from list `Weekly newsletter` (weekly_newsletter), 4.00 % of our 25" in comment
        assert "bob" not in comment
        assert "bob@example.com" in world.members(), "nothing is applied before the merge"
        assert "ccsync[encryption]==" in (team.folder / "installed").read_text()
        assert not runner.artifact(1, "plan").exists(), "the plan of a pull request stays on its machine"
        assert (runner.artifact(1, "plan-page") / "plan.html").read_text().startswith("<!doctype html>")

        team.merge("topic")
        applied = runner.run(Event("push"))
        assert results(applied) == ["success", "success", "success"], applied["apply"].log
        assert world.members() == {f"{name}@example.com" for name in TEAM if name != "bob"}
        assert "state serial 2" in applied["apply"].summary
        assert len(team.forge.bodies()) == 1


def results(jobs: Mapping[str, Job]) -> list[str]:
    return [job.result for job in jobs.values()]


# ---------------------------------------------------------------- the whole story


def while_sending(team: Team, deed: Callable[["subprocess.Popen[str]"], None]) -> Watch:
    """Does this while the account has the import and has not answered yet. The account then goes on by itself."""
    team.world.control("faults", kind="delay", method="POST", path="/activities/contacts_file_import", seconds=60)

    def watch(step: str, process: "subprocess.Popen[str]") -> None:
        if step != "Apply":
            return
        while not team.world.ask("faults")[0]["hit"]:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        try:
            deed(process)
        finally:
            team.world.sandbox.service.faults.released.set()

    return watch


def die(process: "subprocess.Popen[str]") -> None:
    """The machine is gone."""
    process.kill()
    raise GoneError


def stop(process: "subprocess.Popen[str]") -> None:
    """As a runner stops a step: it signals the shell it started, and nothing else."""
    process.send_signal(signal.SIGINT)
    process.wait(20)


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    with s3_server() as found:
        yield {
            "AWS_ENDPOINT_URL": found["endpoint"],
            "AWS_REGION": found["region"],
            "AWS_ACCESS_KEY_ID": found["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": found["secret_access_key"],
        }


@pytest.mark.long
def test_runner_b_finishes_what_runner_a_began(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, bucket: dict[str, str]
) -> None:
    """With the state in a bucket, sealed, as in `docs/guides/ci.md`."""
    key = fresh_key()
    with team_at_work(world, run, monkeypatch, "s3://lake/contoso", key, **bucket) as (team, runner):
        first = runner.run(Event("push"))
        assert results(first) == ["success", "success", "success"], first["plan"].log + first["apply"].log
        assert len(world.members()) == len(TEAM)

        # a pull request, mended once: one comment
        team.rewrite("'Nobody'", "'Bob'")
        team.push("Leave Bob out", "topic")
        team.open_pull_request("topic")
        runner.run(PULL)
        team.rewrite("'Bob'", "'Carla'")
        team.push("Leave Carla out instead", "topic")
        team.open_pull_request("topic")
        assert runner.run(PULL)["plan"].result == "success"
        assert len(team.forge.bodies()) == 1
        fork = runner.run(Event("pull_request", PULL.ref, 5, head="mallory/audiences"))
        assert results(fork) == ["success", "skipped", "skipped"], "nothing of ours is shown to a fork"

        # merged; meanwhile the source has a newcomer; runner A dies with the import on the wire
        world.people((*TEAM, "frank"))
        team.merge("topic")
        died = runner.run(Event("push"), while_sending(team, die))
        assert results(died) == ["success", "success", "gone"]
        at_home(team, monkeypatch)
        handed = str(runner.last_artifact("plan") / "plan.ccplan")
        unsettled = run("verify", handed)
        assert (unsettled.code, "warning[W741]" in unsettled.err) == (0, True)
        with monkeypatch.context() as stranger:
            stranger.delenv("CCSYNC_KEY")
            assert run("show", handed).code == 8, "whoever finds the artifact can't read it"

        # runner B, on a machine that has never seen this project
        finished = runner.run(Event("workflow_dispatch"))
        assert finished["plan"].result == "success", finished["plan"].log
        wanted = {f"{name}@example.com" for name in (*TEAM, "frank") if name != "carla"}
        assert world.members() == wanted
        sent = [path for method, path in world.requests() if method == "POST" and "file_import" in path]
        assert len(sent) == 2, "what runner A sent is not sent again"

        # next day: somebody left by themselves
        world.control("people/leave", emails=["dries@example.com"], list="Weekly newsletter")
        drifted = runner.run(Event("schedule"))
        assert results(drifted) == ["success", "success", "skipped"]
        assert "held back" in drifted["plan"].log
        assert NO_CHANGES in drifted["plan"].summary
        assert "dries@example.com" not in world.members()

        # Carla was to stay: what the merged run did is taken back, but for who left since
        runs = json.loads(run("history", "--json").out)["runs"]
        merged = next(each["run"] for each in runs if each["command"] == "recover" or each["serial"] == 2)
        undone = run("undo", merged, "-o", "undo.ccplan")
        assert undone.code == 0, undone.err
        assert run("apply", "undo.ccplan", "--auto-approve").code == 0
        assert world.members() == (wanted | {"carla@example.com"}) - {"frank@example.com", "dries@example.com"}


@pytest.mark.long
def test_a_stopped_apply_hears_it_and_is_settled_by_the_next_step(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with team_at_work(world, run, monkeypatch, str(world.folder / "shared-state")) as (team, runner):
        stopped = runner.run(Event("push"), while_sending(team, stop))
        assert results(stopped) == ["success", "success", "failure"]
        assert stopped["apply"].codes["Apply"] == 130, stopped["apply"].log
        assert stopped["apply"].codes["Settle what was cut off"] == 0, stopped["apply"].log
        assert len(world.members()) == len(TEAM)
        assert "state serial 1" in stopped["apply"].summary
        at_home(team, monkeypatch)
        assert NO_CHANGES in run("plan").out


@pytest.mark.long
def test_a_blocked_plan_fails_its_job_and_is_commented_all_the_same(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with team_at_work(world, run, monkeypatch, str(world.folder / "shared-state")) as (team, runner):
        set_up(team, run, monkeypatch)
        team.rewrite("<> 'Nobody'", "= 'Bob'")
        team.push("Only Bob", "topic")
        team.open_pull_request("topic")
        reviewed = runner.run(PULL)
        assert results(reviewed) == ["success", "failure", "skipped"]
        assert reviewed["plan"].codes == {"Install ccsync": 0, "Plan": 3, "Comment": 0}
        (comment,) = team.forge.bodies()
        assert "**Blocked by E501 max\\_remove" in comment
        team.merge("topic")
        merged = runner.run(Event("push"))
        assert results(merged) == ["success", "failure", "skipped"]
        assert len(world.members()) == len(TEAM)


# ---------------------------------------------------------------- GitLab


@pytest.mark.long
def test_the_pipeline_of_gitlab_does_the_same(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with team_at_work(world, run, monkeypatch, str(world.folder / "shared-state"), gitlab=True) as (team, runner):
        pipeline = load_workflow(run("generate", "gitlab-ci").out)
        set_up(team, run, monkeypatch)
        common = {**runner.base_environment(), **team.settings, **team.secrets, "CI_PROJECT_ID": "12"}
        common |= {"GITLAB_CI": "true", "CI_API_V4_URL": f"{team.forge.address}/api/v4", "CCSYNC_CONFIG_DIR": "configs"}
        base = git(team.clone, "rev-parse", "main")
        team.rewrite("'Nobody'", "'Bob'")
        team.push("Leave Bob out", "topic")
        request = {"CI_MERGE_REQUEST_IID": "5", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "GITLAB_TOKEN": TOKEN}
        for job in ("validate", "plan"):
            done = in_bash(pipeline[job]["script"], team.clone, common | request)
            assert done.returncode == 0, done.stdout
        (comment,) = team.forge.bodies()
        assert "Removes 1 person" in comment
        assert not (team.clone / "plan.ccplan").exists(), "it holds personal data, and nobody applies it"

        team.merge("topic")
        planned = in_bash(pipeline["plan"]["script"], team.clone, common)
        assert planned.returncode == 0, planned.stdout
        handed = dict(line.split("=") for line in (team.clone / "plan.env").read_text().splitlines())
        assert handed["applyable"] == "true"
        applied = in_bash(pipeline["apply"]["script"], team.clone, common | handed)
        assert applied.returncode == 0, applied.stdout
        assert "bob@example.com" not in world.members()
        after = in_bash(pipeline["apply"]["after_script"], team.clone, common | {"CI_JOB_STATUS": "success"})
        assert "state serial 2" in after.stdout
        nothing = in_bash(pipeline["apply"]["script"], team.clone, common | {"applyable": "false", "plan_id": "x"})
        assert nothing.stdout == "There is nothing to apply.\n"


def in_bash(script: list[str], folder: Path, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """As GitLab's runner does: one shell for all lines of a script."""
    return subprocess.run(
        (*BASH, "-c", "\n".join(script)),
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
