"""Removals name contacts by id, and an address may be another contact's by now: nobody else may be taken off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.applier.people import assert_converged, mail, one_export, person
from tests.support.world import World, open_world

BOB = "bob@example.com"


@pytest.fixture
def with_ids(tmp_path: Path) -> Iterator[World]:
    """An account whose exports show contact ids; bob has one in the ledger."""
    with open_world(tmp_path, switches={"export_has_contact_id": "yes"}) as world:
        one_export(world, [person("ana"), person("bob")])
        world.sync()
        world.import_list("vip")
        yield world


def move_bob(world: World) -> None:
    """Somebody gives bob's contact another address, and bob's address becomes a new contact's on the same list."""
    token = {"Authorization": f"Bearer {world.token}"}
    found = world.control.get(
        "/v3/contacts", headers=token, params={"email": BOB, "include": "list_memberships"}
    ).json()["contacts"][0]
    body: dict[str, Any] = {name: found[name] for name in ("first_name", "last_name", "list_memberships")}
    body |= {"email_address": found["email_address"] | {"address": "robert@example.com"}, "update_source": "Account"}
    answer = world.control.put(f"/v3/contacts/{found['contact_id']}", headers=token, json=body)
    assert answer.status_code == 200, answer.text
    world.do("/people/join", emails=[BOB], list="VIP")


@pytest.mark.parametrize("refresh", [True, False])
@pytest.mark.parametrize("moved", ["before the plan", "after the plan"])
def test_an_address_that_moved_to_another_contact_takes_nobody_else_off(
    with_ids: World, moved: str, refresh: bool
) -> None:
    one_export(with_ids, [person("ana"), person("bob", member=False)])
    if moved == "before the plan":
        move_bob(with_ids)
    planned = with_ids.plan(refresh=refresh)
    if moved == "after the plan":
        move_bob(with_ids)
    assert planned.plan.totals().remove == 1
    finished = with_ids.apply(planned)
    assert finished.results[0].removed == 1
    assert with_ids.members("VIP") == mail("ana", "robert")
    assert_converged(with_ids)


def test_an_id_of_the_ledger_is_not_used_when_the_exports_show_none_any_more(with_ids: World) -> None:
    one_export(with_ids, [person("ana"), person("bob", member=False)])
    planned = with_ids.plan(refresh=False)
    assert planned.plan.exports[0].unresolved == 0
    move_bob(with_ids)
    with_ids.do("/switches", export_has_contact_id="no")
    with_ids.apply(planned)
    assert with_ids.members("VIP") == mail("ana", "robert")
