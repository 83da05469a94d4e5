"""Which approvals hold for a plan, and what findings do to it: pure."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from ccsync.core.change import Counts, Op
from ccsync.core.guard import blocking, softened
from ccsync.core.plan import Plan
from ccsync.core.policy import Breach, holding, judged
from ccsync.core.spec import Approval, Level, PolicyRule, Roles

from tests.views.plans import export_plan, plan_of

TODAY = date(2026, 11, 24)
RULES = {
    name: PolicyRule(name, level, "m", "")
    for name, level in (("a", Level.ADVISORY), ("s", Level.SOFT), ("h", Level.HARD))
}
APPROVAL = Approval("x", "weekly_newsletter:s", "Anna@example.com", "r", op=Op.REMOVE, max_count=3, expires=TODAY)
ROLES = Roles(administrators=("anna@example.com",), contributors=("bob@example.com",))


def plan(*breaches: Breach) -> Plan:
    return judged(plan_of(export_plan(counts=Counts(remove=3))), RULES, breaches)


BLOCKED = plan(Breach("s", "weekly_newsletter", Op.REMOVE, 3))


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (APPROVAL, None),
        (replace(APPROVAL, max_count=2), "it covers 2 to remove; there are 3"),
        (replace(APPROVAL, expires=TODAY - timedelta(days=1)), "it expired after 2026-11-23"),
        (replace(APPROVAL, by="bob@example.com"), "who gave it may not override guards"),
        (replace(APPROVAL, plan="0" * 16), f"it is for plan {'0' * 16}"),
        (Approval("x", "weekly_newsletter:s", "anna@example.com", "r", plan=BLOCKED.plan_id), None),
    ],
    ids=["good", "count", "day", "person", "plan", "this plan"],
)
def test_an_approval_holds_for_what_it_was_given_for(approval: Approval, why: str | None) -> None:
    held, notes = holding([approval], ROLES, BLOCKED, TODAY)
    assert (held, [note.code for note in notes]) == (((approval,), []) if why is None else ((), ["W516"]))
    assert all((why or "") in note.summary and "@" not in note.summary for note in notes)


def test_an_approval_of_something_else_is_not_worth_a_word() -> None:
    for allow in ("other:s", "weekly_newsletter:max_remove", "*:s"):
        assert holding([replace(APPROVAL, allow=allow)], ROLES, BLOCKED, TODAY) == ((), ())


def test_levels_block_or_not_and_only_soft_ones_can_be_allowed() -> None:
    found = plan(*(Breach(name, where, None, 1) for name in RULES for where in ("weekly_newsletter", None)))
    assert sorted(each.code for each in blocking(found, ())) == ["E510", "E510", "E511", "E511"]
    names = tuple(f"{where}:{name}" for name in RULES for where in ("weekly_newsletter", "*"))
    assert [each.code for each in blocking(found, names)] == ["E511", "E511"]
    assert [each.code for each in blocking(found, names[:3])] == ["E510", "E511", "E511"]
    assert softened(softened(found, names), names) == softened(found, names)


def test_a_finding_that_is_there_already_is_not_said_twice_and_its_id_does_not_hang_on_the_count() -> None:
    again = judged(BLOCKED, RULES, [Breach("s", "weekly_newsletter", Op.REMOVE, 4)])
    assert again == BLOCKED
    assert Breach("s", None, None, 1).id == "s/*"
