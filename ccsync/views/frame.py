"""What surrounds a plan on the screen and isn't in it: rows to sample, where data go, which command shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ccsync.core.row import ChangeDetail
from ccsync.core.spec import ConnectionName, ExportName


class Purpose(StrEnum):
    """Which command shows the plan; decides the closing lines."""

    PLAN = "plan"
    SHOW = "show"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where a connection's data go, and how many requests a day it may take."""

    host: str
    requests_per_day: int


@dataclass(frozen=True, slots=True)
class Frame:
    """vendors: empty when the configuration isn't at hand. saved: the file the plan was written to or read from.

    exposed: how many people's data whoever gets the file can read; None when it is sealed.
    reveal: addresses are shown as they are. partial_of: names of the declared exports that were not planned.
    """

    purpose: Purpose
    details: Mapping[ExportName, ChangeDetail] = field(default_factory=dict)
    vendors: Mapping[ConnectionName, Vendor] = field(default_factory=dict)
    saved: str | None = None
    reveal: bool = False
    exposed: int | None = None
