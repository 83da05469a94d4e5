"""A project folder and a sandbox account on a loopback port, for running the real program against."""

import csv
import json
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccsync.sandbox.app import Sandbox, create_app
from ccsync.sandbox.options import ActivityMode, Endpoints, SandboxOptions
from werkzeug.serving import WSGIRequestHandler, make_server

PEOPLE = ("anna", "bob", "carla", "dries", "eva")

CONFIG = """\
version: 1
workspace: {{name: contoso_marketing}}
{roles}
connections:
  newsletter:
    type: constant_contact
    display_name: "Newsletter account"
    available_to: {available_to}
    {consent}
    auth: {{flow: access_token, access_token: "${{env:CC_ACCESS_TOKEN}}"}}
    endpoints: {{api: "${{env:CC_API}}", auth: "${{env:CC_AUTH}}"}}
    limits: {{requests_per_second: 1000, poll_seconds: [0.01, 0.05]}}
sources:
  crm: {{type: csv, path: people.csv}}
segments:
  everyone: {{source: crm}}
exports:
  weekly_newsletter:
    display_name: "Weekly newsletter"
    connection: newsletter
    list: {{name: "Weekly newsletter", create: true}}
    segments: [everyone]
    data_matching: {{email: email}}
    attributes: {{first_name: first_name, last_name: last_name}}
    {more}
"""

CONSENT = 'consent: {data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}'


@dataclass(frozen=True, slots=True)
class Configuration:
    """The parts of the project's one file that tests vary."""

    roles: str = ""
    available_to: str = "administrators"
    consent: str = CONSENT
    more: str = ""


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@contextmanager
def serving(options: SandboxOptions) -> Iterator[tuple[Sandbox, Endpoints]]:
    app = create_app(options)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)  # type: ignore[arg-type]  # WSGI
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield app, app.endpoints(f"http://127.0.0.1:{server.server_port}")
    finally:
        app.service.faults.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
        app.close()


FAST = SandboxOptions(
    port=0, activities=ActivityMode.WHEN_POLLED, requests_per_second=1_000_000, requests_per_day=1_000_000, spread_s=0
)
BACKGROUND = SandboxOptions(port=0, requests_per_second=1_000_000, requests_per_day=1_000_000, spread_s=0)


class World:
    """A project in `folder`, and the account that its connection reaches."""

    def __init__(self, folder: Path, sandbox: Sandbox, endpoints: Endpoints) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.endpoints = endpoints
        self.configure(Configuration())
        self.people(PEOPLE)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CC_ACCESS_TOKEN": self.endpoints.access_token,
            "CC_API": self.endpoints.api,
            "CC_AUTH": self.endpoints.auth,
            "CCSYNC_HOME": str(self.folder / "home"),
            "CCSYNC_ACTOR": "anna@example.com",
            "CCSYNC_CONFIG_DIR": str(self.folder),
        }

    def configure(self, configuration: Configuration) -> None:
        parts = {name: getattr(configuration, name) for name in ("roles", "available_to", "consent", "more")}
        (self.folder / "ccsync.yaml").write_text(CONFIG.format(**parts), encoding="utf-8")

    def people(self, names: Iterable[str], last_name: str = "Example") -> None:
        with (self.folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("email", "first_name", "last_name"))
            writer.writerows((f"{name}@example.com", name.title(), last_name) for name in names)

    def control(self, deed: str, **given: object) -> Any:
        """Plays somebody else on the account: `people/leave`, `faults`, … Any: JSON."""
        request = urllib.request.Request(
            f"{self.endpoints.control}/{deed}",
            data=json.dumps(given).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def ask(self, what: str, **query: str) -> Any:  # Any: JSON
        from urllib.parse import urlencode

        with urllib.request.urlopen(f"{self.endpoints.control}/{what}?{urlencode(query)}") as answer:
            return json.loads(answer.read())

    def members(self, name: str = "Weekly newsletter") -> set[str]:
        return set(self.ask("members", list=name)["members"])

    def members_or_none(self, name: str = "Weekly newsletter") -> set[str] | None:
        """None while there is no such list."""
        return self.members(name) if name in {each["name"] for each in self.ask("lists")} else None

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every API request so far."""
        return [(each["method"], each["path"]) for each in self.sandbox.service.log.since(0, 10_000)]
