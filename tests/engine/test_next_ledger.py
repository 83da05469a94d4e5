"""What the ledger and the opt-out memory say after a run."""

from ccsync.ports.outcomes import Sent, SentBatch

from tests.engine.runs import FIELD, Run, change, clean, doubtful
from tests.engine.tables import member

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
