"""What became of each row of a plan."""

import pytest
from ccsync.ports.outcomes import Sent, SentBatch

from tests.engine import tables
from tests.engine.runs import FIELD, Run, change, clean, doubtful
from tests.engine.tables import member

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
