"""`ccsync schema`: prints the schemas that ship with the program. What they say is in `schemas/`."""

from pathlib import Path
from typing import Annotated

import typer

import ccsync
from ccsync.errors import Diagnostic, UsageError

NAMES = ("config", "plan", "plan_output", "events")

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def schema(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help=f"Which one: {', '.join(NAMES)}.")] = "config",
) -> None:
    """Print a JSON Schema: of the configuration, plans, events."""
    if name not in NAMES:
        raise UsageError(Diagnostic("E900", f"there is no schema {name!r}", hint=f"there are: {', '.join(NAMES)}"))
    typer.echo(schema_path(name).read_text(encoding="utf-8"), nl=False)


def schema_path(name: str) -> Path:
    """Beside the package in a checkout, inside it in an installed wheel."""
    package = Path(ccsync.__file__).parent
    inside = package / "schemas" / f"{name}.schema.json"
    return inside if inside.exists() else package.parent / "schemas" / f"{name}.schema.json"
