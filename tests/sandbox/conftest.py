"""A sandbox in process for every test: a still clock, activities that move when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from ccsync.sandbox.app import Sandbox, create_app
from ccsync.sandbox.clock import ManualClock
from ccsync.sandbox.options import ActivityMode, SandboxOptions


@dataclass(frozen=True, slots=True)
class Account:
    """A sandbox and a client with a valid token."""

    app: Sandbox
    api: httpx.Client
    control: httpx.Client
    clock: ManualClock

    def do(self, path: str, /, **given: Any) -> Any:
        """Call the control API and expect it to work."""
        answer = self.control.post(f"/sandbox{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, /, **query: str) -> Any:
        """Look through the control API."""
        answer = self.control.get(f"/sandbox{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def seed(self, rows: list[dict[str, Any]], *lists: str) -> None:
        """Put people into the account."""
        self.do("/seed", rows=rows, lists=list(lists))

    def list_id(self, name: str) -> str:
        """Find a list, or create it."""
        found = [one["list_id"] for one in self.ask("/lists") if one["name"] == name and "deleted_at" not in one]
        return found[0] if found else self.do("/lists", name=name)["list_id"]

    def members(self, name: str) -> list[str]:
        """Tell who is really on a list."""
        return self.ask("/members", list=name)["members"]

    def person(self, email: str) -> dict[str, Any]:
        """Tell what is really known of an address."""
        return self.ask(f"/people/{email}")

    def submit(self, path: str, **request: Any) -> dict[str, Any]:
        """POST a bulk activity, let it finish, return how it ended."""
        answer = self.api.post(f"/v3/activities/{path}", **request)
        assert answer.status_code == 201, answer.text
        self.app.drain()
        return self.api.get(f"/v3/activities/{answer.json()['activity_id']}").json()

    def import_json(self, rows: list[dict[str, Any]], *lists: str) -> dict[str, Any]:
        """Import rows through the API."""
        ids = [self.list_id(name) for name in lists or ("VIP",)]
        return self.submit("contacts_json_import", json={"import_data": rows, "list_ids": ids})

    def import_csv(self, text: str | bytes, *lists: str, name: str = "people.csv") -> dict[str, Any]:
        """Import a CSV file through the API."""
        ids = ",".join(self.list_id(one) for one in lists or ("VIP",))
        body = text.encode() if isinstance(text, str) else text
        return self.submit("contacts_file_import", files={"file": (name, body)}, data={"list_ids": ids})

    def export(self, **body: Any) -> list[dict[str, str]]:
        """Export through the API and return the rows of the file."""
        import csv
        import io

        ended = self.submit("contact_exports", json=body)
        assert ended["state"] == "completed", ended
        answer = self.api.get(ended["_links"]["results"]["href"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
def make_account() -> Iterator[Callable[..., Account]]:
    """Make sandboxes that are closed when the test ends."""
    made: list[Account] = []

    def make(**options: Any) -> Account:
        clock = options.pop("clock", None) or ManualClock()
        defaults: dict[str, Any] = {
            "clock": clock, "activities": ActivityMode.WHEN_POLLED, "requests_per_second": 1_000_000,
            "requests_per_day": 1_000_000,
        }  # fmt: skip
        app = create_app(SandboxOptions(**(defaults | options)))
        transport = httpx.WSGITransport(app=app)
        token = {"Authorization": f"Bearer {app.access_token}"}
        api = httpx.Client(transport=transport, base_url="http://sandbox.example", headers=token)
        control = httpx.Client(transport=transport, base_url="http://sandbox.example")
        made.append(Account(app, api, control, clock))
        return made[-1]

    yield make
    for one in made:
        one.api.close()
        one.control.close()
        one.app.close()


@pytest.fixture
def account(make_account: Callable[..., Account]) -> Account:
    """An empty account with default switches."""
    return make_account()
