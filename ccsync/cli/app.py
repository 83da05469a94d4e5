"""The program: finds the command, runs it, turns what it raises into an exit code. No command lives here."""

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ccsync import __version__
from ccsync.cli.commands import COMMANDS
from ccsync.cli.failure import exit_code_of, report
from ccsync.cli.streams import finish_streams, harden_streams

_BY_NAME = {command.name: command for command in COMMANDS}


class LazyGroup(TyperGroup):
    """Knows the commands by name and help; imports the one that is called."""

    def __init__(self, **attrs: Any) -> None:  # Any: typer's own attributes
        super().__init__(**attrs)
        self.commands = dict.fromkeys(_BY_NAME)  # type: ignore[assignment]  # names, for "did you mean"

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Any: typer carries its own copy of click's types
        if cmd_name not in _BY_NAME:
            return None
        module = importlib.import_module(f"ccsync.cli.{_BY_NAME[cmd_name].module}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Any: see get_command
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in COMMANDS])


app = typer.Typer(
    cls=LazyGroup,
    name="ccsync",
    help="Keep Constant Contact lists equal to declared segments: validate, plan, apply.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ccsync {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def run(args: Sequence[str]) -> int:
    """Runs one command line in this process and returns its exit code. Never raises."""
    try:
        return int(app(list(args), prog_name="ccsync", standalone_mode=False) or 0)
    except BaseException as error:  # noqa: BLE001 - the one place where exceptions become exit codes
        if isinstance(error, SystemExit):
            return exit_code_of(error)
        return int(report(error, args))


def main() -> None:
    harden_streams()
    code = run(sys.argv[1:])
    finish_streams()
    sys.exit(code)
