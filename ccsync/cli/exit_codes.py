"""`ccsync exit-codes`. The codes themselves are in `errors.py`."""

from typing import Annotated

import typer

from ccsync.errors import ExitCode

MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "done, no changes",
    ExitCode.ERROR: "error",
    ExitCode.CHANGES: "changes present (only with --detailed-exitcode)",
    ExitCode.GUARD: "blocked by a guard",
    ExitCode.LOCKED: "lock held",
    ExitCode.STALE: "stale, expired, edited or already applied plan, or conflicting state",
    ExitCode.PARTIAL: "applied in part, resumable",
    ExitCode.INVALID: "configuration or data invalid",
    ExitCode.DENIED: "authentication, permission, consent or wrong account",
    ExitCode.DECLINED: "declined, or approval needed without a terminal",
    ExitCode.USAGE: "wrong usage",
    ExitCode.INTERRUPTED: "interrupted (SIGINT), state saved",
    ExitCode.TERMINATED: "terminated (SIGTERM), state saved",
}

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def exit_codes(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the exit codes and what they mean."""
    if as_json:
        from ccsync.cli.terminal import write_json

        codes = [{"code": int(code), "meaning": meaning} for code, meaning in MEANINGS.items()]
        write_json({"format": 1, "exit_codes": codes})
        return
    for code, meaning in MEANINGS.items():
        typer.echo(f"{int(code):>3}  {meaning}")
