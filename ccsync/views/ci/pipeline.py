"""The workflow of GitHub Actions and the pipeline of GitLab CI, from templates beside this file. Reads no project."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"@([a-z_]+)@")
_LINE = re.compile(r"^( *)@@([a-z_]+)@@\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a template is filled with.

    config_dir: relative to the repository's root, `.` for the root itself. requirement: what pip installs.
    secrets, variables: names of environment variables that a plan needs, by how much they must be protected; those
    that an apply needs are among them.
    """

    version: str
    requirement: str
    config_dir: str
    branch: str
    secrets: tuple[str, ...]
    variables: tuple[str, ...]
    apply_secrets: tuple[str, ...]
    apply_variables: tuple[str, ...]


def github_workflow(pipeline: Pipeline) -> str:
    given = {"plan_env": _github_env(pipeline.secrets, pipeline.variables)}
    given["apply_env"] = _github_env(pipeline.apply_secrets, pipeline.apply_variables)
    return _filled("github-actions.yml", pipeline, given)


def gitlab_pipeline(pipeline: Pipeline) -> str:
    return _filled("gitlab-ci.yml", pipeline, {})


def _github_env(secrets: Iterable[str], variables: Iterable[str]) -> list[str]:
    lines = [f"{name}: ${{{{ secrets.{name} }}}}" for name in secrets]
    return [*lines, *(f"{name}: ${{{{ vars.{name} }}}}" for name in variables)]


def _filled(name: str, pipeline: Pipeline, blocks: Mapping[str, list[str]]) -> str:
    """`@word@` is a value, a line `@@word@@` a block of lines, set in as far as the mark is."""
    root = pipeline.config_dir == "."
    values = {
        "version": pipeline.version,
        "requirement": pipeline.requirement,
        "config_dir": pipeline.config_dir,
        "paths": "**" if root else f"{pipeline.config_dir}/**",
        "branch": pipeline.branch,
        "secrets": ", ".join(pipeline.secrets) or "none",
        "variables": ", ".join(pipeline.variables) or "none",
    }
    template = Path(__file__).with_name(name).read_text(encoding="utf-8")
    text = _LINE.sub(lambda found: "".join(f"{found[1]}{line}\n" for line in blocks[found[2]]), template)
    return _MARK.sub(lambda found: values[found[1]], text)
