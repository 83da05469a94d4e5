"""The end of an apply as lines: the fixed sentence, what was not done and why, and the next command."""

from collections import Counter
from collections.abc import Callable, Mapping

from ccsync.core.event import ApplyFinished, ExportResult, Status
from ccsync.views.diagnostics import diagnostic_lines
from ccsync.views.text import Line, counted, duration, line, number, tally


def finished_lines(finished: ApplyFinished) -> list[Line]:
    lines = [*diagnostic_lines(finished.diagnostics), _sentence(finished), *_also(finished), *_left_out(finished)]
    lines.append(
        line(
            (
                f"State serial {finished.serial} · {counted(finished.calls, 'API call')} ·"
                f" {duration(finished.seconds)} · run {finished.run}",
                "dim",
            )
        )
    )
    following = _next(finished)
    return [*lines, following] if following else lines


def _sum(finished: ApplyFinished, name: str) -> int:
    return sum(int(getattr(result, name)) for result in finished.results)


def _done(finished: ApplyFinished) -> str:
    return (
        f"{number(_sum(finished, 'added'))} added, {number(_sum(finished, 'updated'))} updated,"
        f" {number(_sum(finished, 'removed'))} removed"
    )


def _sentence(finished: ApplyFinished) -> Line:
    if finished.status is Status.SUCCESSFUL:
        return line((f"Apply complete: {_done(finished)}.", "bold green"))
    if not finished.results:
        said = " it stopped before its outcome was recorded; whatever was sent is in the journal."
        return line(("Apply incomplete:", "bold yellow"), said)
    unfinished = _sum(finished, "unfinished")
    rest = f" {counted(unfinished, 'row')} not done." if unfinished else ""
    return line((f"Apply incomplete: {_done(finished)}.", "bold yellow"), rest)


def _also(finished: ApplyFinished) -> list[Line]:
    parts = [f"{number(_sum(finished, name))} {name}" for name in ("adopted", "forgotten") if _sum(finished, name)]
    return [line(f"Also {', '.join(parts)}.")] if parts else []


def _left_out(finished: ApplyFinished) -> list[Line]:
    dropped = _total(finished, lambda result: result.dropped)
    refused = _total(finished, lambda result: result.refused)
    lines = []
    if dropped:
        lines.append(
            line(
                ("! ", "bold yellow"),
                f"{number(sum(dropped.values()))} left out, gone since the plan: {tally(dropped)}",
                hang=4,
            )
        )
    if refused:
        lines.append(
            line(
                ("! ", "bold yellow"),
                f"{number(sum(refused.values()))} refused by Constant Contact: {tally(refused)};"
                " held back until their content changes",
                hang=4,
            )
        )
    return lines


def _total(finished: ApplyFinished, pick: Callable[[ExportResult], Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for result in finished.results:
        total.update({reason: rows for reason, rows in pick(result).items() if rows})
    return total


def _next(finished: ApplyFinished) -> Line | None:
    if finished.status is Status.SUCCESSFUL:
        return None
    if not finished.results:
        return line("Next: ", ("ccsync recover", "bold"), " settles it (the next plan or apply does so first).", hang=6)
    return line("Next: ", ("ccsync plan", "bold"), " shows what is left to do.", hang=6)
