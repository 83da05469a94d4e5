"""States in a folder, and plan files, as a program without a key would open them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ccsync.ports.clock import Clock
from ccsync.sealing import Keys
from ccsync.state import planfile
from ccsync.state.files import Disk, LocalDisk
from ccsync.state.opening import Opening, State
from ccsync.state.remotelock import USUAL_PACE, Pace

read_plan = partial(planfile.read_plan, keys=None)
write_plan = partial(planfile.write_plan, keys=None)


def open_state(
    root: Path, clock: Clock, new_id: Callable[[], str], disk: Disk | None = None, keys: Keys | None = None
) -> State:
    return opening_beside(root, clock, new_id, disk, keys).local(root)


def opening_beside(
    root: Path,
    clock: Clock,
    new_id: Callable[[], str],
    disk: Disk | None = None,
    keys: Keys | None = None,
    pace: Pace = USUAL_PACE,
) -> Opening:
    """Files about the state lie beside it: `<root>-home`, made when they are needed."""
    home = root.with_name(f"{root.name}-home")

    def scratch() -> Path:
        (home / "scratch").mkdir(parents=True, exist_ok=True)
        return home / "scratch"

    return Opening(clock, new_id, keys, home, home / "cache", scratch, disk=disk or LocalDisk(), pace=pace)
