"""Starting bulk activities, looking at them, and reading what comes back."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.constant_contact.activities import parse_activity
from ccsync.core.batch import MAX_CSV_ROWS, MAX_JSON_ROWS, Transport
from ccsync.core.record import ActivityId
from ccsync.core.spec import ListId
from ccsync.errors import (
    CcsyncError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaError,
    RejectedError,
    StoppedError,
    TransientError,
)
from ccsync.ports.live import ActivityState, ImportBody
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.constant_contact.world import CANARY, World


def csv_body(rows: list[list[str]], header: tuple[str, ...] = ("email", "first_name")) -> ImportBody:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return ImportBody(Transport.CSV, text.getvalue().encode(), len(rows))


def json_body(rows: list[dict[str, str]]) -> ImportBody:
    return ImportBody(Transport.JSON, json.dumps(rows, ensure_ascii=False).encode(), len(rows))


def finish(remote: ConstantContact, *ids: ActivityId) -> list[Any]:
    for _ in range(50):
        found = remote.look(ids)
        if all(one.state is not ActivityState.RUNNING for one in found):
            return list(found)
    raise AssertionError("the jobs do not end")


PEOPLE = [["ada@example.com", "Ada"], ["bob@example.com", "Böb 🙂"]]


def test_a_csv_import_puts_people_on_the_list(world: World, remote: ConstantContact) -> None:
    activity = remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "run-1.csv")
    (done,) = finish(remote, activity)
    assert done.state is ActivityState.COMPLETED
    assert done.counters.persons == 2
    assert done.counters.items == 3  # the header line counts
    assert done.file_name == "run-1.csv"
    assert world.members() == ["ada@example.com", "bob@example.com"]


def test_a_json_import_puts_people_on_the_list(world: World, remote: ConstantContact) -> None:
    body = json_body([{"email": "ada@example.com", "first_name": "Åda\n2"}])
    (done,) = finish(remote, remote.start_import(ListId(world.list_id()), body, "run-1.csv"))
    assert done.counters.persons == 1
    assert world.members() == ["ada@example.com"]


def test_a_removal_takes_people_off_one_list(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": one} for one, _ in PEOPLE], "VIP", "Other")
    contact = remote.contact("ada@example.com")
    assert contact is not None
    (done,) = finish(remote, remote.start_removal(ListId(world.list_id()), [contact.id]))
    assert done.counters.completed == 1
    assert world.members() == ["bob@example.com"]
    assert len(world.members("Other")) == 2


@pytest.mark.parametrize("count", [0, MAX_CSV_ROWS + 1])
def test_a_csv_import_beyond_the_rows_is_not_sent(world: World, remote: ConstantContact, count: int) -> None:
    body = ImportBody(Transport.CSV, b"email\n" + b"a@b.cc\n" * count, count)
    with pytest.raises(RejectedError, match="E625"):
        remote.start_import(ListId("l"), body, "x.csv")
    assert remote.calls_made() == 0


def test_a_csv_import_that_lies_about_its_rows_is_not_sent(remote: ConstantContact) -> None:
    body = ImportBody(Transport.CSV, b"email\n" + b"a@b.cc\n" * (MAX_CSV_ROWS + 1), 5)
    with pytest.raises(RejectedError, match="E625"):
        remote.start_import(ListId("l"), body, "x.csv")


def test_a_json_import_beyond_the_rows_is_not_sent(remote: ConstantContact) -> None:
    with pytest.raises(RejectedError, match="E625"):
        remote.start_import(ListId("l"), ImportBody(Transport.JSON, b"[]", MAX_JSON_ROWS + 1), "x.csv")
    assert remote.calls_made() == 0


@pytest.mark.parametrize("transport", list(Transport))
def test_an_import_is_measured_as_it_goes_on_the_wire(
    world: World, remote: ConstantContact, transport: Transport
) -> None:
    """A body of exactly 4,000,000 bytes of rows is too long once it is wrapped; one a little shorter goes."""
    row = b"x@example.com," + "🙂".encode() * 40 + b"\n"
    rows = (b"email,first_name\n" + row * 30_000)[:3_999_990]
    if transport is Transport.JSON:
        one = b'{"email":"x@example.com","first_name":"' + "🙂".encode() * 40 + b'"}'
        rows = b"[" + b",".join([one] * 19_000) + b"]"
        rows = rows[:-1] + b" " * (3_999_980 - len(rows)) + b"]"
    body = ImportBody(transport, rows, 19_000)
    with pytest.raises(RejectedError, match=r"E625.*") as caught:
        remote.start_import(ListId(world.list_id()), body, "x.csv")
    assert "4,000,000" in str(caught.value.diagnostics[0].detail)
    assert remote.calls_made() == 0


@pytest.mark.parametrize("name", ["x.txt", "x", "../x.csv", 'a".csv', "a\r\nb.csv", "ä.csv", ".csv"])
def test_an_odd_file_name_is_not_sent(world: World, remote: ConstantContact, name: str) -> None:
    with pytest.raises(RejectedError, match="E625"):
        remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), name)


@pytest.mark.parametrize("list_id", ["", "a,b", "a b", "../x", "a\n"])
def test_an_odd_list_id_is_not_sent(remote: ConstantContact, list_id: str) -> None:
    for attempt in (
        lambda: remote.start_import(ListId(list_id), csv_body(PEOPLE), "x.csv"),
        lambda: remote.start_removal(ListId(list_id), ["a"]),
    ):
        with pytest.raises(RejectedError, match="E625"):
            attempt()
    assert remote.calls_made() == 0


@pytest.mark.parametrize("ids", [[], ["a"] * 501, ["a,b"], [""], ["a", "../b"]])
def test_a_removal_names_1_to_500_contact_ids(remote: ConstantContact, ids: list[str]) -> None:
    with pytest.raises(RejectedError, match="E625"):
        remote.start_removal(ListId("l"), ids)
    assert remote.calls_made() == 0


def test_500_ids_are_removed_in_one_call(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": f"p{number}@example.com"} for number in range(500)], "VIP")
    ids = [contact_id for page in remote.page_members(ListId(world.list_id())) for _, contact_id in page]
    (done,) = finish(remote, remote.start_removal(ListId(world.list_id()), ids))
    assert done.counters.completed == 500
    assert world.members() == []


def test_an_import_to_a_list_that_is_gone_is_refused(world: World, remote: ConstantContact) -> None:
    list_id = ListId(world.list_id())
    world.do("/lists/delete", list="VIP")
    with pytest.raises(RejectedError):
        remote.start_import(list_id, csv_body(PEOPLE), "x.csv")


# ---------------------------------------------------------------- faults on the way


def test_a_lost_answer_leaves_the_outcome_unknown_and_nothing_is_sent_twice(
    world: World, remote: ConstantContact
) -> None:
    list_id = ListId(world.list_id())
    world.fault("drop_after", method="POST", path="/activities/contacts_file_import")
    with pytest.raises(OutcomeUnknownError, match="E626"):
        remote.start_import(list_id, csv_body(PEOPLE), "run-7.csv")
    (found,) = remote.recent(world.clock.now() - timedelta(minutes=1))
    assert found.file_name == "run-7.csv"


@pytest.mark.parametrize("kind", ["drop_before", "html", "truncated"])
def test_an_answer_that_is_none_leaves_the_outcome_unknown(world: World, remote: ConstantContact, kind: str) -> None:
    world.fault(kind, method="POST", path="/activities/*")
    with pytest.raises(OutcomeUnknownError, match="E626"):
        remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv")
    assert remote.calls_made() == 1


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425])
@pytest.mark.parametrize("shape", ["array", "html", "empty"])
def test_a_5xx_to_a_post_leaves_the_outcome_unknown(
    world: World, remote: ConstantContact, status: int, shape: str, after: bool
) -> None:
    world.fault("status", method="POST", path="/activities/*", status=status, shape=shape, after=after)
    with pytest.raises(OutcomeUnknownError, match="E626"):
        remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv")
    assert remote.calls_made() == 1


def test_a_throttled_post_is_sent_again_after_a_wait(world: World, remote: ConstantContact) -> None:
    list_id = ListId(world.list_id())
    world.fault("throttled", method="POST", path="/activities/*", times=3)
    finish(remote, remote.start_import(list_id, csv_body(PEOPLE), "x.csv"))
    assert len(world.members()) == 2
    assert len(remote.recent(world.clock.now() - timedelta(hours=1))) == 1
    assert sum(world.clock.slept) >= 0.5 + 1 + 2


def test_a_full_queue_is_waited_for(world: World, remote: ConstantContact) -> None:
    list_id = ListId(world.list_id())
    world.fault("queue_full", method="POST", path="/activities/*", times=4)
    remote.start_import(list_id, csv_body(PEOPLE), "x.csv")
    assert max(world.clock.slept) > 15
    assert "queue_full" in {getattr(event, "why", "") for event in world.events}


def test_a_queue_that_stays_full_ends_as_transient(world: World, remote: ConstantContact) -> None:
    world.fault("queue_full", method="POST", path="/activities/*", times=None)
    with pytest.raises(TransientError, match=r"E606.*queue"):
        remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv")
    assert sum(world.clock.slept) < 3600


def test_the_quota_ends_it_at_once_and_says_when_to_go_on(world: World, remote: ConstantContact) -> None:
    world.fault("quota_exceeded", method="POST", path="/activities/*")
    with pytest.raises(QuotaError, match="E604") as caught:
        remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv")
    assert "00:00 UTC" in str(caught.value.diagnostics[0].detail)
    assert "12 h" in str(caught.value.diagnostics[0].detail)
    assert remote.calls_left_today() == 0
    with pytest.raises(QuotaError, match="E604"):  # every process with this key knows it
        world.open().account()


def test_asked_to_stop_nothing_more_is_sent(world: World, remote: ConstantContact) -> None:
    list_id = ListId(world.list_id())
    world.fault("throttled", method="POST", path="/activities/*")
    world.clock.stop = True
    with pytest.raises(StoppedError):
        remote.start_import(list_id, csv_body(PEOPLE), "x.csv")
    assert remote.calls_made() == 1


@pytest.mark.parametrize("shape", ["array", "object", "oauth"])
def test_a_refusal_is_told_without_personal_data(world: World, remote: ConstantContact, shape: str) -> None:
    said = f"The value '{CANARY}' of \"first_name\" is not valid; Canary is no name"
    world.fault(
        "status", method="POST", path="/activities/*", status=400, shape=shape,
        error_key="contacts.api.validation.error", error_message=said,
    )  # fmt: skip
    with pytest.raises(RejectedError, match="E620") as caught:
        remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv")
    text = repr(caught.value) + str(caught.value.diagnostics)
    assert "contacts.api.validation.error" in text
    assert "is not valid" in text
    assert CANARY not in text
    assert "first_name" not in text


@pytest.mark.parametrize(("status", "kind"), [(404, NotFoundError), (409, RejectedError), (415, RejectedError)])
def test_a_4xx_is_rejected_and_never_repeated(
    world: World, remote: ConstantContact, status: int, kind: type[CcsyncError]
) -> None:
    world.fault("status", method="POST", path="/activities/*", status=status)
    with pytest.raises(kind, match=f"E620.*{status}"):
        remote.start_removal(ListId(world.list_id()), ["a"])
    assert remote.calls_made() == 1


# ---------------------------------------------------------------- looking


def test_many_activities_are_watched_with_one_call(world: World, remote: ConstantContact) -> None:
    list_id = ListId(world.list_id())
    ids = [remote.start_import(list_id, csv_body([[f"p{n}@example.com", "P"]]), f"r-{n}.csv") for n in range(12)]
    before = remote.calls_made()
    found = remote.look(ids)
    assert remote.calls_made() == before + 1
    assert [one.id for one in found] == ids


def test_a_forgotten_activity_is_gone(world: World, remote: ConstantContact) -> None:
    activity = remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv")
    world.do("/clock", days=11)
    world.do("/tokens", scopes=["contact_data"])
    fresh = world.do("/tokens")["access_token"]
    remote = world.open(auth=world.auth(fresh))
    others = [ActivityId(f"{number:08}-0000-4000-8000-000000000000") for number in range(3)]
    assert {one.state for one in remote.look([activity, *others])} == {ActivityState.GONE}
    assert remote.look([activity])[0].state is ActivityState.GONE


def test_recent_activities_come_newest_first_from_the_moment_on(world: World, remote: ConstantContact) -> None:
    list_id = ListId(world.list_id())
    remote.start_import(list_id, csv_body(PEOPLE), "old.csv")
    world.do("/clock", hours=1)
    since = world.clock.now()
    for name in ("a.csv", "b.csv"):
        world.do("/clock", seconds=5)
        remote.start_import(list_id, csv_body(PEOPLE), name)
    assert [one.file_name for one in remote.recent(since)] == ["b.csv", "a.csv"]


@pytest.mark.parametrize("mishap", ["failed", "timed_out", "cancelled"])
def test_an_activity_that_ended_badly_has_failed(world: World, remote: ConstantContact, mishap: str) -> None:
    world.fault("activity", mishap=mishap, activity_errors=[f"Line 2: Invalid birthday of {CANARY}"])
    (done,) = finish(remote, remote.start_import(ListId(world.list_id()), csv_body(PEOPLE), "x.csv"))
    assert done.state is ActivityState.FAILED
    assert any("Invalid birthday" in error for error in done.errors)
    assert CANARY not in str(done)


def test_an_activity_is_read_leniently() -> None:
    document = {
        "activity_id": "a-1", "state": "Reticulating", "percent_done": 250, "created_at": "completed",
        "activity_errors": [{"message": "one"}, "two", {"error_message": "three"}, None, 4],
        "status": {"person_count": "12", "error_count": -1, "correctable_count": True, "items_total_count": 3.5},
    }  # fmt: skip
    one = parse_activity(document)
    assert (one.id, one.state, one.percent, one.created_at) == ("a-1", ActivityState.RUNNING, None, None)
    assert one.errors == ("one", "two", "three")
    assert one.counters.persons == 12
    assert (one.counters.errors, one.counters.correctable, one.counters.items) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["2026-10-01T12:00:00Z", "2026-10-01T12:00:00.000Z", "2026-10-01T08:00:00-04:00", "2026-10-01T12:00:00"]
)
def test_time_stamps_of_every_kind_are_the_same_moment(text: str) -> None:
    assert parse_activity({"created_at": text}).created_at == datetime(2026, 10, 1, 12, tzinfo=UTC)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("activity_id", "state", "percent_done", "created_at", "activity_errors", "status", "source_file_name")


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, anything)))
def test_no_activity_object_is_too_odd_to_read(document: dict[str, Any]) -> None:
    assert parse_activity(document).state in ActivityState
