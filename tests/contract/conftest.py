"""Says at the end of a test run how much of the contract was walked."""

from __future__ import annotations

from collections import Counter

import pytest

COUNTS: Counter[str] = Counter()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts, if anything was counted in this process."""
    if COUNTS["answers"]:
        statuses = ", ".join(f"{COUNTS[name]} x {name}" for name in sorted(COUNTS) if name.isdecimal())
        terminalreporter.write_line(
            f"contract: {COUNTS['operations']} operations, {COUNTS['answers']} answers held against the contract "
            f"({statuses}); {COUNTS['fuzzed']} fuzzed requests"
        )
