"""usage: python -m tests.bench [--rows plan,apply] [--people N] [--quick] [--results FILE] [--write PAGE]

Measures rows, prints each as it is done, keeps the numbers in the results file, and writes the page from all of them.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.applying import apply, delta, refresh
from tests.bench.page import page, section
from tests.bench.planning import large, plan, steps
from tests.bench.results import Result, load, save
from tests.bench.runs import ROOT
from tests.bench.scale import Scale
from tests.bench.starting import startup

ROWS: Mapping[str, Callable[[Scale, Path], Result]] = {
    "startup": startup,
    "plan": plan,
    "steps": steps,
    "large": large,
    "refresh": refresh,
    "apply": apply,
    "delta": delta,
}
QUICK_PEOPLE = 1_000


def main(arguments: list[str]) -> int:
    given = _parsed(arguments)
    scale = Scale(given.people or (QUICK_PEOPLE if given.quick else 1_000_000), given.quick)
    for row in given.rows.split(",") if given.rows else ROWS:
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            result = ROWS[row](scale, Path(work))
        save(given.results, result)
        print(f"## {result.title}\n\n{''.join(section(result))}", flush=True)
        for check in result.checks:
            print(f"{'met   ' if check.met else 'MISSED'} {check.what}: {check.found} ({check.target})", flush=True)
        print(flush=True)
    if given.write:
        text = page(load(given.results), tuple(ROWS), f"{os.cpu_count()} shared cores")
        given.write.write_text(text, encoding="utf-8")
    return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rows", default="", help=f"some of {','.join(ROWS)}; all without")
    parser.add_argument("--people", type=int, default=0, help="in one export; a million without")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few people, one round")
    parser.add_argument("--results", type=Path, default=ROOT / ".bench/results.json")
    parser.add_argument("--write", type=Path, help="write the page here")
    given = parser.parse_args(arguments)
    unknown = [row for row in given.rows.split(",") if row and row not in ROWS]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
