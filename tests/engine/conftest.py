"""What the engine's tests share: a session and a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.engine.session import Session

from tests.engine.projects import Bench
from tests.engine.runs import Run


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    root = tmp_path / "config"
    root.mkdir()
    with Session(tmp_path / "work", memory_limit="300MB", threads=2) as session:
        yield Bench(root, session)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(tmp_path / "work", threads=2) as session:
        yield session


@pytest.fixture
def run(session: Session, tmp_path: Path) -> Run:
    return Run(session, tmp_path)
