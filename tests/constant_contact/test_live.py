"""Exports of a list: what is asked for, what is believed, and what is found in the file."""

import csv
from pathlib import Path

import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.core.event import Noticed
from ccsync.core.spec import ListId
from ccsync.errors import DeniedError, NotFoundError, RejectedError, TransientError
from ccsync.ports.live import LiveFile

from tests.constant_contact.world import World


def rows(file: LiveFile, *targets: str) -> list[tuple[str, ...]]:
    with file.path.open(encoding="utf-8-sig", newline="") as text:
        return sorted(tuple(row[file.columns[target]] for target in targets) for row in csv.DictReader(text))


def test_everyone_on_the_list_is_exported_whatever_their_status(
    world: World, remote: ConstantContact, tmp_path: Path
) -> None:
    world.seed([{"email": f"p{number}@example.com", "first_name": 'Þór 🙂, "x"\n'} for number in range(4)], "VIP")
    world.seed([{"email": "other@example.com"}], "Other")
    world.do("/people/unsubscribe", email="p0@example.com")
    file = remote.export_members(ListId(world.list_id()), ["first_name"], tmp_path)
    assert [email for (email,) in rows(file, "email")] == world.members()
    assert file.rows == 4
    assert file.path.parent == tmp_path
    assert {status for _, status in rows(file, "email", "status")} == {"Active", "Unsubscribed"}


def test_only_the_columns_needed_are_asked_for(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": "a@example.com", "first_name": "A", "city": "B"}], "VIP")
    file = remote.export_members(ListId(world.list_id()), ["first_name", "last_name"], tmp_path)
    header = file.path.read_text().splitlines()[0]
    assert "Email Lists" not in header
    assert file.columns["first_name"] == "First name"


def test_custom_fields_are_found_by_their_label(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.do("/fields", label="Loyalty tier")
    world.do("/fields", label="First name")
    world.seed([{"email": "a@example.com", "cf:Loyalty_tier": "gold", "first_name": "Ada"}], "VIP")
    wanted = ["cf:Loyalty_tier", "cf:First_name", "first_name", "city", "phone", "cf:unknown"]
    file = remote.export_members(ListId(world.list_id()), wanted, tmp_path)
    assert rows(file, "cf:Loyalty_tier") == [("gold",)]
    assert "cf:First_name" not in file.columns  # its label is a heading of the account's own
    assert "cf:unknown" not in file.columns
    assert file.columns["city"] == "City - Home"
    assert file.columns["phone"] == "Phone - other"


def test_contact_ids_are_taken_where_the_file_has_them(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.do("/switches", export_has_contact_id="yes")
    world.seed([{"email": "a@example.com"}], "VIP")
    file = remote.export_members(ListId(world.list_id()), [], tmp_path)
    contact = remote.contact("a@example.com")
    assert contact is not None
    assert rows(file, "contact_id") == [(contact.id,)]


def test_the_unsubscribed_of_the_whole_account_are_exported(
    world: World, remote: ConstantContact, tmp_path: Path
) -> None:
    world.seed([{"email": f"p{number}@example.com"} for number in range(3)], "VIP")
    world.do("/people/unsubscribe", email="p2@example.com", leave_lists=True)
    assert rows(remote.export_unsubscribed(tmp_path), "email") == [("p2@example.com",)]


def test_nobody_unsubscribed_is_an_empty_file(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": "a@example.com"}], "VIP")
    file = remote.export_unsubscribed(tmp_path)
    assert rows(file, "email") == []
    assert file.rows == 0


def test_an_export_costs_few_calls(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": "a@example.com"}], "VIP")
    remote.lists()
    before = remote.calls_made()
    remote.export_members(ListId(world.list_id()), [], tmp_path)
    assert remote.calls_made() - before <= 4


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after", "method": "POST", "path": "/activities/contact_exports"},
        {"kind": "drop_before", "method": "POST", "path": "/activities/contact_exports"},
        {"kind": "status", "status": 500, "method": "POST", "path": "/activities/contact_exports"},
        {"kind": "truncated", "method": "GET", "path": "/contact_exports/*"},
        {"kind": "html", "method": "GET", "path": "/contact_exports/*", "times": 2},
        {"kind": "status", "status": 200, "shape": "html", "method": "GET", "path": "/contact_exports/*"},
        {"kind": "status", "status": 200, "shape": "empty", "method": "GET", "path": "/contact_exports/*"},
        {"kind": "status", "status": 200, "shape": "array", "method": "GET", "path": "/contact_exports/*"},
        {"kind": "drop_before", "method": "GET", "path": "/activities/*", "times": 3},
        {"kind": "html", "method": "GET", "path": "/activities/*", "times": 3},
        {"kind": "throttled", "times": 3},
        {"kind": "queue_full", "method": "POST"},
        {"kind": "activity", "mishap": "failed", "path": "/activities/contact_exports"},
        {"kind": "activity", "mishap": "cancelled", "path": "/activities/contact_exports"},
        {"kind": "activity", "mishap": "timed_out", "path": "/activities/contact_exports"},
        {"kind": "activity", "mishap": "cut_off", "path": "/activities/contact_exports"},
        {"kind": "activity", "mishap": "partial", "path": "/activities/contact_exports"},
        {"kind": "activity", "mishap": "lying", "path": "/activities/contact_exports"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("knows_the_count", [True, False])
def test_an_export_survives_one_fault_and_is_whole(
    world: World, remote: ConstantContact, tmp_path: Path, fault: dict[str, object], knows_the_count: bool
) -> None:
    world.seed([{"email": f"p{number:03}@example.com"} for number in range(60)], "VIP")
    if knows_the_count:
        remote.lists()
    world.do("/faults", **fault)
    file = remote.export_members(ListId(world.list_id()), [], tmp_path)
    assert [email for (email,) in rows(file, "email")] == world.members()


@pytest.mark.parametrize("mishap", ["failed", "cut_off", "partial"])
def test_an_export_that_stays_broken_is_not_used(
    world: World, remote: ConstantContact, tmp_path: Path, mishap: str
) -> None:
    world.seed([{"email": f"p{number:03}@example.com"} for number in range(60)], "VIP")
    world.fault("activity", mishap=mishap, times=None, path="/activities/contact_exports")
    with pytest.raises(TransientError, match="E624"):
        remote.export_members(ListId(world.list_id()), [], tmp_path)


def test_an_export_of_the_unsubscribed_that_is_cut_off_is_not_used(
    world: World, remote: ConstantContact, tmp_path: Path
) -> None:
    emails = [f"p{number:03}@example.com" for number in range(6)]
    world.seed([{"email": email} for email in emails], "VIP")
    world.do("/people/unsubscribe", emails=emails)
    world.fault("activity", mishap="cut_off", times=None, path="/activities/contact_exports")
    with pytest.raises(TransientError, match="E624"):
        remote.export_unsubscribed(tmp_path)


def test_a_stuck_export_ends_after_an_hour(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": "a@example.com"}], "VIP")
    world.fault("activity", mishap="stuck", times=None, path="/activities/contact_exports")
    with pytest.raises(TransientError, match=r"E624.*hour"):
        remote.export_members(ListId(world.list_id()), [], tmp_path)
    assert remote.calls_made() < 300


def test_a_small_difference_to_the_lists_count_is_told(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": f"p{number:03}@example.com"} for number in range(10)], "VIP")
    silent = {"items_total_count": 5}
    world.fault("activity", mishap="cut_off", times=None, path="/activities/contact_exports", counters=silent)
    file = remote.export_members(ListId(world.list_id()), [], tmp_path)
    assert file.rows == 5
    noticed = [event.diagnostic.code for event in world.events if isinstance(event, Noticed)]
    assert noticed == ["W603"]


@pytest.mark.parametrize("members", [2, 3, 10])
def test_of_a_small_list_nobody_may_be_missing_whom_the_job_counted(
    world: World, remote: ConstantContact, tmp_path: Path, members: int
) -> None:
    world.seed([{"email": f"p{number:03}@example.com"} for number in range(members)], "VIP")
    world.fault("activity", mishap="cut_off", path="/activities/contact_exports")
    file = remote.export_members(ListId(world.list_id()), [], tmp_path)
    assert [email for (email,) in rows(file, "email")] == world.members()


def test_a_list_that_is_gone_is_never_an_empty_list(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": "a@example.com"}], "VIP")
    list_id = ListId(world.list_id())
    remote.lists()
    world.do("/lists/delete", list="VIP")
    with pytest.raises(NotFoundError, match="E601"):
        remote.export_members(list_id, [], tmp_path)


def test_an_empty_list_is_an_empty_file(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    assert remote.export_members(ListId(world.list_id()), [], tmp_path).rows == 0


def test_names_of_fields_that_are_refused_are_left_away(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.seed([{"email": "a@example.com"}], "VIP")
    world.fault("status", status=400, method="POST", path="/activities/contact_exports")
    file = remote.export_members(ListId(world.list_id()), ["first_name"], tmp_path)
    assert "Email Lists" in file.path.read_text()


def test_an_export_that_is_always_refused_is_refused(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    world.fault("status", status=400, method="POST", path="/activities/contact_exports", times=None)
    with pytest.raises(RejectedError, match="E620"):
        remote.export_members(ListId(world.list_id()), ["first_name"], tmp_path)


def test_a_forbidden_export_says_what_is_missing(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    list_id = ListId(world.list_id())
    world.do("/account", privileges=["contacts:read", "contacts:lists:read"])
    with pytest.raises(DeniedError, match=r"E306.*contacts:write"):
        remote.export_members(list_id, [], tmp_path)
