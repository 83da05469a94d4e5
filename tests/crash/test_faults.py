"""Every fault in every phase: it ends as the table says, and afterwards everything is as it should be."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from ccsync.cli.apply import exit_code_of
from ccsync.constant_contact.filestore import FileStore
from ccsync.constant_contact.grant import Grant
from ccsync.core.event import ApplyFinished
from ccsync.core.spec import ConnectionName
from ccsync.errors import CcsyncError, Diagnostic, ExitCode
from ccsync.sandbox.tokens import CLIENT_ID

from tests.applier.people import mail, person
from tests.crash.faults import CELLS, EXPECTED, LATER_S, QUICK, SIGN_IN, Fault, Phase
from tests.crash.killing import Killed
from tests.crash.quick import quick_world
from tests.support.world import Planned, World, Wrapping, configuration, connection, export

VIP = mail("ana", "bob", "dan", "gap", "hal", "stranger")
NEW = mail("dan", "gap")
DAY_S = 86_400.0
LIMITS = {"requests_per_second": 1000, "requests_per_day": 1_000_000, "poll_seconds": [0.1, 600]}
TOKEN = {"auth": {"flow": "access_token", "access_token": "${env:CC_ACCESS_TOKEN}"}}
SIGNED_IN = {"auth": {"flow": "device", "client_id": CLIENT_ID}}


def people(*, later: bool) -> list[dict[str, Any]]:
    members = [person(name, vip=True, new=False) for name in ("ana", "bob", "cyd", "lea")]
    if not later:
        return members
    members[1]["first_name"], members[3]["first_name"] = "Robert", "Leah"
    members[2]["vip"] = False
    joining = [person(name, vip=True, new=name != "hal") for name in ("dan", "gap", "hal")]
    joining[1]["first_name"] = None
    return members + joining


def configure(world: World, auth: dict[str, Any], *, later: bool) -> None:
    """VIP as it was; or the change: one removal, one update, additions in CSV and in JSON, a list to be made."""
    world.rows("people.json", people(later=later))
    exports = {"vip": export("VIP", "vip")} | ({"welcome": export("New", "new")} if later else {})
    world.configure(
        configuration(
            connections={"newsletter": connection(limits=LIMITS) | auth},
            sources={"crm": {"type": "json", "path": "people.json"}},
            segments={"vip": {"source": "crm", "where": "vip"}, "new": {"source": "crm", "where": "new"}},
            exports=exports,
        )
    )


NEVER = Phase("never", "", "")


@dataclass(slots=True)
class Trigger:
    """Stands before the destination and lets a fault strike at the phase's call, once. kill: dies after this call."""

    world: World
    fault: Fault
    phase: Phase
    kill: str = ""
    made: set[str] = field(default_factory=set)
    struck: bool = False

    def over(self, real: Any) -> Any:
        return Watched(real, self)

    def before(self, call: str) -> None:
        due = call == self.phase.call and (not self.phase.after or self.phase.after in self.made)
        if due and not self.struck:
            self.struck = True
            strike(self.world, self.fault, self.phase)
        self.made.add(call)

    def after(self, call: str) -> None:
        if call == self.kill:
            raise Killed


@dataclass(frozen=True, slots=True)
class Watched:
    real: Any
    trigger: Trigger

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            full = f"{name}:{given[1].transport}" if name == "start_import" else name
            self.trigger.before(full)
            result = found(*given, **named)
            self.trigger.after(full)
            return result

        return call


def strike(world: World, fault: Fault, phase: Phase) -> None:
    if "mishap" in fault.order:
        world.fault(kind="activity", path=f"/activities/{phase.kind or '*import'}", **fault.order)
    elif fault.order:
        world.fault(**fault.order)
    elif fault in SIGN_IN:
        end_sign_in(world, fault)


def end_sign_in(world: World, fault: Fault) -> None:
    world.do("/tokens/revoke" if fault.name == "revoked" else "/tokens/expire")
    if fault.name == "renewal_lost":
        world.fault(path="*/token", kind="drop_after")
    if fault.name == "rotated":
        grant = store(world).load()
        assert grant is not None
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token, "client_id": CLIENT_ID}
        assert world.control.post("/oauth2/default/v1/token", data=form).status_code == 200


def store(world: World) -> FileStore:
    connection = world.project().connections[ConnectionName("newsletter")]
    return FileStore(connection, {"CCSYNC_HOME": str(world.folder / "home")})


def sign_in(world: World) -> None:
    """As `connections login` leaves it."""
    given, now = world.do("/tokens"), world.clock.now()
    times = [(now + timedelta(seconds=s)).isoformat() for s in (DAY_S, 0, 0)]
    store(world).save(Grant(given["access_token"], given["refresh_token"], *times))


@contextmanager
def prepared(fault: Fault) -> Iterator[World]:
    auth = SIGNED_IN if fault in SIGN_IN else TOKEN
    with quick_world() as world:
        world.make_list("VIP", "stranger@example.com")
        configure(world, auth, later=False)
        if fault in SIGN_IN:
            sign_in(world)
        world.sync()
        configure(world, auth, later=True)
        yield world


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended."""

    code: int
    diagnostics: tuple[Diagnostic, ...] = ()

    def __str__(self) -> str:
        return " ".join([str(self.code), *sorted({each.code for each in self.diagnostics})])


def outcome_of(world: World, fault: Fault, phase: Phase) -> Ending:
    """Of the command that the fault meets."""
    trigger = Trigger(world, fault, phase)
    if phase.name.startswith("plan"):
        world.wrapping = Wrapping(trigger.over)
        ended = ending(lambda: world.plan())
    else:
        planned = world.plan()
        world.leave("VIP", "lea@example.com")
        if phase.name == "read_back":
            world.fault(kind="activity", path="/activities/contacts_file_import", mishap="failed_after")
        if phase.name == "recover":
            ended = killed_and_recovered(world, trigger, planned)
        else:
            world.wrapping = Wrapping(trigger.over)
            ended = ending(lambda: world.apply(planned))
    assert trigger.struck, "the phase was not reached"
    return ended


def killed_and_recovered(world: World, trigger: Trigger, planned: Planned) -> Ending:
    fault = trigger.fault
    if fault.name in LATER_S:  # strikes the run that dies
        trigger.phase, trigger.kill = Phase("dying", "", "start_import:csv"), "start_import:json"
        world.wrapping = Wrapping(trigger.over)
    else:
        world.wrapping = Wrapping(Trigger(world, fault, NEVER, kill="start_import:json").over)
    with pytest.raises(Killed):
        world.apply(planned)
    time_passes(world, LATER_S.get(fault.name, 0.0))
    trigger.kill = ""
    world.wrapping = Wrapping(trigger.over)
    return ending(world.recover)


def ending(run: Any) -> Ending:
    try:
        done = run()
    except CcsyncError as error:
        return Ending(int(error.exit_code), error.diagnostics)
    if isinstance(done, ApplyFinished):
        return Ending(int(exit_code_of(done, None)), done.diagnostics)
    return Ending(0)


def time_passes(world: World, seconds: float) -> None:
    world.clock.forward(seconds)
    world.token = world.do("/tokens")["access_token"]


def converge(world: World, fault: Fault) -> None:
    """The trouble is over; people do what the messages say."""
    world.wrapping = Wrapping()
    world.control.delete("/sandbox/faults")
    time_passes(world, DAY_S if fault.name == "quota" else 60.0)
    if fault in SIGN_IN:
        sign_in(world)
    if "lea@example.com" in world.members("VIP"):
        world.leave("VIP", "lea@example.com")
    for _ in range(4):
        if world.sync() is None:
            break
    else:
        pytest.fail("no end of it")
    assert world.state().journals.pending() is None


def check_ending(world: World, ended: Ending, before: set[str], phase: Phase) -> None:
    """What a message says of what was done is so."""
    if phase.name == "recover":
        return
    if ended.code not in (ExitCode.DONE, ExitCode.PARTIAL):
        assert changes(world) == before
    if changes(world) != before:
        told = [f"{each.summary} {each.detail}" for each in ended.diagnostics]
        assert not any(re.search(r"othing was (changed|sent)(?! by)", text) for text in told), told


def changes(world: World) -> set[str]:
    """Ids of the lists, and of the jobs that change something."""
    jobs = {one["activity_id"] for one in world.ask("/activities") if one["kind"] != "contact_exports"}
    return jobs | {one["list_id"] for one in world.ask("/lists")}


def check_truth(world: World, fault: Fault, phase: Phase) -> None:
    imports = phase.kind is not None and phase.kind.endswith("_import")
    if (imports and fault.name in HOLDS_BACK) or (fault.name, phase.name) in KNOWN_BY_THEN:
        check_held_back(world)
    else:
        assert world.members("VIP") == VIP
        assert world.members("New") == NEW
        assert world.fields("bob@example.com")["first_name"] == "Robert"
        assert people_written(world) == CALM, "something was sent twice with effect"
    statistics = world.ask("/statistics")
    assert statistics["account"]["leavers_put_back"] == 0
    assert world.fields("lea@example.com")["first_name"] == "Lea"
    assert statistics.get("crashes", {}) == {}


def check_held_back(world: World) -> None:
    """Who is missing is not lost: the next plan counts them as held back."""
    missing = {"VIP": VIP - world.members("VIP"), "New": NEW - world.members("New")}
    assert any(missing.values())
    assert world.members("VIP") <= VIP
    assert world.members("New") <= NEW
    for planned in world.plan().plan.exports:
        name = planned.list.name
        assert sum(planned.held_back.values()) == len(missing[name]) + (name == "VIP"), "Lea, who left, besides"


def people_written(world: World) -> dict[str, int]:
    return dict(world.ask("/statistics")["people"])


HOLDS_BACK = ("partial", "boasting")
"""Faults after which rows that did not arrive are held back: the remote says that it refused them, or nobody can tell
them from people who arrived and left."""
KNOWN_BY_THEN = (("timed_out", "csv"), ("cut_off", "csv"))
"""Half of one list's file is lost, counted as such, while the other list's makes the same people known to the account:
existence proves nothing then, so they are held back as well."""
CALM = {"created": 7, "updated": 1, "revived": 0}


def run(fault: Fault, phase: Phase) -> None:
    with prepared(fault) as world:
        before = changes(world)
        ended = outcome_of(world, fault, phase)
        assert str(ended) == EXPECTED[fault.name, phase.name]
        check_ending(world, ended, before, phase)
        converge(world, fault)
        check_truth(world, fault, phase)


def marked(fault: Fault, phase: Phase) -> Any:
    quick = (fault.name, phase.name) in QUICK
    return pytest.param(fault, phase, marks=() if quick else pytest.mark.long, id=f"{fault.name}-{phase.name}")


@pytest.mark.parametrize(("fault", "phase"), [marked(*cell) for cell in CELLS])
def test_a_fault_ends_as_the_table_says(fault: Fault, phase: Phase) -> None:
    run(fault, phase)
