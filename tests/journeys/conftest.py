"""An account served on this machine and the program run against it, for journeys from a user's chair."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, run
from tests.cli.world import FAST, World, serving

__all__ = ["Run", "run"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A project that works; a test breaks one thing of it."""
    for name in ("CI", "GITHUB_ACTOR", "NO_COLOR", "CCSYNC_DEBUG", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(FAST) as (sandbox, endpoints):
        made = World(tmp_path, sandbox, endpoints)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield made
