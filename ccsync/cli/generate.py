"""`ccsync generate …`, one function a command. What a key is used for is in `sealing.py`, what the files say in
`config/ownership.py`, `timers.py`, and `views/ci`."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.actor import repository_place
from ccsync.cli.options import Acting, ConfigDir
from ccsync.cli.pipelines import pipeline_of
from ccsync.cli.timers import Ticking, crontab, systemd_units
from ccsync.cli.wiring import Needs, Place, config_dir_of, open_workspace
from ccsync.config.ownership import codeowners as codeowners_text
from ccsync.constant_contact.folder import config_folder
from ccsync.core.permission import Action
from ccsync.errors import Diagnostic, InvalidError, UsageError
from ccsync.sealing import fresh_key
from ccsync.views.ci.pipeline import github_workflow, gitlab_pipeline

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="Make what goes with a project: a key, files for other tools."
)

EveryMinutes = Annotated[
    int, typer.Option("--every", metavar="MINUTES", min=1, max=30, help="How often to ask; a divisor of 60.")
]


@app.callback()
def _group() -> None:
    pass


@app.command()
def codeowners(config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Print a CODEOWNERS file by `roles` and `available_to`, for the repository's host to enforce.

    Connections, roles and the workspace belong to administrators. Files of exports, segments and sources belong to
    contributors too, where every connection they use is available to them: keep these in files of their own.
    """
    place = Place(config_dir, acting)
    with open_workspace(place, Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        roles = workspace.project.roles
        if roles is None or not roles.administrators:
            raise InvalidError(
                Diagnostic(
                    "E220",
                    "the configuration names no administrators, so there is nobody to approve changes",
                    detail="Nothing was written.",
                    hint="declare `roles: {administrators: […], contributors: […]}`",
                )
            )
        folder = config_dir_of(place)
        typer.echo(codeowners_text(workspace.project, folder, repository_place(folder)), nl=False)


@app.command()
def systemd(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write the units there.", show_default=False)
    ] = None,
    every: EveryMinutes = 5,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Print a service and a timer that run what is due, or write them to a folder.

    For `~/.config/systemd/user`, or `/etc/systemd/system`. The timer only asks; when exports run stands in `refresh:`
    and `schedule:`.
    """
    for name, text in systemd_units(_ticking(config_dir, acting, every)).items():
        if output is None:
            typer.echo(f"# {name}\n{text}")
        else:
            output.mkdir(parents=True, exist_ok=True)
            (output / name).write_text(text, encoding="utf-8")
            typer.echo(str(output / name))


@app.command()
def cron(every: EveryMinutes = 5, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Print a crontab line that runs what is due.

    The line only asks; when exports run stands in `refresh:` and `schedule:`.
    """
    typer.echo(crontab(_ticking(config_dir, acting, every)), nl=False)


def _ticking(config_dir: Path | None, acting: str | None, every: int) -> Ticking:
    if 60 % every:
        hint = "take 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30"
        raise UsageError(Diagnostic("E900", f"--every {every} does not divide an hour", hint=hint))
    place = Place(config_dir, acting)
    with open_workspace(place, Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        name = workspace.project.name
    secrets = config_folder(os.environ) / "env"
    return Ticking(name, _program(), config_dir_of(place).absolute(), every, secrets)


def _program() -> Path:
    """The program that is running; where it was started as a module, the one beside its Python."""
    given = Path(sys.argv[0])
    beside = Path(sys.executable).with_name("ccsync")
    found = given if given.name == "ccsync" else beside if beside.exists() else shutil.which("ccsync")
    return Path(found or given).absolute()


@app.command()
def key() -> None:
    """Print a fresh key for CCSYNC_KEY. It is kept nowhere: put it where your other secrets are."""
    typer.echo(fresh_key())


Branch = Annotated[str, typer.Option("--branch", metavar="NAME", help="The branch that is applied.")]


@app.command("github-actions")
def github_actions(branch: Branch = "main", config_dir: ConfigDir = None) -> None:
    """Print a workflow for GitHub Actions: validate, plan with a comment, apply what was reviewed.

    Save it as .github/workflows/ccsync.yml and read its first lines: they say what the repository needs.
    """
    typer.echo(github_workflow(pipeline_of(config_dir, branch)), nl=False)


@app.command("gitlab-ci")
def gitlab_ci(config_dir: ConfigDir = None) -> None:
    """Print a pipeline for GitLab CI: validate, plan with a comment, apply what was reviewed.

    Save it as .gitlab-ci.yml, or include it there, and read its first lines: they say what the project needs.
    """
    typer.echo(gitlab_pipeline(pipeline_of(config_dir)), nl=False)
