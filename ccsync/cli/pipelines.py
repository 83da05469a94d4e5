"""What a project's CI files are filled with. What they say is in `views/ci`."""

import os
import re
from pathlib import Path

from ccsync import __version__
from ccsync.cli.actor import git_prefix
from ccsync.cli.display import warn
from ccsync.config.load import find_config_dir, load_project
from ccsync.config.variables import variables_of
from ccsync.core.spec import Project
from ccsync.errors import Diagnostic, Severity, UsageError
from ccsync.sealing import KEY
from ccsync.views.ci.pipeline import Pipeline


def pipeline_of(config_dir: Path | None, branch: str = "main") -> Pipeline:
    """From the configuration as it stands in the files: no secret is needed. Warns (W740) of a state on a disk.

    Raises InvalidError, and UsageError (E900) for names that can't stand in a workflow.
    """
    folder = find_config_dir(config_dir, os.environ, Path())
    project = load_project(folder, environ={}, resolve=False).project
    place = (git_prefix(folder) or (folder.as_posix() if not folder.is_absolute() else "")).strip("/") or "."
    for said, text in (("--branch", branch), ("the path of the config directory", place)):
        if not re.fullmatch(r"[\w./-]+", text, re.ASCII):
            raise UsageError(Diagnostic("E900", f"{said} holds characters that can't stand in a workflow"))
    if not re.search(r"://|\$\{", project.state):
        warn((_on_a_disk(project.state),))
    shared = (project.state, project.connections)
    every = variables_of(*shared, project.sources, project.segments, project.exports)
    applying = variables_of(*shared)
    return Pipeline(
        version=__version__,
        requirement=_requirement(project),
        config_dir=place,
        branch=branch,
        secrets=tuple(sorted({*every.secrets, KEY})),
        variables=every.plain,
        apply_secrets=tuple(sorted({*applying.secrets, KEY})),
        apply_variables=applying.plain,
    )


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
