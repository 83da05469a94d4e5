"""The tables of the bench: on the terminal, and as `docs/benchmarks.md`. Measures nothing."""

from collections.abc import Iterator, Mapping

from tests.bench.results import Line, Result

HEAD = """\
# Benchmarks

Written by `make bench`; do not edit the numbers. Measured on {machine}. Whole processes, from their start to their end;
in each round every program of a table runs once, so that whatever else the machine did met all of them. Times are
medians, memory is the highest peak, and *times* is the median over the rounds of a program's wall time by that of the
reference above it (the line without a number). `make bench ROWS=plan,apply` measures a part anew.

Everyone in the data is invented and made by `tests/bench/people.py`, always the same: Parquet of customers with e-mail,
first and last name; of a hundred addresses one has a blank behind it and ten have capitals, of a thousand rows one has
no address and one is there twice. 1 % of churn: of 300 people one leaves, one joins, one changes a name.

The references are `tests/bench/raw/`: tuned DuckDB SQL that normalises, validates, dedupes, joins and writes the
changes, with nothing around it; the smallest typer programs; the same rows posted by plain sockets.
"""


def page(results: Mapping[str, Result], order: tuple[str, ...], machine: str) -> str:
    found = [results[row] for row in order if row in results]
    parts = [HEAD.format(machine=machine), *_targets(found)]
    for result in found:
        parts += [f"\n## {result.title}\n\n", *section(result)]
    return "".join(parts)


def _targets(found: list[Result]) -> Iterator[str]:
    yield "\n## Targets\n\n| what | target | measured | |\n|---|---|---|---|\n"
    for result in found:
        for check in result.checks:
            yield f"| {check.what} | {check.target} | {check.found} | {'met' if check.met else '**missed**'} |\n"


def section(result: Result) -> Iterator[str]:
    """One row as Markdown."""
    if result.people:
        yield f"{result.people:,} people; rounds: {result.rounds}.\n\n"
    elif result.rounds > 1:
        yield f"Rounds: {result.rounds}.\n\n"
    if result.lines:
        yield "| program | wall | from – to | CPU | memory | times |\n|---|--:|--:|--:|--:|--:|\n"
        yield from (_line(each) for each in result.lines)
        if result.notes:
            yield "\n"
    yield from (f"- {note}\n" if not result.lines else f"{note}\n" for note in result.notes)


def _line(line: Line) -> str:
    times = "" if line.times is None else f"{line.times:.2f}"
    digits = 3 if line.wall_s < 1 else 2
    return (
        f"| {line.name} | {line.wall_s:.{digits}f} s | {line.least_s:.{digits}f} – {line.most_s:.{digits}f}"
        f" | {line.cpu_s:.{digits}f} s | {line.peak_mb:,.0f} MB | {times} |\n"
    )
