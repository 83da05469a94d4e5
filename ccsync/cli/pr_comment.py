"""`ccsync pr-comment`: a saved plan as the one comment of ours on its pull request. What it says is `views`'."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli import terminal
from ccsync.cli.clock import SystemClock
from ccsync.cli.options import Acting, ConfigDir
from ccsync.cli.planning import as_approved
from ccsync.cli.report import frame_of
from ccsync.cli.show import project_at_hand
from ccsync.cli.signals import Signals
from ccsync.cli.wiring import Place, private_folder
from ccsync.engine.session import Session
from ccsync.sealing import load_keys
from ccsync.state.planfile import read_plan
from ccsync.views.markdown import plan_markdown
from ccsync.views.text import line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(name="pr-comment")
def pr_comment(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan saved by `ccsync plan -o`.", show_default=False)],
    pull_request: Annotated[
        int | None,
        typer.Option(
            "--pull-request",
            metavar="N",
            min=1,
            help="Its number. Default: the one that CI runs for.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="One comment a name. Default: the workspace's name.", show_default=False
        ),
    ] = None,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Post a saved plan on its pull request: one comment that is written anew.

    Counts and reasons, no rows. GitHub (GITHUB_TOKEN or GH_TOKEN) and GitLab (GITLAB_TOKEN); where and which pull
    request is found in the environment of the CI job.
    """
    from ccsync.forge.comments import MAX_BYTES, comments_of
    from ccsync.forge.http import ForgeClient
    from ccsync.forge.place import find_place
    from ccsync.forge.sticky import post

    found = find_place(os.environ, pull_request)
    with Signals() as signals, private_folder() as folder:
        plan, changes = read_plan(file, folder, keys=load_keys(os.environ))
        project = project_at_hand(Place(config_dir, acting))
        plan, _ = as_approved(plan, project)
        with Session(folder / "engine") as session:
            frame = frame_of(session, changes, project, file.name, reveal=False)

        def write(max_bytes: int) -> str:
            return plan_markdown(plan, frame, max_bytes=max_bytes, run_url=found.run_url)

        with signals.explained(), ForgeClient(found, SystemClock(signals.pipe.readable)) as client:
            how, id_ = post(
                comments_of(found, client), name or plan.workspace, plan.created_at, write, MAX_BYTES[found.kind]
            )
    terminal.show([line(f"Comment {id_} on {found.kind} pull request {found.number}: {how}.")])
