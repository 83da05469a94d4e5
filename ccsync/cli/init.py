"""`ccsync init`. What a new project holds is `config/scaffold.py`'s."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from ccsync.config.scaffold import write_scaffold

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where; made if need be.", show_default=False)
    ] = Path(),
) -> None:
    """Scaffold a working project: sandbox connection, sample data, .gitignore.

    Overwrites nothing.
    """
    for file in write_scaffold(folder):
        typer.echo(f"wrote {file}")
    inside = "" if folder == Path() else f"cd {quote(str(folder))} && "
    typer.echo(f"Next: {inside}ccsync validate")
