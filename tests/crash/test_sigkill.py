"""The same with a real process and a real SIGKILL: what the kernel leaves behind is enough."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.world import FAST, serving
from tests.crash.scenario import before, converge, jobs
from tests.crash.test_kill_points import calm_run
from tests.support.world import join_world

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("journal.append", "destination.start_import", "destination.start_removal", "writer.commit", "journal.close")
MOMENTS = ("before", "after")


def killed_at(folder: Path, point: int) -> None:
    folder.mkdir()
    with serving(FAST) as (_, endpoints):
        host = endpoints.api.removesuffix("/v3")
        with join_world(folder, host, endpoints.access_token) as world:
            before(world)
            asked = jobs(world)
            command = [
                sys.executable,
                "-m",
                "tests.crash.doomed",
                str(folder),
                host,
                endpoints.access_token,
                str(point),
            ]
            done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
            assert done.returncode == -signal.SIGKILL, done.stderr.decode()
            converge(world)
            assert jobs(world) - asked == 5


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_process_leaves_enough_to_settle(tmp_path: Path, call: str, moment: str) -> None:
    points, _ = calm_run()
    killed_at(tmp_path / "killed", points.index(f"{moment} {call}"))


@pytest.mark.long
@pytest.mark.parametrize("shard", range(8))
def test_a_process_killed_anywhere_leaves_enough_to_settle(tmp_path: Path, shard: int) -> None:
    points, _ = calm_run()
    for point in range(shard, len(points), 8):
        killed_at(tmp_path / f"at-{point}", point)
