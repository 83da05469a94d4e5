"""What the account tells, and what a destination makes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.core.fields import Definition
from ccsync.errors import NotFoundError, OutcomeUnknownError, RejectedError

from tests.constant_contact.world import World


def test_the_account_is_named_by_its_encoded_id(world: World, remote: ConstantContact) -> None:
    account = remote.account()
    assert account.id
    assert account.name


def test_lists_come_by_name_with_all_their_members(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": "a@example.com"}, {"email": "b@example.com"}], "Zebra")
    world.seed([{"email": "c@example.com"}], "Ape")
    world.do("/people/unsubscribe", email="a@example.com")
    assert [(one.name, one.members) for one in remote.lists()] == [("Ape", 1), ("Zebra", 2)]


def test_deleted_lists_are_not_told(world: World, remote: ConstantContact) -> None:
    world.list_id("Kept")
    world.list_id("Gone")
    world.do("/lists/delete", list="Gone")
    assert [one.name for one in remote.lists()] == ["Kept"]


def test_more_lists_than_a_page_are_all_told(world: World, remote: ConstantContact) -> None:
    for number in range(3):
        world.list_id(f"L{number:03}")
    assert len(remote.lists()) == 3


def test_custom_fields_have_name_and_label(world: World, remote: ConstantContact) -> None:
    world.do("/fields", label="Loyalty tier")
    (field,) = remote.custom_fields()
    assert (field.name, field.label) == ("Loyalty_tier", "Loyalty tier")


@pytest.mark.parametrize(
    ("metadata", "choices", "definition"),
    [
        ({"decimal_places": 2}, (), Definition("number", 2, negative=False)),
        ({"integer": True, "allow_negative": True}, (), Definition("number", 0)),
        ({"decimal_places": "two", "allow_negative": 1}, (), Definition("number", negative=False)),
        (None, (" S ", "M", "M"), Definition("multi_select", choices=("S", "M"))),
    ],
)
def test_a_custom_field_is_defined_as_far_as_it_can_be_read(
    world: World, remote: ConstantContact, metadata: Any, choices: tuple[str, ...], definition: Definition
) -> None:
    field = {"label": "X", "type": definition.type, "metadata": metadata, "choices": choices}
    world.do("/seed", document={"custom_fields": [field]})
    (found,) = remote.custom_fields()
    assert (found.target, found.definition) == ("cf:X", definition)


def test_the_total_leaves_out_the_unsubscribed(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": f"p{number}@example.com"} for number in range(5)])
    world.do("/people/unsubscribe", email="p1@example.com")
    assert remote.contacts_total() == 4


def test_a_contact_is_found_whatever_its_status(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": "a+b@example.com"}], "VIP")
    world.do("/people/unsubscribe", email="a+b@example.com")
    contact = remote.contact("A+b@Example.com ")
    assert contact is not None
    assert contact.status == "unsubscribed"
    assert list(contact.list_ids) == [world.list_id()]


def test_an_unknown_and_a_deleted_contact_are_none(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": "a@example.com"}], "VIP")
    world.do("/people/delete", email="a@example.com")
    assert remote.contact("a@example.com") is None
    assert remote.contact("never@example.com") is None


def test_members_are_paged_with_the_unsubscribed_among_them(world: World, remote: ConstantContact) -> None:
    world.seed([{"email": f"p{number:04}@example.com"} for number in range(1203)], "VIP")
    world.seed([{"email": "elsewhere@example.com"}], "Other")
    world.do("/people/unsubscribe", email="p0000@example.com")
    pages = list(remote.page_members(world.list_id()))
    assert [len(page) for page in pages] == [500, 500, 203]
    assert {email for page in pages for email, _ in page} == set(world.members())
    assert len({contact_id for page in pages for _, contact_id in page}) == 1203


def test_a_list_is_created_once(world: World, remote: ConstantContact) -> None:
    list_id = remote.create_list("New")
    assert [one.id for one in remote.lists()] == [list_id]
    with pytest.raises(RejectedError, match="E610"):
        remote.create_list("New")


def test_a_list_whose_answer_is_lost_is_unknown(world: World, remote: ConstantContact) -> None:
    world.fault("drop_after", method="POST", path="/contact_lists")
    with pytest.raises(OutcomeUnknownError, match="E626"):
        remote.create_list("New")
    assert [one.name for one in remote.lists()] == ["New"]


def test_access_is_fine_for_an_owner(world: World, remote: ConstantContact) -> None:
    remote.check_access()


def test_a_list_that_is_gone_is_named(world: World, remote: ConstantContact, tmp_path: Path) -> None:
    list_id = world.list_id()
    world.do("/lists/delete", list="VIP")
    with pytest.raises(NotFoundError, match=f"E601.*{list_id}"):
        remote.export_members(list_id, (), tmp_path)


def test_calls_are_counted(world: World, remote: ConstantContact) -> None:
    remote.account()
    remote.lists()
    assert remote.calls_made() == 2
    assert remote.calls_left_today() == 9_998


def test_halves_of_surrogate_pairs_in_names_do_no_harm(
    scripted: Callable[[Callable[[httpx.Request], httpx.Response]], ConstantContact],
) -> None:
    body = b'{"lists": [{"list_id": "1", "name": "A \\ud83d B"}, {"list_id": "2", "name": "\\ud83d\\ude00"}]}'
    remote = scripted(lambda _: httpx.Response(200, content=body, headers={"Content-Type": "application/json"}))
    assert [one.name for one in remote.lists()] == ["A \ufffd B", "\U0001f600"]
