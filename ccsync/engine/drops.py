"""Files of drops, read: who is left out of what is sent. How drops come about is `firewall.py`."""

from collections.abc import Sequence
from pathlib import Path

from ccsync.engine.quote import literal

DROPPED = "NOT (op IN ('add', 'held_back') AND now = 'present' OR op = 'forget' AND now = 'gone')"
"""SQL: a row of a drops file that is left out. People of whom live says something else than the plan knew are only
noted where that changes nothing for what is sent: those to be added, or held back as having left, who are on the list
by now, and those to be forgotten who are not."""


def drop_rows(paths: Sequence[Path]) -> str:
    """SQL: every row of the files (look INTEGER: the file's place, from 1; key, op, reason, now). At least one file."""
    return " UNION ALL ".join(
        f"SELECT {look} AS look, key, op, reason, now FROM read_parquet({literal(str(path))})"
        for look, path in enumerate(paths, start=1)
    )


def noted(paths: Sequence[Path], op: str) -> str:
    """SQL: (key) of the rows of this op that a look only noted."""
    if not paths:
        return "SELECT NULL::VARCHAR AS key WHERE false"
    return f"SELECT key FROM ({drop_rows(paths)}) WHERE op = {literal(op)} AND NOT ({DROPPED})"


def without_dropped(paths: Sequence[Path]) -> str:
    """SQL: a WHERE clause for rows (key, op) that keeps those no file drops. Always true when there are no files."""
    if not paths:
        return " WHERE true"
    return f" WHERE (key, op) NOT IN (SELECT (key, op) FROM ({drop_rows(paths)}) WHERE {DROPPED})"
