"""The program run in this process, against a sandbox of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ccsync.cli.app import run as run_program

from tests.cli.world import FAST, World, serving


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("CI", "GITHUB_ACTOR", "NO_COLOR", "CCSYNC_DEBUG", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(FAST) as (sandbox, endpoints):
        made = World(tmp_path, sandbox, endpoints)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str) -> Done:
        code = run_program(args)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run
