"""Lists are pinned by id once known; what people rename and delete in the account is said, never guessed."""

from ccsync.core.plan import ListAction, ListTarget
from ccsync.core.spec import Column, ConnectionName, Export, ExportName, Field, ListId, ListRef, SegmentName, Sql
from ccsync.core.target import Known, Pinned, missing_custom_fields, resolve_list

VIP = Known(ListId("1"), "VIP", 7)


def export(ref: ListRef, *targets: str) -> Export:
    return Export(
        ExportName("news"),
        "News",
        ConnectionName("cc"),
        ref,
        (SegmentName("all"),),
        Column("email"),
        tuple(Field(target, Sql("1")) for target in targets),
    )


def test_a_list_named_by_id_is_found() -> None:
    found = resolve_list(export(ListRef(id=ListId("1"))), None, [VIP])
    assert found.target == ListTarget(ListId("1"), "VIP")
    assert found.members == 7


def test_a_list_that_does_not_exist_is_an_error() -> None:
    found = resolve_list(export(ListRef(id=ListId("9"))), None, [VIP])
    assert found.target is None
    assert [d.code for d in found.diagnostics] == ["E601"]


def test_a_named_list_that_is_missing_is_created_only_when_asked_for() -> None:
    assert resolve_list(export(ListRef(name="New")), None, [VIP]).target is None
    made = resolve_list(export(ListRef(name="New", create=True)), None, [VIP])
    assert made.target == ListTarget(None, "New", ListAction.CREATE)


def test_a_named_list_that_exists_is_used_not_created() -> None:
    found = resolve_list(export(ListRef(name="VIP", create=True)), None, [VIP])
    assert found.target == ListTarget(ListId("1"), "VIP")


def test_a_renamed_list_stays_the_list_and_is_said() -> None:
    pinned = Pinned(ListId("1"), "VIP")
    found = resolve_list(export(ListRef(name="VIP", create=True)), pinned, [Known(ListId("1"), "VIP 2026")])
    assert found.target == ListTarget(ListId("1"), "VIP")
    assert [d.code for d in found.diagnostics] == ["W512"]


def test_a_pinned_list_that_was_deleted_is_never_made_again_by_itself() -> None:
    pinned = Pinned(ListId("1"), "VIP")
    found = resolve_list(export(ListRef(name="VIP", create=True)), pinned, [])
    assert [d.code for d in found.diagnostics] == ["E601"]


def test_a_namesake_of_a_deleted_list_is_not_taken_for_it() -> None:
    pinned = Pinned(ListId("1"), "VIP")
    found = resolve_list(export(ListRef(name="VIP", create=True)), pinned, [Known(ListId("2"), "VIP")])
    assert [d.code for d in found.diagnostics] == ["E601"]


def test_an_export_that_is_pointed_at_another_list_is_refused() -> None:
    pinned = Pinned(ListId("1"), "VIP")
    for ref in (ListRef(id=ListId("2")), ListRef(name="Other", create=True)):
        found = resolve_list(export(ref), pinned, [VIP, Known(ListId("2"), "Other")])
        assert [d.code for d in found.diagnostics] == ["E611"]


def test_without_live_the_pinned_id_serves_and_an_unknown_name_does_not() -> None:
    assert resolve_list(export(ListRef(name="VIP")), Pinned(ListId("1"), "VIP"), None).target is not None
    assert [d.code for d in resolve_list(export(ListRef(name="VIP")), None, None).diagnostics] == ["E612"]


def test_missing_custom_fields_are_named_with_those_that_exist() -> None:
    found = missing_custom_fields(export(ListRef(name="x"), "first_name", "cf:tier", "cf:plan"), ["plan", "region"])
    assert found is not None
    assert found.code == "E602"
    assert "tier" in found.summary
    assert "plan, region" in (found.detail or "")
    assert missing_custom_fields(export(ListRef(name="x"), "cf:plan"), ["plan"]) is None
