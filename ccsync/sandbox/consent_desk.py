"""Who asked the sandbox for consent and what was decided: codes and devices on their way to a grant.

The pages and answers of the OAuth server are in ``oauth``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from ccsync.sandbox import limits
from ccsync.sandbox.gateway import Bucket


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: single use, about five minutes."""

    value: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """A device that waits for somebody to type its code."""

    device_code: str
    user_code: str
    scopes: tuple[str, ...]
    expires_at: datetime
    interval_s: int
    decision: str = "pending"
    polled_at: float | None = None


@dataclass(slots=True)
class ConsentDesk:
    """Who asked for consent, and who gave it. ``auto`` is ``ask``, ``approve`` or ``deny``."""

    auto: str = "ask"
    token_rate: float = limits.TOKEN_CALLS_PER_SECOND
    codes: dict[str, Code] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    bucket: Bucket | None = None

    def decide(self, user_code: str, decision: str) -> bool:
        """Approve or deny a device by the code that it shows; False for a code that nobody shows."""
        wanted = user_code.replace("-", "").upper()
        with self.lock:
            for one in self.devices.values():
                if one.user_code.replace("-", "") == wanted and one.decision == "pending":
                    self.devices[one.device_code] = replace(one, decision=decision)
                    return True
        return False
