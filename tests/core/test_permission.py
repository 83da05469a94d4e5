"""Who may do what."""

import pytest
from ccsync.core.permission import Action, Request, Role, refusals, role_of
from ccsync.core.spec import Connection, ConnectionName, Project, Roles

ROLES = Roles(administrators=("anna@example.com",), contributors=("bob@example.com",), viewers=("*",))
NAME = ConnectionName("newsletter")


def project(roles: Roles | None = ROLES, available_to: str | tuple[str, ...] = "administrators") -> Project:
    connection = Connection(NAME, "Newsletter", available_to=available_to)
    return Project("/tmp/x", "w", ".ccsync", None, roles, {NAME: connection}, {}, {}, {}, "digest")


def codes(found: Project, user: str, action: Action) -> list[str]:
    return [refusal.code for refusal in refusals(found, Request(user, action, (NAME,)))]


def test_without_a_roles_section_every_user_is_an_administrator() -> None:
    assert role_of(None, "anybody") is Role.ADMINISTRATOR
    assert codes(project(None), "anybody", Action.OVERRIDE) == []


def test_the_highest_role_counts_and_case_does_not() -> None:
    roles = Roles(("Anna@Example.com",), ("*",), ("anna@example.com",))
    assert role_of(roles, "anna@example.COM") is Role.ADMINISTRATOR
    assert role_of(roles, "eve") is Role.CONTRIBUTOR


def test_who_is_named_nowhere_may_nothing() -> None:
    nobody = Roles(("anna@example.com",))
    assert role_of(nobody, "eve") is None
    for action in Action:
        assert codes(project(nobody), "eve", action) == ["E201"]


@pytest.mark.parametrize(
    ("user", "action", "available_to", "expected"),
    [
        ("anna@example.com", Action.APPLY, "administrators", []),
        ("anna@example.com", Action.OVERRIDE, ("bob@example.com",), []),
        ("bob@example.com", Action.APPLY, "administrators", ["E202"]),
        ("bob@example.com", Action.APPLY, "administrators_and_contributors", []),
        ("bob@example.com", Action.APPLY, ("BOB@example.com",), []),
        ("bob@example.com", Action.PLAN, "administrators", ["E202"]),
        ("bob@example.com", Action.OVERRIDE, "administrators_and_contributors", ["E201"]),
        ("eve", Action.LOOK, "administrators", ["E202"]),
        ("eve", Action.LOOK, ("eve",), []),
        ("eve", Action.PLAN, "administrators", []),
        ("eve", Action.SAVE_PLAN, "administrators_and_contributors", ["E201"]),
        ("eve", Action.APPLY, ("eve",), ["E201"]),
    ],
)
def test_roles_and_availability(user: str, action: Action, available_to: str, expected: list[str]) -> None:
    assert codes(project(available_to=available_to), user, action) == expected


@pytest.mark.parametrize(
    ("action", "available_to", "user", "who"),
    [
        (Action.APPLY, "administrators", "eve", "anna@example.com, bob@example.com"),
        (Action.CONNECT, "administrators", "bob@example.com", "ask anna@example.com;"),
        (Action.APPLY, ("carl",), "bob@example.com", "anna@example.com, carl"),
    ],
)
def test_a_refusal_names_who_may(action: Action, available_to: str, user: str, who: str) -> None:
    (refusal,) = refusals(project(available_to=available_to), Request(user, action, (NAME,)))
    assert who in str(refusal.hint)
    assert "eve" not in str(refusal.hint)


def test_where_nobody_may_the_way_out_is_told() -> None:
    (refusal,) = refusals(project(Roles(viewers=("*",))), Request("eve", Action.CONNECT, (NAME,)))
    assert "edit `roles:`" in str(refusal.hint)


def test_many_colleagues_are_not_all_listed() -> None:
    many = Roles(administrators=tuple(f"user{n}" for n in range(9)))
    (refusal,) = refusals(project(many), Request("eve", Action.LOOK, (NAME,)))
    assert "user4 and 4 more" in str(refusal.hint)
