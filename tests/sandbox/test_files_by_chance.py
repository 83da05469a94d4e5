"""CSV files made by chance: whatever is in them, the job ends, and every row is accounted for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

CELL = st.sampled_from(
    ["", "a@example.com", "B@Example.com ", '"', '""', '"quoted"', 'bad"quote', '"a\nb"', "\r", "é", "x" * 60, " "]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
ROW = st.lists(CELL, min_size=0, max_size=4).map(",".join)
FILE = st.builds(lambda rows, end: "\n".join(["email,first_name,cf:Tier", *rows]) + end, st.lists(ROW, max_size=8),
                 st.sampled_from(["", "\n", "\r\n"]))  # fmt: skip


@pytest.fixture
def account(make_account: Any) -> Any:
    made = make_account()
    made.do("/fields", label="Tier")
    return made


def hold(account: Any, text: str) -> None:
    ended = account.import_csv(text)
    assert account.ask("/statistics")["crashes"] == {}
    status = ended["status"]
    if ended["state"] == "completed":
        assert status["items_total_count"] == status["person_count"] + 1
        assert status["error_count"] + status["correctable_count"] <= status["person_count"]
    else:
        assert ended["activity_errors"]


@settings(max_examples=50, deadline=None, database=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(FILE)
@example('email,first_name,cf:Tier\n"a@example.com"x,y\n')
@example('email,first_name,cf:Tier\n"a@example.com,"\n"')
def test_any_file_ends_with_all_rows_accounted_for(account: Any, text: str) -> None:
    hold(account, text)


@pytest.mark.long
@settings(max_examples=1_500, deadline=None, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(FILE)
def test_thousands_of_files_end_with_all_rows_accounted_for(account: Any, text: str) -> None:
    hold(account, text)
