"""What schedules remember beside the state, and how exports stand with it. The rules are `core.schedule`'s."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ccsync.cli.wiring import Workspace
from ccsync.core.plan import to_text
from ccsync.core.schedule import Slot, Standing, Trigger, standings
from ccsync.core.spec import DAYS, Recurrence
from ccsync.state.notes import SCHEDULE, Entries


@dataclass(frozen=True, slots=True)
class Remembered:
    """handled: the moment up to which nothing is left to do; None for an export that was never looked at. held_back:
    people in the last plan that could be made; None before that. failed: whether the last `run` failed."""

    handled: datetime | None = None
    held_back: int | None = None
    failed: bool = False


def remembered(workspace: Workspace) -> Mapping[str, Remembered]:
    """By export. An entry that can't be read counts as none."""
    found = {name: _parsed(entry) for name, entry in workspace.state.notes.read(SCHEDULE).items()}
    return {name: each for name, each in found.items() if each is not None}


def remember(workspace: Workspace, changes: Mapping[str, Remembered]) -> None:
    """Writes these exports' entries and drops those of exports that are no longer declared."""

    def changed(entries: Entries) -> Entries:
        kept = {name: entry for name, entry in entries.items() if name in workspace.project.exports}
        return kept | {name: _document(each) for name, each in changes.items()}

    workspace.state.notes.change(SCHEDULE, changed)


def standings_at(workspace: Workspace, now: datetime) -> tuple[Slot, ...]:
    handled = {name: each.handled for name, each in remembered(workspace).items() if each.handled is not None}
    return standings(workspace.project, handled, now, ZoneInfo)


def note_first_looks(workspace: Workspace, slots: tuple[Slot, ...], now: datetime) -> None:
    """From now on these are scheduled."""
    known = remembered(workspace)
    new = [slot.export for slot in slots if slot.standing is Standing.FIRST_SEEN]
    if new:
        remember(workspace, {name: replace(known.get(name, Remembered()), handled=now) for name in new})


def local(moment: datetime, recurrence: Recurrence) -> str:
    """A moment as the clock of the schedule shows it."""
    return moment.astimezone(ZoneInfo(recurrence.timezone)).strftime("%Y-%m-%d %H:%M %Z")


def when(slot: Slot) -> str:
    """A schedule in words: `mon, thu 06:00, 18:00 Europe/Amsterdam`."""
    if slot.recurrence is None:
        return "on demand only"
    days = ", ".join(DAYS[day] for day in slot.recurrence.days) or "daily"
    own = "" if slot.trigger is Trigger.OWN_SCHEDULE else " (refresh)"
    return f"{days} {', '.join(f'{at:%H:%M}' for at in slot.recurrence.times)} {slot.recurrence.timezone}{own}"


def _document(each: Remembered) -> object:
    handled = to_text(each.handled) if each.handled else None
    return {"handled": handled, "held_back": each.held_back, "failed": each.failed}


def _parsed(entry: object) -> Remembered | None:
    match entry:
        case {"handled": str() | None as handled, "held_back": int() | None as held_back, "failed": bool() as failed}:
            return Remembered(_moment(handled) if handled else None, held_back, failed)
        case _:
            return None


def _moment(text: str) -> datetime | None:
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is not None else None
    return None
