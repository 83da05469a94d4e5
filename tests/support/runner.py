"""Runs a workflow of GitHub Actions as far as ours goes: jobs on machines that are gone afterwards, steps in bash,
checkouts, artifacts, outputs and expressions. Every `run` is what a hosted runner would run, in the same shell.

Sources: GitHub's documentation of workflow syntax, expressions, contexts, default environment variables.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from tests.views.test_review import outputs as read_outputs

ROOT = Path(__file__).parents[2]
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
Document = dict[str, Any]  # Any: YAML


class GoneError(Exception):
    """The machine went away in the middle of a step: nothing on it runs any more."""


@dataclass(frozen=True, slots=True)
class Event:
    """ref: what is checked out, a full name in the repository. number: of the pull request. head: its repository."""

    name: str
    ref: str = "refs/heads/main"
    number: int = 0
    head: str = "anna/audiences"


@dataclass(slots=True)
class Job:
    """result: success, failure, skipped or gone. codes: of its `run` steps, by name."""

    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


Watch = Callable[[str, "subprocess.Popen[str]"], None]
"""Called with each `run` step that has just begun; may raise GoneError."""


@dataclass(slots=True)
class Runner:
    """folder: for machines and artifacts; `installed` there tells what `python` was asked for. origin: the bare
    repository. environ: what every machine has. token: `github.token`."""

    workflow: Document
    folder: Path
    origin: Path
    secrets: Mapping[str, str]
    settings: Mapping[str, str]
    environ: Mapping[str, str]
    token: str = ""
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, event: Event, watch: Watch | None = None) -> dict[str, Job]:
        run_id = next(self.ids)
        jobs: dict[str, Job] = {}
        for name, job in self.workflow["jobs"].items():
            needed = jobs.get(job.get("needs", ""))
            scope = self._scope(event, {job.get("needs", ""): needed} if needed else {})
            runs = (needed is None or needed.result == "success") and _holds(job.get("if"), scope, failed=False)
            jobs[name] = self._job(job, event, scope, run_id, watch) if runs else Job("skipped")
        return jobs

    def artifact(self, run_id: int, name: str) -> Path:
        return self.folder / "artifacts" / str(run_id) / name

    def last_artifact(self, name: str) -> Path:
        return max((self.folder / "artifacts").glob(f"*/{name}"), key=lambda path: int(path.parent.name))

    # ---------------------------------------------------------------- a job

    def _job(self, job: Document, event: Event, scope: Document, run_id: int, watch: Watch | None) -> Job:
        machine = self.folder / f"machine-{next(self.ids)}"
        place = _Place(machine, self._environment(event, run_id, machine), run_id)
        done = Job()
        try:
            for step in job["steps"]:
                if _holds(step.get("if"), scope, failed=done.result == "failure"):
                    self._step(step, place, scope, done, event, watch)
        except GoneError:
            done.result = "gone"
        done.outputs = {name: _filled(text, scope) for name, text in job.get("outputs", {}).items()}
        done.summary = (machine / "summary").read_text(encoding="utf-8")
        shutil.rmtree(machine)
        return done

    def _step(
        self, step: Document, place: "_Place", scope: Document, done: Job, event: Event, watch: Watch | None
    ) -> None:
        if "uses" in step:
            self._use(step, place, event)
            return
        out = place.machine / "output"
        out.write_text("")
        given = {name: _filled(str(text), scope) for name, text in step.get("env", {}).items()}
        process = subprocess.Popen(
            (*BASH, "-c", step["run"]),
            cwd=place.machine / "work",
            env={**place.environ, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if watch is not None:
            try:
                watch(step["name"], process)
            except GoneError:
                process.communicate()
                raise
        said, _ = process.communicate(timeout=120)
        done.log += f"--- {step['name']}\n{said}"
        done.codes[step["name"]] = process.returncode
        if "id" in step:
            scope["steps"][step["id"]] = {"outputs": read_outputs(out.read_text(encoding="utf-8"))}
        if process.returncode:
            done.result = "failure"

    def _use(self, step: Document, place: "_Place", event: Event) -> None:
        given, work = step.get("with", {}), place.machine / "work"
        match step["uses"].partition("@")[0]:
            case "actions/checkout":
                git(work, "init", "-q")
                depth = f"--depth={given.get('fetch-depth', 1)}"
                git(work, "fetch", "-q", depth, f"file://{self.origin}", event.ref)
                git(work, "checkout", "-q", "FETCH_HEAD")
            case "actions/upload-artifact":
                source, target = work / given["path"], self.artifact(place.run_id, given["name"])
                target.mkdir(parents=True)
                for file in source.iterdir() if source.is_dir() else (source,):
                    shutil.copy(file, target)
            case "actions/download-artifact":
                for file in self.artifact(place.run_id, given["name"]).iterdir():
                    shutil.copy(file, work)
            case "actions/setup-python":
                pass
            case other:
                raise AssertionError(other)

    # ---------------------------------------------------------------- what a job sees

    def _environment(self, event: Event, run_id: int, machine: Path) -> dict[str, str]:
        for name in ("work", "home", "temp", "bin"):
            (machine / name).mkdir(parents=True)
        for name in ("summary", "output"):
            (machine / name).touch()
        (machine / "event.json").write_text(json.dumps({"pull_request": {"number": event.number}}))
        return {
            **self.environ,
            **self._programs(machine),
            "HOME": str(machine / "home"),
            "TMPDIR": str(machine / "temp"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "anna",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(machine / "event.json"),
            "GITHUB_OUTPUT": str(machine / "output"),
            "GITHUB_REF": event.ref,
            "GITHUB_REPOSITORY": "anna/audiences",
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_STEP_SUMMARY": str(machine / "summary"),
            **self.workflow.get("env", {}),
        }

    def base_environment(self) -> dict[str, str]:
        """For a machine that stays: programs, and a home of its own."""
        machine = self.folder / f"machine-{next(self.ids)}"
        for name in ("home", "bin"):
            (machine / name).mkdir(parents=True)
        return {"HOME": str(machine / "home"), "LANG": "C.UTF-8", **self._programs(machine)}

    def _programs(self, machine: Path) -> dict[str, str]:
        """`ccsync` from this checkout; a `python` that only notes what it was asked for."""
        _program(machine / "bin" / "ccsync", f'exec {sys.executable} -m ccsync "$@"')
        _program(machine / "bin" / "python", f'echo "$@" >> {self.folder}/installed')
        return {"PATH": f"{machine / 'bin'}:/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "CI": "true"}

    def _scope(self, event: Event, needs: Mapping[str, Job]) -> Document:
        pull_request = {"head": {"repo": {"full_name": event.head}}}
        return {
            "github": {
                "event_name": event.name,
                "ref": event.ref,
                "repository": "anna/audiences",
                "token": self.token,
                "event": {"pull_request": pull_request} if event.number else {},
            },
            "secrets": self.secrets,
            "vars": self.settings,
            "steps": {},
            "needs": {name: {"outputs": job.outputs} for name, job in needs.items()},
        }


@dataclass(frozen=True, slots=True)
class _Place:
    machine: Path
    environ: dict[str, str]
    run_id: int


def load_workflow(text: str) -> Document:
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def git(folder: Path, *args: str) -> str:
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(("git", *who, *args), cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


# ---------------------------------------------------------------- expressions


_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|\(|\)|[A-Za-z_][\w.-]*)")
_WORDS = {"&&": " and ", "||": " or ", "!": " not ", "true": "True", "false": "False"}
_STATUS = ("always", "failure", "cancelled", "success")


def _holds(text: str | None, scope: Document, *, failed: bool) -> bool:
    """Whether an `if` lets its step or job run; without a word about the status, only after success."""
    if text is None:
        return not failed
    inner = text.strip().removeprefix("${{").removesuffix("}}")
    said = any(f"{word}(" in inner for word in _STATUS)
    return bool(_value(inner, scope, failed=failed)) and (said or not failed)


def _filled(text: str, scope: Document) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(_value(found[1], scope, failed=False) or ""), text)


def _value(text: str, scope: Document, *, failed: bool) -> object:
    parts, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        assert found, text[at:]
        at = found.end()
        parts.append(_python(found[1]))
    names = {"always": lambda: True, "failure": lambda: failed, "success": lambda: not failed, "cancelled": bool}
    return eval("".join(parts), {"__builtins__": {}}, {**names, "look": lambda path: _look(scope, path)})


def _python(token: str) -> str:
    if token in _WORDS:
        return _WORDS[token]
    if token[0].isalpha():
        return token if token in _STATUS else f"look({token!r})"
    return repr(token[1:-1].replace("''", "'")) if token[0] == "'" else token


def _look(scope: Document, path: str) -> object:
    found: Any = scope
    for name in path.split("."):
        found = found.get(name, "") if isinstance(found, Mapping) else ""
    return found
