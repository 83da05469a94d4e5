"""`ccsync rejects`: the rows that Constant Contact refused, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.import_list import declared_export
from ccsync.cli.options import Acting, ConfigDir
from ccsync.cli.terminal import show
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.engine.rejects import write_rejects
from ccsync.errors import Diagnostic, InvalidError
from ccsync.views.text import counted, line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def rejects(
    export: Annotated[str, typer.Argument(metavar="EXPORT", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the CSV.", show_default=False)
    ],
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Write the rows that Constant Contact refused, with the reason, to a CSV file.

    They are tried again when their data change. Asks nobody; the file holds personal data.
    """
    with open_workspace(Place(config_dir, acting), Needs.SOURCES) as workspace:
        declared = declared_export(workspace.project, export)
        authorize(workspace, Action.SAVE_PLAN, (declared.connection,))
        ledger = workspace.state.generations.snapshot().ledgers.get(declared.name)
        if ledger is None:
            raise InvalidError(
                Diagnostic("E614", f"{export} was never applied: nothing of it was refused", hint="see `ccsync status`")
            )
        desired = workspace.desires.desired(declared, ledger.definitions)
        fields = tuple(field.target for field in declared.fields)
        rows = write_rejects(workspace.session, ledger.path, desired.relation, fields, output)
    show([line(f"{counted(rows, 'refused row')} written to {output} (holds personal data; mode 0600).", hang=2)])
