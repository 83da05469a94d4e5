"""`ccsync exports list`."""

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.core.spec import ListRef
from ccsync.views.tables import table_lines
from ccsync.views.text import number

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="List the declared exports.")


@app.callback()
def _group() -> None:
    pass


@app.command(name="list")
def list_exports(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """List the declared exports: list, segments, members of ours."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        exports = dict(sorted({**workspace.project.exports, **workspace.project.detached}.items()))
        ledgers = workspace.state.generations.snapshot().ledgers
    if as_json:
        write_json(
            {
                "format": 1,
                "exports": [
                    {
                        "name": name,
                        "display_name": each.display_name,
                        "connection": each.connection or None,
                        "list": {"id": each.list.id, "name": each.list.name, "create": each.list.create},
                        "segments": list(each.segments),
                        "fields": [field.target for field in each.fields],
                        "members": ledgers[name].members if name in ledgers else None,
                    }
                    for name, each in exports.items()
                ],
            }
        )
        return
    rows = [
        (
            name,
            each.connection or "none: does not run",
            _list_text(each.list),
            ", ".join(each.segments),
            number(ledgers[name].members) if name in ledgers else "-",
        )
        for name, each in exports.items()
    ]
    show(table_lines(("name", "connection", "list", "segments", "members"), rows))


def _list_text(ref: ListRef) -> str:
    return f'"{ref.name}"{" (created if missing)" if ref.create else ""}' if ref.name else str(ref.id)
