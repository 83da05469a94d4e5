"""The real program in processes of its own: several at once, and stopped where it is told to. Judges nothing."""

import json
import subprocess
import sys
from collections.abc import Sequence

from tests.cli.program import environment
from tests.cli.world import World

CCSYNC = (sys.executable, "-m", "ccsync")
SENDING = ("apply", "--auto-approve", "--json")
Process = subprocess.Popen[bytes]


def start(world: World, *command: str, program: Sequence[str] = CCSYNC) -> Process:
    """A process group of its own, as a terminal or a runner makes for a job."""
    return subprocess.Popen(
        (*program, *command),
        env=environment(**world.environment),
        cwd=world.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def at_once(world: World, *commands: Sequence[str]) -> list[int]:
    """Starts all of them, waits for all, and returns their exit codes."""
    return [ended(process) for process in [start(world, *command) for command in commands]]


def ended(process: Process) -> int:
    """The exit code; a traceback is never right."""
    _, errors = process.communicate(timeout=120)
    assert b"Traceback" not in errors, errors.decode()
    return process.returncode


def reach_import(process: Process) -> None:
    """Returns when the process has told on stdout (`--json`) that an import was sent."""
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        if (told.get("event"), told.get("kind")) == ("batch_sent", "import"):
            return
    raise AssertionError(f"nothing was sent: {process.communicate()[1].decode()}")


def imports(world: World) -> int:
    """Imports that the account was asked for."""
    requests = world.ask("statistics")["requests"]
    return sum(count for name, count in requests.items() if "import" in name)


def jobs_get_stuck(world: World) -> None:
    world.control("faults", kind="activity", path="/activities/*import", mishap="stuck")


def jobs_go_on(world: World) -> None:
    world.sandbox.service.queue.release()
    world.sandbox.service.faults.clear()
