"""The options that several commands share, declared once."""

from pathlib import Path
from typing import Annotated

import typer

ConfigDir = Annotated[
    Path | None,
    typer.Option(
        "--config-dir",
        "-C",
        metavar="DIR",
        help="The config directory. Default: CCSYNC_CONFIG_DIR, else `configs` if it exists, else here.",
        show_default=False,
    ),
]

Acting = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="USER",
        help="Who is acting. Default: CCSYNC_ACTOR, the CI system's user, git's user.email, the OS user.",
        show_default=False,
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")]

Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="EXPORT:GUARD",
        help="Let this once pass what a guard blocks. Repeatable; recorded; changes no other guard.",
        show_default=False,
    ),
]

Reveal = Annotated[bool, typer.Option("--reveal", help="Show e-mail addresses as they are.")]

LockTimeout = Annotated[
    float,
    typer.Option("--lock-timeout", metavar="SECONDS", min=0, help="How long to wait for the lock of another run."),
]

AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Don't ask.")]

ExpectPlanId = Annotated[
    str | None,
    typer.Option(
        "--expect-plan-id",
        metavar="ID",
        help="The id of the plan that was reviewed; any other is refused (exit 5).",
        show_default=False,
    ),
]
