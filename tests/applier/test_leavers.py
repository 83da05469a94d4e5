"""Who arrived and left before anybody accounted for it is not put back, and who came by themselves is not ours."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from ccsync.core.event import Status
from ccsync.core.plan import Plan
from ccsync.errors import TransientError
from ccsync.ports.live import Activity, ActivityState

from tests.applier.interrupting import days_pass, interrupt
from tests.applier.people import mail, one_export, person
from tests.crash.killing import Killed
from tests.support.world import World, Wrapping, open_world

IMPORT = "/activities/contacts_file_import"


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[World]:
    """An account that refuses role addresses (info@…) as correctable."""
    with open_world(tmp_path, switches={"role_address": "correctable"}) as opened:
        yield opened


class Watched:
    """A destination; `seen` is told once, when a job is first seen ended."""

    def __init__(self, real: Any, seen: Callable[[], None]) -> None:
        self.real, self.seen, self.told = real, seen, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def look(self, wanted: Any) -> tuple[Activity, ...]:
        found: tuple[Activity, ...] = self.real.look(wanted)
        if not self.told and any(one.state is not ActivityState.RUNNING for one in found):
            self.told = True
            self.seen()
        return found


class Clocked:
    """A destination whose clock is an hour behind ours."""

    def __init__(self, real: Any, imports: list[str]) -> None:
        self.real, self.imports = real, imports

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def recent(self, since: Any) -> Any:
        return self.real.recent(since + timedelta(hours=1))

    def start_import(self, *given: Any) -> Any:
        self.imports.append(given[2])
        return self.real.start_import(*given)


def held_back(plan: Plan) -> int:
    return plan.exports[0].held_back["opted_out"]


def test_who_left_is_not_sent_again_because_another_row_was_refused(strict: World) -> None:
    one_export(strict, [person("ana"), person("bob"), person("info")])
    strict.wrapping = Wrapping(lambda real: Watched(real, lambda: strict.leave("VIP", "bob@example.com")))
    planned = strict.plan()
    strict.apply(planned)
    strict.wrapping = Wrapping()
    assert strict.sync() is None
    assert strict.members("VIP") == mail("ana")
    assert held_back(strict.plan().plan) == 2


def test_who_left_before_a_late_settlement_is_not_added_again(strict: World) -> None:
    one_export(strict, [person("ana"), person("bob"), person("info")])
    interrupt(strict)
    strict.leave("VIP", "bob@example.com")
    days_pass(strict, 2)
    strict.sync()
    assert strict.members("VIP") == mail("ana")


def test_who_left_is_not_added_again_when_the_job_is_forgotten(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    interrupt(world)
    world.leave("VIP", "bob@example.com")
    days_pass(world, 11)
    world.sync()
    assert world.members("VIP") == mail("ana")


def test_who_left_is_not_sent_again_with_the_half_that_was_not_written(world: World) -> None:
    one_export(world, [person(name) for name in ("ana", "bob", "cyd", "dan")])
    world.fault(kind="activity", path=IMPORT, mishap="timed_out")
    gone: list[str] = []

    def leave() -> None:
        gone.append(min(world.members("VIP")))
        world.leave("VIP", gone[0])

    planned = world.plan()
    world.wrapping = Wrapping(lambda real: Watched(real, leave))
    world.apply(planned)
    assert gone[0] not in world.members("VIP")


@pytest.mark.parametrize("mishap", ["failed", "cancelled", "timed_out", "cut_off"])
def test_who_provably_never_arrived_is_sent_again(world: World, mishap: str) -> None:
    names = ("ana", "bob", "cyd", "dan")
    one_export(world, [person(name) for name in names])
    world.fault(kind="activity", path=IMPORT, mishap=mishap)
    assert world.apply(world.plan()).status is Status.SUCCESSFUL
    assert world.members("VIP") == mail(*names)


def test_who_joined_while_our_import_did_nothing_is_not_ours(world: World) -> None:
    one_export(world, [person("ana")])
    world.sync()
    one_export(world, [person("ana"), person("eve")])
    world.fault(kind="activity", path=IMPORT, mishap="failed")
    planned = world.plan()
    join = lambda: world.do("/people/join", emails=["eve@example.com"], list="VIP")  # noqa: E731
    world.wrapping = Wrapping(lambda real: Watched(real, join))
    world.apply(planned)
    world.wrapping = Wrapping()
    one_export(world, [person("ana"), person("eve", member=False)])
    world.sync()
    assert world.members("VIP") == mail("ana", "eve")


def test_a_remote_clock_behind_ours_hides_no_job_whose_answer_was_lost(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    planned = world.plan()
    world.fault(path=IMPORT, kind="drop_after")
    imports: list[str] = []
    world.wrapping = Wrapping(lambda real: Clocked(real, imports))
    world.apply(planned)
    assert len(imports) == 1
    assert world.members("VIP") == mail("ana", "bob")


class HourAhead:
    """Our clock, an hour ahead of the account's."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def now(self) -> datetime:
        return cast(datetime, self.real.now()) + timedelta(hours=1)


class Cut:
    """A destination that tells how far ahead our clock is; the run is killed as soon as its import was posted."""

    def __init__(self, real: Any, ahead_s: float) -> None:
        self.real, self.ahead_s = real, ahead_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def clock_ahead_s(self) -> float:
        return self.ahead_s

    def start_import(self, *given: Any) -> Any:
        raise Killed(self.real.start_import(*given))


@pytest.mark.parametrize("mended", [False, True], ids=["still ahead", "set right since"])
def test_a_clock_of_ours_that_is_ahead_hides_no_job_that_a_kill_cut_off(world: World, *, mended: bool) -> None:
    """Rows with a gap travel as JSON: their job has no file name that it could be found by."""
    right, world.clock = world.clock, HourAhead(world.clock)
    one_export(world, [person("ana", first_name=None), person("bob", first_name=None)])
    planned = world.plan()
    world.wrapping = Wrapping(lambda real: Cut(real, 3600))
    with pytest.raises(Killed):
        world.apply(planned)
    world.do("/activities/drain")
    world.leave("VIP", "bob@example.com")
    if mended:
        world.clock, world.wrapping = right, Wrapping()
    world.sync()
    assert world.members("VIP") == mail("ana")


def test_a_job_that_never_ends_is_given_up_after_a_day_and_not_waited_for_before(world: World) -> None:
    one_export(world, [person("ana"), person("bob")])
    world.fault(kind="activity", path=IMPORT, mishap="stuck")
    world.apply(world.plan())
    before = world.clock.passed_s
    with pytest.raises(TransientError, match="E605"):
        world.recover()
    assert world.clock.passed_s - before < 60
    days_pass(world, 1)
    plan = world.plan().plan
    assert not plan.has_changes
    assert held_back(plan) == 2


@pytest.mark.parametrize("mishap", ["cut_off", "correctable"])
def test_who_left_is_not_taken_for_a_row_that_never_arrived_because_that_one_joined(strict: World, mishap: str) -> None:
    names = ("ana", "bob", "cyd", "info")
    one_export(strict, [person(name) for name in names])
    if mishap == "cut_off":
        strict.do("/switches", role_address="accept")
        strict.fault(kind="activity", path=IMPORT, mishap="timed_out")
    left: list[str] = []

    def seen() -> None:
        there = sorted(strict.members("VIP"))
        strict.do("/people/join", emails=sorted(mail(*names) - set(there)), list="VIP")
        left.extend(there[: len(names) - len(there)])
        strict.leave("VIP", *left)

    strict.wrapping = Wrapping(lambda real: Watched(real, seen))
    strict.sync()
    strict.wrapping = Wrapping()
    assert left
    assert not strict.members("VIP") & set(left)
    one_export(strict, [person(name, first_name="Changed") for name in names])
    strict.sync()
    assert not strict.members("VIP") & set(left)
