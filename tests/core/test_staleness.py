"""When a saved plan may still be applied."""

from dataclasses import replace
from datetime import timedelta

import pytest
from ccsync.core.plan import StateRef
from ccsync.core.staleness import check_plan
from ccsync.errors import StaleError

from tests.core.test_plan import NOW, PLAN

BASE = PLAN.base
NO_STATE = StateRef("", 0, "")
SECOND = timedelta(seconds=1)


def codes(**changed: object) -> list[str]:
    given = {"plan": PLAN, "current": BASE, "applied_as": None, "config_digest": "c", "now": NOW, **changed}
    try:
        check_plan(**given)  # type: ignore[arg-type]  # a test's own keywords
    except StaleError as error:
        return [finding.code for finding in error.diagnostics if finding.hint]
    return []


def test_a_fresh_plan_may_be_applied() -> None:
    assert codes() == []
    assert codes(plan=replace(PLAN, base=NO_STATE), current=NO_STATE) == []


def test_a_plan_expires_on_the_second() -> None:
    assert codes(now=PLAN.expires_at - SECOND) == []
    assert codes(now=PLAN.expires_at) == ["E703"]


def test_a_plan_is_applied_once() -> None:
    assert codes(applied_as=42, current=replace(BASE, serial=42)) == ["E704"]
    with pytest.raises(StaleError, match="as serial 42"):
        check_plan(PLAN, BASE, 42, "c", NOW)


@pytest.mark.parametrize(
    ("current", "code"),
    [
        (replace(BASE, lineage="other"), "E705"),
        (NO_STATE, "E705"),
        (replace(BASE, serial=2), "E706"),
        (replace(BASE, serial=2, digest="e"), "E706"),
        (replace(BASE, digest="e"), "E706"),
    ],
)
def test_a_plan_of_another_state_is_refused(current: StateRef, code: str) -> None:
    assert codes(current=current) == [code]


def test_a_plan_from_before_the_first_state_is_refused_after_it() -> None:
    assert codes(plan=replace(PLAN, base=NO_STATE)) == ["E706"]


def test_a_plan_of_another_configuration_is_refused() -> None:
    assert codes(config_digest="d") == ["E707"]


def test_all_reasons_are_given_at_once() -> None:
    assert codes(config_digest="d", current=replace(BASE, serial=9), now=PLAN.expires_at) == ["E703", "E706", "E707"]
