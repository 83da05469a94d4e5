"""`ccsync readmit`. What readmitting does is `readmission`'s."""

import sys
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.display import progress_shown
from ccsync.cli.import_list import declared_export
from ccsync.cli.options import Acting, ConfigDir, Json, LockTimeout
from ccsync.cli.prompt import ask, confirm
from ccsync.cli.records import Record, record_run
from ccsync.cli.recovery import settle_all
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.event import Status
from ccsync.core.key import canonical_key
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.errors import Diagnostic, UsageError
from ccsync.readmission import Readmission
from ccsync.readmission import readmit as let_in
from ccsync.views.text import Line, line, number

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def readmit(
    export: Annotated[str, typer.Argument(metavar="EXPORT", show_default=False)],
    emails: Annotated[list[str] | None, typer.Argument(metavar="[EMAIL]...", show_default=False)] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Everyone held back on this export's list.")] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Why; recorded. Asked for if not given.", show_default=False),
    ] = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Don't ask.")] = False,
    as_json: Json = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Let held-back people be added again.

    Sends nothing: the next plan takes them for new. Who unsubscribed from the account can only come back by themselves.
    """
    keys = None if everyone else _keys(emails or [])
    if everyone and emails:
        raise UsageError(Diagnostic("E900", "give addresses or --all, not both"))
    with open_workspace(Place(config_dir, acting), Needs.LIST) as workspace:
        declared = declared_export(workspace.project, export)
        authorize(workspace, Action.APPLY, (declared.connection,))
        why = reason.strip() if reason is not None else ask("Why are they let in again? (recorded)", "readmit")
        if not why:
            raise UsageError(Diagnostic("E900", "a reason is needed", hint="--reason TEXT"))
        if everyone and not auto_approve:
            confirm(f"Let everyone who is held back on the list of {export} be added again?", "readmit")
        run = workspace.new_run()
        started = to_text(workspace.clock.now())
        with progress_shown(workspace), workspace.lock("readmit", run, lock_timeout) as lease:
            settle_all(workspace, lease)
            before = workspace.state.generations.snapshot()
            done = let_in(
                declared,
                workspace.project.connections[declared.connection],
                keys,
                run=run,
                snapshot=before,
                reader=workspace.destination(declared.connection),
                stewardship=workspace.stewardship,
                writer=workspace.state.generations,
                lease=lease,
                workdir=workspace.fresh_folder("readmit"),
            )
            counts = {export: {"readmit": done.readmitted}}
            serial = done.serial if done.serial != before.ref.serial else None
            record_run(workspace, Record(run, "readmit", started, Status.SUCCESSFUL, serial, counts=counts, reason=why))
    if as_json:
        write_json(
            {
                "format": 1,
                "export": export,
                "readmitted": done.readmitted,
                "on_list": done.on_list,
                "unsubscribed": done.unsubscribed,
                "unknown": done.unknown,
                "serial": done.serial,
            }
        )
        return
    show(_lines(done))


def _keys(emails: list[str]) -> tuple[str, ...]:
    """Canonical addresses; `-` reads them from stdin, one a line, so that none stands in a shell's history."""
    given = [each for email in emails for each in (sys.stdin.read().split() if email == "-" else [email])]
    if not given:
        raise UsageError(Diagnostic("E900", "give at least one address, or --all"))
    keys = [canonical_key(each) for each in given]
    bad = sum(1 for key in keys if key is None)
    if bad:
        raise UsageError(Diagnostic("E900", f"{bad} of {len(given)} are not e-mail addresses; nothing was changed"))
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def _lines(done: Readmission) -> list[Line]:
    lines = [line(f"{number(done.readmitted)} readmitted: the next plan may add them again.")]
    others = (
        (done.on_list, "are on the list, so not held back."),
        (done.unsubscribed, "unsubscribed from the account: only they themselves can come back."),
        (done.unknown, "are not known on this list."),
    )
    lines += [line(f"{number(count)} {said}") for count, said in others if count]
    lines.append(line(f"Nothing was sent. State serial {done.serial}."))
    return lines
