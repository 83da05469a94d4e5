"""`ccsync segments list`."""

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Place, open_workspace
from ccsync.core.permission import Action
from ccsync.core.spec import CombinedSegment, Project, Segment, SegmentName, TableSegment
from ccsync.views.mask import cut
from ccsync.views.tables import table_lines

_MADE_CHARS = 60

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="List the declared segments, or preview one.")


@app.callback()
def _group() -> None:
    pass


@app.command(name="list")
def list_segments(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """List the declared segments: what they are made of, and which exports send them."""
    with open_workspace(Place(config_dir, acting), resolve=False) as workspace:
        authorize(workspace, Action.LOOK)
        project = workspace.project
    if as_json:
        rows = [
            {
                "name": name,
                "display_name": each.display_name,
                "made_of": made_of(each),
                "exports": users(project, name),
            }
            for name, each in project.segments.items()
        ]
        write_json({"format": 1, "segments": rows})
        return
    cells = [
        (name, each.display_name or "", cut(made_of(each), _MADE_CHARS), ", ".join(users(project, name)))
        for name, each in project.segments.items()
    ]
    show(table_lines(("name", "display name", "made of", "sent by"), cells))


def made_of(segment: Segment) -> str:
    """How a segment is declared, on one line."""
    match segment:
        case TableSegment():
            table = f".{segment.table}" if segment.table else ""
            where = f" where {segment.where}" if segment.where else ""
            query = f" query {segment.query_file or 'inline'}" if segment.query else ""
            return f"{segment.source}{table}{where}{query}"
        case CombinedSegment():
            return f"{segment.operation}({', '.join(segment.operands)})"


def users(project: Project, name: SegmentName) -> list[str]:
    """Exports that name the segment, by itself or inside another one."""
    return [
        export.name
        for export in project.exports.values()
        if any(_holds(project, segment, name) for segment in export.segments)
    ]


def _holds(project: Project, segment: SegmentName, name: SegmentName) -> bool:
    if segment == name:
        return True
    found = project.segments.get(segment)
    return isinstance(found, CombinedSegment) and any(_holds(project, each, name) for each in found.operands)
