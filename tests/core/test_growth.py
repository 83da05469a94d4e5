"""Warnings about how large an account becomes."""

import pytest
from ccsync.core.growth import growth_findings
from ccsync.core.spec import Connection, ConnectionLimits, ConnectionName


@pytest.mark.parametrize(
    ("contacts", "adds", "limit", "expected"),
    [
        (0, 999, None, []),
        (0, 1_000, None, ["W311"]),
        (10_001, 1_000, None, []),
        (10_000, 1_000, None, ["W311"]),
        (900, 0, 1_000, []),
        (890, 10, 1_000, []),
        (890, 11, 1_000, ["W312"]),
        (990, 10, 1_000, ["W312"]),
        (990, 11, 1_000, []),  # the guard max_contacts speaks
        (None, 5_000, 1_000, []),
    ],
)
def test_growth_is_told_before_it_hurts(
    contacts: int | None, adds: int, limit: int | None, expected: list[str]
) -> None:
    connection = Connection(ConnectionName("main"), "Main", limits=ConnectionLimits(max_contacts=limit))
    assert [finding.code for finding in growth_findings(connection, contacts, adds)] == expected


def test_the_projection_is_in_the_words() -> None:
    (found,) = growth_findings(Connection(ConnectionName("main"), "Main"), 2_000, 1_500)
    assert "2,000 active contacts become up to 3,500" in found.summary
