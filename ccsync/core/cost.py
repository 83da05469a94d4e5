"""What a plan will cost: API calls, bytes and time, worked out from its batches. Pure estimates, never promises."""

import math

from ccsync.core.batch import Batch, BatchKind
from ccsync.core.plan import Estimate, ListAction, ListTarget
from ccsync.core.spec import ConnectionLimits

PAGE = 500
"""Members a page. Source: openapi.yml 3.0.178, GET /contacts, `limit`."""

LOOK_CALLS = 4
"""One export job: start, about two looks at it, download."""

CONNECTION_CALLS = 4
"""Account, privileges, lists, custom fields."""

SHARED_CALLS = CONNECTION_CALLS + LOOK_CALLS
"""What a connection's exports share: its checks and the look at unsubscribed contacts."""

POLLS_A_WAVE = 3
"""One `GET /activities` watches all open jobs; about three looks until a wave of them has ended."""

JOB_ROWS_PER_S = 2_000
"""How fast the vendor works through an import is not documented; the product replaced needs up to an hour for a
million rows (278 a second) end to end, a public log of bulk jobs shows several thousand. A guess between."""


def estimate(
    target: ListTarget, batches: tuple[Batch, ...], unresolved: int, members: int, limits: ConnectionLimits
) -> Estimate:
    """The cost of one export's part of an apply, without what its connection's exports share (`SHARED_CALLS`).
    members: of the list now."""
    if not batches and target.action is ListAction.NONE:
        return Estimate(LOOK_CALLS, math.ceil(LOOK_CALLS / limits.requests_per_second), 0)
    waves = sum(
        math.ceil(count / limits.max_open_activities)
        for count in (_count(batches, BatchKind.REMOVAL), _count(batches, BatchKind.IMPORT))
    )
    calls = (
        LOOK_CALLS
        + len(batches)
        + POLLS_A_WAVE * waves
        + lookup_calls(unresolved, members)
        + (1 if target.action is ListAction.CREATE else 0)
    )
    rows = sum(batch.rows for batch in batches)
    seconds = math.ceil(calls / limits.requests_per_second + rows / JOB_ROWS_PER_S)
    return Estimate(calls, seconds, sum(batch.bytes for batch in batches))


def lookup_calls(unresolved: int, members: int) -> int:
    """Calls to learn the contact ids of removals: one look-up each, or paging the list, whichever is fewer."""
    return min(unresolved, math.ceil(members / PAGE)) if unresolved else 0


def paging_is_cheaper(unresolved: int, members: int) -> bool:
    return math.ceil(members / PAGE) < unresolved


def _count(batches: tuple[Batch, ...], kind: BatchKind) -> int:
    return sum(1 for batch in batches if batch.kind is kind)
