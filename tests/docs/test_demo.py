"""`make demo` goes through, ends with the proof, and leaves nothing running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_the_demo_ends_with_no_changes_and_nothing_running(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ("bash", str(ROOT / "docs" / "demo.sh")),
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    for sentence in (
        "Plan: 54 to add, 0 to update, 0 to remove.",
        "Apply complete: 54 added, 0 updated, 0 removed.",
        "Plan: 1 to add, 1 to update, 1 to remove.",
        "Apply complete: 1 added, 1 updated, 1 removed.",
        "No changes. Constant Contact matches the configuration.",
    ):
        assert sentence in said
    assert "lieve.peeters@example.com" in done.stdout
    assert "held back: they left the list" in done.stdout
    assert list(tmp_path.iterdir()) == [], "everything it made is gone"
