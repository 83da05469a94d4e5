"""Times of day in time zones: one moment a local day, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from ccsync.core.recurrence import following, latest
from ccsync.core.spec import Recurrence
from hypothesis import given, settings
from hypothesis import strategies as st

ZONES = (
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "America/Sao_Paulo",  # put its clocks forward at midnight
    "Australia/Lord_Howe",  # by half an hour
    "Africa/Casablanca",  # twice a year, around Ramadan
    "Asia/Kathmandu",
    "Pacific/Apia",  # had no 30 December 2011
    "Pacific/Kiritimati",  # nor a 31 December 1994
    "America/Havana",
)
zones = st.sampled_from(ZONES)
clock_times = st.times(max_value=time(23, 59)).map(lambda at: at.replace(second=0, microsecond=0))
epoch = datetime(1990, 1, 1, tzinfo=UTC)
moments = st.integers(0, 47 * 365 * 24 * 60).map(lambda minutes: epoch + timedelta(minutes=minutes))
turns = st.sampled_from(["2026-03-29", "2026-10-25", "2026-03-08", "2018-11-04", "2011-12-30"]).flatmap(
    lambda day: st.integers(-72, 72).map(lambda hours: datetime.fromisoformat(f"{day}T00Z") + timedelta(hours=hours))
)
recurrences = st.builds(
    Recurrence,
    times=st.lists(clock_times, min_size=1, max_size=4, unique=True).map(lambda each: tuple(sorted(each))),
    days=st.sets(st.integers(0, 6)).map(lambda each: tuple(sorted(each))),
)


@settings(max_examples=40, deadline=None)
@given(zone=zones, at=clock_times, start=moments | turns)
def test_a_time_of_day_comes_once_on_every_local_day(zone: str, at: time, start: datetime) -> None:
    tz, recurrence = ZoneInfo(zone), Recurrence((at,))
    seen: list[date] = []
    moment = start
    for _ in range(6):
        moment = following(recurrence, tz, moment)
        seen.append(moment.astimezone(tz).date())
    days = [seen[0] + timedelta(days=number) for number in range((seen[-1] - seen[0]).days + 1)]
    assert seen == [day for day in days if _exists(day, tz)]


def _exists(day: date, zone: ZoneInfo) -> bool:
    """Whether the zone had the day at all."""
    noon = datetime.combine(day, time(12), zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


@settings(max_examples=40, deadline=None)
@given(zone=zones, recurrence=recurrences, now=moments | turns)
def test_the_latest_and_the_following_moment_are_neighbours(zone: str, recurrence: Recurrence, now: datetime) -> None:
    tz = ZoneInfo(zone)
    before, after = latest(recurrence, tz, now), following(recurrence, tz, now)
    assert before <= now < after
    assert following(recurrence, tz, before) == after
    assert latest(recurrence, tz, after) == after
    assert latest(recurrence, tz, after - timedelta(microseconds=1)) == before
    assert after - before <= timedelta(days=8)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-28T12:00Z", ["2026-03-29T01:30Z", "2026-03-30T00:30Z"]),  # 02:30 does not exist: 03:30 is taken
        ("2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),  # 02:30 comes twice: the first is taken
    ],
    ids=["forward", "back"],
)
def test_the_nights_when_clocks_change(now: str, expected: list[str]) -> None:
    zone, recurrence = ZoneInfo("Europe/Amsterdam"), Recurrence((time(2, 30),))
    first = following(recurrence, zone, datetime.fromisoformat(now))
    assert [first, following(recurrence, zone, first)] == [datetime.fromisoformat(text) for text in expected]


def test_two_times_that_fall_together_are_one_moment() -> None:
    zone, recurrence = ZoneInfo("Europe/Amsterdam"), Recurrence((time(2, 30), time(3, 30)))
    first = following(recurrence, zone, datetime(2026, 3, 29, tzinfo=UTC))
    assert first == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert following(recurrence, zone, first) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
