"""Trouble on request, people on request, time on request, and an account that outlives its process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from ccsync.sandbox.app import ConnectionDropped
from ccsync.sandbox.clock import SystemClock
from ccsync.sandbox.options import ActivityMode
from ccsync.sandbox.switches import SWITCHES

MakeAccount = Callable[..., Any]
IMPORT = "/activities/contacts_json_import"


def post_import(account, email: str = "ann@example.com"):
    body = {"import_data": [{"email": email}], "list_ids": [account.list_id("VIP")]}
    return account.api.post(f"/v3{IMPORT}", json=body)


@pytest.mark.parametrize(
    ("fault", "status", "media", "shape"),
    [
        ({"kind": "status", "status": 503}, 503, "application/json", list),
        ({"kind": "status", "status": 500, "shape": "object"}, 500, "application/json", dict),
        (
            {"kind": "status", "status": 400, "shape": "oauth", "error_key": "invalid_grant"},
            400,
            "application/json",
            dict,
        ),
        ({"kind": "html"}, 502, "text/html", str),
        ({"kind": "status", "status": 504, "shape": "empty"}, 504, "text/plain", str),
        ({"kind": "throttled"}, 429, "application/json", dict),
        ({"kind": "quota_exceeded"}, 429, "application/json", dict),
        ({"kind": "queue_full"}, 429, "application/json", dict),
        ({"kind": "unauthorized"}, 401, "application/json", dict),
        ({"kind": "forbidden"}, 403, "application/json", dict),
    ],
)
def test_an_answer_of_any_status_and_shape(account, fault, status, media, shape):
    account.do("/faults", path="/contacts", **fault)
    answer = account.api.get("/v3/contacts")
    assert answer.status_code == status
    assert answer.headers["content-type"].split(";")[0] == media
    assert isinstance(answer.text if shape is str else answer.json(), shape)
    assert account.api.get("/v3/contacts").status_code == 200


def test_a_fault_waits_for_its_method_path_and_occurrence(account):
    account.do("/faults", method="GET", path="/contact*", skip=1, times=2, status=503)
    statuses = [account.api.get("/v3/contacts").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert account.api.post("/v3/contact_lists", json={"name": "X"}).status_code == 201
    listed = account.ask("/faults")[0]
    assert (listed["hit"], listed["spent"]) == (2, True)


def test_a_fault_for_ever_ends_when_it_is_taken_back(account):
    made = account.do("/faults", path="/account/*", times=None, status=500)
    assert [account.api.get("/v3/account/summary").status_code for _ in range(3)] == [500] * 3
    assert account.control.delete(f"/sandbox/faults/{made['fault_id']}").status_code == 200
    assert account.api.get("/v3/account/summary").status_code == 200
    assert account.control.delete("/sandbox/faults/99").status_code == 400


def test_a_status_after_the_request_was_handled(account):
    account.do("/faults", path=IMPORT, status=500, after=True)
    assert post_import(account).status_code == 500
    account.app.drain()
    assert account.members("VIP") == ["ann@example.com"]


def test_a_dropped_connection_before_and_after_enqueueing(account):
    account.do("/faults", path=IMPORT, kind="drop_before")
    with pytest.raises(ConnectionDropped):
        post_import(account)
    assert account.ask("/activities") == []
    account.do("/faults", path=IMPORT, kind="drop_after")
    with pytest.raises(ConnectionDropped):
        post_import(account)
    assert [one["kind"] for one in account.ask("/activities")] == ["contacts_json_import"]


@pytest.mark.parametrize("chance", ["0", "1"])
def test_a_lost_reply_by_chance_follows_the_switch(make_account: MakeAccount, chance):
    account = make_account(switches={"lost_reply_after_enqueue": chance})
    if chance == "1":
        with pytest.raises(ConnectionDropped):
            post_import(account)
    else:
        assert post_import(account).status_code == 201
    assert len(account.ask("/activities")) == 1


def test_a_delay_and_a_hang_pass_time(account):
    before = account.clock.steady()
    account.do("/faults", path="/contacts", kind="delay", seconds=7)
    assert account.api.get("/v3/contacts").status_code == 200
    assert account.clock.steady() - before == 7
    account.do("/faults", path="/contacts", kind="hang", seconds=60)
    with pytest.raises(ConnectionDropped):
        account.api.get("/v3/contacts")
    assert account.clock.steady() - before == 67


@pytest.mark.parametrize(
    ("mishap", "state", "landed"),
    [
        ("failed", "failed", 0), ("failed_after", "failed", 4), ("timed_out", "timed_out", 2),
        ("cancelled", "cancelled", 0), ("partial", "completed", 2), ("cut_off", "completed", 2),
        ("lying", "completed", 4),
    ],
)  # fmt: skip
def test_an_activity_goes_wrong_as_ordered(account, mishap, state, landed):
    account.do("/faults", kind="activity", path=IMPORT, mishap=mishap, activity_errors=["Line 2: Invalid birthday"])
    ended = account.import_json([{"email": f"{name}@example.com"} for name in ("ann", "bob", "cat", "dan")])
    assert ended["state"] == state
    assert len(account.members("VIP")) == landed
    assert ended["activity_errors"] == ["Line 2: Invalid birthday"]
    if mishap == "partial":
        assert (ended["status"]["person_count"], ended["status"]["error_count"]) == (4, 2)
    if mishap == "cut_off":
        assert (ended["status"]["person_count"], ended["status"]["error_count"]) == (2, 0)
    if mishap == "lying":
        assert ended["status"]["person_count"] == 3


@pytest.mark.parametrize("mishap", ["timed_out", "partial", "cut_off"])
def test_half_of_a_file_of_one_row_is_nothing(account, mishap):
    account.do("/faults", kind="activity", path="/activities/contacts_file_import", mishap=mishap)
    account.import_csv("email,first_name\r\nann@example.com,Ann\r\n")
    assert account.members("VIP") == []
    assert account.ask("/statistics").get("crashes", {}) == {}


def test_counters_can_be_dictated(account):
    account.do("/faults", kind="activity", path=IMPORT, mishap="lying", counters={"person_count": 99})
    assert account.import_json([{"email": "ann@example.com"}])["status"]["person_count"] == 99


def test_a_stuck_activity_blocks_nobody_and_goes_on_when_let_go(account):
    account.do("/faults", kind="activity", path=IMPORT, mishap="stuck", times=5)
    stuck = [account.import_json([{"email": f"p{at}@example.com"}]) for at in range(5)]
    assert {one["state"] for one in stuck} == {"processing"}
    assert account.import_json([{"email": "ann@example.com"}])["state"] == "completed"
    assert account.control.delete("/sandbox/faults").status_code == 200
    account.app.drain()
    assert len(account.members("VIP")) == 6


@pytest.mark.parametrize(
    "fault",
    [{"kind": "nonsense"}, {"status": "x"}, {"colour": 1}, {"kind": "activity", "mishap": "x"}, {"shape": "round"}],
)
def test_an_order_that_makes_no_sense_is_refused(account, fault):
    assert account.control.post("/sandbox/faults", json=fault).status_code == 400


def test_faults_reach_the_token_endpoint(account):
    account.do("/faults", path="/oauth2/default/v1/token", status=503)
    assert account.control.post("/oauth2/default/v1/token", data={}).status_code == 503


# a real socket -----------------------------------------------------------------------------------------


@pytest.fixture
def served(make_account):
    """A sandbox on a port, as clients of other processes see it."""
    import threading

    from ccsync.sandbox.server import _QuietHandler
    from werkzeug.serving import make_server

    account = make_account(clock=SystemClock(), activities=ActivityMode.BACKGROUND)
    server = make_server("127.0.0.1", 0, account.app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    headers = {"Authorization": f"Bearer {account.app.access_token}"}
    base = f"http://127.0.0.1:{server.server_port}"
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=5) as client:
        yield account, client
    account.app.service.faults.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_a_socket_a_client_sees_what_a_network_does(served):
    account, client = served
    for kind in ("drop_before", "drop_after"):
        account.do("/faults", path="/contact_lists", kind=kind)
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v3/contact_lists", json={"name": kind})
    assert [one["name"] for one in account.ask("/lists")] == ["drop_after"]
    account.do("/faults", path="/contact_lists", kind="truncated")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/v3/contact_lists")
    account.do("/faults", path="/contact_lists", kind="hang")
    with pytest.raises(httpx.ReadTimeout):
        client.get("/v3/contact_lists", timeout=0.05)
    assert client.get("/v3/contact_lists").status_code == 200


# people, time, statistics ------------------------------------------------------------------------------


def test_people_are_edited_by_hand(account):
    account.do("/fields", label="Tier")
    account.seed([{"email": "ann@example.com", "first_name": "Ann"}])
    account.do(
        "/people/edit", emails=["ann@example.com"], fields={"first_name": None, "last_name": "Lee", "cf:Tier": "x"}
    )
    assert account.person("ann@example.com")["fields"] == {"last_name": "Lee", "cf:Tier": "x"}
    refused = account.control.post("/sandbox/people/edit", json={"emails": ["ann@example.com"], "fields": {"shoe": 1}})
    assert refused.status_code == 400


def test_a_colleague_adds_and_removes_by_hand(account):
    account.list_id("VIP")
    account.do("/people/join", emails=["new@example.com"], list="VIP")
    assert account.members("VIP") == ["new@example.com"]
    account.do("/people/leave", emails=["new@example.com"], list="VIP", by="account")
    assert account.person("new@example.com")["left"] == []
    account.do("/people/join", emails=["new@example.com"], list=account.list_id("VIP"))
    assert account.ask("/statistics")["harm"] == {}


def test_lists_are_renamed_and_deleted_by_hand(account):
    account.seed([{"email": "ann@example.com"}], "VIP")
    account.do("/lists/rename", list="VIP", name="Very VIP")
    assert account.members("Very VIP") == ["ann@example.com"]
    account.do("/lists/delete", list="Very VIP")
    assert account.person("ann@example.com")["lists"] == []
    assert account.control.post("/sandbox/lists/delete", json={"list": "Very VIP"}).status_code == 400


def test_seeding_reads_parquet_and_documents(account, tmp_path):
    import duckdb

    file = tmp_path / "people.parquet"
    with duckdb.connect() as db:
        db.execute(
            f"COPY (SELECT 'p' || i || '@example.com' AS email, 'F' || i AS first_name, i::VARCHAR AS \"cf:Number\" "
            f"FROM range(2500) t(i)) TO '{file}' (FORMAT parquet)"
        )
    assert account.do("/seed", file=str(file), lists=["Big"]) == {
        "rows": 2500, "created": 2500, "updated": 0, "skipped": 0,
    }  # fmt: skip
    assert account.person("p7@example.com")["fields"] == {"first_name": "F7", "cf:Number": "7"}
    document = {
        "lists": ["VIP"],
        "custom_fields": ["Tier"],
        "contacts": [{"email": "ann@example.com", "lists": ["VIP"]}],
    }
    account.do("/seed", document=document)
    assert account.members("VIP") == ["ann@example.com"]
    for wrong in (
        {"file": str(tmp_path / "no.csv")},
        {"rows": [{"emial": "x"}]},
        {"rows": "x"},
        {"document": {"people": []}},
    ):
        assert account.control.post("/sandbox/seed", json=wrong).status_code == 400


def test_all_limits_can_be_set_and_a_reset_makes_the_account_new(account):
    account.do(
        "/limits", used_today=9_999, requests_per_day=10_000, requests_per_second=100, speed=1_000, queue_capacity=5
    )
    account.api.get("/v3/contacts")
    assert account.api.get("/v3/contacts").status_code == 429
    account.seed([{"email": "ann@example.com"}], "VIP")
    account.do("/reset")
    assert account.ask("/lists") == []
    assert account.ask("/statistics")["account"]["contacts"] == 0
    assert account.api.get("/v3/contacts").status_code == 200


def test_statistics_count_requests_rows_and_bytes(account):
    account.import_json([{"email": "ann@example.com"}])
    statistics = account.ask("/statistics")
    assert statistics["requests"][f"POST {IMPORT}"] == 1
    assert statistics["rows"]["contacts_json_import"] == 1
    assert statistics["bytes"][f"POST {IMPORT}"] > 50
    assert statistics["crashes"] == {}
    newest = account.ask("/requests")["requests"][-1]
    assert (newest["method"], newest["status"]) == ("GET", 200)
    assert account.ask("/requests", since=str(newest["number"]))["requests"] == []


def test_switches_are_listed_with_evidence_and_set(account):
    assert list(account.ask("/switches")) == list(SWITCHES)
    assert account.do("/switches", job_order="fifo", mb="4194304")["mb"] == "4_194_304"
    assert account.control.post("/sandbox/switches", json={"job_order": "x"}).status_code == 400
    assert all(one.evidence and one.meaning and one.accepts(one.default) for one in SWITCHES.values())


def test_other_sites_cannot_steer_the_sandbox(account):
    answer = account.control.post("/sandbox/reset", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 400
    assert (
        account.control.post("/sandbox/reset", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    )


@pytest.mark.parametrize(
    "path", ["/people/unsubscribe", "/people/leave", "/clock", "/lists", "/account", "/limits", "/oauth"]
)
def test_control_calls_that_make_no_sense_are_400(account, path):
    for body in (b"[]", b"{", b'{"nonsense": 1}'):
        answer = account.control.post(f"/sandbox{path}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_an_account_kept_in_a_file_goes_on_where_it_was(make_account: MakeAccount, tmp_path):
    file = tmp_path / "account.duckdb"
    first = make_account(data=file)
    first.do("/fields", label="Tier")
    first.seed([{"email": "ann@example.com", "cf:Tier": "gold"}], "VIP")
    tag = first.api.post("/v3/contact_tags", json={"name": "hot"}).json()["tag_id"]
    first.do("/people/leave", emails=["ann@example.com"], list="VIP")
    first.app.close()
    second = make_account(data=file)
    assert second.person("ann@example.com")["fields"] == {"cf:Tier": "gold"}
    assert second.person("ann@example.com")["left"][0]["list"] == "VIP"
    assert second.api.get(f"/v3/contact_tags/{tag}").status_code == 200
    second.import_json([{"email": "bob@example.com"}])
    assert second.members("VIP") == ["bob@example.com"]
