"""The same with a real process and a real SIGKILL: what the kernel leaves behind is enough."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.world import FAST, serving
from tests.crash.scenario import before, converge, jobs
from tests.crash.test_kill_points import KILL_POINTS, calm_run
from tests.support.world import join_world

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("journal.append", "destination.start_import", "destination.start_removal", "writer.commit", "journal.close")
MOMENTS = ("before", "after")


def killed_at(folder: Path, point: int | str) -> int | None:
    """None after a kill and what follows it. A run that had fewer points than that ends well, and says how many: it
    looks less often where jobs end sooner."""
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
            assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
            converge(world)
            assert jobs(world) - asked == 5
            return int(done.stdout) if done.returncode == 0 else None


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_process_leaves_enough_to_settle(tmp_path: Path, call: str, moment: str) -> None:
    assert killed_at(tmp_path / "killed", f"{moment} {call}") is None


@pytest.mark.long
@pytest.mark.parametrize("shard", range(8))
def test_a_process_killed_anywhere_leaves_enough_to_settle(tmp_path: Path, shard: int) -> None:
    points, _ = calm_run()
    for point in range(shard, len(points), 8):
        ended = killed_at(tmp_path / f"at-{point}", point)
        assert ended is None or KILL_POINTS <= ended <= point
