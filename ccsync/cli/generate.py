"""`ccsync generate key|codeowners`. What a key is used for is in `sealing.py`, what the files say in `config`."""

import typer

from ccsync.cli.access import authorize
from ccsync.cli.actor import git_prefix
from ccsync.cli.options import Acting, ConfigDir
from ccsync.cli.wiring import Needs, Place, config_dir_of, open_workspace
from ccsync.config.ownership import codeowners as codeowners_text
from ccsync.core.permission import Action
from ccsync.errors import Diagnostic, InvalidError
from ccsync.sealing import fresh_key

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="Make what goes with a project: a key, files for other tools."
)


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
        typer.echo(codeowners_text(workspace.project, folder, git_prefix(folder)), nl=False)


@app.command()
def key() -> None:
    """Print a fresh key for CCSYNC_KEY. It is kept nowhere: put it where your other secrets are."""
    typer.echo(fresh_key())
