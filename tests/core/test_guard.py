"""The guards: every limit at the limit and one past it, what small numbers do, and what an override may change."""

from dataclasses import replace

import pytest
from ccsync.core.guard import Measures, check_guards, day_quota
from ccsync.core.spec import Bound, Guards
from ccsync.errors import Severity

CALM = Measures(
    desired=1000,
    rows=1000,
    unusable=0,
    managed=1000,
    previous=1000,
    adds=0,
    account_adds=0,
    updates=0,
    removes=0,
    max_profiles=1_000_000,
)


def codes(measures: Measures, guards: Guards = Guards(), allowed: tuple[str, ...] = ()) -> list[str]:
    return [f.code for f in check_guards("news", guards, measures, allowed) if f.severity is Severity.ERROR]


def test_a_calm_plan_passes() -> None:
    assert codes(CALM) == []


@pytest.mark.parametrize(
    ("at", "past", "code"),
    [
        (replace(CALM, removes=200), replace(CALM, removes=201), "E501"),
        (replace(CALM, updates=600), replace(CALM, updates=601), "E502"),
        (replace(CALM, unusable=50), replace(CALM, unusable=51), "E503"),
        (replace(CALM, desired=500), replace(CALM, desired=499), "E504"),
        (replace(CALM, max_profiles=1000), replace(CALM, max_profiles=999), "E508"),
        (
            replace(CALM, account_adds=10, account_contacts=90, max_contacts=100),
            replace(CALM, account_adds=11, account_contacts=90, max_contacts=100),
            "E506",
        ),
    ],
)
def test_each_limit_holds_at_the_limit_and_trips_one_past_it(at: Measures, past: Measures, code: str) -> None:
    assert codes(at) == []
    assert codes(past) == [code]


def test_an_absolute_bound_trips_although_the_percentage_is_small() -> None:
    guards = Guards(max_remove=Bound(percent=20, rows=50))
    assert codes(replace(CALM, removes=50), guards) == []
    assert codes(replace(CALM, removes=51), guards) == ["E501"]


@pytest.mark.parametrize("field", ["removes", "updates"])
def test_ten_changes_pass_whatever_their_share(field: str) -> None:
    tiny = replace(CALM, managed=10, **{field: 10})
    assert codes(tiny) == []
    assert codes(replace(tiny, **{field: 11})) != []


def test_removing_from_a_list_we_manage_nobody_on_trips() -> None:
    assert codes(replace(CALM, managed=0, removes=11)) == ["E501"]


def test_an_empty_segment_is_refused_unless_it_is_meant() -> None:
    empty = replace(CALM, desired=0, rows=0, previous=None)
    assert codes(empty) == ["E500"]
    assert codes(empty, Guards(allow_empty=True)) == []


def test_allow_empty_does_not_excuse_a_segment_that_is_only_too_small() -> None:
    assert codes(replace(CALM, desired=3, previous=None), Guards(min_rows=5, allow_empty=True)) == ["E500"]


def test_all_findings_come_at_once() -> None:
    assert codes(replace(CALM, desired=0, removes=1000, updates=999)) == ["E500", "E501", "E502", "E504"]


def test_an_override_lifts_its_own_guard_of_its_own_export_and_no_other() -> None:
    wild = replace(CALM, removes=900, updates=900)
    assert codes(wild, allowed=("news:max_remove",)) == ["E502"]
    assert codes(wild, allowed=("other:max_remove", "news:max_unusable")) == ["E501", "E502"]


def test_an_override_is_still_said() -> None:
    findings = check_guards("news", Guards(), replace(CALM, removes=900), ("news:max_remove",))
    assert [(f.severity, f.guard) for f in findings] == [(Severity.WARNING, "max_remove")]
    assert findings[0].summary.endswith("(allowed)")


def test_the_million_can_not_be_allowed_away() -> None:
    assert codes(replace(CALM, max_profiles=10), allowed=("news:max_profiles",)) == ["E508"]


def test_new_contacts_are_not_limited_unless_asked_for() -> None:
    assert codes(replace(CALM, adds=999)) == []
    assert codes(replace(CALM, adds=11), Guards(max_new_contacts=10)) == ["E505"]


def test_the_quota_of_the_day() -> None:
    assert day_quota("news", 100, 100, 10_000) is None
    found = day_quota("news", 101, 100, 10_000)
    assert found is not None
    assert found.code == "E507"
    allowed = day_quota("news", 101, 100, 10_000, ("news:day_quota",))
    assert allowed is not None
    assert allowed.severity is Severity.WARNING
