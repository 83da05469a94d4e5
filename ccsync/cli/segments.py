"""`ccsync segments list|preview`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.import_list import declared_export
from ccsync.cli.options import Acting, ConfigDir, Json, Reveal
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.core.spec import (
    Column,
    CombinedSegment,
    ConnectionName,
    Export,
    ExportName,
    ListRef,
    Project,
    Segment,
    SegmentName,
    TableSegment,
)
from ccsync.engine.rows import read_people
from ccsync.engine.summary import count_reasons, top_values
from ccsync.errors import Diagnostic, InvalidError, UsageError
from ccsync.views.document import Document, row_document
from ccsync.views.mask import cut, mask_addresses
from ccsync.views.tables import table_lines
from ccsync.views.text import BLANK, Line, counted, line, tally

_MADE_CHARS = 60
_VALUE_CHARS = 40
_TOP = 5

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="List the declared segments, or preview one.")


@app.callback()
def _group() -> None:
    pass


@app.command(name="list")
def list_segments(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """List the declared segments: what they are made of, and which exports send them."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
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


@app.command()
def preview(
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", show_default=False)],
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="EXPORT",
            help="Whose address column and fields to use. Default: the first export that sends the segment.",
            show_default=False,
        ),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(
            "--email", metavar="COLUMN", help="The address column, for a segment no export sends.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most N people.")] = 10,
    reveal: Reveal = False,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Count the people of a segment, show some, and the most frequent values; asks no account.

    Values are formatted as the account defined its fields when the export was last applied.
    """
    with open_workspace(Place(config_dir, acting), Needs.SOURCES) as workspace:
        authorize(workspace, Action.SAVE_PLAN)
        probe = _probe(workspace.project, segment, export, email)
        ledger = workspace.state.generations.snapshot().ledgers.get(probe.name)
        desired = workspace.desires.desired(probe, ledger.definitions if ledger else {})
        rows = read_people(workspace.session, desired.relation, limit)
        top = {
            field.target: top_values(workspace.session, desired.relation, field.target, _TOP) for field in probe.fields
        }
        reasons = count_reasons(workspace.session, desired.unusable_relation)
    if as_json:
        write_json(
            {
                "format": 1,
                "segment": segment,
                "people": desired.size,
                "rows": desired.rows,
                "unusable": dict(desired.unusable),
                "unusable_reasons": dict(reasons),
                "filtered": dict(desired.filtered),
                "top_values": {
                    field: [
                        {"value": text if reveal else mask_addresses(text), "people": count} for text, count in each
                    ]
                    for field, each in top.items()
                },
                "sample": [
                    {"email": document["email"], "values": document["after"]}
                    for document in (row_document(row, reveal=reveal) for row in rows)
                ],
            }
        )
        return
    show([line(f"{segment}: {counted(desired.size, 'person', 'people')} of {counted(desired.rows, 'row')}")])
    if told := tally(reasons):
        show([line(f"unusable: {told}", hang=4)])
    if told := tally(desired.filtered):
        show([line(f"left out: {told}", hang=4)])
    if rows:
        fields = tuple(rows[0].after)
        cells = [_cells(row_document(row, reveal=reveal)) for row in rows]
        show([BLANK, *table_lines(("email", *fields), cells)])
    if any(top.values()):
        lines = [_top_line(field, each, reveal=reveal) for field, each in top.items() if each]
        show([BLANK, line(("most frequent", "dim")), *lines])


def _top_line(field: str, values: Sequence[tuple[str, int]], *, reveal: bool) -> Line:
    told = (f"{cut(text if reveal else mask_addresses(text), _VALUE_CHARS)} {count:,}" for text, count in values)
    return line(f"  {field}: {', '.join(told)}", hang=4)


def _cells(row: Document) -> tuple[str, ...]:
    return (str(row["email"]), *(cut(value or "", _VALUE_CHARS) for value in row["after"].values()))


def _probe(project: Project, name: str, export: str | None, email: str | None) -> Export:
    """An export of just this segment, in the manner of a declared one. Raises InvalidError and UsageError."""
    if SegmentName(name) not in project.segments:
        there = ", ".join(project.segments) or "none"
        raise InvalidError(Diagnostic("E110", f"no segment is called {name!r}", hint=f"there are: {there}"))
    segments = (SegmentName(name),)
    if export is not None:
        return replace(declared_export(project, export), segments=segments)
    senders = users(project, SegmentName(name))
    if email is None and senders:
        return replace(project.exports[senders[0]], segments=segments)
    if email is None:
        raise UsageError(
            Diagnostic(
                "E900",
                f"no export sends segment {name}, so its address column isn't known",
                hint="name it with --email COLUMN, or an export in whose manner to read it with --export",
            )
        )
    return Export(ExportName("preview"), "preview", ConnectionName(""), ListRef(), segments, Column(email))


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


def users(project: Project, name: SegmentName) -> list[ExportName]:
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
