"""`ccsync explain`. What the story is made of is `story`'s."""

from dataclasses import asdict
from typing import Annotated

import typer

from ccsync import __version__
from ccsync.cli.access import authorize
from ccsync.cli.display import progress_shown
from ccsync.cli.options import Acting, ConfigDir, Json, Reveal
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.key import canonical_key
from ccsync.core.permission import Action
from ccsync.errors import Diagnostic, UsageError
from ccsync.story import explain as tell
from ccsync.views.story import story_lines

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def explain(
    email: Annotated[str, typer.Argument(metavar="EMAIL", show_default=False)],
    no_refresh: Annotated[bool, typer.Option("--no-refresh", help="Don't ask Constant Contact.")] = False,
    reveal: Reveal = False,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """One person's story over all exports: source, segment, ledger, live, and why.

    Says what a plan would do with them now. Sends and writes nothing.
    """
    key = canonical_key(email)
    if key is None:
        raise UsageError(Diagnostic("E900", "that is no e-mail address ccsync could have sent"))
    needs = Needs.SOURCES if no_refresh else Needs.EVERYTHING
    with open_workspace(Place(config_dir, acting), needs) as workspace:
        authorize(workspace, Action.SAVE_PLAN)
        with progress_shown(workspace):
            chapters = tell(
                workspace.project,
                key,
                version=__version__,
                refresh=not no_refresh,
                snapshot=workspace.state.generations.snapshot(),
                desires=workspace.desires,
                differ=workspace.differ,
                narrowing=workspace.narrowing,
                readers=workspace.reader,
                workdir=workspace.workdir,
                sink=workspace.relay,
            )
    if as_json:
        write_json({"format": 1, "exports": [asdict(chapter) for chapter in chapters]})
        return
    show(story_lines(key, chapters, reveal=reveal))
