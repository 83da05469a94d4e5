"""Which exports are due, by their schedules and what is remembered of them. Pure; running them is `cli/run.py`.

A moment that was missed, however many of them, is caught up with one run. What was never looked at starts at the first
look: declaring a schedule runs nothing by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from ccsync.core.recurrence import following, latest
from ccsync.core.spec import Export, ExportName, Project, Recurrence


class Trigger(StrEnum):
    """Why an export ran."""

    REFRESH = "refresh"
    OWN_SCHEDULE = "own_schedule"
    ON_DEMAND = "on_demand"


class Standing(StrEnum):
    """How an export stands with its schedule. Words for people: nothing healthy is ever called skipped."""

    DUE = "due"
    NOT_DUE = "not_due"
    FIRST_SEEN = "first_seen"
    INACTIVE = "inactive"
    NO_TIMES = "no_times"


@dataclass(frozen=True, slots=True)
class Slot:
    """One export and its schedule at some moment.

    due: the moment that it is due since, only when it is. next: the first moment after now; None without times.
    recurrence: None likewise. trigger: what makes it run on schedule.
    """

    export: ExportName
    standing: Standing
    trigger: Trigger
    recurrence: Recurrence | None = None
    due: datetime | None = None
    next: datetime | None = None


def recurrence_of(project: Project, export: Export) -> tuple[Recurrence | None, Trigger]:
    """Its own times, else the workspace's refresh."""
    if export.schedule.own is not None:
        return export.schedule.own, Trigger.OWN_SCHEDULE
    return project.refresh, Trigger.REFRESH


def standings(
    project: Project, handled: Mapping[str, datetime], now: datetime, zones: Callable[[str], tzinfo]
) -> tuple[Slot, ...]:
    """Every declared export's slot. handled: export → the moment up to which nothing is left to do; UTC.

    zones: gives the time zone of a name. The ones that are due come first, the longest due foremost; then by name.
    """
    found = [_slot(project, export, handled.get(name), now, zones) for name, export in project.exports.items()]
    return tuple(sorted(found, key=lambda slot: (slot.due is None, slot.due or now, slot.export)))


def _slot(
    project: Project, export: Export, handled: datetime | None, now: datetime, zones: Callable[[str], tzinfo]
) -> Slot:
    recurrence, trigger = recurrence_of(project, export)
    if recurrence is None:
        standing = Standing.NO_TIMES if export.schedule.active else Standing.INACTIVE
        return Slot(export.name, standing, trigger)
    zone = zones(recurrence.timezone)
    newest, coming = latest(recurrence, zone, now), following(recurrence, zone, now)
    if not export.schedule.active:
        return Slot(export.name, Standing.INACTIVE, trigger, recurrence)
    if handled is None or handled > now:  # later than now: a clock was wrong once, and must not silence it for years
        return Slot(export.name, Standing.FIRST_SEEN, trigger, recurrence, next=coming)
    if newest > handled:
        return Slot(export.name, Standing.DUE, trigger, recurrence, newest, coming)
    return Slot(export.name, Standing.NOT_DUE, trigger, recurrence, next=coming)
