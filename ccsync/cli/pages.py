"""Writes the generated pages of `docs/`: the command line from the program, errors from the catalogue, and the page
that `config` makes of its schema. Run by `make docs`; `make docs-check` compares. Not a command of the program.
"""

import importlib
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from ccsync.catalogue import CATALOGUE
from ccsync.cli.commands import COMMANDS
from ccsync.cli.exit_codes import MEANINGS
from ccsync.config.reference import configuration_page
from ccsync.errors import ExitCode

MADE = "<!-- Made by `make docs`. Change the program, or the catalogue, then run that. -->"


def pages() -> dict[str, str]:
    """File name below `docs/` → content."""
    return {
        "command-line.md": command_line_page(),
        "configuration.md": configuration_page(),
        "errors.md": errors_page(),
    }


# ---------------------------------------------------------------- command-line.md


def command_line_page() -> str:
    lines = [
        "# Command line",
        "",
        MADE,
        "",
        "stdout is data, stderr is the rest. `--json` makes stdout pure JSON; `ccsync schema` prints the schemas.",
        "",
        "| command | what it does |",
        "|---|---|",
        *(f"| [`ccsync {each.name}`](#ccsync-{each.name}) | {each.help} |" for each in COMMANDS),
        "",
        "`ccsync --version` prints the version, `ccsync --install-completion` installs completion for your shell.",
        "",
    ]
    for each in COMMANDS:
        module = importlib.import_module(f"ccsync.cli.{each.module}")
        lines += _command_lines(typer.main.get_command(module.app), f"ccsync {each.name}", 2)
    lines += ["## Exit codes", "", "| code | meaning |", "|--:|---|"]
    lines += [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    return _joined(lines)


def _command_lines(command: Any, path: str, level: int) -> list[str]:  # Any: typer's own copy of click's types
    """A command and, for a group, those in it."""
    lines = [f"{'#' * level} {path}", "", *_paragraphs(command.help or ""), ""]
    inside = getattr(command, "commands", None)
    if inside is not None:
        for name, each in inside.items():
            lines += _command_lines(each, f"{path} {name}", level + 1)
        return lines
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and "--help" not in each.opts]
    words = " ".join(_argument(each) for each in arguments)
    lines += ["```", f"{path}{' [OPTIONS]' if options else ''}{' ' + words if words else ''}", "```", ""]
    if options:
        lines += ["| option | what it does |", "|---|---|", *(_option(each) for each in options), ""]
    return lines


def _paragraphs(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def _argument(argument: Any) -> str:  # Any: see above
    return str(argument.metavar or argument.name.upper())


def _option(option: Any) -> str:  # Any: see above
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
    value = "" if option.is_flag else f" `{_value(option)}`"
    shown = option.default not in (None, False, [], ()) and not callable(option.default)
    default = f" Default: {option.default:g}." if shown and isinstance(option.default, float) else ""
    if shown and not default:
        default = f" Default: {option.default}."
    return f"| {names}{value} | {_cell(option.help or '')}{default} |"


def _value(option: Any) -> str:  # Any: see above
    if option.metavar:
        return str(option.metavar)
    kind = option.bare_type
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(each.value) for each in kind)
    return {int: "N", float: "N"}.get(kind, "TEXT")


# ---------------------------------------------------------------- errors.md


def errors_page() -> str:
    lines = [
        "# Errors and warnings",
        "",
        MADE,
        "",
        "Every message carries a code. `E…` stops a command, or blocks a plan; `W…` is a warning.",
        "Messages hold no e-mail address, token or field value.",
        "",
    ]
    for code, entry in sorted(CATALOGUE.items()):
        lines += [f"## {code}: {entry.title}", "", entry.meaning, "", f"**What to do.** {entry.remedy}", ""]
        if entry.exit_code is not None:
            lines += [f"Exit code: {int(entry.exit_code)} ({MEANINGS[ExitCode(entry.exit_code)]}).", ""]
    return _joined(lines)


# ---------------------------------------------------------------- both


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _joined(lines: list[str]) -> str:
    """Lines as a page: never two blank ones in a row, one line break at the end."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def main(args: list[str]) -> int:
    if len(args) != 2 or args[0] not in ("--write", "--check"):
        sys.stderr.write("usage: python -m ccsync.cli.pages --write|--check FOLDER\n")
        return 64
    mode, folder = args[0], Path(args[1])
    stale = []
    for name, content in pages().items():
        path = folder / name
        if mode == "--write":
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
    if stale:
        sys.stderr.write(f"{', '.join(stale)}: not what the program says; run `make docs`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
