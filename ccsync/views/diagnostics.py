"""Diagnostics as lines: what happened, to what, what was not done, and the next thing to do."""

from collections.abc import Iterable

from ccsync.catalogue import hint_of
from ccsync.errors import Diagnostic, Severity
from ccsync.views.text import Line, counted, line

_LOOK = {Severity.ERROR: ("error", "bold red"), Severity.WARNING: ("warning", "bold yellow")}


def diagnostic_lines(diagnostics: Iterable[Diagnostic]) -> list[Line]:
    """Each as `error[E104] summary`, then where, detail and hint, indented."""
    lines: list[Line] = []
    for each in diagnostics:
        lines += _one(each)
    return lines


def problems_line(diagnostics: Iterable[Diagnostic]) -> Line | None:
    """`3 errors, 1 warning.`; None for fewer than two."""
    found = tuple(diagnostics)
    if len(found) < 2:
        return None
    errors = sum(1 for each in found if each.severity is Severity.ERROR)
    warnings = len(found) - errors
    parts = [counted(errors, "error")] if errors else []
    if warnings:
        parts.append(counted(warnings, "warning"))
    return line(f"{', '.join(parts)}.")


def _one(each: Diagnostic) -> list[Line]:
    word, style = _LOOK[each.severity]
    where = f"{each.where}: " if each.where else ""
    lines = [line((f"{word}[{each.code}]", style), f" {where}{each.summary}", hang=4)]
    if each.detail:
        lines += [line(f"    {part}", hang=4) for part in each.detail.splitlines()]
    hint = hint_of(each)
    if hint:
        lines.append(line(("    hint:", "bold"), f" {hint}", hang=10))
    return lines
