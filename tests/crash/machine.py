"""The model: people, data, configuration and commands in any order, with kills and lost answers in between.

Every rule ends with what must hold. What must hold is said in `oracle.py`.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar, TypeVar

import duckdb
from ccsync.core.event import ApplyFinished, Status
from ccsync.core.guard import blocking
from ccsync.errors import CcsyncError, GuardError
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.crash.killing import Killed, doom, spare
from tests.crash.oracle import Oracle
from tests.crash.quick import quick_world
from tests.crash.truth import Fields, Known, Row, Truth, known_of, rows_of, truth_of
from tests.support.world import Planned, World, configuration, export

NAMES = ("ana", "bob", "cyd", "dan", "eve", "admin")
LISTS = ("VIP", "Other")
EXPORTS = {"a": "VIP", "b": "VIP", "c": "Other"}
SPACES = ["in_a", "in_b", "in_c"]
T = TypeVar("T")

names = st.sampled_from(NAMES)
Act = tuple[int, str, str]
acts = st.tuples(
    st.integers(0, len(NAMES) - 1),
    st.sampled_from([*LISTS, "VIP", "VIP"]),
    st.sampled_from(["leave", "leave", "colleague", "join", "unsubscribe", "resubscribe", "edit", "delete"]),
)
some_names = st.lists(names, min_size=1, max_size=3, unique=True)
changes = st.lists(
    st.tuples(names, st.sampled_from([*SPACES, *SPACES, "gone", "first", "last", "blank", "twice", "too_long"])),
    min_size=1,
    max_size=4,
)
FAULTS: list[dict[str, Any]] = [
    {"method": "POST", "path": "/activities/*import", "kind": "drop_after"},
    {"method": "POST", "path": "/activities/*import", "kind": "drop_before"},
    {"method": "POST", "path": "/activities/remove*", "kind": "drop_after"},
    {"method": "POST", "path": "/activities/remove*", "kind": "drop_before"},
    {"method": "POST", "path": "/contact_lists", "kind": "drop_after"},
    *({"path": "/activities/*import", "kind": "activity", "mishap": m} for m in ("failed", "cut_off", "failed_after")),
    *({"path": "/activities/*import", "kind": "activity", "mishap": m} for m in ("timed_out", "lying", "cancelled")),
    *({"path": "/activities/remove*", "kind": "activity", "mishap": m} for m in ("failed", "timed_out", "lying")),
    {"method": "POST", "path": "/activities/*", "status": 503},
    {"method": "GET", "path": "/activities/*", "status": 500},
    {"method": "GET", "path": "/contact*exports/*", "kind": "truncated"},
]
SWITCHES = {
    "role_address": ("accept", "correctable"),
    "empty_value": ("ignore", "clear", "reject"),
    "export_has_contact_id": ("no", "yes"),
    "unknown_contact_id_in_removal": ("ignore", "fail"),
    "dup_winner": ("first", "last"),
    "job_order": ("shuffled", "fifo"),
    "unsub_fields": ("updated", "untouched"),
    "membership_bumps_updated_at": ("yes", "no"),
}


def mail(name: str) -> str:
    return f"{name}@example.com"


class Machine(RuleBasedStateMachine):
    """A world, and an oracle beside it. commands: how often what was done, over all examples."""

    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World = self.stack.enter_context(quick_world())
        self.reader = self.stack.enter_context(duckdb.connect(config={"threads": 1}))
        self.oracle = Oracle()
        self.people: dict[str, dict[str, Any]] = {
            name: {"in_a": False, "in_b": False, "in_c": False, "first": 1, "last": 1, "blank": False, "twice": False,
                   "gone": False, "too_long": False}
            for name in NAMES
        }  # fmt: skip
        self.exports: dict[str, dict[str, Any]] = {"a": {}}
        self.mapping = {"a": "last_name", "b": "last_name", "c": "last_name"}
        self.saved: list[tuple[Planned, list[Row]]] = []
        self.pending: list[Row] = []
        self.applied: list[Row] = []
        self.troubled = False
        self.doubted: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        self.stack.close()

    # ---------------------------------------------------------------- data and configuration

    @initialize(
        members=st.lists(st.tuples(names, st.sampled_from(SPACES)), min_size=2, max_size=8),
        more=st.sets(st.sampled_from(["b", "c"])),
        strangers=some_names,
    )
    def begin(self, members: list[tuple[str, str]], more: set[str], strangers: list[str]) -> None:
        self.world.make_list("VIP", mail("stranger"), *(mail(name) for name in strangers[1:]))
        self.oracle.foreign["VIP"] |= {mail("stranger"), *(mail(name) for name in strangers[1:])}
        for name, column in members:
            self.people[name][column] = True
        for name in sorted(more):
            self.exports[name] = {}
        self._write()
        self.command("sync", lambda: self._sync(()))

    @rule(changed=changes)
    def change_rows(self, changed: list[tuple[str, str]]) -> None:
        self._change_rows(changed)

    def _change_rows(self, changed: list[tuple[str, str]]) -> None:
        for name, what in changed:
            row = self.people[name]
            row[what] = row[what] % 3 + 1 if what in ("first", "last") else not row[what]
        self._write()

    @rule(
        name=st.sampled_from(list(EXPORTS)),
        on_leave=st.sampled_from(["remove_from_list", "keep"]),
        on_delete=st.sampled_from(["remove_members", "keep_members"]),
        empty=st.booleans(),
        drop=st.booleans(),
        column=st.sampled_from(["last_name", "last_name", "other_name"]),
    )
    def change_export(self, name: str, on_leave: str, on_delete: str, empty: bool, drop: bool, column: str) -> None:
        if drop and name in self.exports and len(self.exports) > 1:
            del self.exports[name]
        else:
            self.exports[name] = {"on_leave": on_leave, "on_delete": on_delete, "empty": empty}
        self.mapping[name] = column
        self._write()

    def _write(self) -> None:
        rows = []
        for name, row in self.people.items():
            if row["gone"]:
                continue
            first = None if row["blank"] else f"{name.title()}{row['first']}"
            fields = {"email": mail(name), "first_name": first, "last_name": f"L{row['last']}", "other_name": "O"}
            fields["last_name"] = "x" * 60 if row["too_long"] else fields["last_name"]
            rows.append(fields | {column: row[column] for column in SPACES})
            if row["twice"]:
                rows.append(rows[-1] | {"first_name": "Zoe", "email": f" {mail(name).upper()}"})
        # a source of no rows at all has no columns
        rows.append(
            dict.fromkeys(["email", "first_name", "last_name", "other_name"], "x") | dict.fromkeys(SPACES, False)
        )
        self.world.rows("people.json", rows)
        self.world.configure(
            configuration(
                sources={"crm": {"type": "json", "path": "people.json"}},
                segments={f"s{name}": {"source": "crm", "where": f"in_{name}"} for name in EXPORTS},
                exports={name: self._export(name, **given) for name, given in self.exports.items()},
            )
        )

    def _export(self, name: str, empty: bool = True, **given: str) -> dict[str, Any]:
        made = export(EXPORTS[name], f"s{name}", fields=("first_name",), **given)
        made["attributes"]["last_name"] = self.mapping[name]
        guards = {"allow_empty": empty, "max_new_contacts": 3, "max_unusable": {"percent": 100}}
        return made | {"guards": guards | {"max_source_drop": {"percent": 100}}}

    def _wanted(self, name: str) -> set[str]:
        """Who is in an export's segment and usable, by the data alone."""
        return {mail(n) for n, row in self.people.items() if row[f"in_{name}"] and not row["gone"] and not self._bad(n)}

    def _bad(self, name: str) -> bool:
        return bool(self.people[name]["too_long"])

    # ---------------------------------------------------------------- the other side

    @rule(acts=st.lists(acts, min_size=1, max_size=3))
    def people_act(self, acts: list[Act]) -> None:
        for who, place, what in acts:
            self._act(who, place, what)

    @rule(acts=st.lists(acts, min_size=1, max_size=2), changed=changes)
    def people_act_while_data_change(self, acts: list[Act], changed: list[tuple[str, str]]) -> None:
        self._change_rows(changed)
        self.people_act(acts)

    def _act(self, who: int, place: str, what: str) -> None:
        truth, known = self._truth(), self._known()
        if self._somebody(who, place, what, truth) is None:
            what = "leave" if self._somebody(who, place, "leave", truth) else "join"
        key = self._somebody(who, place, what, truth)
        if key is None:
            return
        self.done[what] += 1
        match what:
            case "leave" | "colleague":
                self.oracle.leaves(place, key, truth, known)
                self.world.do("/people/leave", emails=[key], list=place, by="contact" if what == "leave" else "account")
            case "join":
                self.world.do("/people/join", emails=[key], list=place)
                self.oracle.joins(place, key, truth, known, self.pending)
            case "unsubscribe":
                self.world.do("/people/unsubscribe", emails=[key])
                self.oracle.unsubscribed.add(key)
            case "resubscribe":
                self.world.do("/people/resubscribe", emails=[key])
                self.oracle.unsubscribed.discard(key)
            case "edit":
                self.world.do("/people/edit", emails=[key], fields={"first_name": "By hand"})
            case "delete" if key not in self.oracle.unsubscribed:
                for one in LISTS:
                    self.oracle.leaves(one, key, truth, known)
                self.world.do("/people/delete", emails=[key])

    def _somebody(self, who: int, place: str, what: str, truth: Truth) -> str | None:
        """One of those who can do that."""
        on = set(truth.on(place)) - {mail("stranger")}
        if what == "resubscribe":
            able = self.oracle.unsubscribed
        elif what == "join":
            able = {mail(name) for name in NAMES} - on if place in truth.lists else set()
        else:
            able = on
        return sorted(able)[who % len(able)] if able else None

    @rule(
        setting=st.sampled_from([(name, value) for name, values in SWITCHES.items() for value in values]),
        hours=st.sampled_from([0, 1, 1, 25, 11 * 24]),
        fault=st.none() | st.sampled_from(FAULTS),
        skip=st.integers(0, 1),
    )
    def times_change(self, setting: tuple[str, str], hours: int, fault: dict[str, Any] | None, skip: int) -> None:
        """The vendor behaves another way, time passes, something is about to break."""
        self.world.do("/switches", **{setting[0]: setting[1]})
        if hours:
            self.world.clock.forward(hours * 3600.0)
            self.world.token = self.world.do("/tokens")["access_token"]
        if fault is not None:
            self.world.fault(**fault, skip=skip)
            self.troubled = True
            self.done["fault"] += 1

    # ---------------------------------------------------------------- commands

    @rule(
        which=st.sampled_from([(), (), ("a",), ("b",)]),
        allow=st.booleans(),
        refresh=st.sampled_from([True, True, False]),
    )
    def plan(self, which: tuple[str, ...], allow: bool, refresh: bool) -> None:
        wanted = tuple(name for name in which if name in self.exports)
        made = self.command("plan", lambda: self._plan(wanted, self._allowed(allow), refresh))
        if made is not None:
            self.saved = [*self.saved[-1:], (made, self._rows(made))]

    @rule(allow=st.booleans())
    def sync(self, allow: bool) -> None:
        self.command("sync", lambda: self._sync(self._allowed(allow)))

    @precondition(lambda self: self.saved)
    @rule(at=st.integers(0, 1))
    def apply_saved(self, at: int) -> None:
        planned, rows = self.saved[at % len(self.saved)]
        self.command("apply saved", lambda: self._apply(planned, rows))

    @rule(acts=st.lists(acts, min_size=1, max_size=3), changed=changes, stop_at=st.none() | st.integers(10, 50))
    def people_act_before_the_apply(self, acts: list[Act], changed: list[tuple[str, str]], stop_at: int | None) -> None:
        """Between plan and apply is where the firewall stands."""
        self._change_rows(changed)
        planned = self.command("plan", lambda: self._plan((), self._allowed(True), True))
        if planned is None:
            return
        self.people_act(acts)
        rows = self._rows(planned)
        if stop_at is None:
            self.command("apply late", lambda: self._apply(planned, rows))
        else:
            self._die("apply", stop_at, lambda: self.world.apply(planned), rows)

    @rule(stop_at=st.integers(0, 50), allow=st.just(True))
    def apply_and_die(self, stop_at: int, allow: bool) -> None:
        planned = self.command("plan", lambda: self._plan((), self._allowed(allow), True))
        if planned is None or not planned.plan.has_changes:
            return
        self._die("apply", stop_at, lambda: self.world.apply(planned), self._rows(planned))

    @precondition(lambda self: self.pending)
    @rule(stop_at=st.integers(0, 20))
    def recover_and_die(self, stop_at: int) -> None:
        self._die("recover", stop_at, self.world.recover, self.pending)

    @precondition(lambda self: self.pending)
    @rule()
    def recover(self) -> None:
        self.command("recover", self.world.recover)

    @rule(name=st.sampled_from(list(EXPORTS)), who=some_names, what=st.sampled_from(["readmit", "import", "own"]))
    def take_care(self, name: str, who: list[str], what: str) -> None:
        if name not in self.exports:
            return
        if what == "readmit":
            self.command("readmit", lambda: self._readmit(name, [mail(one) for one in who]))
            return
        done = self.command("import", lambda: self.world.import_list(name, own=what == "own"))
        if done is not None and what == "own":
            self.oracle.foreign[EXPORTS[name]].clear()

    def _readmit(self, name: str, keys: list[str]) -> None:
        self.world.readmit(name, *keys)
        truth = self._truth()
        for key in keys:
            if key not in truth.on(EXPORTS[name]) and key not in self.oracle.unsubscribed:
                self.oracle.comes_back(EXPORTS[name], key)

    def _allowed(self, allow: bool) -> tuple[str, ...]:
        guards = ("max_new_contacts", "min_rows", "max_remove")
        return tuple(f"{name}:{guard}" for name in self.exports for guard in guards) if allow else ()

    def _plan(self, which: tuple[str, ...], allowed: tuple[str, ...], refresh: bool) -> Planned:
        made = self.world.plan(*which, refresh=refresh, allowed=allowed)
        if refresh:
            self._check_held_back(made)
        return made

    def _check_held_back(self, made: Planned) -> None:
        """Nobody is held back who did not leave, or may have."""
        for row in self._rows(made):
            if row.op == "held_back" and row.reason == "opted_out":
                known = row.key in self.oracle.left[row.list] or (row.list, row.key) in self.doubted
                assert known, f"{row.key} never left {row.list}"

    def _sync(self, allowed: tuple[str, ...]) -> ApplyFinished | None:
        planned = self._plan((), allowed, True)
        if not planned.plan.has_changes:
            self._check_everybody_is_there()
            return None
        finished = self._apply(planned, self._rows(planned))
        if finished.status is Status.SUCCESSFUL and not self.troubled:
            again = self._plan((), (), True)
            assert not again.plan.has_changes, [(e.name, e.counts, e.reasons) for e in again.plan.exports]
            self._check_everybody_is_there()
        return finished

    def _check_everybody_is_there(self) -> None:
        truth = self._truth()
        for name in self.exports:
            place = EXPORTS[name]
            excused = self.oracle.left[place] | self.oracle.unsubscribed | {mail("admin")}
            excused |= {key for doubted, key in self.doubted if doubted == place}
            lost = self._wanted(name) - truth.on(place).keys() - excused
            assert not lost or self.troubled, f"{lost} should be on {place}"

    def _apply(self, planned: Planned, rows: list[Row]) -> ApplyFinished:
        before, self.applied = self._truth(), rows
        if self.troubled:
            self._doubt(rows)
        finished = self.world.apply(planned)
        assert not blocking(planned.plan, planned.plan.allowed), "a guard was overridden by nobody"
        self._check_counts(planned, finished)
        for result in finished.results:
            if f"{result.export}:max_new_contacts" not in planned.plan.allowed:
                assert result.added <= 3
        if finished.status is Status.SUCCESSFUL and not self.troubled:
            self._check_effect(rows, before, self._truth(), finished)
        return finished

    def _check_counts(self, planned: Planned, finished: ApplyFinished) -> None:
        """Every change of the plan is in one of the numbers that the apply ends with."""
        for result in finished.results:
            counts = planned.plan.export(result.export).counts
            planned_rows = counts.add + counts.update + counts.remove + counts.adopt + counts.forget
            applied = result.added + result.updated + result.removed + result.adopted + result.forgotten
            told = applied + sum(result.dropped.values()) + sum(result.refused.values()) + result.unfinished
            assert told == planned_rows, (result, counts)

    def _check_effect(self, rows: list[Row], before: Truth, after: Truth, finished: ApplyFinished) -> None:
        """The account changed by the plan, less those whom the firewall had to drop and those the remote refuses."""
        members = {name: {key: dict(fields) for key, fields in on.items()} for name, on in before.lists.items()}
        refuses = self.world.ask("/switches")["role_address"]["value"] == "correctable"
        added: Counter[str] = Counter()
        removed: Counter[str] = Counter()
        for row in rows:
            if row.op == "remove" and members.get(row.list, {}).pop(row.key, None) is not None:
                removed[row.export] += 1
        for row in rows:
            on = members.setdefault(row.list, {})
            if row.op not in ("add", "update", "adopt") or row.key in self.oracle.unsubscribed:
                continue
            if (row.op != "add" and row.key not in before.on(row.list)) or (refuses and row.key == mail("admin")):
                continue
            if row.op == "add":
                added[row.export] += 1
            fields = on.setdefault(row.key, {})
            if row.sent:
                fields |= {name: value for name, value in row.after.items() if value is not None}
        expected = {(name, key) for name, on in members.items() for key in on}
        assert expected == {(name, key) for name, on in after.lists.items() for key in on}
        written = {(row.key, name): value for row in rows if row.sent for name, value in row.after.items()}
        for name, on in members.items():
            for key, fields in on.items():
                found = {field: value for field, value in after.on(name)[key].items() if (key, field) not in written}
                wanted: Fields = {field: fields.get(field) for field in found if field in before.on(name).get(key, {})}
                assert found | wanted == found, (name, key, found, wanted)
        told = {result.export: (result.added, result.removed) for result in finished.results}
        assert told == {name: (added[name], removed[name]) for name in told}

    # ---------------------------------------------------------------- around a command

    def command(self, name: str, run: Callable[[], T]) -> T | None:
        """Runs it and checks what must hold whatever came of it; None when it was refused. What is pending is settled
        on its own first, which changes nothing in the account."""
        if self.pending:
            before = self._truth()
            self._run("recover", self.world.recover)
            self.oracle.check_change(before, self._truth(), set(), set())
            self._settle_down()
        before, jobs = self._truth(), self._jobs()
        self.applied = []
        result = self._run(name, run)
        adds, goes = _allowed_changes(self.applied)
        self.oracle.check_change(before, self._truth(), adds, goes)
        if isinstance(self.refusal, GuardError) or name in ("plan", "recover", "readmit", "import"):
            assert self._jobs() == jobs, f"{name} sent something"
        if self.world.state().journals.pending() is not None:
            self.pending = self.applied
        self._settle_down()
        return result

    refusal: CcsyncError | None = None

    def _run(self, name: str, run: Callable[[], T]) -> T | None:
        self.refusal = None
        self.done[name] += 1
        try:
            return run()
        except CcsyncError as refused:
            self.refusal = refused
            self.done[f"{name}: {refused.diagnostics[0].code}"] += 1
            note(f"{name} refused: {refused}")
            return None

    def _die(self, name: str, stop_at: int, run: Callable[[], Any], rows: list[Row]) -> None:
        """The process is killed at one of its points, if it gets there; the jobs it asked for go on without it."""
        self._doubt(rows)
        before = self._truth()
        points = doom(self.world, stop_at)
        try:
            self._run(name, run)
        except Killed:
            note(f"killed {points.seen[-1]}")
            self.done[f"{name} killed"] += 1
            self.done[f"killed {points.seen[-1]}"] += 1
        finally:
            spare(self.world)
        self.world.do("/activities/drain")
        adds, goes = _allowed_changes(rows)
        self.oracle.check_change(before, self._truth(), adds, goes)
        self.pending = rows if self.world.state().journals.pending() is not None else []
        self._settle_down()

    def _doubt(self, rows: list[Row]) -> None:
        """Whoever was added by a run of which not everything can be known may have arrived and left."""
        self.doubted |= {(row.list, row.key) for row in rows if row.op == "add"}

    def _settle_down(self) -> None:
        truth, known = self._truth(), self._known()
        if self.world.state().journals.pending() is None:
            self.pending = []
            self.doubted = {(name, key) for name, key in self.doubted if key not in truth.on(name)}
        self.oracle.learn(truth, known)
        excused = {(row.list, row.key) for row in self.pending if row.op == "remove"}
        self.oracle.check_state(truth, known, excused)

    def _rows(self, planned: Planned) -> list[Row]:
        return rows_of(self.reader, planned)

    def _truth(self) -> Truth:
        return truth_of(self.world)

    def _known(self) -> Known:
        return known_of(self.reader, self.world.state().generations.snapshot())

    def _jobs(self) -> int:
        requests = self.world.ask("/statistics")["requests"]
        return sum(count for name, count in requests.items() if "_import" in name or "remove_list" in name)


def _allowed_changes(rows: list[Row]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    adds = {(row.list, row.key) for row in rows if row.op in ("add", "update", "adopt")}
    return adds, {(row.list, row.key) for row in rows if row.op == "remove"}
