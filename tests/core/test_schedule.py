"""Which exports are due: each moment is dealt with by one run, none is lost, and what failed is made up for."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ccsync.core.recurrence import following
from ccsync.core.schedule import Standing, Trigger, standings
from ccsync.core.spec import (
    Column,
    ConnectionName,
    Export,
    ExportName,
    ListRef,
    Project,
    Recurrence,
    Schedule,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ZONE = "Europe/Amsterdam"
TWICE_A_DAY = Recurrence((time(2, 30), time(18)), timezone=ZONE)
START = datetime(2026, 3, 26, 3, tzinfo=UTC)  # clocks go forward on the 29th


def project(**schedules: Schedule) -> Project:
    exports = {
        ExportName(name): Export(
            ExportName(name), name, ConnectionName("main"), ListRef(name=name), (), Column("email"), schedule=schedule
        )
        for name, schedule in schedules.items()
    }
    return Project("/", "test", ".ccsync", None, None, {}, {}, {}, exports, "", refresh=TWICE_A_DAY)


ticks = st.lists(st.tuples(st.integers(1, 40 * 60), st.booleans()), max_size=25)
"""Minutes since the tick before, and whether the run of this tick, if there is one, succeeds."""


@settings(max_examples=40, deadline=None)
@given(ticks)
def test_each_moment_is_dealt_with_once_however_ticks_fall_and_runs_end(history: list[tuple[int, bool]]) -> None:
    made, handled, now = project(e=Schedule()), {"e": START}, START
    for minutes, succeeds in history:
        now += timedelta(minutes=minutes)
        (slot,) = standings(made, handled, now, ZoneInfo)
        passed = following(TWICE_A_DAY, ZoneInfo(ZONE), handled["e"]) <= now
        assert (slot.standing is Standing.DUE) == passed, "a moment passed, and only then"
        if slot.due is not None and succeeds:
            assert handled["e"] < slot.due <= now
            handled = {"e": slot.due}
            (slot,) = standings(made, handled, now, ZoneInfo)
            assert slot.standing is Standing.NOT_DUE, "one run makes up for all that was missed"
        assert slot.next is not None
        assert slot.next > now


def test_exports_stand_as_their_schedules_say_the_longest_due_first() -> None:
    own = Recurrence((time(5),), (4,), "UTC")
    made = project(
        refreshed=Schedule(), own=Schedule(own=own), paused=Schedule(active=False, own=own), fresh=Schedule()
    )
    now = datetime(2026, 3, 27, 20, tzinfo=UTC)  # a Friday
    handled = dict.fromkeys(("refreshed", "own", "paused"), START)
    found = standings(made, handled, now, ZoneInfo)
    assert [(slot.export, slot.standing, slot.trigger) for slot in found] == [
        ("own", Standing.DUE, Trigger.OWN_SCHEDULE),
        ("refreshed", Standing.DUE, Trigger.REFRESH),
        ("fresh", Standing.FIRST_SEEN, Trigger.REFRESH),
        ("paused", Standing.INACTIVE, Trigger.OWN_SCHEDULE),
    ]
    assert [slot.due for slot in found[:2]] == [
        datetime(2026, 3, 27, 5, tzinfo=UTC),
        datetime(2026, 3, 27, 17, tzinfo=UTC),
    ]
