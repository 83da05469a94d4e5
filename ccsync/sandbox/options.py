"""What a sandbox is started with, and where it can be reached once it runs.

No behaviour lives here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ccsync.sandbox.clock import Clock, SystemClock


class SandboxUsageError(ValueError):
    """The sandbox was started or controlled with something it does not know."""


class ActivityMode(StrEnum):
    """When queued activities make progress."""

    BACKGROUND = "background"
    """On a thread of their own, by the clock: what a served sandbox does."""
    WHEN_POLLED = "when_polled"
    """A step at every look at ``/activities``: deterministic, for tests in process."""
    ON_DEMAND = "on_demand"
    """Only when ``drain`` is called."""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How to run a sandbox.

    ``port`` 0 takes any free port. ``seed`` is a file of people to begin with (CSV, Parquet or JSON).
    ``requests_per_second`` and ``requests_per_day`` are the vendor's limits per API key; ``speed`` is the rows a
    second that an activity handles, ``None`` for no think time. ``data`` keeps the account in a file. ``spread_s``
    is the longest time that a job waits before it starts, which is what lets jobs overtake each other.
    """

    host: str = "127.0.0.1"
    port: int = 8025
    ready_file: Path | None = None
    seed: Path | None = None
    requests_per_second: float = 4
    requests_per_day: int = 10_000
    speed: int | None = None
    switches: Mapping[str, str] = field(default_factory=dict)
    data: Path | None = None
    allow_other_hosts: bool = False
    activities: ActivityMode = ActivityMode.BACKGROUND
    spread_s: float = 0.3
    random_seed: int = 0
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a running sandbox is, and a ready token for it: the content of the ready file."""

    api: str
    auth: str
    control: str
    client_id: str
    access_token: str
