"""Rows `apply`, `refresh` and `delta`: what talks to an account, here a sandbox without think time."""

import json
import math
from collections import Counter
from pathlib import Path

from tests.bench.project import NO_RATE, VENDOR_RATE, Project, make_profiles, make_project, served
from tests.bench.results import Check, Result, at_most, line
from tests.bench.runs import Measured, Program, fresh, interleaved, run_once
from tests.bench.scale import RAW, Scale

MAX_ROWS, MAX_BYTES, MAX_IDS = 39_999, 3_994_904, 500
"""Of one request, as `core/batch.py` has them; written again here, for a floor must not follow the program."""
IMPORT, REMOVAL, JOBS = (
    "POST /activities/contacts_file_import",
    "POST /activities/remove_list_memberships",
    "GET /activities",
)


def apply(scale: Scale, work: Path) -> Result:
    """A first apply, each time to an empty account. The account alone gets the same rows without a limit of requests;
    ccsync keeps to the vendor's."""
    folder = fresh(work / "applying")
    profiles = make_profiles(folder / "plain.parquet", scale.people, work)
    rounds = scale.rounds(3)
    alone, planned, ours = (
        Measured(name) for name in ("the account alone, same rows", "`ccsync plan`, first", "`ccsync apply`, first")
    )
    floors, calls, estimate = [], Counter[str](), {}
    for turn in range(rounds):
        with served(work, NO_RATE) as account:
            list_id = account.do("POST", "lists", name="bench")["list_id"]
            args = (str(RAW / "post.py"), str(account.ready_file), str(profiles), list_id)
            alone.runs.append(run_once(Program(alone.name, args), work))
        with served(work, VENDOR_RATE) as account:
            project = make_project(folder / f"project-{turn}", work)
            project.profiles(profiles)
            saved = str(folder / "first.ccplan")
            planned.runs.append(run_once(project.ccsync(planned.name, "plan", "-o", saved, **account.env), work))
            estimate = json.loads(run_once(project.ccsync("show", "show", saved, "--json"), work).out)
            before = Counter(account.requests())
            to_apply = project.ccsync(ours.name, "apply", saved, "--auto-approve", **account.env)
            ours.runs.append(run_once(to_apply, work))
            calls = Counter(account.requests()) - before
        own_s = json.loads(alone.runs[-1].out)["seconds"]
        floors.append(max(own_s, calls.total() / VENDOR_RATE))
    by_floor = sorted(run.wall_s / floor for run, floor in zip(ours.runs, floors, strict=True))[rounds // 2]
    (export,) = estimate["exports"]
    least = math.ceil(max(export["counts"]["add"] / MAX_ROWS, export["estimate"]["bytes"] / MAX_BYTES))
    return Result(
        "apply",
        "A first apply",
        scale.people,
        rounds,
        [line(alone), line(planned), line(ours)],
        [
            at_most("`apply`, by the longer of its calls at 4 a second and the account's own time", 1.3, by_floor, "x"),
            at_most("CPU time of the client", 10, ours.cpu_s, " s"),
            at_most("its memory", 800, ours.peak_mb, " MB"),
            Check("imports, of all calls", f"{least} by rows and bytes", _said(calls), calls[IMPORT] <= least),
        ],
        [f"The longer of the two floors was {floors[rounds // 2]:.1f} s."],
    )


def refresh(scale: Scale, work: Path) -> Result:
    """Planning with live read, against planning without; nothing changed on either side."""
    with served(work, NO_RATE) as account:
        project, _, _ = _synced(scale, work, account.env)
        before = Counter(account.requests())
        run_once(project.ccsync("calls", "plan", **account.env), work)
        calls = Counter(account.requests()) - before
        rounds = scale.rounds(5)
        without, with_it = interleaved(
            [
                project.ccsync("`ccsync plan --no-refresh`", "plan", "--no-refresh"),
                project.ccsync("`ccsync plan`", "plan", **account.env),
            ],
            rounds,
            work,
            warm=scale.warm,
        )
    by_cpu = with_it.cpu_s / without.cpu_s
    return Result(
        "refresh",
        "Planning with a refresh of the list",
        scale.people,
        rounds,
        [line(without), line(with_it, without)],
        [
            at_most("CPU time with a refresh, by that without", 3, by_cpu, "x"),
            Check("calls of a refresh", "about 10", str(calls.total()), calls.total() <= 15),
        ],
        ["The wall time holds the account's two export jobs and the waits between looks at them."],
    )


def delta(scale: Scale, work: Path) -> Result:
    """Applies of 1 % of churn, to and fro, without a limit of requests: ids that no look showed are paged for."""
    rounds = scale.rounds(2)
    ours, calls, counts = Measured("`ccsync apply`, 1 % churn"), Counter[str](), {}
    with served(work, NO_RATE) as account:
        project, plain, churned = _synced(scale, work, account.env)
        saved = str(work / "delta.ccplan")
        for turn in range(rounds):
            project.profiles(plain if turn % 2 else churned)
            run_once(project.ccsync("plan", "plan", "-o", saved, **account.env), work)
            counts = json.loads(run_once(project.ccsync("show", "show", saved, "--json"), work).out)["exports"][0]
            before = Counter(account.requests())
            to_apply = project.ccsync(ours.name, "apply", saved, "--auto-approve", **account.env)
            ours.runs.append(run_once(to_apply, work))
            calls = Counter(account.requests()) - before
    changed = counts["counts"]
    imports = math.ceil((changed["add"] + changed["update"]) / MAX_ROWS)
    removals = math.ceil(changed["remove"] / MAX_IDS)
    return Result(
        "delta",
        "Applying 1 % of churn",
        scale.people,
        rounds,
        [line(ours)],
        [
            Check("imports", f"{imports} by rows and bytes", str(calls[IMPORT]), calls[IMPORT] <= imports),
            Check("removals", f"{removals} of {MAX_IDS}", str(calls[REMOVAL]), calls[REMOVAL] <= removals),
        ],
        [f"All calls of one: {_said(calls)}."],
    )


def _synced(scale: Scale, work: Path, env: dict[str, str]) -> tuple[Project, Path, Path]:
    """A project without a limit of requests that was just applied, its profiles, and those after 1 % of churn."""
    folder = fresh(work / "applying")
    project = make_project(folder / "project", work, rate=NO_RATE)
    plain = make_profiles(folder / "plain.parquet", scale.people, work)
    project.profiles(plain)
    run_once(project.ccsync("apply", "apply", "--auto-approve", **env), work)
    return project, plain, make_profiles(folder / "churned.parquet", scale.people, work, churned=True)


def _said(calls: Counter[str]) -> str:
    rest = calls.total() - calls[IMPORT] - calls[REMOVAL] - calls[JOBS]
    removals = f"{calls[REMOVAL]} removals, " if calls[REMOVAL] else ""
    return f"{calls[IMPORT]} imports, {removals}{calls[JOBS]} looks at all jobs, {rest} others"
