"""Writes `docs/reliability.md` from the tables that the tests hold ccsync to: `python -m tests.crash.reliability`."""

from collections.abc import Sequence
from pathlib import Path

from ccsync.catalogue import CATALOGUE

from tests.crash.faults import CELLS, EXPECTED, JOBS, PHASES, QUICK, REQUESTS, SIGN_IN, Fault, Phase
from tests.crash.mutants import MUTANTS
from tests.crash.test_concurrency import RACES, ROUNDS
from tests.crash.test_interrupted import CODES, FEW, WAYS
from tests.crash.test_kill_points import KILL_POINTS
from tests.crash.test_model import EXAMPLES, LONG_EXAMPLES, LONG_SHARDS, LONG_STEPS, SHARDS
from tests.crash.test_sigkill import CALLS, MOMENTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
DISK_FAULTS = 1_000
"""At least so many faults of the disk are tried; `test_reliability.py` counts them."""

HEAD = """\
# Reliability

<!-- Made by `python -m tests.crash.reliability` from the tables of tests/crash. Change those, then run that. -->

What happens when something goes wrong, and how it is known. Everything here is a test; the page is written from the
tables and numbers that the tests use, and a test holds the page against them.

## What holds, whatever happens

- Nobody who left a list or unsubscribed is put back by ccsync: not by a retry, a recovery, another export or an edited
  mapping, until `ccsync readmit`. Where it can't be known whether somebody arrived and left or never arrived, they are
  held back. What no client can prevent is in [limits](limits.md).
- Nobody is removed whom ccsync did not put there.
- What is sent is in the journal before it is sent, so the next command finds out what became of it. An import whose
  answer was lost is found by its file name and not sent again.
- The state is the old one or the new one, and says nothing that is not so.
- A fresh plan after an apply is empty; people held back don't count as changes.
"""

FAULTS = """\
## Faults

One run has everything: a list to be made, a removal whose contact id is looked up, an update, additions that travel as
CSV and as JSON, somebody who leaves between plan and apply. Each cell is such a run with one fault in one phase: in the
first request of the phase, or in the job that it asks for. It tells how the command that meets the fault ends: its exit
code, and the code of what it says. Afterwards, the trouble over, `plan` and `apply` bring everything to where it should
be: nobody lost, nobody put back, nothing written twice, the next plan empty.

- `0`: ccsync got over it by itself.
- `6`: a part was applied, or the day's requests are used up. The journal or the state knows what was done, and the next
  `plan` and `apply` do the rest.
- `1` and `8`: nothing was changed. In the last column that is said of the recovery: the interrupted run stays pending,
  and the next command settles it.
"""

HELD_BACK = """\
Where the remote says that it refused rows, they are held back as `rejected` until their content changes. Where half of
the rows are missing and the counters claim more than was sent, nobody can tell who never arrived from who arrived and
left: they are held back as `opted_out` until `ccsync readmit` ([limits](limits.md)). So are people of a file that was
read half, if the account knows them from elsewhere, another list of the same run for one.
"""

MODEL = """\
## Everything in any order

`tests/crash/test_model.py` plays rows that come and go, change, lose values and repeat; exports that are edited,
deleted and share a list; people who leave, unsubscribe, come back, are edited, removed by colleagues or deleted, also
between plan and apply; plans that are saved and applied later; kills at any call of apply and of recovery; lost answers
and failing jobs; unknown behaviours of the vendor switched one way and the other; hours and days that pass. An oracle
that knows only what people did and what the data say checks after each step that nobody was put back, no stranger
touched, no guard overridden, that the account changed by the plan less whom the firewall dropped, and that the numbers
told are those that happened.
"""

FAULTS_IN_US = """\
## Faults in ccsync itself

A test that never fails proves nothing. `python -m tests.crash.mutants` puts each of these faults into a copy of ccsync
and sees that the test named notices.
"""


def page() -> str:
    parts = [
        HEAD,
        _numbers(),
        FAULTS,
        "### In a request",
        _table(REQUESTS, PHASES),
        "### In the sign-in",
        _table(SIGN_IN, PHASES),
        "### In a job",
        _table(JOBS, [phase for phase in PHASES if any((fault.name, phase.name) in EXPECTED for fault in JOBS)]),
        HELD_BACK,
        _legend(),
        MODEL,
        FAULTS_IN_US,
        _mutants(),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _numbers() -> str:
    rows = (
        (
            "Killed before and after every call between the rooms, once, and again at every third call of the recovery",
            f"{KILL_POINTS} points and more",
            "the first and last call of each kind",
            "test_kill_points",
        ),
        (
            "The same with SIGKILL of a real process",
            f"{KILL_POINTS} points and more",
            len(CALLS) * len(MOMENTS),
            "test_sigkill",
        ),
        ("A fault of the remote side in a phase of a run", len(CELLS), len(QUICK), "test_faults"),
        (
            "A write, sync, rename or other step on the disk that fails, stops or loses power",
            f"{DISK_FAULTS:,} and more",
            "all",
            "tests/state/test_faults",
        ),
        (
            "Rounds of real processes at once, for each race",
            f"{RACES} x {ROUNDS}",
            RACES + 1,
            "test_concurrency",
        ),
        (
            "SIGINT and SIGTERM, once and twice, as typed, with `exec`, and as a step of a `bash -e` script",
            2 * len(CODES) * len(WAYS),
            len(FEW),
            "test_interrupted",
        ),
        (
            "Examples of the model, of that many steps",
            f"{LONG_SHARDS * LONG_EXAMPLES:,} of {LONG_STEPS}",
            SHARDS * EXAMPLES,
            "test_model",
        ),
        ("Faults in ccsync itself, each noticed by a test", len(MUTANTS), "by hand", "mutants"),
    )
    lines = ["## In numbers", "", "| what | `make test-long` | `make test` | where |", "|---|---|---|---|"]
    for what, long, short, where in rows:
        place = where if "/" in where else f"tests/crash/{where}"
        lines.append(f"| {what} | {long} | {short} | `{place}.py` |")
    return "\n".join(lines)


def _table(faults: Sequence[Fault], phases: Sequence[Phase]) -> str:
    rows = [["", *(phase.title for phase in phases)], ["---", *(":-:" for _ in phases)]]
    for fault in faults:
        cells = [EXPECTED.get((fault.name, phase.name), "") for phase in phases]
        rows.append([fault.title, *(cell.replace(" ", "&nbsp;") for cell in cells)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _legend() -> str:
    codes = sorted({code for cell in EXPECTED.values() for code in cell.split()[1:]})
    return "\n".join(f"- [{code}](errors.md): {CATALOGUE[code].title}." for code in codes)


def _mutants() -> str:
    rows = ["| fault | noticed by |", "|---|---|"]
    rows += [f"| {mutant.name} | `{mutant.test.replace('::', '`: `')}` |" for mutant in MUTANTS]
    return "\n".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
