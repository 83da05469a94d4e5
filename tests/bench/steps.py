"""Runs `ccsync` with a clock at the engine's session: how long the statements of each step take.

usage: python -m tests.bench.steps OUT_JSON COMMAND… The result is step → seconds, in the order of the steps.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = {
    "leaf": "reading the source, keys and unusable rows",
    "copies": "finding duplicates",
    "live": "reading live",
    "changes": "the three-way table",
    "in_source": "telling who is gone from the source",
    "hashes": "telling who is gone from the source",
    "queue": "cutting batches",
    "numbers": "cutting batches",
    "copy": "writing the changes",
}
_MADE = re.compile(r'\s*(?:CREATE (?:TEMP )?TABLE|INSERT INTO) "?(\w+?)_\d+"?', re.IGNORECASE)
_COPY = re.compile(r"\s*COPY", re.IGNORECASE)


def step_of(statement: str) -> str:
    made = _MADE.match(statement)
    name = made[1] if made else "copy" if _COPY.match(statement) else ""
    return STEPS.get(name, "other statements")


def main(out: str, *args: str) -> None:
    start = time.monotonic()
    from ccsync.cli.app import run
    from ccsync.engine.session import Session

    spent: dict[str, float] = {}

    def timed(method: Callable[..., Any], position: int) -> Callable[..., Any]:
        def call(session: Session, *given: Any, **named: Any) -> Any:
            began = time.monotonic()
            try:
                return method(session, *given, **named)
            finally:
                step = step_of(given[position])
                spent[step] = spent.get(step, 0.0) + time.monotonic() - began

        return call

    Session.rows = timed(Session.rows, 0)  # type: ignore[method-assign]
    Session.pull = timed(Session.pull, 1)  # type: ignore[method-assign]
    code = run(args)
    rest = time.monotonic() - start - sum(spent.values())
    first = "starting, configuration, state, plan file, the page"
    Path(out).write_text(json.dumps({first: rest, **spent}), encoding="utf-8")
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
