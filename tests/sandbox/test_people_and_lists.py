"""Lists, memberships, exports and reading people: the calls that the main job stands on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MakeAccount = Callable[..., Any]
NOBODY = "00000000-0000-4000-8000-000000000000"


def people(*names: str, **fields: str) -> list[dict[str, Any]]:
    return [{"email": f"{name}@example.com"} | fields for name in names]


def ids_of(account, *names: str) -> list[str]:
    return [account.person(f"{name}@example.com")["contact_id"] for name in names]


# lists -------------------------------------------------------------------------------------------------


def test_a_list_is_made_renamed_and_deleted(account):
    made = account.api.post("/v3/contact_lists", json={"name": "VIP", "description": "D", "favorite": True})
    assert made.status_code == 201
    path = f"/v3/contact_lists/{made.json()['list_id']}"
    assert account.api.put(path, json={"name": "Very VIP"}).json()["description"] == ""
    gone = account.api.delete(path)
    assert gone.status_code == 202
    assert gone.headers["location"].endswith(gone.json()["activity_id"])
    account.app.drain()
    assert "deleted_at" in account.api.get(path).json()
    assert account.api.get("/v3/contact_lists").json()["lists"] == []
    assert len(account.api.get("/v3/contact_lists", params={"status": "deleted"}).json()["lists"]) == 1


def test_a_list_name_is_unique(account):
    assert account.api.post("/v3/contact_lists", json={"name": "VIP"}).status_code == 201
    clash = account.api.post("/v3/contact_lists", json={"name": "vip"})
    assert clash.status_code == 409
    assert isinstance(clash.json(), list)


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": " "}, {"name": "x" * 256}, {"name": 7}, {"nom": "x"}, []])
def test_a_list_needs_a_proper_name(account, body):
    assert account.api.post("/v3/contact_lists", json=body).status_code == 400


def test_an_account_holds_a_thousand_lists(account):
    account.seed([], *[f"list {at}" for at in range(1_000)])
    assert account.api.post("/v3/contact_lists", json={"name": "one more"}).status_code == 400


def test_membership_counts_come_only_when_asked_for(account):
    account.seed(people("ann", "bob"), "VIP")
    account.do("/people/unsubscribe", emails=["ann@example.com"])
    path = f"/v3/contact_lists/{account.list_id('VIP')}"
    assert "membership_count" not in account.api.get(path).json()
    assert account.api.get(path, params={"include_membership_count": "all"}).json()["membership_count"] == 2
    counted = account.api.get(
        "/v3/contact_lists", params={"include_membership_count": "active", "include_count": "true"}
    )
    assert counted.json()["lists"][0]["membership_count"] == 1
    assert counted.json()["lists_count"] == 1


@pytest.mark.parametrize("setting", ["allow", "409"])
def test_deleting_a_list_in_use_follows_the_switch(make_account: MakeAccount, setting):
    account = make_account(switches={"delete_list_in_use": setting})
    path = f"/v3/contact_lists/{account.list_id('VIP')}"
    account.do("/lists/use", list="VIP")
    assert account.api.delete(path).status_code == (202 if setting == "allow" else 409)


def test_list_delete_takes_the_lists_and_leaves_the_people(account):
    account.seed(people("ann"), "VIP", "Others")
    ended = account.submit("list_delete", json={"list_ids": [account.list_id("VIP")]})
    assert ended["status"] == {"list_count": 1}
    assert account.person("ann@example.com")["lists"] == ["Others"]


# reading people ----------------------------------------------------------------------------------------


def test_get_contacts_gives_50_a_page_and_a_link_without_a_host(account):
    account.seed(people(*[f"p{at:03}" for at in range(120)]), "VIP")
    params = {"lists": account.list_id("VIP"), "include_count": "true"}
    page = account.api.get("/v3/contacts", params=params).json()
    assert (len(page["contacts"]), page["contacts_count"]) == (50, 120)
    seen = page["contacts"]
    while "next" in page["_links"]:
        assert page["_links"]["next"]["href"].startswith("/v3/contacts?cursor=")
        page = account.api.get(page["_links"]["next"]["href"]).json()
        seen += page["contacts"]
    assert len({one["contact_id"] for one in seen}) == 120


def test_get_contacts_shows_core_fields_only_unless_told_to_include_more(account):
    account.do("/fields", label="Tier")
    account.seed([{"email": "ann@example.com", "cf:Tier": "gold", "phone": "1"}], "VIP")
    bare = account.api.get("/v3/contacts").json()["contacts"][0]
    assert "list_memberships" not in bare
    include = "custom_fields,list_memberships,phone_numbers,street_addresses,taggings,notes"
    full = account.api.get("/v3/contacts", params={"include": include}).json()["contacts"][0]
    assert full["list_memberships"] == [account.list_id("VIP")]
    assert full["custom_fields"][0]["value"] == "gold"
    assert full["notes"] == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "act uns"), ("all", "act del uns"), ("active", "act"), ("deleted", "del"), ("unsubscribed", "uns"),
        ("active,deleted", "act del"), ("temp_hold", ""),
    ],
)  # fmt: skip
def test_status_chooses_and_the_default_includes_the_unsubscribed(account, status, expected):
    account.seed(people("act", "uns", "del"))
    account.do("/people/unsubscribe", emails=["uns@example.com"])
    account.do("/people/delete", emails=["del@example.com"])
    found = account.api.get("/v3/contacts", params={"status": status} if status else {}).json()["contacts"]
    assert sorted(one["email_address"]["address"][:3] for one in found) == expected.split()


def test_updated_after_misses_an_unsubscribe_that_optout_after_sees(account):
    account.seed(people("ann", "bob"))
    account.clock.forward(3_600)
    since = account.ask("/clock")["now"]
    account.clock.forward(60)
    account.do("/people/unsubscribe", emails=["ann@example.com"])
    assert account.api.get("/v3/contacts", params={"updated_after": since}).json()["contacts"] == []
    found = account.api.get("/v3/contacts", params={"optout_after": since}).json()["contacts"]
    assert [one["email_address"]["opt_out_source"] for one in found] == ["Contact"]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"status": "nonsense"}, {"include": "everything"},
        {"updated_after": "yesterday"}, {"lists": "x"}, {"cursor": "x"}, {"emial": "ann@example.com"},
        {"include_count": "yes"}, {"lists": ",".join([NOBODY] * 26)},
    ],
)  # fmt: skip
def test_query_parameters_are_checked(account, params):
    answer = account.api.get("/v3/contacts", params=params)
    assert answer.status_code == 400
    assert answer.json()[0].keys() == {"error_key", "error_message"}


def test_counts_tell_the_consents_apart(account):
    account.seed([*people("ann"), {"email": "bob@example.com", "permission_to_send": "explicit"}])
    account.do("/people/unsubscribe", emails=["ann@example.com"])
    counts = account.api.get("/v3/contacts/counts", params={"include": "new_subscriber"}).json()
    assert counts == {"total": 2, "explicit": 1, "implicit": 0, "pending": 0, "unsubscribed": 1, "new_subscriber": 1}


# memberships -------------------------------------------------------------------------------------------


def test_removal_takes_contact_ids_off_the_targets_only(account):
    account.seed(people("ann", "bob"), "VIP", "Others")
    body = {"source": {"contact_ids": ids_of(account, "ann")}, "list_ids": [account.list_id("VIP")]}
    ended = account.submit("remove_list_memberships", json=body)
    assert ended["status"] == {"items_total_count": 1, "items_completed_count": 1, "list_count": 1}
    assert account.members("VIP") == ["bob@example.com"]
    assert account.members("Others") == ["ann@example.com", "bob@example.com"]


def test_removal_with_the_target_as_source_empties_the_list(account):
    account.seed(people("ann", "bob", "cat"), "VIP")
    target = account.list_id("VIP")
    keep = ids_of(account, "cat")
    body = {"source": {"list_ids": [target]}, "exclude": {"contact_ids": keep}, "list_ids": [target]}
    account.submit("remove_list_memberships", json=body)
    assert account.members("VIP") == ["cat@example.com"]
    assert account.ask("/statistics")["violations"] == {"remove_by_list_ids": 1}


def test_removal_of_all_active_contacts_spares_only_the_unsubscribed(account):
    account.seed(people("ann", "bob"), "VIP")
    account.do("/people/unsubscribe", emails=["bob@example.com"])
    body = {"source": {"all_active_contacts": True}, "list_ids": [account.list_id("VIP")]}
    account.submit("remove_list_memberships", json=body)
    assert account.members("VIP") == ["bob@example.com"]


@pytest.mark.parametrize(("setting", "state"), [("ignore", "completed"), ("fail", "failed")])
def test_an_unknown_id_in_a_removal_follows_the_switch(make_account: MakeAccount, setting, state):
    account = make_account(switches={"unknown_contact_id_in_removal": setting})
    account.seed(people("ann"), "VIP")
    body = {"source": {"contact_ids": [*ids_of(account, "ann"), NOBODY]}, "list_ids": [account.list_id("VIP")]}
    assert account.submit("remove_list_memberships", json=body)["state"] == state
    assert account.members("VIP") == ([] if state == "completed" else ["ann@example.com"])


@pytest.mark.parametrize(
    "body",
    [
        {"source": {}, "list_ids": ["L"]},
        {"source": {"contact_ids": [NOBODY], "all_active_contacts": True}, "list_ids": ["L"]},
        {"source": {"contact_ids": [NOBODY]}, "list_ids": []},
        {"source": {"contact_ids": []}, "list_ids": ["L"]},
        {"source": {"contact_ids": [NOBODY] * 501}, "list_ids": ["L"]},
        {"source": {"contact_ids": ["ann@example.com"]}, "list_ids": ["L"]},
        {"source": {"contact_ids": [NOBODY]}, "exclude": {"contact_ids": [NOBODY]}, "list_ids": ["L"]},
        {"source": {"contact_ids": [NOBODY]}, "list_ids": [NOBODY]},
        {"source": {"segment_id": 1}, "list_ids": ["L"]},
        {"contact_ids": [NOBODY], "list_ids": ["L"]},
    ],
)
def test_a_removal_that_does_not_fit_the_contract_is_refused(account, body):
    target = account.list_id("VIP")
    body = body | {"list_ids": [target if one == "L" else one for one in body["list_ids"]]}
    assert account.api.post("/v3/activities/remove_list_memberships", json=body).status_code == 400


def test_adding_memberships_skips_the_unsubscribed(account):
    account.seed(people("ann", "bob"), "Others")
    account.do("/people/unsubscribe", emails=["bob@example.com"])
    body = {"source": {"list_ids": [account.list_id("Others")]}, "list_ids": [account.list_id("VIP")]}
    account.submit("add_list_memberships", json=body)
    assert account.members("VIP") == ["ann@example.com"]


@pytest.mark.parametrize(("setting", "bumped"), [("yes", True), ("no", False)])
def test_whether_membership_changes_updated_at_follows_the_switch(make_account: MakeAccount, setting, bumped):
    account = make_account(switches={"membership_bumps_updated_at": setting})
    account.seed(people("ann"), "VIP")
    before = account.person("ann@example.com")["updated_at"]
    account.clock.forward(60)
    body = {"source": {"contact_ids": ids_of(account, "ann")}, "list_ids": [account.list_id("VIP")]}
    account.submit("remove_list_memberships", json=body)
    assert (account.person("ann@example.com")["updated_at"] != before) is bumped
    before = account.person("ann@example.com")["updated_at"]
    account.clock.forward(60)
    account.import_json(people("ann"))
    assert (account.person("ann@example.com")["updated_at"] != before) is bumped


def test_contact_delete_by_list_deletes_the_people_everywhere(account):
    account.seed(people("ann", "bob"), "VIP", "Others")
    account.submit("contact_delete", json={"list_ids": [account.list_id("VIP")]})
    assert account.members("Others") == []
    statistics = account.ask("/statistics")
    assert statistics["violations"] == {"contact_delete": 1}
    assert statistics["account"]["deleted"] == 2


# exports -----------------------------------------------------------------------------------------------


def test_a_list_export_holds_every_member_whatever_the_status(account):
    account.seed(people("ann", "bob", first_name="X"), "VIP", "Second, with comma")
    account.seed(people("cat"))
    account.do("/people/unsubscribe", emails=["bob@example.com"])
    rows = account.export(list_ids=[account.list_id("VIP")])
    assert [row["Email address"] for row in rows] == ["ann@example.com", "bob@example.com"]
    assert [row["Email status"] for row in rows] == ["Active", "Unsubscribed"]
    assert rows[0]["First name"] == "X"
    assert rows[0]["Email Lists"] == "VIP, Second, with comma"
    assert "contact_id" not in {name.casefold().replace(" ", "_") for name in rows[0]}


def test_an_export_of_the_unsubscribed_alone(account):
    account.seed(people("ann", "bob"), "VIP")
    account.do("/people/unsubscribe", emails=["bob@example.com"], reason="too much")
    rows = account.export(status="unsubscribed", fields=["email_address", "email_optout_date", "email_optout_reason"])
    assert [row["Email address"] for row in rows] == ["bob@example.com"]
    assert rows[0]["Confirmed Opt-Out Reason"] == "too much"


def test_an_export_without_a_filter_is_the_whole_account(account):
    account.seed(people("ann"), "VIP")
    account.seed(people("bob", "cat"))
    account.do("/people/delete", emails=["cat@example.com"])
    assert [row["Email address"] for row in account.export()] == ["ann@example.com", "bob@example.com"]


def test_custom_fields_are_exported_under_their_labels_and_chosen_fields_alone(account):
    account.do("/fields", label="Loyalty tier")
    account.seed(
        [{"email": "ann@example.com", "cf:Loyalty_tier": "gold", "birthday_month": "2", "birthday_day": "9"}], "VIP"
    )
    row = account.export(list_ids=[account.list_id("VIP")])[0]
    assert (row["Loyalty tier"], row["Birthday"]) == ("gold", "02/09")
    assert list(account.export(fields=["first_name", "created_at"])[0]) == ["First name", "Created At"]


@pytest.mark.parametrize(("setting", "there"), [("no", False), ("yes", True)])
def test_the_contact_id_column_follows_the_switch(make_account: MakeAccount, setting, there):
    account = make_account(switches={"export_has_contact_id": setting})
    account.seed(people("ann"))
    row = account.export()[0]
    assert ("Contact ID" in row) is there


@pytest.mark.parametrize(
    "body",
    [
        {"list_ids": [NOBODY]}, {"list_ids": []}, {"status": "gone"}, {"fields": ["shoe_size"]},
        {"fields": ["email_optout_date"]}, {"contact_ids": [NOBODY], "new_subscriber": True},
        {"new_subscriber": True, "status": "active"}, {"exclude": {"contact_ids": [NOBODY]}}, {"list_id": NOBODY},
    ],
)  # fmt: skip
def test_an_export_that_does_not_fit_the_contract_is_refused(account, body):
    assert account.api.post("/v3/activities/contact_exports", json=body).status_code == 400


def test_an_export_file_is_not_there_before_its_job_is_done(account):
    made = account.api.post("/v3/activities/contact_exports", json={}).json()
    assert "results" not in made["_links"]
    assert account.api.get(f"/v3/contact_exports/{made['activity_id']}").status_code == 404


# custom fields -----------------------------------------------------------------------------------------


def test_a_custom_field_is_named_after_its_label(account):
    made = account.api.post("/v3/contact_custom_fields", json={"label": "Loyalty tier", "type": "string"})
    assert (made.status_code, made.json()["name"]) == (201, "Loyalty_tier")
    path = f"/v3/contact_custom_fields/{made.json()['custom_field_id']}"
    assert account.api.put(path, json={"label": "Tier"}).json()["label"] == "Tier"
    assert (
        account.api.get("/v3/contact_custom_fields", params={"limit": 100}).json()["custom_fields"][0]["label"]
        == "Tier"
    )
    assert account.api.post("/v3/contact_custom_fields", json={"label": "TIER", "type": "string"}).status_code == 409
    assert account.api.delete(path).status_code == 204
    assert account.api.get(path).status_code == 404


def test_an_account_holds_a_hundred_custom_fields(account):
    for at in range(100):
        account.do("/fields", label=f"Field {at}")
    assert account.api.post("/v3/contact_custom_fields", json={"label": "X", "type": "string"}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"label": "X"}, {"label": "X", "type": "colour"}, {"label": "x" * 51, "type": "string"},
        {"label": "X", "type": "single_select"}, {"label": "X", "type": "string", "choices": [{"choice_label": "a"}]},
        {"label": "X", "type": "multi_select", "choices": [{"choice_label": str(at)} for at in range(21)]},
        {"label": "X", "type": "number", "metadata": {"decimal_places": 5}},
    ],
)  # fmt: skip
def test_a_custom_field_is_checked(account, body):
    assert account.api.post("/v3/contact_custom_fields", json=body).status_code == 400


def test_choices_get_numbers(account):
    body = {"label": "Colour", "type": "single_select", "choices": [{"choice_label": "red"}, {"choice_label": "blue"}]}
    made = account.api.post("/v3/contact_custom_fields", json=body).json()
    assert [one["choice_id"] for one in made["choices"]] == [1, 2]


def test_custom_fields_are_deleted_in_bulk_with_everybodys_values(account):
    account.do("/fields", label="Tier")
    account.seed([{"email": "ann@example.com", "cf:Tier": "gold"}])
    doomed = [one["custom_field_id"] for one in account.api.get("/v3/contact_custom_fields").json()["custom_fields"]]
    assert account.submit("custom_fields_delete", json={"custom_field_ids": doomed})["state"] == "completed"
    assert account.person("ann@example.com")["fields"] == {}
