"""Runs whole programs and measures each: wall time, CPU time, peak memory. Knows nothing of what they do.

This process must stay small: what the kernel calls a child's peak memory includes that of the parent it was made from.
So nothing heavy is imported here, nor by what imports this.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Program:
    """name: in the tables. args: after `python`. before: runs unmeasured before each run. env: beyond the common."""

    name: str
    args: tuple[str, ...]
    before: Callable[[], None] = field(default=lambda: None)
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One run. peak_mb: of the program itself, not of what it talks to. out: its standard output."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    out: str


@dataclass(slots=True)
class Measured:
    """All runs of one program, in the order of the rounds."""

    name: str
    runs: list[Run] = field(default_factory=list)

    @property
    def wall_s(self) -> float:
        return median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        return median(run.cpu_s for run in self.runs)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for run in self.runs)


def interleaved(programs: Sequence[Program], rounds: int, folder: Path, *, warm: bool = True) -> list[Measured]:
    """Runs them in turns, so that whatever else the machine does meets all of them. warm: with a round that does not
    count before, for caches of files and of compiled Python."""
    found = [Measured(program.name) for program in programs]
    for turn in range(rounds + warm):
        for program, measured in zip(programs, found, strict=True):
            program.before()
            run = run_once(program, folder)
            if turn >= warm:
                measured.runs.append(run)
    return found


def ratio(of: Measured, to: Measured) -> float:
    """The median over the rounds of one's wall time by the other's in the same round."""
    return median(one.wall_s / other.wall_s for one, other in zip(of.runs, to.runs, strict=True))


def run_once(program: Program, folder: Path) -> Run:
    """Runs a program to its end. Its output goes to files in `folder`. Raises RuntimeError when it fails."""
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        actions = [(os.POSIX_SPAWN_DUP2, stdout.fileno(), 1), (os.POSIX_SPAWN_DUP2, stderr.fileno(), 2)]
        argv = (PYTHON, *program.args)
        start = time.monotonic()
        pid = os.posix_spawn(PYTHON, argv, environment(folder, **program.env), file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        wall_s = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise RuntimeError(f"{program.name} ended with {code}: {err.read_text()[-2000:]}")
    return Run(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, out.read_text())


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Of every program measured: nothing of the user's, no terminal, no colour."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    ours = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "CCSYNC_HOME": str(folder / "home"), "CI": "true"}
    return {**kept, **ours, "CCSYNC_ACTOR": "anna@example.com", **more}


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
