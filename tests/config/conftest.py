"""A config directory from a mapping of names to texts, and what loading it says."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ccsync.config.load import Loaded, load_project
from ccsync.errors import Diagnostic, InvalidError

Write = Callable[..., Path]

GOOD = """\
version: 1
connections:
  main: {type: constant_contact, auth: {client_id: abc}}
sources:
  crm: {type: csv, path: crm.csv}
segments:
  dutch: {source: crm, where: "country = 'NL'"}
exports:
  weekly:
    connection: main
    list: {name: Weekly}
    segments: [dutch]
    data_matching: {email: email}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files (name → text or bytes) below a config directory and returns it."""

    def make(files: Mapping[str, str | bytes] | str) -> Path:
        folder = tmp_path / "configs"
        folder.mkdir(exist_ok=True)
        for name, content in ({"a.yaml": files} if isinstance(files, str) else files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return make


def load(folder: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Loads it: with references replaced when an environment is given."""
    return load_project(folder, environ=environ or {}, resolve=environ is not None)


def problems(folder: Path, environ: Mapping[str, str] | None = None) -> tuple[Diagnostic, ...]:
    """What loading it refuses; the test fails when nothing is."""
    with pytest.raises(InvalidError) as caught:
        load(folder, environ)
    return caught.value.diagnostics


def places(found: tuple[Diagnostic, ...]) -> list[tuple[str, str]]:
    """(place, code) of each diagnostic."""
    return [(str(problem.where), problem.code) for problem in found]
