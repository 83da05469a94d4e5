"""What a row of the bench gives, and keeping it between runs, so that rows can be measured one at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.runs import Measured, ratio


@dataclass(frozen=True, slots=True)
class Line:
    """One program in a row: medians, the fastest and the slowest run, the highest peak. times: its wall time by that of
    the row's reference, None for the reference itself."""

    name: str
    wall_s: float
    least_s: float
    most_s: float
    cpu_s: float
    peak_mb: float
    times: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One target of the specification and what was found. met: whether it was reached."""

    what: str
    target: str
    found: str
    met: bool


@dataclass(frozen=True, slots=True)
class Result:
    """notes: whole sentences."""

    row: str
    title: str
    people: int
    rounds: int
    lines: Sequence[Line]
    checks: Sequence[Check]
    notes: Sequence[str] = ()


def line(measured: Measured, reference: Measured | None = None) -> Line:
    walls = [run.wall_s for run in measured.runs]
    times = ratio(measured, reference) if reference else None
    return Line(measured.name, measured.wall_s, min(walls), max(walls), measured.cpu_s, measured.peak_mb, times)


def at_most(what: str, limit: float, found: float, unit: str) -> Check:
    """A target with an upper bound. unit: `x`, ` MB`, ` s`."""
    digits = 0 if unit == " MB" else 2
    return Check(what, f"at most {limit:g}{unit}", f"{found:.{digits}f}{unit}", found <= limit)


def save(path: Path, result: Result) -> None:
    """Adds a row to the file, or replaces it there."""
    rows = {**_documents(path), result.row: asdict(result)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def load(path: Path) -> dict[str, Result]:
    return {name: _result(document) for name, document in _documents(path).items()}


def _documents(path: Path) -> Mapping[str, dict[str, object]]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _result(document: Mapping[str, object]) -> Result:
    given = dict(document)
    lines = [Line(**each) for each in given.pop("lines")]
    checks = [Check(**each) for each in given.pop("checks")]
    return Result(lines=lines, checks=checks, **given)
