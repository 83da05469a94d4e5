"""Notices on their way: what is posted or handed to a program, and that nothing slow or strange gets in the way."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ccsync.core.notice import Notice
from ccsync.core.spec import Channel, Notification, Secret, Trouble
from ccsync.notify.deliver import deliver

NOTICE = Notice(
    "contoso",
    Trouble.GUARD,
    False,
    "weekly",
    "weekly is <blocked> & waits",
    "2026-11-24T05:00:00Z",
    ("E501",),
    "ccsync plan weekly",
)


class Listener(ThreadingHTTPServer):
    """Keeps what is posted. status: of the answer; `stop` lets go of requests that are kept waiting."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: list[tuple[str, dict[str, str], dict[str, object]]] = []
        self.status = 204
        self.stop = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), json.loads(body)))
        if self.path == "/slow":
            self.server.stop.wait(30)
        self.send_response(302 if self.path == "/moved" else self.server.status)
        if self.path == "/moved":
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
            thread.join()


def over(channel: Channel, url: str, token: str | None = None) -> Notification:
    return Notification("ops", channel, Secret("${env:U}", url), Secret("${env:T}", token) if token else None)


def test_a_webhook_gets_the_notice_and_its_token_and_nothing_is_followed() -> None:
    with listening() as server:
        assert deliver(over(Channel.WEBHOOK, f"{server.url}/hook?key=1", "t0ken"), NOTICE) is None
        (path, headers, document) = server.posts.pop()
        assert (path, headers["Authorization"]) == ("/hook?key=1", "Bearer t0ken")
        assert document == {
            "format": 1,
            "workspace": "contoso",
            "trouble": "guard",
            "recovered": False,
            "subject": "weekly",
            "summary": "weekly is <blocked> & waits",
            "at": "2026-11-24T05:00:00Z",
            "codes": ["E501"],
            "next": "ccsync plan weekly",
            "text": "ccsync contoso: weekly is <blocked> & waits. Next: ccsync plan weekly",
        }
        assert deliver(over(Channel.SLACK, f"{server.url}/slack"), NOTICE) is None
        text = server.posts.pop()[2]["text"]
        assert text == "ccsync contoso: weekly is &lt;blocked&gt; &amp; waits. Next: ccsync plan weekly"
        assert deliver(over(Channel.WEBHOOK, f"{server.url}/moved"), NOTICE) == "it answered 302"
        server.status = 500
        assert deliver(over(Channel.WEBHOOK, f"{server.url}/hook"), NOTICE) == "it answered 500"
        assert [path for path, _, _ in server.posts] == ["/moved", "/hook"]
        assert deliver(over(Channel.WEBHOOK, f"{server.url}/slow"), NOTICE, 0.2) == "it took longer than 0.2 seconds"


@pytest.mark.parametrize("url", ["http://hooks.example/x", "ftp://hooks.example", "hooks", "http://", "https://[", ""])
def test_no_address_but_https_or_this_machine_is_asked(url: str) -> None:
    assert deliver(over(Channel.WEBHOOK, url), NOTICE) == "its url is no https address (http is for this machine only)"


def test_nobody_at_the_address_is_an_answer_without_the_address() -> None:
    with listening() as server:
        url = server.url
    assert deliver(over(Channel.WEBHOOK, f"{url}/s3cret"), NOTICE) == "it could not be reached (ConnectError)"


def test_a_program_gets_the_notice_on_stdin_and_its_words_as_they_are(tmp_path: Path) -> None:
    def starting(*words: str) -> Notification:
        return Notification("ops", Channel.COMMAND, command=words)

    told = tmp_path / "told"
    assert deliver(starting("sh", "-c", 'cat > "$1"', "sh", str(told)), NOTICE) is None
    assert json.loads(told.read_text())["subject"] == "weekly"
    assert deliver(starting("sh", "-c", "exit 3"), NOTICE) == "the program ended with 3"
    assert deliver(starting("true", "; touch $HOME"), NOTICE) is None
    assert "could not be started (FileNotFoundError)" in str(deliver(starting(str(tmp_path / "none")), NOTICE))
    assert deliver(starting("sleep", "30"), NOTICE, 0.3) == "the program took too long and was ended"
