"""The workspace's own rules about plans: asked of `engine`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ccsync.core.plan import Plan
from ccsync.core.policy import Breach
from ccsync.core.spec import ExportName, PolicyRule


class Policies(Protocol):
    def breaches(
        self, plan: Plan, changes: Mapping[ExportName, Path], rules: Mapping[str, PolicyRule], at: datetime
    ) -> tuple[Breach, ...]:
        """What the rules find in a plan and its changes files, in the order of rules, exports and ops. at: now.
        Raises InvalidError (E512) with every rule that can't be run: a broken rule is never a pass."""
