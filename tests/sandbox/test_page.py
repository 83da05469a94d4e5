"""The page: what it shows, that it escapes everything, and that it lives in a real browser."""

from __future__ import annotations

import shutil
import subprocess
import threading

import pytest
from ccsync.sandbox.server import _QuietHandler
from werkzeug.serving import make_server

EVIL = "<img src=x onerror=\"document.title='owned'\">"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def furnished(account):
    rows = [{"email": f"p{at:03}@example.com", "first_name": f"F{at}", "last_name": EVIL} for at in range(120)]
    account.seed(rows, EVIL)
    account.do("/people/unsubscribe", emails=["p001@example.com"])
    account.do("/people/leave", emails=["p002@example.com"], list=EVIL)
    account.do("/faults", path=f"/{EVIL}", kind="throttled")
    account.do("/switches", dup_winner="last")
    account.import_csv("email\np002@example.com\n", EVIL, name=f"{EVIL}.csv")
    account.api.get(f"/v3/{EVIL}")
    return account


def test_the_overview_shows_the_account_at_a_glance(furnished):
    answer = furnished.control.get("/")
    assert answer.status_code == 200
    for expected in (
        "contacts file import",
        "completed",
        "throttled",
        "dup_winner",
        "leavers put back",
        "/v3/activities",
    ):
        assert expected in answer.text
    assert furnished.list_id(EVIL) in answer.text


@pytest.mark.parametrize("path", ["/", "/page/live", "members"])
def test_nothing_gets_through_unescaped(furnished, path):
    answer = furnished.control.get(f"/members/{furnished.list_id(EVIL)}?q={EVIL}" if path == "members" else path)
    assert "<img" not in answer.text
    assert "&lt;img" in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_members_are_paged_and_searched(furnished):
    path = f"/members/{furnished.list_id(EVIL)}"
    first = furnished.control.get(path).text
    assert "120 members" in first
    assert first.count("@example.com") == 50
    assert "page 1 of 3" in first
    last = furnished.control.get(path, params={"page": "3"}).text
    assert last.count("@example.com") == 20
    found = furnished.control.get(path, params={"q": "F11"}).text
    assert "11 found" in found
    assert "p110@example.com" in found
    assert "Nobody." in furnished.control.get(path, params={"q": "100%"}).text
    assert "unsubscribed" in furnished.control.get(path, params={"q": "p001"}).text
    assert furnished.control.get("/members/nonsense").status_code == 404
    assert furnished.control.get(path, params={"page": "x"}).status_code == 200


def test_the_style_sheet_and_the_script_come_from_here(account):
    assert account.control.get("/page/style.css").headers["content-type"].startswith("text/css")
    assert account.control.get("/page/live.js").headers["content-type"].startswith("text/javascript")
    assert "://" not in account.control.get("/").text


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_the_page_renews_itself_in_a_browser_and_runs_nothing_foreign(furnished, tmp_path):
    server = make_server("127.0.0.1", 0, furnished.app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        command = [
            str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path}", "--virtual-time-budget=5000", "--dump-dom",
            f"http://127.0.0.1:{server.server_port}/",
        ]  # fmt: skip
        seen = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "data-shown" in seen, "the script did not renew the parts"
    assert 'class="stale"' not in seen
    assert "<title>Constant Contact sandbox</title>" in seen
    assert "<img" not in seen
