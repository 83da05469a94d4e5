"""A process of its own that plans, applies, and is killed with SIGKILL at a point: no handler, no finally, no flush.

Usage: python -m tests.crash.doomed FOLDER HOST TOKEN POINT

POINT is a number, or a name: the first of this name. A run that ends before it says how many points it had.
"""

import os
import signal
import sys
from pathlib import Path

from tests.crash.killing import doom
from tests.support.world import join_world


def main(folder: str, host: str, token: str, point: str) -> None:
    with join_world(Path(folder), host, token) as world:
        planned = world.plan()
        stop_at = int(point) if point.isdecimal() else point
        points = doom(world, stop_at, end=lambda: os.kill(os.getpid(), signal.SIGKILL))
        world.apply(planned)
        sys.stdout.write(f"{len(points.seen)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
