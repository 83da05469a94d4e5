"""Many processes that need a token at the same moment, again and again, each time after all tokens were made void.

A program of its own, so that its processes are forked from one without threads. Prints what each round came to.
"""

import json
import os
import sys
import urllib.request
from random import Random
from typing import Any

import keyring
from ccsync.cli.clock import SystemClock
from ccsync.constant_contact.account import open_destination
from ccsync.core.spec import Auth, AuthFlow, Connection, ConnectionLimits, ConnectionName, Endpoints, TokenPlace

from tests.constant_contact.keyrings import FileKeyring
from tests.constant_contact.places import box_opener


def connection_of(api: str, auth: str, client_id: str, place: str) -> Connection:
    return Connection(
        ConnectionName("newsletter"), "", auth=Auth(AuthFlow.DEVICE, client_id, token_store=TokenPlace(place)),
        endpoints=Endpoints(api, auth), limits=ConnectionLimits(10_000, 10**7),
    )  # fmt: skip


def one(connection: Connection, go: int, done: int, rounds: int) -> None:
    """Asks the account once a round, when told to; says 1 for an answer and 0 for none."""
    with open_destination(
        connection, clock=SystemClock(), random=Random(), environ=os.environ, box=box_opener(os.environ)
    ) as remote:
        for _ in range(rounds):
            os.read(go, 1)
            try:
                remote.account()
                os.write(done, b"1")
            except Exception as error:  # whatever it was: the others are waiting
                sys.stderr.write(f"{error!r}\n")
                os.write(done, b"0")


def main(api: str, auth: str, client_id: str, control: str, place: str, count: str, rounds: str) -> None:
    connection = connection_of(api, auth, client_id, place)
    keyring.set_keyring(FileKeyring.of(os.environ))
    told, done = os.pipe()
    children, ways = [], []
    for _ in range(int(count)):
        go, tell = os.pipe()  # one each, or a quick process would take another's turn
        ways.append(tell)
        pid = os.fork()
        if pid == 0:
            one(connection, go, done, int(rounds))
            os._exit(0)
        children.append(pid)
    answered, renewed = [], []
    seen = last_number(control)
    for _ in range(int(rounds)):
        order = urllib.request.Request(f"{control}/tokens/expire", b"{}", {"Content-Type": "application/json"})
        urllib.request.urlopen(order).close()
        for tell in ways:
            os.write(tell, b".")
        answered.append(sum(os.read(told, 1) == b"1" for _ in children))
        requests = requests_since(control, seen)
        seen = last_number(control)
        renewed.append(sum(each["path"].endswith("/token") and each["status"] == 200 for each in requests))
    for pid in children:
        os.waitpid(pid, 0)
    print(json.dumps({"answered": answered, "renewed": renewed}))


def requests_since(control: str, number: int) -> list[dict[str, Any]]:
    """The sandbox tells the last 500; a round of 200 processes makes about 400."""
    with urllib.request.urlopen(f"{control}/requests?since={number}") as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())["requests"]
    return found


def last_number(control: str) -> int:
    found = requests_since(control, 0)
    return found[-1]["number"] if found else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
