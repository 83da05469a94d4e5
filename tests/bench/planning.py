"""Rows `plan`, `large` and `steps`: planning against the ledger alone, against one SQL statement of the same work."""

import json
from pathlib import Path

from tests.bench.project import REGIONS, Project, make_profiles, make_project
from tests.bench.results import Result, at_most, line
from tests.bench.runs import Program, fresh, interleaved, ratio, run_once
from tests.bench.scale import MEMORY_LIMIT, RAW, Scale


def plan(scale: Scale, work: Path) -> Result:
    project, plain, churned = _owned(scale.people, work)
    saved = ("plan", "--no-refresh", "-o", str(work / "out.ccplan"))
    rounds = scale.rounds(7)
    raw_same, ours_same, raw, ours = interleaved(
        [
            _raw("raw SQL, nothing to do", project, plain),
            project.ccsync("`ccsync plan`, nothing to do", *saved, before=lambda: project.profiles(plain)),
            _raw("raw SQL, 1 % churn", project, churned),
            project.ccsync("`ccsync plan`, 1 % churn", *saved, before=lambda: project.profiles(churned)),
        ],
        rounds,
        work,
        warm=scale.warm,
    )
    return Result(
        "plan",
        "Planning against the ledger alone",
        scale.people,
        rounds,
        [line(raw_same), line(ours_same, raw_same), line(raw), line(ours, raw)],
        [
            at_most("`plan --no-refresh -o`, 1 % churn, by raw SQL", 2, ratio(ours, raw), "x"),
            at_most("the same with nothing to do, by raw SQL", 2, ratio(ours_same, raw_same), "x"),
            at_most("memory of both", 600, max(ours.peak_mb, ours_same.peak_mb), " MB"),
        ],
    )


def large(scale: Scale, work: Path) -> Result:
    """Ten times as many people in one source; each of ten exports wants those of one region. A little less than ten
    times: an export may hold a million people, and regions are not all of one size."""
    people = scale.people * 99 // 100 * REGIONS
    project, _, churned = _owned(people, work, REGIONS)
    project.profiles(churned)
    rounds = scale.rounds(3)
    raw, ours = interleaved(
        [
            _raw("raw SQL, ten statements", project, churned),
            project.ccsync("`ccsync plan`, ten exports", "plan", "--no-refresh", "-o", str(work / "out.ccplan")),
        ],
        rounds,
        work,
        warm=False,
    )
    return Result(
        "large",
        f"Ten exports over one source, DuckDB held to {MEMORY_LIMIT}",
        people,
        rounds,
        [line(raw), line(ours, raw)],
        [
            at_most("`plan --no-refresh -o` of ten exports, by raw SQL", 2, ratio(ours, raw), "x"),
            at_most("its memory", 1500, ours.peak_mb, " MB"),
        ],
    )


def steps(scale: Scale, work: Path) -> Result:
    """Where the time of a plan goes: one run, each statement timed where the engine hands it to DuckDB."""
    project, _, churned = _owned(scale.people, work)
    project.profiles(churned)
    args = ("plan", "--no-refresh", "-o", str(work / "out.ccplan"), "--config-dir", str(project.folder))
    program = Program("steps", ("-m", "tests.bench.steps", str(work / "steps.json"), *args))
    for _ in range(2):
        run_once(program, work)
    found = json.loads((work / "steps.json").read_text("utf-8"))
    total = sum(found.values())
    notes = [f"{name}: {seconds:.2f} s, {100 * seconds / total:.0f} %" for name, seconds in found.items()]
    return Result("steps", "Where the time of a plan goes", scale.people, 1, [], [], notes)


def _owned(people: int, work: Path, exports: int = 1) -> tuple[Project, Path, Path]:
    """A project whose ledgers hold everyone, its profiles as they were, and as they are after 1 % of churn."""
    folder = fresh(work / "planning")
    project = make_project(folder / "project", work, exports)
    plain = make_profiles(folder / "plain.parquet", people, work)
    project.own_lists(plain)
    return project, plain, make_profiles(folder / "churned.parquet", people, work, churned=True)


def _raw(name: str, project: Project, profiles: Path) -> Program:
    out = project.folder.parent / "raw"
    out.mkdir(exist_ok=True)
    exports = [
        f"{export}={ledger}=" + (f"region = {export[-1]}" if export.startswith("region_") else "true")
        for export, ledger in project.ledgers().items()
    ]
    return Program(name, (str(RAW / "plan.py"), MEMORY_LIMIT, str(profiles), str(out), *exports))
