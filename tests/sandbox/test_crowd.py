"""Many clients at once: nothing crashes, nothing is lost, progress goes on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from ccsync.sandbox.clock import SystemClock
from ccsync.sandbox.options import ActivityMode


def test_many_clients_at_once_lose_nothing(make_account: Any) -> None:
    account = make_account(clock=SystemClock(), activities=ActivityMode.BACKGROUND, spread_s=0.01)
    vip = account.list_id("VIP")
    together = threading.Barrier(6)
    headers = {"Authorization": f"Bearer {account.app.access_token}"}

    def client(number: int) -> None:
        transport = httpx.WSGITransport(app=account.app)
        with httpx.Client(transport=transport, base_url="http://sandbox.example", headers=headers) as api:
            together.wait()
            for step in range(8):
                name = f"p{number}-{step}"
                rows = [{"email": f"{name}@example.com"}, {"email": "shared@example.com", "first_name": name}]
                body = {"import_data": rows, "list_ids": [vip]}
                assert api.post("/v3/activities/contacts_json_import", json=body).status_code == 201
                assert api.post("/v3/contact_lists", json={"name": name}).status_code == 201
                assert api.post("/v3/contact_tags", json={"name": name}).status_code == 201
                one = {"create_source": "Account", "email_address": {"address": f"{name}-one@example.com"}}
                assert api.post("/v3/contacts", json=one).status_code == 201
                for path in ("contacts", "contact_lists?include_membership_count=all", "activities", "contact_tags"):
                    assert api.get(f"/v3/{path}").status_code == 200
                assert api.get("/page/live").status_code == 200

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(client, range(6)))
    account.app.drain()
    assert len(account.members("VIP")) == 6 * 8 + 1
    statistics = account.ask("/statistics")
    assert statistics["crashes"] == {}
    assert statistics["account"]["contacts"] == 2 * 6 * 8 + 1
    assert statistics["open_activities"] == 0
