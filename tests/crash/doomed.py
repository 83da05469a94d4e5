"""A process of its own that plans, applies, and is killed with SIGKILL at a point: no handler, no finally, no flush.

Usage: python -m tests.crash.doomed FOLDER HOST TOKEN POINT
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
        doom(world, int(point), end=lambda: os.kill(os.getpid(), signal.SIGKILL))
        world.apply(planned)


if __name__ == "__main__":
    main(*sys.argv[1:])
