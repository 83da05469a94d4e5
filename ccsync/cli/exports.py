"""`ccsync exports list|schedule`; `fields` is in `export_fields.py`."""

from collections.abc import Sequence
from dataclasses import asdict

import typer

from ccsync.cli.access import authorize
from ccsync.cli.export_fields import fields
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.timetable import local, standings_at, when
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.core.schedule import Slot, Standing
from ccsync.core.spec import DAYS, ListRef
from ccsync.state.runs import Run
from ccsync.views.tables import table_lines
from ccsync.views.text import number

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="List the declared exports, what they send, when they run."
)
app.command()(fields)


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


@app.command()
def schedule(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Show when exports run, when they come next, and how the last run of each ended.

    The last run is the last one whatever made it: a refresh, a schedule of its own, or somebody by hand.
    """
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        slots = sorted(standings_at(workspace, workspace.clock.now()), key=lambda slot: slot.export)
        runs = workspace.state.runs.runs()
    found = [(slot, _last_of(slot.export, runs)) for slot in slots]
    if as_json:
        write_json({"format": 1, "exports": [_slot_document(slot, last) for slot, last in found]})
        return
    rows = [
        (
            slot.export,
            when(slot),
            _next(slot),
            _ended(last) if last else "-",
        )
        for slot, last in found
    ]
    show(table_lines(("export", "runs", "next", "last run"), rows))


def _next(slot: Slot) -> str:
    if slot.next and slot.recurrence:
        return local(slot.next, slot.recurrence)
    return "inactive" if slot.standing is Standing.INACTIVE else "-"


def _last_of(export: str, runs: Sequence[Run]) -> Run | None:
    """The newest run that planned or applied the export."""
    return next((run for run in reversed(runs) if run.command in ("run", "apply") and export in run.counts), None)


def _ended(run: Run) -> str:
    codes = f" ({', '.join(run.codes)})" if run.codes else ""
    return f"{run.outcome}{codes}, {run.trigger or run.command}, {run.ended}"


def _slot_document(slot: Slot, last: Run | None) -> dict[str, object]:
    recurrence = slot.recurrence
    return {
        "export": slot.export,
        "standing": str(slot.standing),
        "trigger": str(slot.trigger),
        "times": [f"{at:%H:%M}" for at in recurrence.times] if recurrence else [],
        "days": [DAYS[day] for day in recurrence.days or range(len(DAYS))] if recurrence else [],
        "timezone": recurrence.timezone if recurrence else None,
        "due": to_text(slot.due) if slot.due else None,
        "next": to_text(slot.next) if slot.next else None,
        "last": asdict(last) if last else None,
    }


def _list_text(ref: ListRef) -> str:
    return f'"{ref.name}"{" (created if missing)" if ref.create else ""}' if ref.name else str(ref.id)
