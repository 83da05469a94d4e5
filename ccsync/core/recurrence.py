"""When something that recurs happens: moments from times of day, days of the week and a time zone. Pure arithmetic.

On every local day each time of day has one moment. Where clocks are put forward over it, it comes as long after
midnight as on any other day (02:30 is 03:30 then); where they are put back and it comes twice, the first counts. Two
times that fall together are one moment. So nothing is lost and nothing happens twice. Source of that reading of local
times: PEP 495, `fold=0`.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ccsync.core.spec import Recurrence

_WEEK = 7
_SLACK = 2
"""Days: how far the local day of a moment and the day that it was meant for can lie apart, with room to spare."""


def latest(recurrence: Recurrence, zone: tzinfo, now: datetime) -> datetime:
    """The newest moment at or before `now`; UTC. zone: that of the recurrence."""
    return max(moment for moment in _around(recurrence, zone, now) if moment <= now)


def following(recurrence: Recurrence, zone: tzinfo, now: datetime) -> datetime:
    """The first moment after `now`; UTC."""
    return min(moment for moment in _around(recurrence, zone, now) if moment > now)


def _around(recurrence: Recurrence, zone: tzinfo, now: datetime) -> Iterator[datetime]:
    """Moments from more than a week before until more than a week after."""
    today = now.astimezone(zone).date()
    for days in range(-_WEEK - _SLACK, _WEEK + _SLACK + 1):
        day = today + timedelta(days=days)
        if not recurrence.days or day.weekday() in recurrence.days:
            yield from (_moment(day, at, zone) for at in recurrence.times)


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
