"""The gateway before the API, the queue behind it, and a sandbox that is really served."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from ccsync.sandbox.app import create_app
from ccsync.sandbox.options import ActivityMode, SandboxOptions, SandboxUsageError
from ccsync.sandbox.server import is_loopback, serve

MakeAccount = Callable[..., Any]


def post_list(account, name: str):
    return account.api.post("/v3/contact_lists", json={"name": name})


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic x", ""])
def test_a_call_without_a_valid_token_is_401_with_an_object(account, header):
    answer = account.control.get("/v3/contacts", headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == 401
    assert answer.json() == {"error_key": "unauthorized", "error_message": "Unauthorized"}
    assert "x-amzn-requestid" in answer.headers


def test_403_comes_from_scope_right_or_deactivated_application(account):
    token = account.do("/tokens", scopes=["account_read"])["access_token"]
    assert account.api.get("/v3/contacts", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    account.do("/account", privileges=["contacts:read"])
    assert account.api.get("/v3/contacts").status_code == 200
    refused = account.api.get("/v3/activities")
    assert (refused.status_code, refused.json()["error_key"]) == (403, "access_denied")
    assert account.api.get("/v3/account/user/privileges").json() == [
        {"privilege_id": 3, "privilege_name": "contacts:read"}
    ]
    account.do("/account", application_active=False)
    assert account.api.get("/v3/account/user/privileges").status_code == 403


def test_an_access_token_is_over_after_24_hours(account):
    account.clock.forward(86_399)
    assert account.api.get("/v3/account/summary").status_code == 200
    account.clock.forward(2)
    assert account.api.get("/v3/account/summary").status_code == 401


@pytest.mark.parametrize("setting", ["absent", "present"])
def test_four_calls_a_second_then_429(make_account: MakeAccount, setting):
    account = make_account(requests_per_second=4, switches={"retry_after": setting})
    answers = [account.api.get("/v3/account/summary") for _ in range(5)]
    assert [one.status_code for one in answers] == [200] * 4 + [429]
    assert answers[-1].json() == {"error_key": "throttled", "error_message": "Too Many Requests"}
    assert ("retry-after" in answers[-1].headers) is (setting == "present")
    account.clock.forward(0.25)
    assert account.api.get("/v3/account/summary").status_code == 200
    assert account.ask("/statistics")["rate_limit_hits"] == {"throttled": 1}


def test_the_daily_quota_ends_at_midnight_utc(make_account: MakeAccount):
    account = make_account(requests_per_day=2)
    statuses = [account.api.get("/v3/account/summary").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert account.api.get("/v3/account/summary").json()["error_key"] == "quota_exceeded"
    account.clock.forward(12 * 3_600)
    assert account.api.get("/v3/account/summary").status_code == 200


def test_a_body_of_the_wrong_kind_is_refused(account):
    assert (
        account.api.post("/v3/contact_lists", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 400
    )
    assert (
        account.api.post("/v3/contact_lists", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    )
    assert account.api.post("/v3/contact_custom_fields", content=b"{}").status_code == 415


def test_an_unknown_route_is_404_and_a_wrong_method_405(account):
    assert account.api.get("/v3/nothing").status_code == 404
    assert account.api.patch("/v3/contacts").status_code == 405
    assert account.control.get("/nothing").status_code == 404


# activities --------------------------------------------------------------------------------------------


def submit_import(account, *rows: str) -> str:
    body = {"import_data": [{"email": f"{one}@example.com"} for one in rows], "list_ids": [account.list_id("VIP")]}
    answer = account.api.post("/v3/activities/contacts_json_import", json=body)
    assert answer.json()["state"] == "initialized"
    return answer.json()["activity_id"]


def test_an_activity_runs_later_and_its_progress_shows(make_account: MakeAccount):
    account = make_account(speed=4, spread_s=0)
    made = submit_import(account, "ann", "bob", "cat", "dan")
    seen = []
    for _ in range(9):
        one = account.api.get(f"/v3/activities/{made}").json()
        seen.append((one["state"], one["percent_done"]))
    assert seen[0][0] == "processing"
    assert seen[-1] == ("completed", 100)
    percentages = [percent for _, percent in seen]
    assert percentages == sorted(percentages)
    assert len(set(percentages)) > 3
    assert account.members("VIP") == [f"{one}@example.com" for one in ("ann", "bob", "cat", "dan")]


@pytest.mark.parametrize("setting", ["shuffled", "fifo"])
def test_jobs_may_overtake_each_other(make_account: MakeAccount, setting):
    account = make_account(switches={"job_order": setting}, activities=ActivityMode.ON_DEMAND)
    made = [submit_import(account, f"p{at}") for at in range(12)]
    rules = account.app.service.store.rows("SELECT email FROM contacts ORDER BY seq")
    assert rules == []
    account.app.drain()
    landed = [email for (email,) in account.app.service.store.rows("SELECT email FROM contacts ORDER BY seq")]
    in_order = [f"p{at}@example.com" for at in range(12)]
    assert (landed == in_order) is (setting == "fifo")
    assert len(made) == len(set(made)) == len(landed)


def test_the_collection_is_newest_first_paged_and_filtered(account):
    made = [submit_import(account, f"p{at}") for at in range(3)]
    page = account.api.get("/v3/activities", params={"limit": 2}).json()
    assert [one["activity_id"] for one in page["activities"]] == made[:0:-1]
    rest = account.api.get(page["_links"]["next"]["href"]).json()
    assert [one["activity_id"] for one in rest["activities"]] == made[:1]
    account.app.drain()
    assert len(account.api.get("/v3/activities", params={"state": "completed"}).json()["activities"]) == 3
    assert account.api.get("/v3/activities", params={"state": "initialized"}).status_code == 400


def test_an_activity_is_forgotten_after_ten_days(account):
    made = submit_import(account, "ann")
    account.app.drain()
    account.clock.forward(10 * 86_400 + 1)
    token = account.do("/tokens")["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert account.api.get(f"/v3/activities/{made}", headers=headers).status_code == 404
    assert account.api.get("/v3/activities", headers=headers).json()["activities"] == []


def test_a_full_queue_is_429_and_nothing_is_queued(make_account: MakeAccount):
    account = make_account(activities=ActivityMode.ON_DEMAND)
    account.do("/limits", queue_capacity=1)
    submit_import(account, "ann")
    body = {"import_data": [{"email": "bob@example.com"}], "list_ids": [account.list_id("VIP")]}
    full = account.api.post("/v3/activities/contacts_json_import", json=body)
    assert full.status_code == 429
    assert "queued activities" in full.json()["error_message"]
    account.app.drain()
    assert account.members("VIP") == ["ann@example.com"]
    assert account.api.post("/v3/activities/contacts_json_import", json=body).status_code == 201


# a served sandbox --------------------------------------------------------------------------------------


def test_a_served_sandbox_writes_its_ready_file_and_runs_jobs_by_itself(tmp_path):
    ready, stop, out = tmp_path / "ready.json", threading.Event(), []
    seed = tmp_path / "people.csv"
    seed.write_text("email,first_name,lists\nann@example.com,Ann,VIP\nbob@example.com,Bob,VIP;Others\n")

    def use(endpoints):
        written = json.loads(ready.read_text())
        assert written["api"] == endpoints.api
        assert ready.stat().st_mode & 0o777 == 0o600
        headers = {"Authorization": f"Bearer {written['access_token']}"}
        with httpx.Client(headers=headers, trust_env=False) as client:
            lists = client.get(f"{written['api']}/contact_lists", params={"include_membership_count": "all"}).json()
            out.append({one["name"]: one["membership_count"] for one in lists["lists"]})
            made = client.post(f"{written['api']}/activities/contact_exports", json={}).json()
            client.post(f"{written['control']}/activities/drain")
            one = client.get(f"{written['api']}/activities/{made['activity_id']}").json()
            link = written["api"].removesuffix("/v3") + one["_links"]["results"]["href"]
            out.append(client.get(link).text.count("example.com"))
            foreign = client.get(f"{written['control']}/lists", headers={"Host": "rebound.example"})
            out.append(foreign.status_code)
        stop.set()

    serve(SandboxOptions(port=0, ready_file=ready, seed=seed, spread_s=0), announce=use, stop=stop)
    assert out == [{"VIP": 2, "Others": 1}, 2, 421]
    assert not ready.exists()


def test_a_host_that_others_can_reach_is_refused_without_a_flag():
    with pytest.raises(SandboxUsageError):
        serve(SandboxOptions(host="0.0.0.0", port=0), announce=lambda _: None, stop=threading.Event())
    assert is_loopback("127.0.0.9")
    assert is_loopback("::1")
    assert not is_loopback("sandbox.example")


def test_a_seed_or_a_data_file_that_cannot_be_read_is_told_plainly(tmp_path):
    broken = {name: tmp_path / name for name in ("a.csv", "a.parquet", "a.json", "a.xlsx", "a.duckdb")}
    for file in broken.values():
        file.write_bytes(b"\x00\xffnonsense")
    for name in ("a.csv", "a.parquet", "a.json", "a.xlsx"):
        with pytest.raises(SandboxUsageError):
            create_app(SandboxOptions(seed=broken[name]))
    with pytest.raises(SandboxUsageError):
        create_app(SandboxOptions(data=broken["a.duckdb"]))
    with pytest.raises(SandboxUsageError):
        create_app(SandboxOptions(seed=tmp_path / "none.csv"))


def test_unknown_switches_and_values_are_refused():
    for settings in ({"nonsense": "x"}, {"job_order": "sideways"}, {"refresh_grace_s": "-1"}):
        with pytest.raises(SandboxUsageError):
            create_app(SandboxOptions(switches=settings))
