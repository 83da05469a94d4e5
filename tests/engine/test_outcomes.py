"""What became of each row, and what the ledger and the memory say afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from ccsync.engine.outcomes import OutcomeFinder
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.live import Live
from ccsync.ports.outcomes import Outcome, Sent, SentBatch, Settlement

from tests.engine import tables
from tests.engine.tables import member

Changes = Sequence[Mapping[str, str | int | None]]
FIELD = "first_name"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(tmp_path / "work", threads=2) as session:
        yield session


def change(op: str, key: str, batch: int | None = None, **more: str | None) -> dict[str, str | int | None]:
    ownership = {"add": "ours", "adopt": "adopted"}.get(op)
    row = {"op": op, "key": key, "batch": batch, "contact_id": None, "reason": "any", "ownership": ownership}
    row |= {
        "content": f"md5-{key}",
        "before": None,
        "after": f"New {key}" if op in ("add", "update", "adopt") else None,
    }
    return row | more


class Run:
    """One export's run: its changes, and what became of them."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.files = 0
        self.finder = OutcomeFinder(session)

    def fresh(self) -> Path:
        self.files += 1
        folder = self.folder / f"files-{self.files}"
        folder.mkdir()
        return folder

    def settlement(
        self,
        changes: Changes,
        *batches: SentBatch,
        ledger: tables.People | None = None,
        ledger_fields: Sequence[str] = (FIELD,),
        drops: Sequence[Sequence[tuple[str, str, str, str]]] = (),
        read_back: Live | None = None,
        ids: Mapping[str, str] | None = None,
        final: bool = False,
        late: bool = False,
    ) -> Settlement:
        folder = self.fresh()
        looks = [self._drops(folder / f"look-{at}", rows) for at, rows in enumerate(drops)]
        known = folder / "ids"
        named = {str(row["key"]): str(row["contact_id"]) for row in changes if row["op"] == "remove"}
        ids = {key: one for key, one in named.items() if one != "None"} | dict(ids or {})
        if ids:
            columns = {"key": list(ids), "contact_id": list(ids.values())}
            self.session.copy_to_parquet(f"FROM {identifier(tables.table(self.session, columns))}", known)
        return tables.settlement(
            tables.plan(tables.export_plan(fields=(FIELD,))),
            self._changes(folder / "changes", changes),
            ledger=None
            if ledger is None
            else tables.ledger(self.session, folder / "ledger", ledger, tuple(ledger_fields)),
            batches=batches,
            drops=looks,
            ids=known if ids else None,
            read_back=read_back,
            final=final,
            late=late,
        )

    def _changes(self, path: Path, changes: Changes) -> Path:
        texts = ("op", "key", "contact_id", "reason", "content", "ownership", "before", "after")
        columns = {name: [row[name] for row in changes] for name in (*texts, "batch")}
        columns["batch"] = [None if batch is None else str(batch) for batch in columns["batch"]]
        table = tables.table(self.session, columns)  # type: ignore[arg-type]
        self.session.copy_to_parquet(
            "SELECT op, key, contact_id, reason, batch::INTEGER AS batch, content, ownership,"
            f' before AS "before:{FIELD}", after AS "after:{FIELD}" FROM {identifier(table)}',
            path,
        )
        return path

    def _drops(self, path: Path, rows: Sequence[tuple[str, str, str, str]]) -> Path:
        """rows: op, key, reason, now."""
        names = ("op", "key", "reason", "now")
        table = tables.table(self.session, {name: [row[at] for row in rows] for at, name in enumerate(names)})
        self.session.copy_to_parquet(f"SELECT key, op, reason, now FROM {identifier(table)}", path)
        return path

    def live(
        self, members: tables.People | None, unsubscribed: Sequence[str] = (), columns: Sequence[str] = ()
    ) -> Live:
        return tables.live(self.fresh(), members, unsubscribed, columns)

    def outcome(self, settlement: Settlement) -> Outcome:
        return self.finder.outcome(settlement, self.fresh())

    def rows(self, settlement: Settlement) -> dict[object, tuple[object, object]]:
        found = tables.read(self.session, self.outcome(settlement).outcomes)
        return {row["key"]: (row["outcome"], row["reason"]) for row in found}

    def ledger(self, settlement: Settlement) -> dict[object, dict[str, object]]:
        path, members = self.finder.next_ledger(settlement, self.outcome(settlement), self.fresh())
        rows = tables.read(self.session, path)
        assert [row["key"] for row in rows] == sorted(str(row["key"]) for row in rows)
        assert members == sum(row["status"] == "member" for row in rows)
        return {row["key"]: row for row in rows}

    def memory(self, settlement: Settlement, before: Sequence[str] = ()) -> list[tuple[object, object, object]] | None:
        known = tables.memory(self.session, self.fresh() / "memory", before) if before else None
        path = self.finder.next_optouts(known, [(settlement, self.outcome(settlement))], self.fresh())
        if path is None:
            return None
        return [(row["key"], row["reason"], row["run"]) for row in tables.read(self.session, path)]


@pytest.fixture
def run(session: Session, tmp_path: Path) -> Run:
    return Run(session, tmp_path)


def clean(batch: int, look: int = 1) -> SentBatch:
    return SentBatch(batch, Sent.CLEAN, look=look)


def doubtful(batch: int, explained: int = 0, shortfall: int | None = None, persons: int | None = None) -> SentBatch:
    return SentBatch(batch, Sent.DOUBTFUL, explained, shortfall=shortfall, persons=persons)


# ---------------------------------------------------------------- outcomes


def test_rows_of_clean_batches_and_rows_without_a_call_are_applied(run: Run) -> None:
    changes = [
        change("remove", "r", 1, contact_id="id", reason="segment_left"),
        change("add", "a", 2),
        change("adopt", "p"),
        change("forget", "f", reason="already_gone"),
        change("held_back", "h"),
        change("unusable", "u"),
    ]
    settlement = run.settlement(changes, clean(1), clean(2))
    outcome = run.outcome(settlement)
    assert run.rows(settlement) == {
        "r": ("applied", "segment_left"),
        "a": ("applied", "any"),
        "p": ("applied", "any"),
        "f": ("applied", "already_gone"),
    }
    assert outcome.counts == {"add": 1, "adopt": 1, "forget": 1, "remove": 1}
    assert (outcome.missing, outcome.unfinished) == (0, 0)


def test_batches_that_were_not_sent_or_not_reached_are_open(run: Run) -> None:
    changes = [change("add", "a", 1), change("add", "b", 2), change("remove", "r", 3, contact_id="id")]
    settlement = run.settlement(changes, SentBatch(1, Sent.NOT_SENT))
    assert run.rows(settlement) == {"a": ("open", None), "b": ("open", None), "r": ("open", None)}
    assert run.outcome(settlement).unfinished == 3


def test_a_removal_that_could_not_be_named_is_open(run: Run) -> None:
    changes = [change("remove", "a", 1), change("remove", "b", 1)]
    assert run.rows(run.settlement(changes, clean(1), ids={"b": "id-b"})) == {
        "a": ("open", None),
        "b": ("applied", "any"),
    }


def test_who_a_look_dropped_is_dropped(run: Run) -> None:
    changes = [change("update", "a", 1), change("add", "b", 1), change("adopt", "c"), change("forget", "d")]
    drops = [
        ("update", "a", "opted_out", "gone"),
        ("add", "b", "unsubscribed", "unsubscribed"),
        ("adopt", "c", "opted_out", "gone"),
        ("forget", "d", "came_back", "present"),
    ]
    settlement = run.settlement(changes, clean(1), drops=[drops])
    assert run.rows(settlement) == {
        "a": ("dropped", "opted_out"),
        "b": ("dropped", "unsubscribed"),
        "c": ("dropped", "opted_out"),
        "d": ("dropped", "came_back"),
    }
    assert run.outcome(settlement).dropped == {"came_back": 1, "opted_out": 2, "unsubscribed": 1}


def test_what_a_later_look_saw_of_a_batch_already_sent_was_our_own_work(run: Run) -> None:
    changes = [change("remove", "r", 1, contact_id="id"), change("add", "a", 2), change("add", "b", 3)]
    later = [
        ("remove", "r", "already_gone", "gone"),
        ("add", "a", "already_on_list", "present"),
        ("add", "b", "already_on_list", "present"),
    ]
    settlement = run.settlement(
        changes, clean(1), clean(2), clean(3, look=2), ledger={"r": member()}, drops=[[], later]
    )
    assert run.rows(settlement)["r"] == ("applied", "any")
    assert {key: row["ownership"] for key, row in run.ledger(settlement).items()} == {"a": "ours", "b": "adopted"}
    assert run.memory(settlement) is None


def test_reading_back_decides_about_removals(run: Run) -> None:
    changes = [change("remove", "a", 1, contact_id="id"), change("remove", "b", 1, contact_id="id")]
    settlement = run.settlement(changes, doubtful(1), read_back=run.live({"b": {}}))
    assert run.rows(settlement) == {"a": ("applied", "any"), "b": ("missing", None)}


def test_a_removal_that_did_not_happen_twice_stays_open(run: Run) -> None:
    changes = [change("remove", "a", 1, contact_id="id")]
    ours = {"a": member()}
    settlement = run.settlement(changes, doubtful(1), ledger=ours, read_back=run.live({"a": {}}), final=True)
    assert run.rows(settlement) == {"a": ("open", None)}
    assert run.ledger(settlement)["a"]["status"] == "member"


def test_a_doubt_that_was_not_read_back_stays_open(run: Run) -> None:
    settlement = run.settlement([change("add", "a", 1)], doubtful(1))
    assert run.rows(settlement) == {"a": ("open", None)}


def test_reading_back_decides_about_imports(run: Run) -> None:
    changes = [
        change("add", "there", 1),
        change("add", "unsub", 1),
        change("add", "there-unsub", 1),
        change("add", "nowhere", 1),
        change("update", "same", 1, before="Old"),
        change("update", "other", 1, before="Old"),
        change("update", "left", 1, before="Old"),
    ]
    live = {"there": {}, "there-unsub": {}, "same": {FIELD: "New same"}, "other": {FIELD: "Old"}}
    settlement = run.settlement(
        changes,
        doubtful(1, shortfall=3, persons=4),
        read_back=run.live(live, ["unsub", "there-unsub"], columns=(FIELD,)),
    )
    assert run.rows(settlement) == {
        "there": ("applied", "any"),
        "there-unsub": ("applied", "any"),
        "unsub": ("refused", "unsubscribed"),
        "nowhere": ("missing", None),
        "same": ("applied", "any"),
        "other": ("missing", None),
        "left": ("dropped", "opted_out"),
    }
    outcome = run.outcome(settlement)
    assert (outcome.missing, outcome.unfinished) == (2, 2)
    missing = run.finder.missing_keys(outcome, run.fresh())
    assert tables.read(run.session, missing) == [{"key": "nowhere"}, {"key": "other"}]


LEFT = ("dropped", "opted_out")


@pytest.mark.parametrize(
    ("explained", "persons", "final", "expected"),
    [
        (2, 3, False, ("refused", "rejected")),
        (2, 3, True, ("refused", "rejected")),
        (0, 1, False, ("missing", None)),
        (0, 1, True, ("refused", "not_accepted")),
        (1, 3, False, LEFT),  # one was refused and one left: nobody knows which
        (1, 3, True, LEFT),
        (0, 2, False, LEFT),  # one was cut off and one left
        (0, 2, True, LEFT),
        (0, 3, False, LEFT),
        (0, 0, False, LEFT),  # one is on the list, so it is not so that nothing was read
        (0, None, False, LEFT),
        (0, None, True, LEFT),
    ],
)
def test_who_is_not_found_is_sent_again_only_if_the_counters_prove_that_nobody_of_them_arrived(
    run: Run, explained: int, persons: int | None, final: bool, expected: tuple[str, str | None]
) -> None:
    changes = [change("add", key, 1) for key in "abc"] + [change("add", "d", 2)]
    shortfall = None if persons is None else 3 - persons
    settlement = run.settlement(
        changes,
        doubtful(1, explained, shortfall, persons),
        clean(2),
        read_back=run.live({"c": {}, "d": {}}),
        final=final,
    )
    rows = run.rows(settlement)
    assert (rows["a"], rows["b"]) == (expected, expected)
    assert rows["c"] == ("applied", "any" if persons else "already_on_list")
    assert rows["d"] == ("applied", "any")
    if expected == LEFT:
        assert "a" not in run.ledger(settlement)
        assert run.memory(settlement) == [("a", "opted_out", "run-1"), ("b", "opted_out", "run-1")]


@pytest.mark.parametrize(("persons", "expected"), [(0, ("missing", None)), (1, LEFT), (2, LEFT)])
def test_a_late_settlement_believes_only_a_job_that_read_nothing(
    run: Run, persons: int, expected: tuple[str, str | None]
) -> None:
    changes = [change("add", key, 1) for key in "ab"]
    batch = doubtful(1, shortfall=2 - persons, persons=persons)
    rows = run.rows(run.settlement(changes, batch, read_back=run.live({}), late=True))
    assert rows == {"a": expected, "b": expected}


def test_who_is_found_is_ours_only_when_the_job_read_as_many(run: Run) -> None:
    changes = [change("add", "a", 1), change("add", "b", 1)]
    for persons, ownership in ((2, "ours"), (1, "adopted"), (None, "adopted")):
        shortfall = None if persons is None else 2 - persons
        batch = doubtful(1, shortfall=shortfall, persons=persons)
        rows = run.ledger(run.settlement(changes, batch, read_back=run.live({"a": {}, "b": {}})))
        assert {row["ownership"] for row in rows.values()} == {ownership}


def test_people_who_had_unsubscribed_use_up_what_the_counters_explain(run: Run) -> None:
    changes = [change("add", "left", 1), change("add", "unsub", 1)]
    batch = doubtful(1, explained=1, shortfall=0, persons=2)
    settlement = run.settlement(changes, batch, read_back=run.live({}, ["unsub"]))
    assert run.rows(settlement) == {"left": LEFT, "unsub": ("refused", "unsubscribed")}


@pytest.mark.parametrize(
    ("persons", "lost", "unseen"),
    [(1, ("missing", None), ("applied", "any")), (0, ("missing", None), ("missing", None))],
)
def test_what_live_can_not_show_is_applied_only_when_the_shortfall_is_found_elsewhere(
    run: Run, persons: int, lost: tuple[str, str | None], unseen: tuple[str, str | None]
) -> None:
    changes = [change("add", "lost", 1), change("update", "unseen", 1, before="Old")]
    batch = doubtful(1, shortfall=2 - persons, persons=persons)
    settlement = run.settlement(changes, batch, read_back=run.live({"unseen": {}}))
    assert run.rows(settlement) == {"lost": lost, "unseen": unseen}


def test_a_value_that_was_the_same_before_proves_nothing(run: Run) -> None:
    changes = [change("update", "a", 1, before="New a")]
    read_back = run.live({"a": {FIELD: "New a"}}, columns=(FIELD,))
    assert run.rows(run.settlement(changes, doubtful(1), read_back=read_back)) == {"a": ("missing", None)}


# ---------------------------------------------------------------- the next ledger

NOW = {"last_run": "run-1", "changed_at": "2026-10-01T00:00:00Z"}


def test_who_was_added_updated_and_adopted_is_a_member_with_the_values_accepted(run: Run) -> None:
    changes = [
        change("add", "a", 1, contact_id="id-a"),
        change("update", "u", 1, after=None),
        change("adopt", "p", 1),
    ]
    ledger = {"u": member("adopted", first_name="Old", refused_content="x", reason="rejected", contact_id="id-u")}
    rows = run.ledger(run.settlement(changes, clean(1), ledger=ledger))
    fresh = {"reason": None, "refused_content": None, "first_run": "run-1", "status": "member", **NOW}
    assert rows == {
        "a": {"key": "a", "contact_id": "id-a", "ownership": "ours", FIELD: "New a", **fresh},
        "p": {"key": "p", "contact_id": None, "ownership": "adopted", FIELD: "New p", **fresh},
        "u": {"key": "u", "contact_id": "id-u", "ownership": "adopted", FIELD: "Old", **fresh, "first_run": "run-0"},
    }


def test_the_columns_of_a_ledger_are_those_of_an_apply(run: Run) -> None:
    rows = run.ledger(run.settlement([change("add", "a", 1)], clean(1)))
    assert list(rows["a"]) == [
        *("key", "contact_id", "status", "ownership", "reason", "refused_content"),
        *("first_run", "last_run", "changed_at", FIELD),
    ]


def test_untouched_and_open_rows_stay_as_they_are(run: Run) -> None:
    ledger = {key: member(first_name="Old", contact_id=f"id-{key}", reason="any") for key in ("a", "b", "c")}
    changes = [change("update", "a", 1), change("remove", "b", 2, contact_id="id-b")]
    settlement = run.settlement(changes, SentBatch(1, Sent.NOT_SENT), ledger=ledger)
    assert run.ledger(settlement) == {key: {"key": key, "refused_content": None, **row} for key, row in ledger.items()}


def test_removed_and_forgotten_people_leave_the_ledger(run: Run) -> None:
    changes = [change("remove", "r", 1, contact_id="id"), change("forget", "f", reason="segment_left")]
    settlement = run.settlement(changes, clean(1), ledger={"r": member(), "f": member("adopted")})
    assert run.ledger(settlement) == {}
    assert run.memory(settlement) is None


def test_fields_that_are_no_longer_mapped_go_and_new_ones_are_empty(run: Run) -> None:
    ledger = {"a": member(city="Oslo")}
    rows = run.ledger(run.settlement([], ledger=ledger, ledger_fields=("city",)))
    assert (rows["a"][FIELD], "city" in rows["a"]) == (None, False)


def test_a_refused_addition_is_kept_with_the_content_refused(run: Run) -> None:
    settlement = run.settlement([change("add", "a", 1)], doubtful(1, explained=1), read_back=run.live({}))
    row = run.ledger(settlement)["a"]
    assert (row["status"], row["reason"], row["refused_content"], row[FIELD]) == ("rejected", "rejected", "md5-a", None)


def test_a_refused_update_stays_a_member_with_the_old_values(run: Run) -> None:
    live = run.live({"a": {FIELD: "Old"}, "p": {FIELD: "Old"}}, columns=(FIELD,))
    changes = [change("update", "a", 1, before="Old"), change("adopt", "p", 1, before="Old")]
    settlement = run.settlement(
        changes, doubtful(1, explained=2), ledger={"a": member(first_name="Old")}, read_back=live
    )
    rows = run.ledger(settlement)
    assert [(row["status"], row["reason"], row["refused_content"], row["ownership"]) for row in rows.values()] == [
        ("member", "rejected", "md5-a", "ours"),
        ("member", "rejected", "md5-p", "adopted"),
    ]
    assert [row[FIELD] for row in rows.values()] == ["Old", None]


def test_an_adoption_without_a_call_forgets_no_refusal(run: Run) -> None:
    ledger = {"a": {"status": "rejected", "ownership": "ours", "refused_content": "md5-a"}}
    row = run.ledger(run.settlement([change("adopt", "a", after=None)], ledger=ledger))["a"]
    assert (row["status"], row["ownership"], row["refused_content"]) == ("member", "adopted", "md5-a")


def test_ids_that_live_shows_are_kept(run: Run) -> None:
    live = run.live({"a": {"contact_id": "id-a"}}, columns=("contact_id",))
    settlement = run.settlement([change("add", "a", 1)], doubtful(1), read_back=live)
    assert run.ledger(settlement)["a"]["contact_id"] == "id-a"


# ---------------------------------------------------------------- people who left


def test_who_left_before_their_update_is_kept_off_and_remembered(run: Run) -> None:
    changes = [change("update", "a", 1), change("adopt", "p", 1)]
    drops = [("update", "a", "opted_out", "gone"), ("adopt", "p", "opted_out", "gone")]
    settlement = run.settlement(changes, clean(1), ledger={"a": member(first_name="Old")}, drops=[drops])
    rows = run.ledger(settlement)
    assert {key: (row["status"], row["ownership"], row[FIELD]) for key, row in rows.items()} == {
        "a": ("opted_out", "ours", "Old")
    }
    assert run.memory(settlement) == [("a", "opted_out", "run-1"), ("p", "opted_out", "run-1")]


def test_who_left_before_their_removal_is_forgotten_and_remembered(run: Run) -> None:
    changes = [change("remove", "r", 1, contact_id="id"), change("forget", "f", reason="already_gone")]
    drops = [("remove", "r", "already_gone", "gone")]
    settlement = run.settlement(changes, clean(1), ledger={"r": member(), "f": member()}, drops=[drops])
    assert run.ledger(settlement) == {}
    assert run.memory(settlement) == [("f", "already_gone", "run-1"), ("r", "already_gone", "run-1")]


def test_members_whom_the_plan_held_back_are_opted_out_and_remembered(run: Run) -> None:
    changes = [
        change("held_back", "a", reason="opted_out"),
        change("held_back", "u", reason="unsubscribed"),
        change("held_back", "o", reason="opted_out"),
        change("held_back", "x", reason="opted_out"),
    ]
    ledger = {"a": member(), "u": member(), "o": {"status": "opted_out", "ownership": "ours"}}
    settlement = run.settlement(changes, ledger=ledger)
    rows = run.ledger(settlement)
    assert {key: row["status"] for key, row in rows.items()} == {"a": "opted_out", "o": "opted_out", "u": "member"}
    assert run.memory(settlement) == [("a", "opted_out", "run-1")]


def test_the_memory_outlives_the_row_of_a_person_who_opted_out(run: Run) -> None:
    ledger = {"a": {"status": "opted_out", "ownership": "ours"}}
    settlement = run.settlement([change("forget", "a", reason="segment_left")], ledger=ledger)
    assert run.memory(settlement) == [("a", "opted_out", "run-1")]


def test_an_entry_of_the_memory_keeps_its_first_date_and_others_stay(run: Run) -> None:
    settlement = run.settlement([change("forget", "a", reason="already_gone")], ledger={"a": member()})
    assert run.memory(settlement, ["a", "b"]) == [("a", "opted_out", "run-0"), ("b", "opted_out", "run-0")]


def test_who_came_back_is_no_longer_remembered(run: Run) -> None:
    settlement = run.settlement([change("adopt", "a", reason="came_back")])
    assert run.memory(settlement, ["a", "b"]) == [("b", "opted_out", "run-0")]
    assert run.memory(settlement, ["a"]) is None


def test_who_came_back_and_left_again_before_the_apply_is_still_remembered(run: Run) -> None:
    drops = [("adopt", "a", "opted_out", "gone")]
    settlement = run.settlement([change("adopt", "a", reason="came_back")], drops=[drops])
    assert run.memory(settlement, ["a"]) == [("a", "opted_out", "run-0")]


def test_who_is_back_on_the_list_is_not_forgotten(run: Run) -> None:
    drops = [("forget", "a", "came_back", "present")]
    settlement = run.settlement([change("forget", "a", reason="already_gone")], ledger={"a": member()}, drops=[drops])
    assert list(run.ledger(settlement)) == ["a"]
    assert run.memory(settlement) is None


def test_files_of_equal_outcomes_are_equal(run: Run) -> None:
    settlement = run.settlement([change("add", key, 1) for key in "cab"], clean(1), ledger={"z": member()})
    outcomes = [run.outcome(settlement) for _ in range(2)]
    assert outcomes[0].outcomes.read_bytes() == outcomes[1].outcomes.read_bytes()
    ledgers = [run.finder.next_ledger(settlement, outcomes[0], run.fresh())[0] for _ in range(2)]
    assert ledgers[0].read_bytes() == ledgers[1].read_bytes()
    assert {path.stat().st_mode & 0o777 for path in (*ledgers, outcomes[0].outcomes)} == {0o600}
