"""The fixtures: an account of the sandbox, a destination on it, and one on a server that answers as told."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from ccsync.constant_contact.account import ConstantContact
from ccsync.sandbox.app import Sandbox, create_app
from ccsync.sandbox.options import ActivityMode, SandboxOptions

from tests.constant_contact.world import HOST, StillClock, World


@pytest.fixture(scope="session")
def app() -> Iterator[Sandbox]:
    """One account for all tests, for making one takes longer than most tests; `world` makes it as new."""
    made = create_app(SandboxOptions(clock=StillClock(), activities=ActivityMode.WHEN_POLLED))
    yield made
    made.close()


@pytest.fixture
def world(app: Sandbox, tmp_path: Path) -> Iterator[World]:
    clock = app.service.clock
    assert isinstance(clock, StillClock)
    clock.reset()
    with ExitStack() as stack:
        control = stack.enter_context(httpx.Client(transport=httpx.WSGITransport(app), base_url=HOST))
        world = World(app, control, clock, tmp_path / "home", [], stack)
        world.make_new()
        yield world


@pytest.fixture
def remote(world: World) -> ConstantContact:
    return world.open()


@pytest.fixture
def scripted(world: World) -> Callable[[Callable[[httpx.Request], httpx.Response]], ConstantContact]:
    """A destination on a server that answers as told, for what the sandbox never does. Answers come as streams."""

    def opened(answer: Callable[[httpx.Request], httpx.Response]) -> ConstantContact:
        def streamed(request: httpx.Request) -> httpx.Response:
            told = answer(request)
            return httpx.Response(told.status_code, headers=told.headers, content=iter([told.content]))

        return world.open(transport=httpx.MockTransport(streamed))

    return opened
