"""The rules of the protocol one by one, each by the harm that its absence does."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ccsync.cli.apply import exit_code_of
from ccsync.constant_contact.budget import RequestBudget, budget_key
from ccsync.constant_contact.folder import user_folder
from ccsync.core.event import Status
from ccsync.core.record import Accepted, Concluded, Intended
from ccsync.core.spec import ConnectionName
from ccsync.errors import DeniedError, Diagnostic, ExitCode, GuardError, LockedError, QuotaError, StaleError

from tests.applier.people import assert_converged, mail, one_export, person
from tests.crash.killing import Killed, doom, spare
from tests.crash.quick import quick_world
from tests.support.world import Planned, World, Wrapping

CSV, REMOVAL = "/activities/contacts_file_import", "/activities/remove_list_memberships"


@pytest.fixture
def world() -> Iterator[World]:
    """Ana, Bob and Cyd on VIP by our doing; then Ana's name changes, Cyd leaves the segment and Dan joins it."""
    with quick_world() as opened:
        one_export(opened, [person("ana"), person("bob"), person("cyd")])
        opened.sync()
        one_export(
            opened, [person("ana", first_name="Anna"), person("bob"), person("cyd", member=False), person("dan")]
        )
        yield opened


@dataclass(frozen=True, slots=True)
class Watched:
    """A port whose calls are told before they are made."""

    real: Any
    tell: Callable[[str, tuple[Any, ...]], None]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self.tell(name, given)
            return found(*given, **named)

        return call


def posts(world: World, path: str) -> int:
    return sum(
        1 for one in world.ask("/requests")["requests"] if one["method"] == "POST" and one["path"].endswith(path)
    )


def killed(world: World, planned: Planned, point: str) -> None:
    """Applies and dies there."""
    doom(world, point)
    with pytest.raises(Killed):
        world.apply(planned)
    spare(world)


# ---------------------------------------------------------------- journal


def test_every_post_is_intended_before_and_accepted_before_it_is_looked_at(world: World) -> None:
    told: list[str] = []

    def journal(name: str, given: tuple[Any, ...]) -> None:
        if name == "append" and isinstance(given[0], Intended | Accepted | Concluded):
            told.append(type(given[0]).__name__)

    def destination(name: str, given: tuple[Any, ...]) -> None:
        if name in ("start_import", "start_removal", "look"):
            told.append(name)

    planned = world.plan()
    world.wrapping = Wrapping(lambda port: Watched(port, destination), lambda port: Watched(port, journal))
    world.apply(planned)
    once = [name for at, name in enumerate(told) if name != "look" or told[at - 1] != "look"]
    assert once == [
        *("Intended", "start_removal", "Accepted", "look", "Concluded"),
        *("Intended", "start_import", "Accepted", "look", "Concluded"),
    ]


def test_an_import_whose_answer_was_lost_is_found_by_its_name_and_not_sent_again(world: World) -> None:
    before = posts(world, CSV)
    world.fault(path=CSV, kind="drop_after")
    assert world.apply(world.plan()).status is Status.SUCCESSFUL
    assert posts(world, CSV) == before + 1
    assert_converged(world)


def test_an_import_killed_right_after_its_post_is_not_sent_again(world: World) -> None:
    before = posts(world, CSV)
    killed(world, world.plan(), "after destination.start_import")
    (settled,) = world.recover()
    assert settled.applied == 3
    assert_converged(world)
    assert posts(world, CSV) == before + 1


def test_nobody_is_put_back_who_left_after_a_kill(world: World) -> None:
    killed(world, world.plan(), "after destination.start_import")
    world.do("/activities/drain")
    world.leave("VIP", "ana@example.com", "dan@example.com")
    world.recover()
    assert_converged(world)
    assert world.members("VIP") == mail("bob")


# ---------------------------------------------------------------- order


def test_no_import_is_sent_while_a_removal_runs(world: World) -> None:
    running: list[int] = []

    def before(name: str, given: tuple[Any, ...]) -> None:
        if name == "start_import":
            running.append(world.ask("/statistics")["open_activities"])

    planned = world.plan()
    world.do("/limits", speed=1)
    world.wrapping = Wrapping(lambda port: Watched(port, before))
    world.apply(planned)
    assert running == [0]


def test_no_state_is_written_while_a_job_runs(world: World) -> None:
    running: list[int] = []
    planned = world.plan()
    world.do("/limits", speed=1)
    world.wrapping = Wrapping(
        writer=lambda port: Watched(port, lambda *_: running.append(world.ask("/statistics")["open_activities"]))
    )
    world.apply(planned)
    assert running == [0]


# ---------------------------------------------------------------- counters


def test_completed_is_not_success_when_rows_were_cut_off(world: World) -> None:
    one_export(world, [person(name) for name in ("ana", "bob", "cyd", "dan", "eve", "fay", "gus")])
    world.fault(kind="activity", path=CSV, mishap="cut_off")
    finished = world.apply(world.plan())
    assert (finished.status, finished.results[0].added) == (Status.SUCCESSFUL, 4)
    assert world.members("VIP") == mail("ana", "bob", "cyd", "dan", "eve", "fay", "gus")
    assert_converged(world)


# ---------------------------------------------------------------- the firewall


def test_who_leaves_while_the_removals_run_is_dropped_from_the_imports(world: World) -> None:
    """The look is more than a minute old by then, so there is another one."""
    world.fault(path=REMOVAL, kind="delay", seconds=90)
    left: list[str] = []

    def leave() -> None:
        if not left and world.clock.slept[-1] == 90:
            left.append("ana@example.com")
            world.leave("VIP", *left)

    planned = world.plan()
    world.clock.on_sleep = leave
    finished = world.apply(planned)
    assert left
    assert finished.results[0].dropped == {"opted_out": 1}
    assert world.members("VIP") == mail("bob", "dan")
    assert_converged(world)


# ---------------------------------------------------------------- lock, guards, plans


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A lease that was taken over before the n-th check."""

    real: Any
    held: list[int]

    def check(self) -> None:
        if not self.held:
            raise LockedError(Diagnostic("E701", "taken over"))
        self.held.pop()
        self.real.check()


@pytest.mark.parametrize("checks", [0, 1, 2])
def test_who_lost_the_lock_sends_and_writes_nothing_more(world: World, checks: int) -> None:
    planned = world.plan()
    before, serial = posts(world, CSV) + posts(world, REMOVAL), world.state().generations.snapshot().ref.serial
    before_the_journal = 1
    world.wrapping = Wrapping(lease=lambda lease: Overtaken(lease, [0] * (before_the_journal + checks)))
    with pytest.raises(LockedError):
        world.apply(planned)
    spare(world)
    assert posts(world, CSV) + posts(world, REMOVAL) == before + checks
    assert world.state().generations.snapshot().ref.serial == serial
    world.sync()
    assert_converged(world)


def test_who_lost_the_lock_begins_no_journal(world: World) -> None:
    planned = world.plan()
    world.wrapping = Wrapping(lease=lambda lease: Overtaken(lease, []))
    with pytest.raises(LockedError):
        world.apply(planned)
    assert world.state().journals.pending() is None


def test_a_blocked_plan_sends_nothing(world: World) -> None:
    one_export(world, [person("ana", member=False)])
    planned = world.plan()
    before = world.ask("/statistics")["requests"]
    with pytest.raises(GuardError):
        world.apply(planned)
    assert world.ask("/statistics")["requests"] == before
    assert world.members("VIP") == mail("ana", "bob", "cyd")


def test_a_plan_is_applied_once(world: World) -> None:
    planned = world.plan()
    world.apply(planned)
    with pytest.raises(StaleError) as refused:
        world.apply(planned)
    assert refused.value.diagnostics[0].code == "E704"


# ---------------------------------------------------------------- the day's quota


def test_a_quota_that_runs_out_in_the_middle_stops_and_the_next_day_goes_on(world: World) -> None:
    planned = world.plan()
    world.fault(method="POST", path=CSV, kind="quota_exceeded")
    finished = world.apply(planned)
    assert exit_code_of(finished, None) is ExitCode.PARTIAL
    assert [(each.code, each.hint) for each in finished.diagnostics] == [
        ("E604", "run the command again after 00:00 UTC")
    ]
    assert world.state().journals.pending() is not None
    assert world.members("VIP") == mail("ana", "bob")  # the removal was done, the import was not

    world.clock.forward(13 * 3600)  # 00:00 UTC is past
    world.token = world.do("/tokens")["access_token"]
    (settled,) = world.recover()
    assert settled.applied == 1
    world.sync()
    assert world.members("VIP") == mail("ana", "bob", "dan")
    assert_converged(world)


def test_a_quota_that_runs_out_between_polls_keeps_the_jobs_it_asked_for(world: World) -> None:
    planned = world.plan()
    jobs = posts(world, CSV)

    def exhaust(name: str, given: tuple[Any, ...]) -> None:
        if name == "start_import":
            world.fault(method="GET", path="/activities/*", kind="quota_exceeded")

    world.wrapping = Wrapping(lambda port: Watched(port, exhaust))
    assert world.apply(planned).status is Status.PARTIAL
    spare(world)
    world.clock.forward(13 * 3600)
    world.token = world.do("/tokens")["access_token"]
    (settled,) = world.recover()
    assert settled.applied == 3
    assert posts(world, CSV) == jobs + 1
    assert_converged(world)


def test_until_the_next_day_recovery_says_when_to_come_back(world: World) -> None:
    planned = world.plan()
    world.fault(method="POST", path=CSV, kind="quota_exceeded")
    world.apply(planned)
    with pytest.raises(QuotaError) as refused:
        world.recover()
    assert [each.code for each in refused.value.diagnostics] == ["E604"]
    assert world.state().journals.pending() is not None


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("path", [REMOVAL, CSV])
def test_a_post_that_was_refused_for_the_token_leaves_no_doubt(world: World, path: str) -> None:
    planned = world.plan()
    before = posts(world, CSV) + posts(world, REMOVAL)
    world.fault(method="POST", path=path, kind="unauthorized")
    if path == REMOVAL:  # the first one: nothing was done
        with pytest.raises(DeniedError):
            world.apply(planned)
    else:
        finished = world.apply(planned)
        assert (finished.status, finished.results[0].removed) == (Status.PARTIAL, 1)
        assert [each.code for each in finished.diagnostics] == ["E302"]
    assert world.state().journals.pending() is None
    world.sync()
    assert posts(world, CSV) + posts(world, REMOVAL) == before + 3
    assert_converged(world)


def test_a_plan_that_does_not_fit_into_the_day_says_so_and_sends_nothing(world: World) -> None:
    document = json.loads((world.folder / "ccsync.yaml").read_text())
    document["connections"]["newsletter"]["limits"]["requests_per_day"] = used(world) + 30
    (world.folder / "ccsync.yaml").write_text(json.dumps(document))
    planned = world.plan()
    assert [each.code for each in planned.plan.exports[0].findings] == ["E507"]
    before = posts(world, CSV) + posts(world, REMOVAL)
    with pytest.raises(GuardError) as refused:
        world.apply(planned)
    assert [each.code for each in refused.value.diagnostics] == ["E507"]
    assert posts(world, CSV) + posts(world, REMOVAL) == before


def test_a_plan_that_no_longer_fits_into_the_day_says_so_before_anything_is_sent(world: World) -> None:
    planned = world.plan()
    assert planned.plan.exports[0].findings == ()
    use_up(world)
    before = world.ask("/statistics")["requests"]
    with pytest.raises(GuardError) as refused:
        world.apply(planned)
    assert [each.code for each in refused.value.diagnostics] == ["E507"]
    assert world.ask("/statistics")["requests"] == before
    with pytest.raises(QuotaError):
        world.apply(planned, allowed=("vip:day_quota",))


def use_up(world: World) -> None:
    """Another process with the same API key used all of the day's requests."""
    connection = world.project().connections[ConnectionName("newsletter")]
    folder = user_folder({"CCSYNC_HOME": str(world.folder / "home")})
    budget = RequestBudget(folder, budget_key(connection), connection.limits, world.clock, lambda _: None)
    budget.exhaust()
    budget.close()


def used(world: World) -> int:
    return int(world.ask("/limits")["used_today"])
