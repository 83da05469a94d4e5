"""What a project's CI files are filled with. What they say is in `views/ci`."""

import os
import re
from pathlib import Path

from ccsync import __version__
from ccsync.cli.actor import repository_place
from ccsync.cli.display import warn
from ccsync.config.load import find_config_dir, load_project
from ccsync.config.variables import variables_of
from ccsync.constant_contact.envstore import variable_of
from ccsync.core.spec import Project, TokenPlace
from ccsync.errors import Diagnostic, Severity, UsageError
from ccsync.sealing import KEY
from ccsync.views.ci.pipeline import Pipeline


def pipeline_of(config_dir: Path | None, branch: str = "main") -> Pipeline:
    """From the configuration as it stands in the files: no secret is needed. Warns (W740) of a state on a disk.

    Raises InvalidError, and UsageError (E900) for names that can't stand in a workflow.
    """
    folder = find_config_dir(config_dir, os.environ, Path())
    project = load_project(folder, environ={}, resolve=False).project
    place = repository_place(folder) or "."
    for said, text in (("--branch", branch), ("the path of the config directory", place)):
        if not re.fullmatch(r"[\w./-]+", text, re.ASCII):
            raise UsageError(Diagnostic("E900", f"{said} holds characters that can't stand in a workflow"))
    if not re.search(r"://|\$\{", project.state):
        warn((_on_a_disk(project.state),))
    shared = (project.state, project.connections)
    every = variables_of(*shared, project.sources, project.segments, project.exports)
    applying = variables_of(*shared)
    secrets, settings = _of_the_state(project)
    secrets |= {KEY, *_tokens(project)}
    return Pipeline(
        version=__version__,
        requirement=_requirement(project),
        config_dir=place,
        branch=branch,
        secrets=tuple(sorted({*every.secrets, *secrets})),
        variables=tuple(sorted({*every.plain, *settings})),
        apply_secrets=tuple(sorted({*applying.secrets, *secrets})),
        apply_variables=tuple(sorted({*applying.plain, *settings})),
    )


_STORES: dict[str, tuple[set[str], set[str]]] = {
    "s3": ({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, {"AWS_REGION"}),
    "gs": ({"GOOGLE_SERVICE_ACCOUNT_KEY"}, set()),
    "az": ({"AZURE_STORAGE_ACCOUNT_KEY"}, {"AZURE_STORAGE_ACCOUNT_NAME"}),
}
"""Secrets and settings by which an object store is reached, in its own variables."""


def _of_the_state(project: Project) -> tuple[set[str], set[str]]:
    secrets, settings = _STORES.get(project.state.partition("://")[0], (set(), set()))
    return set(secrets), settings


def _tokens(project: Project) -> set[str]:
    """The variables of sign-ins that live in the environment."""
    kept_there = (each for each in project.connections.values() if each.auth.token_store is TokenPlace.ENV)
    return {variable_of(connection) for connection in kept_there}


def _requirement(project: Project) -> str:
    """With the extras that the project needs, and the one that seals."""
    kinds = {source.type.value for source in project.sources.values()}
    cloud = [project.state, *(source.path for source in project.sources.values())]
    extras = {"encryption", *(kinds & {"postgres", "adbc", "delta"})}
    if any("://" in path for path in cloud):
        extras.add("cloud")
    return f"ccsync[{','.join(sorted(extras))}]=={__version__}"


def _on_a_disk(state: str) -> Diagnostic:
    return Diagnostic(
        "W740",
        f"the state is a folder ({state})",
        Severity.WARNING,
        detail="A hosted runner's disk is gone after the job, and the state with it: the next run would not know who"
        " left, nor who is ours.",
        hint="set workspace.state to s3://…, gs://… or az://…, or use runners that keep the folder",
    )
