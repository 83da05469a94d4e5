"""Fields of every type, consent and suppression, from the source to the account and back to an empty plan."""

import json
from typing import Any

import pytest
from ccsync.core.event import Status
from ccsync.errors import InvalidError

from tests.applier.people import assert_converged, mail, one_export, person
from tests.support.world import World, configuration, connection, export

TYPED = [
    {"label": "Since", "type": "date"},
    {"label": "Age", "type": "number", "metadata": {"integer": True}},
    {"label": "Spent", "type": "currency", "metadata": {"decimal_places": 2, "currency_code": "EUR"}},
    {"label": "Vip", "type": "boolean"},
    {"label": "Size", "type": "single_select", "choices": ["S", "M"]},
    {"label": "Likes", "type": "multi_select", "choices": ["Wine", "Tea", "Chess"]},
    {"label": "Remark", "type": "text_area"},
]
CUSTOM = {each["label"]: str(each["label"]).lower() for each in TYPED}
VALUES: dict[str, Any] = {
    "since": "2/29/2020", "age": 41.6, "spent": "-12.3450", "vip": True, "size": "m", "likes": ["Wine", "tea"],
    "remark": "line\nbreak", "born": "1980-02-29", "work_city": "Oslo", "mobile_phone": "555-0100",
    "anniversary": "2006-11-15T00:00:00",
}  # fmt: skip
AS_SENT = {
    "cf:Since": "2020-02-29", "cf:Age": "42", "cf:Spent": "-12.35", "cf:Vip": "true", "cf:Size": "M",
    "cf:Likes": "Tea,Wine", "cf:Remark": "line\nbreak", "birthday_month": "2", "birthday_day": "29",
    "anniversary": "2006-11-15",
}  # fmt: skip
ATTRIBUTES = {
    "birthday": "born",
    "work_city": "work_city",
    "mobile_phone": "mobile_phone",
    "anniversary": "anniversary",
}
LOOSE = {"max_unusable": {"percent": "none"}, "max_remove": {"percent": "none"}}


def typed_export(world: World, rows: list[dict[str, Any]], **more: Any) -> None:
    one_export(world, rows, attributes=ATTRIBUTES, custom_fields=CUSTOM, guards=LOOSE, **more)


def sent(world: World, email: str) -> dict[str, str]:
    return {name: str(value) for name, value in world.fields(email).items()}


def test_values_of_every_type_arrive_as_their_fields_take_them(world: World) -> None:
    world.do("/seed", document={"custom_fields": TYPED})
    typed_export(world, [person("ana", **VALUES), person("bob", **(VALUES | {"likes": "Chess; Tea", "remark": "x"}))])

    finished = world.sync()

    assert finished is not None
    assert finished.status is Status.SUCCESSFUL
    assert sent(world, "ana@example.com") == AS_SENT
    assert sent(world, "bob@example.com")["cf:Likes"] == "Chess,Tea"
    assert_converged(world)
    assert not world.plan(refresh=False).plan.has_changes  # the ledger remembers what the account said of the fields


def test_a_value_that_a_field_does_not_take_makes_its_row_unusable_and_says_which(world: World) -> None:
    world.do("/seed", document={"custom_fields": TYPED})
    bad = {
        "since": "29.2.2020",
        "age": "old",
        "vip": "perhaps",
        "size": "XL",
        "likes": "Tea,Beer",
        "born": "1981-02-29",
    }
    rows = [person(f"bad{at}", **(VALUES | {name: value})) for at, (name, value) in enumerate(bad.items())]
    typed_export(world, [person("ana", **VALUES), *rows])
    planned = world.plan()
    counted = {reason: rows for reason, rows in planned.plan.exports[0].unusable.items() if rows}
    assert counted == {"invalid_date": 1, "invalid_number": 2, "invalid_boolean": 1, "invalid_choice": 2}
    world.apply(planned)
    assert world.members("VIP") == mail("ana")


@pytest.mark.parametrize("switch", [{"bad_cf_value": "ignore"}, {"multi_select_separator": "semicolon"}])
def test_rows_that_the_account_reads_otherwise_are_reported_and_not_lost(world: World, switch: dict[str, str]) -> None:
    world.do("/seed", document={"custom_fields": TYPED})
    world.do("/switches", **switch)
    typed_export(world, [person("ana", **VALUES), person("bob", **(VALUES | {"likes": ["Tea"]}))])
    finished = world.sync()
    assert finished is not None
    refused = 1 if "multi_select_separator" in switch else 0
    assert len(world.members("VIP")) == 2 - refused
    assert sum(finished.results[0].refused.values()) == refused
    assert_converged(world)


def test_values_planned_without_asking_are_checked_before_they_are_sent(world: World) -> None:
    world.do("/seed", document={"custom_fields": [{"label": "Size", "type": "string"}]})
    fields = {"Size": "size"}
    one_export(world, [person("ana", size="M")], custom_fields=fields)
    world.sync()
    one_export(world, [person("ana", size="M"), person("bob", size="XL")], custom_fields=fields)
    unasked = world.plan(refresh=False)
    (field,) = world.control.get("/v3/contact_custom_fields", headers=bearer(world)).json()["custom_fields"]
    world.control.delete(f"/v3/contact_custom_fields/{field['custom_field_id']}", headers=bearer(world))
    choices = {"label": "Size", "type": "single_select", "choices": ["S", "M"]}
    world.do("/seed", document={"custom_fields": [choices]})

    with pytest.raises(InvalidError) as caught:
        world.apply(unasked)
    assert [each.code for each in caught.value.diagnostics] == ["E431"]
    assert world.members("VIP") == mail("ana")


def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.token}"}


def test_a_first_plan_without_asking_says_that_types_are_not_known(world: World) -> None:
    one_export(world, [person("ana", size="M")], custom_fields={"Size": "size"})
    (export_plan,) = world.plan(refresh=False).plan.exports
    assert "W433" in [finding.code for finding in export_plan.findings]


# ---------------------------------------------------------------- consent


def consent(world: World, rows: list[dict[str, Any]], **more: Any) -> None:
    one_export(world, rows, require="agreed", guards=LOOSE, **more)


def test_who_lacks_consent_is_never_sent_and_who_loses_it_leaves_the_list(world: World) -> None:
    rows = [person("ana", agreed=True), person("bob", agreed=False), person("cyd", agreed=None)]
    consent(world, [*rows, person("bad", agreed=False, email="no address")])
    planned = world.plan()
    (found,) = planned.plan.exports
    assert (found.counts.add, found.filtered, sum(found.unusable.values())) == (
        1,
        {"consent_missing": 3, "suppressed": 0},
        0,
    )
    world.apply(planned)
    assert world.members("VIP") == mail("ana")
    assert not [each for each in world.ask("/requests") if "bob@" in json.dumps(each)]

    consent(world, [person("ana", agreed=False), person("bob", agreed=True)])
    planned = world.plan()
    assert planned.plan.exports[0].reasons == {"consent_missing": 1, "segment_joined": 1}
    world.apply(planned)
    assert world.members("VIP") == mail("bob")
    assert_converged(world)


def test_the_row_that_would_be_sent_decides_about_consent(world: World) -> None:
    def twice(first: bool, second: bool) -> list[dict[str, Any]]:
        rows = [person("ana", agreed=first, at=1), person("ana", agreed=second, at=2)]
        return [*rows, person("bob", agreed=True, at=1)]

    newest = {"keep": "first", "order_by": ["at desc"]}
    consent(world, twice(True, True), duplicates=newest)
    world.sync()
    consent(world, twice(False, True), duplicates=newest)
    assert_converged(world)
    for duplicates in (newest, {"keep": "first"}, {"keep": "none"}):  # undecided, the lack of consent counts
        consent(world, twice(True, False), duplicates=duplicates)
        (found,) = world.plan().plan.exports
        assert found.reasons == {"consent_missing": 1}, duplicates
        assert (sum(found.unusable.values()), found.filtered["consent_missing"]) == (0, 2)


# ---------------------------------------------------------------- suppression


def suppressing(world: World, rows: list[dict[str, Any]], *entries: dict[str, Any], **more: Any) -> None:
    world.rows("people.json", rows)
    sources = {"crm": {"type": "json", "path": "people.json"}}
    sources |= {each["source"]: {"type": "json", "path": f"{each['source']}.json"} for each in entries}
    world.configure(
        configuration(
            connections={"newsletter": connection(suppress=list(entries))},
            sources=sources,
            segments={"members": {"source": "crm", "where": "member"}},
            exports={"vip": export("VIP", "members", guards=LOOSE, **more)},
        )
    )


BY_ADDRESS = {"source": "erased", "email": "who"}
BY_DIGEST = {"source": "hashed", "sha256": "who"}


def test_suppressed_people_are_removed_if_ours_and_never_added(world: World) -> None:
    world.make_list("VIP", "stranger@example.com")
    rows = [person("ana"), person("bob"), person("cyd", first_name="x" * 60), person("dan", member=False)]
    world.rows("erased.json", [{"who": "nobody@example.com"}])
    world.rows("hashed.json", [{"who": digest("nobody@example.com")}])
    suppressing(world, [*rows[:2], person("cyd")], BY_ADDRESS, BY_DIGEST, on_leave="keep")
    world.sync()

    world.rows("erased.json", [{"who": " ANA@example.com"}, {"who": "eve@example.com"}, {"who": ""}])
    world.rows("hashed.json", [{"who": digest(f"{name}@example.com").upper()} for name in ("cyd", "stranger")])
    suppressing(world, [*rows, person("eve")], BY_ADDRESS, BY_DIGEST, on_leave="keep")
    planned = world.plan()
    (found,) = planned.plan.exports
    assert found.reasons == {"suppressed": 2}
    assert found.filtered == {"consent_missing": 0, "suppressed": 3}
    assert [each.summary.split()[0] for each in found.findings if each.code == "W430"] == ["1"]
    world.apply(planned)
    assert world.members("VIP") == mail("bob", "stranger")
    assert_converged(world)


def digest(email: str) -> str:
    from hashlib import sha256

    return sha256(email.encode()).hexdigest()


@pytest.mark.parametrize(
    ("rows", "entry", "code"),
    [
        ([{"who": " "}], BY_ADDRESS, "E430"),
        ([{"who": "f" * 63}], BY_ADDRESS | {"allow_empty": True}, "E430"),
        ([{"who": "ana@example.com"}], {"source": "erased", "sha256": "who"}, "E430"),
        ([{"other": "ana@example.com"}], BY_ADDRESS, "E411"),
        (None, BY_ADDRESS, "E401"),
    ],
)
def test_a_suppression_that_can_not_be_read_is_never_nobody(
    world: World, rows: list[dict[str, str]] | None, entry: dict[str, Any], code: str
) -> None:
    if rows is not None:
        world.rows("erased.json", rows)
    suppressing(world, [person("ana")], entry)
    with pytest.raises(InvalidError) as caught:
        world.plan(refresh=False)
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_nobody_is_suppressed_when_that_is_said_and_rows_that_name_nobody_are_told(world: World) -> None:
    world.rows("erased.json", [{"who": " "}])
    suppressing(world, [person("ana")], BY_ADDRESS | {"allow_empty": True})
    assert world.plan(refresh=False).plan.exports[0].counts.add == 1
    world.rows("erased.json", [{"who": "n/a"}, {"who": "ana@example.com"}])
    suppressing(world, [person("ana"), person("bob")], BY_ADDRESS)
    (found,) = world.plan(refresh=False).plan.exports
    assert (found.counts.add, [each.code for each in found.findings]) == (1, ["W432"])


def test_who_is_suppressed_is_taken_off_once_whoever_of_ours_put_them_there(world: World) -> None:
    """Three exports on one list: two that suppress and keep their leavers, and one on a connection that doesn't."""
    sources = {"crm": {"type": "json", "path": "people.json"}, "erased": {"type": "json", "path": "erased.json"}}
    segments = {f"s{name}": {"source": "crm", "where": f"in_{name}"} for name in "abc"}
    exports = {name: export("VIP", f"s{name}", guards=LOOSE, on_leave="keep") for name in "abc"}
    exports["a"] |= {"connection": "other"}
    connections = {"newsletter": connection(suppress=[BY_ADDRESS]), "other": connection()}
    world.configure(configuration(connections=connections, sources=sources, segments=segments, exports=exports))
    world.rows("erased.json", [{"who": "nobody@example.com"}])
    world.rows("people.json", [person("ana", in_a=False, in_b=True, in_c=True), *everywhere("bob")])
    world.sync()
    world.rows("erased.json", [{"who": "ana@example.com"}])
    world.rows("people.json", everywhere("ana", "bob"))

    planned = world.plan()
    removed = {each.name: each.counts.remove for each in planned.plan.exports}
    assert removed == {"a": 0, "b": 1, "c": 0}
    world.apply(planned)
    assert world.members("VIP") == mail("bob")
    assert_converged(world)


def everywhere(*names: str) -> list[dict[str, Any]]:
    return [person(name, in_a=True, in_b=True, in_c=True) for name in names]
