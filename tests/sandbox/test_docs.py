"""The sandbox's page of documentation names everything there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ccsync.sandbox.activities import Mishap
from ccsync.sandbox.control import DESCRIPTIONS
from ccsync.sandbox.faults import FaultKind
from ccsync.sandbox.operations import OPERATIONS
from ccsync.sandbox.switches import SWITCHES

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


@pytest.mark.parametrize(("method", "path", "meaning"), DESCRIPTIONS, ids=lambda one: str(one)[:30])
def test_every_control_call_is_documented_as_the_code_describes_it(method, path, meaning):
    assert f"| `{method} {path}` | {meaning} |" in TEXT


@pytest.mark.parametrize("one", SWITCHES.values(), ids=lambda one: one.name)
def test_every_switch_is_documented_with_meaning_and_evidence(one):
    assert f"| `{one.name}` |" in TEXT
    assert f"| {one.meaning} | {one.evidence} |" in TEXT
    assert f"**{one.default}**" in TEXT


def test_every_fault_mishap_and_operation_is_documented():
    for kind in FaultKind:
        assert f"`{kind.value}`" in TEXT
    for mishap in Mishap:
        assert f"`{mishap.value}`" in TEXT
    for operation in OPERATIONS:
        line = next(one for one in TEXT.splitlines() if one.startswith(f"| `{operation.path}` |"))
        assert operation.method in line
