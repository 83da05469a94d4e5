"""`ccsync history`."""

from dataclasses import asdict
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.state.runs import Run
from ccsync.views.tables import table_lines
from ccsync.views.text import line, tally

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def history(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most N runs.")] = 20,
    export: Annotated[
        str | None, typer.Option("--export", metavar="EXPORT", help="Runs that touched it.", show_default=False)
    ] = None,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """List the runs, newest first.

    Who, when, which command and plan, what came of it.
    """
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        runs = workspace.state.runs.runs()
    found = [run for run in reversed(runs) if export is None or export in run.counts][:limit]
    if as_json:
        write_json({"format": 1, "runs": [asdict(run) for run in found]})
        return
    if not found:
        show([line("No run yet.")])
        return
    headers = ("started", "run", "by", "command", "outcome", "serial", "rows")
    show(table_lines(headers, [_cells(run) for run in found]))


def _cells(run: Run) -> tuple[str, ...]:
    total: dict[str, int] = {}
    for counts in run.counts.values():
        for op, rows in counts.items():
            total[op] = total.get(op, 0) + rows
    what = tally(total) or ", ".join(run.codes) or "-"
    return (run.started, run.run, run.actor, run.command, run.outcome, str(run.serial or "-"), what)
