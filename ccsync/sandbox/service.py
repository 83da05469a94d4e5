"""The parts of a running sandbox, held together, and what a handler gets and gives.

The parts themselves and the routing live in their own modules; no behaviour of the vendor's is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ccsync.sandbox.account import Account
from ccsync.sandbox.activities import Activity, ActivityQueue, Work
from ccsync.sandbox.clock import Clock
from ccsync.sandbox.faults import FaultBook
from ccsync.sandbox.options import SandboxOptions
from ccsync.sandbox.request_log import RequestLog
from ccsync.sandbox.store import PEOPLE_TABLES, Store
from ccsync.sandbox.switches import SwitchBoard
from ccsync.sandbox.tokens import TokenBook

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from ccsync.sandbox.consent_desk import ConsentDesk
    from ccsync.sandbox.gateway import Gateway


@dataclass(slots=True)
class Service:
    """Everything a handler may touch."""

    options: SandboxOptions
    clock: Clock
    store: Store
    account: Account
    switches: SwitchBoard
    queue: ActivityQueue
    log: RequestLog
    faults: FaultBook
    tokens: TokenBook
    gateway: Gateway
    desk: ConsentDesk

    def submit(
        self, kind: str, work: Work, *, rows: int = 0, status: Mapping[str, int] | None = None,
        source_file_name: str | None = None, has_results: bool = False, generic: bool = False,
        activity_id: str | None = None,
    ) -> Activity:  # fmt: skip
        """Queue an activity of a kind (its path's last part), with the mishap that a fault may have ordered."""
        made_id = activity_id or self.account.new_id()
        self.queue.check_room()
        return self.queue.submit(
            made_id, kind, work, rows=rows, order=self.faults.activity_order(kind), status=status,
            source_file_name=source_file_name, generic=generic,
            results_href=f"/v3/contacts_exports/{made_id}" if has_results else None,
        )  # fmt: skip

    def reset(self) -> None:
        """Make the account as new: no people, lists, fields, activities, faults or counts. Tokens stay valid."""
        self.queue.clear()
        self.faults.clear()
        self.log.clear()
        self.gateway.used_today = 0
        with self.store.write() as db:
            for table in PEOPLE_TABLES:
                db.execute(f"DELETE FROM {table}")
        self.account.forget()
        self.save()

    def save(self) -> None:
        """Write the small state into the database, so that a data file holds everything."""
        if self.options.data is None:
            return
        document = self.account.to_document()
        with self.store.write() as db:
            db.execute("INSERT OR REPLACE INTO account_state VALUES ('account', ?)", [document])


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a handler: path parts, checked query, checked body, and the moment."""

    service: Service
    request: Request
    path: Mapping[str, str]
    query: Mapping[str, Any]  # values as their schema says
    body: Any  # a JSON document
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns. ``body`` is JSON unless ``stream`` carries bytes of ``media``."""

    status: int = 200
    body: Any = None  # a JSON document
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None
    media: str = "application/json"
