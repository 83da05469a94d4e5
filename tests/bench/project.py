"""A project to measure with, and the account that it reaches. Measures nothing."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.runs import PYTHON, Program, environment, run_once
from tests.bench.scale import RAW

CONFIG = """\
version: 1
workspace: {name: bench}
connections:
  account:
    type: constant_contact
    display_name: "Bench account"
    consent: {data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}
    auth: {flow: access_token, access_token: "${env:CC_ACCESS_TOKEN}"}
    endpoints: {api: "${env:CC_API}", auth: "${env:CC_AUTH}"}
    limits: {max_contacts: 100000000, poll_seconds: [0.5, 2], requests_per_second: RATE}
sources:
  crm: {type: parquet, path: people.parquet}
segments:
"""

SEGMENT = "  {name}: {{source: crm{where}}}\n"
EXPORT = """\
  {name}:
    connection: account
    list: {{name: {name}, create: true}}
    segments: [{name}]
    data_matching: {{email: email}}
    attributes: {{first_name: first_name, last_name: last_name}}
"""
REGIONS = 10
VENDOR_RATE, NO_RATE = 4, 1000
"""Requests a second: what the vendor lets through, and the most that a connection can be told."""


@dataclass(frozen=True, slots=True)
class Project:
    """One export of everyone, or ten: of a region each. work: for files of programs that are measured."""

    folder: Path
    work: Path

    def ccsync(self, name: str, *args: str, before: Callable[[], None] = lambda: None, **env: str) -> Program:
        """One command of ccsync over this project. before: see `Program`."""
        return Program(name, (str(RAW / "product.py"), *args, "--config-dir", str(self.folder)), before, env)

    def profiles(self, path: Path) -> None:
        """From now on these are the rows of the source."""
        link = self.folder / "people.parquet"
        link.unlink(missing_ok=True)
        link.symlink_to(path)

    def ledgers(self) -> dict[str, Path]:
        """The ledger of each export in the newest generation."""
        newest = max((self.folder / ".ccsync/generations").iterdir())
        return {path.stem: path for path in sorted((newest / "ledger").glob("*.parquet"))}

    def own_lists(self, profiles: Path) -> None:
        """Gives each export a ledger in which it owns its people of `profiles`, by the product's own `import`."""
        run_once(Program("import", ("-m", "tests.bench.ledger", str(self.folder), str(profiles))), self.work)


def make_project(folder: Path, work: Path, exports: int = 1, rate: int = VENDOR_RATE) -> Project:
    """rate: requests a second that ccsync keeps to."""
    folder.mkdir(parents=True)
    names = ["everyone"] if exports == 1 else [f"region_{number}" for number in range(exports)]
    (folder / "ccsync.yaml").write_text(declaration(names, names, rate), encoding="utf-8")
    return Project(folder, work)


def declaration(segments: Sequence[str], exports: Sequence[str], rate: int = VENDOR_RATE) -> str:
    """The configuration, with these segments and exports; `region_3` is of the people of region 3."""
    conditions = [f', where: "region = {name[-1]}"' if name.startswith("region_") else "" for name in segments]
    declared = [SEGMENT.format(name=name, where=where) for name, where in zip(segments, conditions, strict=True)]
    return "".join(
        [CONFIG.replace("RATE", str(rate)), *declared, "exports:\n", *(EXPORT.format(name=name) for name in exports)]
    )


def make_profiles(path: Path, people: int, work: Path, *, churned: bool = False) -> Path:
    kind = "churned" if churned else "plain"
    run_once(Program("people", ("-m", "tests.bench.people", kind, str(path), str(people))), work)
    return path


# ---------------------------------------------------------------- the account


@dataclass(frozen=True, slots=True)
class Account:
    """A served sandbox. ready_file: where it is."""

    ready_file: Path

    @property
    def ready(self) -> dict[str, str]:
        return dict(json.loads(self.ready_file.read_text("utf-8")))

    @property
    def env(self) -> dict[str, str]:
        return {
            "CC_ACCESS_TOKEN": self.ready["access_token"],
            "CC_API": self.ready["api"],
            "CC_AUTH": self.ready["auth"],
        }

    def do(self, method: str, deed: str, **given: Any) -> Any:  # Any: JSON
        data = json.dumps(given).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.ready['control']}/{deed}", data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def requests(self) -> dict[str, int]:
        """How often each operation was called so far."""
        return dict(self.do("GET", "statistics")["requests"])


@contextmanager
def served(work: Path, requests_per_second: float) -> Iterator[Account]:
    """An empty account without think time, in a process of its own. Its limit of requests is the vendor's or higher."""
    ready = work / "ready.json"
    ready.unlink(missing_ok=True)
    rate = ("--requests-per-second", str(requests_per_second), "--requests-per-day", "1000000")
    args = (PYTHON, "-m", "ccsync", "sandbox", "serve", "--port", "0", "--ready-file", str(ready), *rate)
    with (work / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(args, env=environment(work), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            assert process.poll() is None, (work / "sandbox.log").read_text()
            time.sleep(0.02)
        yield Account(ready)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait()
