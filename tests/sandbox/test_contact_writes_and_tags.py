"""Changing single people, with the vendor's traps, and tags."""

from __future__ import annotations

import pytest

EMAIL = "ann@example.com"
ALL = "custom_fields,list_memberships,phone_numbers,street_addresses,taggings,notes"


def create(account, **more):
    body = {"create_source": "Account", "email_address": {"address": EMAIL}} | more
    return account.api.post("/v3/contacts", json=body)


def test_a_contact_is_created_with_all_its_parts(account):
    field = account.do("/fields", label="Tier")["custom_field_id"]
    tag = account.api.post("/v3/contact_tags", json={"name": "t"}).json()["tag_id"]
    made = create(
        account, first_name="Ann", birthday_month=2, birthday_day=9, list_memberships=[account.list_id("VIP")],
        custom_fields=[{"custom_field_id": field, "value": "gold"}], taggings=[tag], notes=[{"content": "hello"}],
        phone_numbers=[{"kind": "home", "phone_number": "1"}], street_addresses=[{"kind": "work", "city": "Salem"}],
    )  # fmt: skip
    assert made.status_code == 201
    found = account.api.get(f"/v3/contacts/{made.json()['contact_id']}", params={"include": ALL}).json()
    assert found == made.json()
    assert found["email_address"]["permission_to_send"] == "implicit"
    assert (found["list_memberships"], found["taggings"]) == ([account.list_id("VIP")], [tag])


@pytest.mark.parametrize(("opt_in", "expected"), [(False, "explicit"), (True, "pending_confirmation")])
def test_a_contact_who_came_by_own_act_is_explicit_or_pending(account, opt_in, expected):
    account.do("/account", confirmed_opt_in=opt_in)
    made = create(account, create_source="Contact").json()
    assert made["email_address"]["permission_to_send"] == expected


def test_an_address_that_exists_is_409_even_on_a_deleted_person(account):
    assert create(account).status_code == 201
    assert create(account).status_code == 409
    account.do("/people/delete", emails=[EMAIL])
    assert account.api.get("/v3/contacts", params={"email": EMAIL}).json()["contacts"] == []
    assert create(account).status_code == 409
    assert len(account.api.get("/v3/contacts", params={"email": EMAIL, "status": "all"}).json()["contacts"]) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"create_source": "Robot"}, {"email_address": {"address": "nonsense"}}, {"email_address": EMAIL},
        {"first_name": "x" * 51}, {"birthday_month": 2}, {"anniversary": "soon"}, {"list_memberships": ["x"]},
        {"list_memberships": ["00000000-0000-4000-8000-000000000000"]}, {"phone_numbers": [{}] * 4},
        {"street_addresses": [{"city": "Salem"}]}, {"create_source": None},
    ],
)  # fmt: skip
def test_a_contact_that_does_not_fit_the_contract_is_refused(account, more):
    assert create(account, **more).status_code == 400


def test_a_put_empties_the_core_fields_it_leaves_out_and_keeps_the_parts(account):
    made = create(account, first_name="Ann", job_title="Boss", phone_numbers=[{"phone_number": "1"}]).json()
    path = f"/v3/contacts/{made['contact_id']}"
    changed = account.api.put(path, json={"update_source": "Account", "last_name": "Lee"}).json()
    assert "first_name" not in changed
    assert "job_title" not in changed
    assert changed["last_name"] == "Lee"
    assert len(changed["phone_numbers"]) == 1
    assert account.api.put(path, json={"update_source": "Account", "phone_numbers": []}).json()["phone_numbers"] == []
    assert account.ask("/statistics")["violations"] == {"put_contact": 2}


def test_a_put_revives_a_deleted_person_for_the_account_only(account):
    path = f"/v3/contacts/{create(account).json()['contact_id']}"
    assert account.api.delete(path).status_code == 204
    assert "deleted_at" in account.api.get(path).json()
    assert account.api.put(path, json={"update_source": "Contact"}).status_code == 400
    assert "deleted_at" not in account.api.put(path, json={"update_source": "Account"}).json()


def test_a_put_unsubscribes_and_an_own_opt_out_is_not_undone_by_the_account(account):
    path = f"/v3/contacts/{create(account).json()['contact_id']}"
    out = {"address": EMAIL, "permission_to_send": "unsubscribed", "opt_out_reason": "enough"}
    gone = account.api.put(path, json={"update_source": "Contact", "email_address": out}).json()
    assert (gone["email_address"]["opt_out_source"], gone["email_address"]["opt_out_reason"]) == ("Contact", "enough")
    back = {"address": EMAIL, "permission_to_send": "implicit"}
    assert account.api.put(path, json={"update_source": "Account", "email_address": back}).status_code == 400
    assert account.person(EMAIL)["permission"] == "unsubscribed"


def test_a_put_to_an_address_of_somebody_else_is_409(account):
    path = f"/v3/contacts/{create(account).json()['contact_id']}"
    create(account, email_address={"address": "bob@example.com"})
    taken = {"update_source": "Account", "email_address": {"address": "bob@example.com"}}
    assert account.api.put(path, json=taken).status_code == 409


def test_the_sign_up_form_makes_an_unsubscribed_person_explicit_and_it_is_counted_as_harm(account):
    account.seed([{"email": EMAIL, "first_name": "Ann"}], "Old")
    account.do("/people/unsubscribe", emails=[EMAIL])
    body = {"email_address": EMAIL, "list_memberships": [account.list_id("VIP")], "last_name": "Lee"}
    answer = account.api.post("/v3/contacts/sign_up_form", json=body)
    assert (answer.status_code, answer.json()["action"]) == (200, "updated")
    person = account.person(EMAIL)
    assert (person["permission"], person["lists"]) == ("explicit", ["Old", "VIP"])
    assert person["fields"] == {"first_name": "Ann", "last_name": "Lee"}
    statistics = account.ask("/statistics")
    assert statistics["violations"] == {"sign_up_form": 1}
    assert statistics["harm"]["unsubscribed_resubscribed"] == 1


def test_the_sign_up_form_creates_and_needs_a_list(account):
    body = {"email_address": EMAIL, "list_memberships": [account.list_id("VIP")]}
    assert account.api.post("/v3/contacts/sign_up_form", json=body).status_code == 201
    assert account.api.post("/v3/contacts/sign_up_form", json=body | {"list_memberships": []}).status_code == 400


def test_a_resubscribe_mail_is_sent_once_and_changes_nothing_until_confirmed(account):
    made = create(account).json()["contact_id"]
    path, body = f"/v3/contacts/resubscribe/{made}", {"list_ids": [account.list_id("VIP")]}
    assert account.api.put(path, json=body).status_code == 400
    account.do("/people/unsubscribe", emails=[EMAIL])
    assert account.api.put(path, json=body).status_code == 200
    assert account.person(EMAIL)["permission"] == "unsubscribed"
    assert account.api.put(path, json=body).status_code == 409
    account.do("/people/resubscribe", emails=[EMAIL])
    assert (account.person(EMAIL)["permission"], account.members("VIP")) == ("explicit", [EMAIL])


def test_ids_of_the_old_api_are_found(account):
    made = create(account).json()["contact_id"]
    xrefs = account.api.get("/v3/contacts/contact_id_xrefs", params={"sequence_ids": "1,2"}).json()["xrefs"]
    assert xrefs == [{"sequence_id": "1", "contact_id": made}]
    account.list_id("VIP")
    found = account.api.get("/v3/contact_lists/list_id_xrefs", params={"sequence_ids": "1,x,99"}).json()["xrefs"]
    assert [one["list_id"] for one in found] == [account.list_id("VIP")]


# tags --------------------------------------------------------------------------------------------------


def test_a_tag_is_made_renamed_counted_and_deleted(account):
    account.seed([{"email": EMAIL}, {"email": "bob@example.com"}], "VIP")
    made = account.api.post("/v3/contact_tags", json={"name": "hot"}).json()
    assert account.api.post("/v3/contact_tags", json={"name": "HOT"}).status_code == 409
    path = f"/v3/contact_tags/{made['tag_id']}"
    assert account.api.put(path, json={"name": "warm"}).json()["name"] == "warm"
    body = {"source": {"list_ids": [account.list_id("VIP")]}, "tag_ids": [made["tag_id"]]}
    ended = account.submit("contacts_taggings_add", json=body)
    assert ended["status"] == {"items_total_count": 2, "items_completed_count": 2}
    assert account.api.get(path, params={"include_count": "true"}).json()["contacts_count"] == 2
    assert len(account.api.get("/v3/contacts", params={"tags": made["tag_id"]}).json()["contacts"]) == 2
    one = {"source": {"contact_ids": [account.person(EMAIL)["contact_id"]]}, "tag_ids": [made["tag_id"]]}
    account.submit("contacts_taggings_remove", json=one)
    assert (
        account.api.get("/v3/contact_tags", params={"include_count": "true"}).json()["tags"][0]["contacts_count"] == 1
    )
    export = account.export(tag_ids=[made["tag_id"]])
    assert [(row["Email address"], row["Tags"]) for row in export] == [("bob@example.com", "warm")]
    gone = account.api.delete(path)
    assert gone.status_code == 202
    account.app.drain()
    assert account.api.get(path).status_code == 404


def test_tags_are_a_source_for_lists_and_are_deleted_in_bulk(account):
    tag = account.api.post("/v3/contact_tags", json={"name": "hot"}).json()["tag_id"]
    create(account, taggings=[tag])
    account.submit("add_list_memberships", json={"source": {"tag_ids": [tag]}, "list_ids": [account.list_id("VIP")]})
    assert account.members("VIP") == [EMAIL]
    assert account.submit("contacts_tags_delete", json={"tag_ids": [tag]})["state"] == "completed"
    assert account.api.post("/v3/activities/contacts_tags_delete", json={"tag_ids": [tag]}).status_code == 400
