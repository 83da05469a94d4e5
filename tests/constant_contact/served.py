"""The sandbox on a real port, for tests with processes and browsers."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ccsync.sandbox.options import Endpoints, SandboxOptions
from ccsync.sandbox.server import serve


@contextmanager
def served_sandbox() -> Iterator[Endpoints]:
    announced: queue.Queue[Endpoints] = queue.Queue()
    stop = threading.Event()
    options = SandboxOptions(port=0, requests_per_second=1000)
    thread = threading.Thread(target=serve, args=(options,), kwargs={"announce": announced.put, "stop": stop})
    thread.start()
    try:
        yield announced.get(timeout=20)
    finally:
        stop.set()
        thread.join(20)
