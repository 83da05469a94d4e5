"""The two calls that look at activities. The queue itself is in ``activities``.

Source: SW#P/activities, SW#P/activities/{activity_id}.
"""

from __future__ import annotations

from ccsync.sandbox import cursors, limits, problem
from ccsync.sandbox.lists import page_of
from ccsync.sandbox.service import Answer, Call
from ccsync.sandbox.validate import UUID


def get_activities(call: Call) -> Answer:
    """GET /activities: those of the last ten days, newest first."""
    query, after = cursors.decode(call.query)
    found = call.service.queue.listing(query.get("state"))
    page, after_next = page_of(found, after, query.get("limit", limits.PAGE_DEFAULT))
    links = cursors.links("/v3/activities", query, after_next)
    return Answer(body={"activities": [job.document() for job in page], "_links": links})


def get_activity(call: Call) -> Answer:
    """GET /activities/{activity_id}: 404 for one that is unknown or older than ten days."""
    if not UUID.fullmatch(call.path["activity_id"]):
        raise problem.not_found(f"Activity {call.path['activity_id']} was not found.")
    return Answer(body=call.service.queue.find(call.path["activity_id"]).document())
