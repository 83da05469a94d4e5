"""Imports: who lands where, what is counted, what is cut off in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

MakeAccount = Callable[..., Any]


def people(*names: str, **fields: str) -> list[dict[str, Any]]:
    return [{"email": f"{name}@example.com"} | fields for name in names]


def test_new_people_are_implicit_by_account_and_on_the_list(account):
    ended = account.import_json(people("ann", "bob", first_name="X"))
    assert ended["state"] == "completed"
    assert ended["status"] == {
        "items_total_count": 3, "person_count": 2, "error_count": 0, "correctable_count": 0,
        "cannot_add_to_list_count": 0,
    }  # fmt: skip
    found = account.api.get("/v3/contacts", params={"email": "ann@example.com"}).json()["contacts"][0]
    assert found["email_address"]["permission_to_send"] == "implicit"
    assert found["email_address"]["opt_in_source"] == "Account"
    assert account.members("VIP") == ["ann@example.com", "bob@example.com"]


def test_file_import_echoes_the_file_name_and_counts_the_header(account):
    ended = account.import_csv("email,first_name\nann@example.com,Ann\n", name="chunk-0007.csv")
    assert ended["source_file_name"] == "chunk-0007.csv"
    assert ended["status"]["items_total_count"] == 2
    assert account.person("ann@example.com")["fields"] == {"first_name": "Ann"}


def test_quoted_fields_newlines_and_scripts_arrive_as_they_were(account):
    name = 'Ångström "Å", Ж\n第二'
    quoted = name.replace('"', '""')
    account.import_csv(f'email,first_name\r\nann@example.com,"{quoted}"\r\n')
    assert account.person("ann@example.com")["fields"]["first_name"] == name


def test_a_person_who_left_the_list_is_put_back_and_it_is_counted_as_harm(account):
    account.seed(people("ann"), "VIP")
    account.do("/people/leave", emails=["ann@example.com"], list="VIP")
    assert account.members("VIP") == []
    account.import_json(people("ann"))
    assert account.members("VIP") == ["ann@example.com"]
    assert account.person("ann@example.com")["left"][0]["returned_by"] == "import"
    assert account.ask("/statistics")["harm"]["leavers_put_back"] == 1


def test_a_person_who_left_and_was_deleted_is_still_known_to_have_left(account):
    account.seed(people("ann"), "VIP")
    account.do("/people/leave", emails=["ann@example.com"], list="VIP")
    account.do("/people/delete", emails=["ann@example.com"])
    account.import_json(people("ann"))
    assert account.ask("/statistics")["harm"]["leavers_put_back"] == 1


def test_a_globally_unsubscribed_person_is_not_added_but_counted(account):
    account.seed(people("ann"))
    account.do("/people/unsubscribe", emails=["ann@example.com"])
    ended = account.import_json(people("ann", first_name="New"))
    assert ended["state"] == "completed"
    assert ended["status"]["cannot_add_to_list_count"] == 1
    assert account.members("VIP") == []
    assert account.person("ann@example.com")["permission"] == "unsubscribed"


@pytest.mark.parametrize(("setting", "expected"), [("updated", "New"), ("untouched", "Old")])
def test_fields_of_an_unsubscribed_person_follow_the_switch(make_account: MakeAccount, setting, expected):
    account = make_account(switches={"unsub_fields": setting})
    account.seed(people("ann", first_name="Old"))
    account.do("/people/unsubscribe", emails=["ann@example.com"])
    account.import_json(people("ann", first_name="New"))
    assert account.person("ann@example.com")["fields"]["first_name"] == expected


def test_a_deleted_person_comes_back_with_old_fields_and_without_old_lists(account):
    account.seed([{"email": "ann@example.com", "first_name": "Ann", "last_name": "Old"}], "Elders")
    account.do("/people/delete", emails=["ann@example.com"])
    account.import_json(people("ann", last_name="New"))
    person = account.person("ann@example.com")
    assert not person["deleted"]
    assert person["fields"] == {"first_name": "Ann", "last_name": "New"}
    assert person["lists"] == ["VIP"]


def test_an_import_is_additive_and_changes_only_what_it_names(account):
    account.seed([{"email": "ann@example.com", "first_name": "Ann", "job_title": "Boss"}], "Elders")
    account.import_json(people("ann", first_name="Anna"))
    person = account.person("ann@example.com")
    assert person["fields"] == {"first_name": "Anna", "job_title": "Boss"}
    assert person["lists"] == ["Elders", "VIP"]


def test_bad_rows_are_counted_apart_and_the_job_still_completes(account):
    long = "x" * 51
    ended = account.import_csv(
        "email,first_name,anniversary,birthday_month,birthday_day\n"
        "not an address,A,,,\n"
        ",Nameless,,,\n"
        "ann@example.com,A,someday,,\n"
        "bob@example.com,B,,13,1\n"
        f"cat@example.com,{long},,,\n"
        "too,many,cells,1,1,1,1\n"
        "dan@example.com,D,11/15/2006,2,29\n"
    )
    assert ended["state"] == "completed"
    assert ended["status"] == {
        "items_total_count": 8, "person_count": 7, "error_count": 2, "correctable_count": 4,
        "cannot_add_to_list_count": 0,
    }  # fmt: skip
    assert account.members("VIP") == ["dan@example.com"]


@pytest.mark.parametrize(("setting", "expected"), [("first", "One"), ("last", "Two")])
def test_duplicates_collapse_and_the_switch_says_who_wins(make_account: MakeAccount, setting, expected):
    account = make_account(switches={"dup_winner": setting})
    rows = [{"email": " Ann@Example.com ", "first_name": "One"}, {"email": "ann@example.com", "first_name": "Two"}]
    ended = account.import_json(rows)
    assert ended["status"]["person_count"] == 2
    assert account.members("VIP") == ["ann@example.com"]
    assert account.person("ann@example.com")["fields"]["first_name"] == expected


@pytest.mark.parametrize(("setting", "expected"), [("ignore", "Ann"), ("clear", None), ("reject", "Ann")])
def test_an_empty_value_follows_the_switch(make_account: MakeAccount, setting, expected):
    account = make_account(switches={"empty_value": setting})
    account.seed(people("ann", first_name="Ann"))
    for ended in (
        account.import_json([{"email": "ann@example.com", "first_name": ""}]),
        account.import_csv("email,first_name\nann@example.com,\n"),
    ):
        assert ended["status"]["error_count"] == (1 if setting == "reject" else 0)
        assert account.person("ann@example.com")["fields"].get("first_name") == expected


def test_custom_fields_go_by_name_not_by_label(account):
    account.do("/fields", label="Loyalty tier")
    account.import_csv("email,cf:Loyalty_tier,cf:Loyalty tier\nann@example.com,gold,no\n")
    assert account.person("ann@example.com")["fields"] == {"cf:Loyalty_tier": "gold"}


@pytest.mark.parametrize("setting", ["ignore", "reject"])
def test_an_unknown_custom_field_follows_the_switch(make_account: MakeAccount, setting):
    account = make_account(switches={"unknown_cf": setting})
    body = {"import_data": [{"email": "ann@example.com", "cf:no": "x"}], "list_ids": [account.list_id("VIP")]}
    answer = account.api.post("/v3/activities/contacts_json_import", json=body)
    assert answer.status_code == (201 if setting == "ignore" else 400)


@pytest.mark.parametrize("setting", ["accept", "correctable"])
def test_role_addresses_follow_the_switch(make_account: MakeAccount, setting):
    account = make_account(switches={"role_address": setting})
    ended = account.import_json([{"email": "sales@example.com"}])
    assert ended["status"]["correctable_count"] == (0 if setting == "accept" else 1)


@pytest.mark.parametrize("setting", ["accept", "correctable"])
def test_addresses_beyond_ascii_follow_the_switch(make_account: MakeAccount, setting):
    account = make_account(switches={"non_ascii_address": setting})
    ended = account.import_json([{"email": "josé@exämple.com"}, {"email": "josé@"}])
    assert ended["status"]["correctable_count"] == (1 if setting == "accept" else 2)


@pytest.mark.parametrize("setting", ["correctable", "refuse"])
def test_an_invalid_address_spoils_its_row_or_the_whole_request(make_account: MakeAccount, setting):
    account = make_account(switches={"invalid_address": setting})
    list_id = account.list_id("VIP")
    answers = [
        account.api.post(
            "/v3/activities/contacts_json_import",
            json={"import_data": [{"email": "ann@example.com"}, {"email": "b..b@example.com"}], "list_ids": [list_id]},
        ),
        account.api.post(
            "/v3/activities/contacts_file_import",
            files={"file": ("a.csv", "email\nann@example.com\nb..b@example.com\n")},
            data={"list_ids": list_id},
        ),
    ]
    assert [answer.status_code for answer in answers] == [201 if setting == "correctable" else 400] * 2


@pytest.mark.parametrize("setting", ["truncate", "reject"])
def test_rows_beyond_the_limit_follow_the_switch(make_account: MakeAccount, setting):
    account = make_account(switches={"over_rows": setting})
    rows = "".join(f"p{at}@example.com\n" for at in range(40_010))
    request = {"files": {"file": ("a.csv", f"email\n{rows}")}, "data": {"list_ids": account.list_id("VIP")}}
    answer = account.api.post("/v3/activities/contacts_file_import", **request)
    assert account.ask("/statistics")["violations"] == ({"too_many_rows": 1} if setting == "truncate" else {})
    if setting == "reject":
        assert answer.status_code == 400
        return
    account.app.drain()
    assert len(account.members("VIP")) == 39_999


@pytest.mark.parametrize("limit", ["4_000_000", "4_194_304"])
def test_what_is_beyond_4_mb_vanishes_without_a_word(make_account: MakeAccount, limit):
    account = make_account(switches={"mb": limit})
    size = int(limit)
    rows = [{"email": f"p{at:05}@example.com", "first_name": "é" * 50} for at in range(39_000)]
    body = json.dumps({"import_data": rows, "list_ids": [account.list_id("VIP")]}, ensure_ascii=False).encode()
    assert len(body) > size
    ended = account.submit("contacts_json_import", content=body, headers={"Content-Type": "application/json"})
    assert ended["state"] == "completed"
    landed = len(account.members("VIP"))
    assert landed == ended["status"]["person_count"] < 39_000
    whole = len(json.dumps({"import_data": rows[:landed]}, ensure_ascii=False).encode())
    assert size - 200 < whole <= size + 2
    assert account.ask("/statistics")["violations"] == {"oversized_body": 1}


def test_a_csv_beyond_4_mb_is_cut_at_a_whole_line(account):
    rows = "".join(f"p{at:05}@example.com,{'é' * 50}\n" for at in range(39_000))
    ended = account.import_csv(f"email,first_name\n{rows}")
    landed = len(account.members("VIP"))
    assert 0 < landed == ended["status"]["person_count"] < 39_000
    assert ended["status"]["error_count"] == 0


@pytest.mark.parametrize("setting", ["skip_row", "fail_job"])
def test_the_51st_list_follows_the_switch(make_account: MakeAccount, setting):
    account = make_account(switches={"fifty_list_overflow": setting})
    names = [f"list {at}" for at in range(50)]
    account.seed(people("ann"), *names)
    ended = account.import_json(people("ann", "bob"))
    assert ended["state"] == ("completed" if setting == "skip_row" else "failed")
    assert account.members("VIP") == (["bob@example.com"] if setting == "skip_row" else [])


@pytest.mark.parametrize(
    "row",
    [
        {"email_address": {"address": "ann@example.com"}},
        {"email": "ann@example.com", "custom_fields": []},
        {"email": "ann@example.com", "first_name": 7},
        {"email": "ann@example.com", "birthday_month": "7"},
        {"email": "ann@example.com", "first_name": "x" * 51},
        {"email": "x" * 40 + "@example.com"},
        {"first_name": "Ann"},
        "ann@example.com",
    ],
)
def test_rows_of_the_wrong_shape_are_refused_as_a_whole(account, row):
    body = {"import_data": [row], "list_ids": [account.list_id("VIP")]}
    answer = account.api.post("/v3/activities/contacts_json_import", json=body)
    assert answer.status_code == 400
    assert answer.json()[0]["error_key"] == "contacts.api.validation.error"


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("a.txt", b"email\nann@example.com\n", 415),
        ("a.csv", b"", 400),
        ("a.csv", b"first_name\nAnn\n", 400),
        ("a.csv", b"email,home_phone\nann@example.com,1\n", 400),
        ("a.csv", b"email,email\nann@example.com,x\n", 400),
        ("a.csv", b"email\n\xff\xfe@example.com\n", 400),
        ("a.csv", b"email\na\x00@example.com\n", 400),
        ("a.csv", "\ufeffemail\nann@example.com\n".encode(), 400),
    ],
)
def test_files_that_are_not_what_the_contract_says_are_refused(account, name, body, status):
    request = {"files": {"file": (name, body)}, "data": {"list_ids": account.list_id("VIP")}}
    answer = account.api.post("/v3/activities/contacts_file_import", **request)
    assert answer.status_code == status


def test_a_form_with_a_hand_set_content_type_gets_415(account):
    answer = account.api.post(
        "/v3/activities/contacts_file_import", content=b"email\n", headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 415


def test_an_import_needs_lists_that_exist(account):
    for ids in ([], ["nonsense"], ["00000000-0000-4000-8000-000000000000"], [account.list_id("VIP")] * 51):
        body = {"import_data": people("ann"), "list_ids": ids}
        assert account.api.post("/v3/activities/contacts_json_import", json=body).status_code == 400


def test_phones_and_addresses_land_with_their_kinds(account):
    row = {
        "email": "ann@example.com", "phone": "1", "home_phone": "2", "street": "1 Main", "street2": "Flat 2",
        "city": "Boston", "work_city": "Salem",
    }  # fmt: skip
    account.import_json([row])
    include = {"email": "ann@example.com", "include": "phone_numbers,street_addresses"}
    found = account.api.get("/v3/contacts", params=include).json()["contacts"][0]
    assert [(one["kind"], one["phone_number"]) for one in found["phone_numbers"]] == [("home", "2"), ("other", "1")]
    assert [(one["kind"], one.get("street"), one["city"]) for one in found["street_addresses"]] == [
        ("home", "1 Main Flat 2", "Boston"), ("work", None, "Salem"),
    ]  # fmt: skip


TYPED = {
    "custom_fields": [
        {"label": "Since", "type": "date"},
        {"label": "Age", "type": "number", "metadata": {"integer": True}},
        {"label": "Spent", "type": "currency", "metadata": {"decimal_places": 2, "currency_code": "EUR"}},
        {"label": "Vip", "type": "boolean"},
        {"label": "Size", "type": "single_select", "choices": ["S", "M"]},
        {"label": "Likes", "type": "multi_select", "choices": ["Tea", "Wine"]},
    ]
}
GOOD = {
    "cf:Since": "2020-02-29", "cf:Age": "42", "cf:Spent": "-1.50", "cf:Vip": "true", "cf:Size": "M",
    "cf:Likes": "Wine,Tea",
}  # fmt: skip
BAD = {
    "cf:Since": "29.2.2020", "cf:Age": "-1", "cf:Spent": "1.505", "cf:Vip": "yes", "cf:Size": "m",
    "cf:Likes": "Tea;Wine",
}  # fmt: skip


@pytest.mark.parametrize(("setting", "errors", "kept"), [("reject", 6, None), ("ignore", 0, {})])
def test_a_custom_field_takes_values_of_its_type_only(
    make_account: MakeAccount, setting: str, errors: int, kept: dict[str, str] | None
) -> None:
    account = make_account(switches={"bad_cf_value": setting})
    account.do("/seed", document=TYPED)
    account.do("/lists", name="VIP")
    rows = [{"email": "good@example.com"} | GOOD]
    rows += [{"email": f"bad{at}@example.com", name: value} for at, (name, value) in enumerate(BAD.items())]
    ended = account.import_json(rows)
    assert ended["status"]["error_count"] == errors
    assert account.person("good@example.com")["fields"] == GOOD
    if kept is not None:
        assert all(account.person(f"bad{at}@example.com")["fields"] == kept for at in range(len(BAD)))


@pytest.mark.parametrize(("setting", "errors"), [("comma", 0), ("semicolon", 1)])
def test_what_separates_choices_follows_the_switch(make_account: MakeAccount, setting: str, errors: int) -> None:
    account = make_account(switches={"multi_select_separator": setting})
    account.do("/seed", document=TYPED)
    account.do("/lists", name="VIP")
    ended = account.import_csv('email,cf:Likes\nann@example.com,"Tea, Wine"\n')
    assert ended["status"]["error_count"] == errors
