"""The tables of the bench: on the terminal, and as `docs/benchmarks.md`. Measures nothing."""

from collections.abc import Iterator, Mapping

from tests.bench.results import Line, Result

HEAD = """\
# Benchmarks

Written by `make bench`; do not edit the numbers. Measured on {machine}. Whole processes, from their start to their
end; in each round every program of a table runs once, so that whatever else the machine did met all of them. Times are
medians, memory is the highest peak (below 25 MB it is that of the measuring program), and *times* is the median over
the rounds of a program's wall time by that of the reference above it (the line without a number).
`make bench ROWS=plan,apply` measures a part anew.

Everyone in the data is invented and made by `tests/bench/people.py`, always the same: Parquet of customers with e-mail,
first and last name; of a hundred addresses one has a blank behind it and ten have capitals, of a thousand rows one has
no address and one is there twice. 1 % of churn: of 300 people one leaves, one joins, one changes a name.

The references are `tests/bench/raw/`: tuned DuckDB SQL that normalises, validates, dedupes, joins and writes the
changes, with nothing around it; the smallest typer programs; the same rows posted by plain sockets.
"""

TAIL = """
## What the time goes to, and what was done about it

A plan of a million people goes, about evenly, to starting (typer with what it brings, jsonschema, DuckDB itself, our
own value classes), to reading the source with the key rule, to the three-way join, and to finding duplicates and
writing. What profiles showed and what became of it, in CPU seconds for a million rows:

- **Telling leavers whose row is gone from those who left the segment** read the whole source once more for each export
  and made its keys distinct. Hashes of a source's keys are now kept for all exports of a command (0.3 s), and a source
  that an export takes whole is not read again at all.
- **The key rule was worked out twice a row** wherever a filter stood above it, as DuckDB computes an expression once
  for the filter and once for the result: 0.34 s became 0.17 s.
- **Exports that disagree** were sought in one hash table over all people of all exports: twenty exports of a million
  ended in E713 within 1 GB. People are compared in parts now; ten exports took 1,171 MB and take 821 MB, in less time.
- **A first plan's memory** is the sort that makes plan files a function of their rows. It takes what the limit leaves
  and spills the rest: 790 MB within 1 GB, 510 MB within 400 MB, at the same CPU time (`CCSYNC_MEMORY_LIMIT`, see
  [Limits](limits.md#memory-and-disk)).

What is not worth more: duplicates are found by one aggregation of hashes (0.14 s); reading through an isolated instance
of DuckDB, which keeps users' SQL away from everything else, costs 0.07 s, as rows cross as Arrow without a copy.
"""


def page(results: Mapping[str, Result], order: tuple[str, ...], machine: str) -> str:
    found = [results[row] for row in order if row in results]
    parts = [HEAD.format(machine=machine), *_targets(found)]
    for result in found:
        parts += [f"\n## {result.title}\n\n", *section(result)]
    return "".join([*parts, TAIL])


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
