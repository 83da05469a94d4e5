"""`ccsync validate`. What is checked is `config`'s; nothing else is loaded, so that it is fast."""

import os
import shutil
import sys
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli.options import ConfigDir, Json
from ccsync.config.load import Loaded, find_config_dir, load_project
from ccsync.errors import Diagnostic, InvalidError, UsageError


class Format(StrEnum):
    """TEXT: for people. GITHUB: besides, each problem as an annotation of GitHub Actions."""

    TEXT = "text"
    GITHUB = "github"


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def validate(
    as_json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
    output_format: Annotated[
        Format, typer.Option("--format", metavar="|".join(Format), help="github: print annotations on stdout, too.")
    ] = Format.TEXT,
    config_dir: ConfigDir = None,
) -> None:
    """Check the configuration; needs no network, no secrets, no data.

    Says everything that is wrong at once, each with its file, line and column.
    """
    if as_json and output_format is Format.GITHUB:
        raise UsageError(Diagnostic("E900", "--json and --format github exclude each other"))
    folder = find_config_dir(config_dir, os.environ, Path())
    try:
        loaded = load_project(folder, environ=os.environ, resolve=False)
    except InvalidError as error:
        _annotate(error.diagnostics, output_format)
        if not as_json:
            raise
        _write(error.diagnostics, None, valid=False)
        raise typer.Exit(int(error.exit_code)) from None
    _annotate(loaded.warnings, output_format)
    failed = strict and bool(loaded.warnings)
    if as_json:
        _write(loaded.warnings, loaded, valid=not failed)
    else:
        _say(loaded, failed=failed)
    if failed:
        raise typer.Exit(int(InvalidError.exit_code))


def _annotate(diagnostics: tuple[Diagnostic, ...], output_format: Format) -> None:
    if output_format is Format.GITHUB:
        from ccsync.views.annotations import annotation_line

        for each in diagnostics:
            typer.echo(annotation_line(each))


def _say(loaded: Loaded, *, failed: bool) -> None:
    if loaded.warnings:
        from ccsync.cli.terminal import say
        from ccsync.views.diagnostics import diagnostic_lines

        say(diagnostic_lines(loaded.warnings))
    if failed:
        return
    project = loaded.project
    parts = (
        (len(loaded.files), "file"),
        (len(project.connections), "connection"),
        (len(project.sources), "source"),
        (len(project.segments), "segment"),
        (len(project.exports), "export"),
    )
    said = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts)
    sentence = f"The configuration is valid: {said}."
    if sys.stdout.isatty():  # not `terminal.show`: rich takes longer to load than this command to run
        sentence = textwrap.fill(sentence, max(shutil.get_terminal_size().columns, 20), subsequent_indent="  ")
    typer.echo(sentence)


def _write(diagnostics: tuple[Diagnostic, ...], loaded: Loaded | None, *, valid: bool) -> None:
    from ccsync.cli.terminal import write_json
    from ccsync.views.document import validation_document

    write_json(validation_document(diagnostics, loaded.files if loaded else (), valid=valid))
