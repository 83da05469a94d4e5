"""What did not arrive is sent once more, by itself, and what arrived is not sent again."""

from contextlib import suppress

import pytest
from ccsync.core.event import Status
from ccsync.errors import Diagnostic, ExitCode, StoppedError

from tests.applier.people import assert_converged, mail, one_export, person
from tests.crash.killing import doom, spare
from tests.support.world import World

REMOVAL = "/activities/remove_list_memberships"


@pytest.fixture
def leaving(world: World) -> World:
    """Bob and Cyd are to be removed, Ana stays."""
    one_export(world, [person("ana"), person("bob"), person("cyd")])
    world.sync()
    one_export(world, [person("ana"), person("bob", member=False), person("cyd", member=False)])
    return world


def asked(world: World, kind: str) -> int:
    requests = world.ask("/statistics")["requests"]
    return sum(count for name, count in requests.items() if kind in name)


@pytest.mark.parametrize("mishap", ["failed", "cancelled", "timed_out", "failed_after"])
def test_a_removal_whose_job_failed_is_sent_once_more(leaving: World, mishap: str) -> None:
    leaving.fault(kind="activity", path=REMOVAL, mishap=mishap)
    finished = leaving.apply(leaving.plan())
    assert (finished.status, finished.results[0].removed) == (Status.SUCCESSFUL, 2)
    assert leaving.members("VIP") == mail("ana")
    assert asked(leaving, REMOVAL) == (1 if mishap == "failed_after" else 2)
    assert_converged(leaving)


@pytest.mark.parametrize("lost", ["drop_before", "drop_after"])
def test_a_removal_whose_answer_was_lost_is_told_from_the_jobs_of_the_look(leaving: World, lost: str) -> None:
    leaving.fault(path=REMOVAL, kind=lost)
    finished = leaving.apply(leaving.plan())
    assert (finished.status, finished.results[0].removed) == (Status.SUCCESSFUL, 2)
    assert leaving.members("VIP") == mail("ana")
    assert_converged(leaving)


def test_a_lost_removal_that_may_be_a_job_of_somebody_else_is_sent_once_more(leaving: World) -> None:
    leaving.fault(path=REMOVAL, kind="drop_before")
    token = leaving.token
    planned = leaving.plan()
    leaving.control.post(
        "/v3/activities/contact_exports",
        json={"status": "unsubscribed"},
        headers={"Authorization": f"Bearer {token}"},
    )
    finished = leaving.apply(planned)
    assert (finished.status, finished.results[0].removed) == (Status.SUCCESSFUL, 2)
    assert leaving.members("VIP") == mail("ana")
    assert_converged(leaving)


def test_a_removal_that_fails_twice_is_open_and_the_next_plan_has_it_again(leaving: World) -> None:
    leaving.fault(kind="activity", path=REMOVAL, mishap="failed", times=2)
    finished = leaving.apply(leaving.plan())
    assert finished.status is Status.PARTIAL
    assert (finished.results[0].removed, finished.results[0].unfinished) == (0, 2)
    assert leaving.plan().plan.totals().remove == 2
    leaving.sync()
    assert leaving.members("VIP") == mail("ana")
    assert_converged(leaving)


@pytest.mark.parametrize("call", ["start_import", "start_removal"])
def test_what_a_stop_cut_off_while_it_was_sent_is_looked_for(leaving: World, call: str) -> None:
    """The alarm that ends a stop raises where the program stands, which may be between a POST and its answer."""
    one_export(leaving, [person("ana"), person("bob", member=False), person("dan"), person("eve")])

    def stopped() -> None:
        raise StoppedError(ExitCode.INTERRUPTED, Diagnostic("E902", "stopped by a signal"))

    doom(leaving, f"after destination.{call}", stopped)
    with suppress(StoppedError):
        assert leaving.apply(leaving.plan()).status is Status.CANCELED
    spare(leaving)
    leaving.recover()
    if call == "start_import":
        leaving.leave("VIP", "dan@example.com")
        leaving.sync()
        assert leaving.members("VIP") == mail("ana", "eve"), "who left since is not put back"
    leaving.sync()
    assert_converged(leaving)
    assert asked(leaving, "contacts_file_import") == 2, "the first, and this one"
    assert asked(leaving, REMOVAL) == 1
