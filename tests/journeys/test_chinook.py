"""The main job on a public sample database: 59 customers, names in many accents, one SQLite file.

The file is not part of this repository; without it the tests are skipped.
"""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.world import World

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "chinook.sqlite"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the sample database chinook.sqlite is not on this machine")

NORTH_AMERICA = ("Canada", "USA")
EUROPE = (
    "Austria", "Belgium", "Czech Republic", "Denmark", "Finland", "France", "Germany", "Hungary", "Ireland", "Italy",
    "Netherlands", "Norway", "Poland", "Portugal", "Spain", "Sweden", "United Kingdom",
)  # fmt: skip

CONFIG = """\
version: 1
workspace: {{name: chinook}}
connections:
  newsletter:
    type: constant_contact
    display_name: "Newsletter account"
    consent: {{data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}}
    auth: {{flow: access_token, access_token: "${{env:CC_ACCESS_TOKEN}}"}}
    endpoints: {{api: "${{env:CC_API}}", auth: "${{env:CC_AUTH}}"}}
    limits: {{requests_per_second: 1000, poll_seconds: [0.01, 0.05]}}
sources:
  shop: {{type: sqlite, path: chinook.sqlite}}
segments:
  readers:
    source: shop
    table: Customer
    where: "{where}"
exports:
  newsletter:
    connection: newsletter
    list: {{name: "Newsletter", create: true}}
    segments: [readers]
    data_matching: {{email: Email}}
    attributes: {{first_name: FirstName, last_name: LastName}}
"""


def quoted(countries: tuple[str, ...]) -> str:
    return ", ".join(f"'{each}'" for each in countries)


def configure(world: World, where: str) -> None:
    (world.folder / "ccsync.yaml").write_text(CONFIG.format(where=where), encoding="utf-8")


def customers(world: World, where: str) -> dict[str, tuple[str, str]]:
    """By SQLite itself: address → first and last name."""
    connection = sqlite3.connect(world.folder / "chinook.sqlite")
    try:
        found = connection.execute(f"SELECT Email, FirstName, LastName FROM Customer WHERE {where}").fetchall()
    finally:
        connection.close()
    return {email.lower(): (first, last) for email, first, last in found}


REFUSED = "stanisław.wójcik@wp.pl"
"""The account takes no letters beyond ASCII in an address; the program sends it, hears no, and says so."""

OUTSIDE = f"Country NOT IN ({quoted(NORTH_AMERICA)})"
EUROPEANS = f"Country IN ({quoted(EUROPE)})"


@pytest.fixture
def newsletter(world: World, run: Run) -> World:
    """Everybody outside North America is on the list, put there by an apply; one address was refused."""
    shutil.copy(SHARED, world.folder / "chinook.sqlite")
    configure(world, OUTSIDE)
    done = run("apply", "--auto-approve")
    assert done.code == 0, done
    assert "Apply complete: 37 added, 0 updated, 0 removed." in done.out.splitlines()
    assert "1 refused by Constant Contact" in done.out
    return world


def removals(run: Run, file: str) -> set[str]:
    document = json.loads(run("show", file, "--json", "--op", "remove", "--limit", "100", "--reveal").out)
    return {row["email"] for export in document["exports"] for row in export.get("rows", [])}


def test_customers_outside_north_america_become_the_members_with_their_names(newsletter: World, run: Run) -> None:
    expected = customers(newsletter, OUTSIDE)
    assert len(expected) == 38
    del expected[REFUSED]
    assert newsletter.members("Newsletter") == set(expected)
    for email, (first, last) in expected.items():
        fields = newsletter.ask(f"people/{email}")["fields"]
        assert (fields["first_name"], fields["last_name"]) == (first, last)
    empty = run("plan", "--detailed-exitcode")
    assert empty.code == 0
    assert empty.out.splitlines()[-1] == "No changes. Constant Contact matches the configuration."


def test_a_narrower_segment_names_exactly_those_who_leave(newsletter: World, run: Run) -> None:
    everybody, europeans = customers(newsletter, OUTSIDE), customers(newsletter, EUROPEANS)
    leaving = set(everybody) - set(europeans)
    gone = "puja_srivastava@yahoo.in"
    assert gone in leaving
    newsletter.control("people/leave", emails=[gone], list="Newsletter")
    newsletter.control("people/join", emails=["hand.added@example.com"], list="Newsletter")
    configure(newsletter, EUROPEANS)

    planned = run("plan", "-o", "europe.ccplan")
    assert planned.code == 0, planned
    assert removals(run, "europe.ccplan") == leaving - {gone}
    assert "Plan: 0 to add, 0 to update, 9 to remove." in planned.out.splitlines()
    assert "Also 1 to forget." in planned.out.splitlines()
    assert "1 foreign, never touched" in planned.out

    applied = run("apply", "europe.ccplan", "--auto-approve")
    assert applied.code == 0, applied
    assert newsletter.members("Newsletter") == set(europeans) - {REFUSED} | {"hand.added@example.com"}
    assert run("plan", "--detailed-exitcode").code == 0


def test_who_left_the_list_is_held_back_when_the_segment_takes_them_in_again(newsletter: World, run: Run) -> None:
    gone = "puja_srivastava@yahoo.in"
    newsletter.control("people/leave", emails=[gone], list="Newsletter")
    configure(newsletter, EUROPEANS)
    assert run("apply", "--auto-approve").code == 0
    configure(newsletter, OUTSIDE)

    planned = run("plan")
    assert "Plan: 9 to add, 0 to update, 0 to remove." in planned.out.splitlines()
    assert "2 held back           opted_out 1, rejected 1" in planned.out
    assert run("apply", "--auto-approve").code == 0
    assert newsletter.members("Newsletter") == set(customers(newsletter, OUTSIDE)) - {gone, REFUSED}
    assert run("plan", "--detailed-exitcode").code == 0


def test_too_many_removals_are_stopped_until_they_are_allowed(newsletter: World, run: Run) -> None:
    configure(newsletter, "Country = 'Germany'")
    before = len([each for each in newsletter.requests() if each[0] != "GET"])
    blocked = run("plan", "-o", "germany.ccplan")
    assert blocked.code == 3
    assert "! Blocked by E501 max_remove, E504 max_source_drop: nothing will be sent." in blocked.out.splitlines()
    assert run("apply", "germany.ccplan", "--auto-approve").code == 3
    assert len(newsletter.members("Newsletter")) == 37
    sent = [path for method, path in newsletter.requests() if method != "GET"][before:]
    assert all(path.endswith("contact_exports") for path in sent), sent
    one = run("apply", "--auto-approve", "--allow", "newsletter:max_remove")
    assert one.code == 3
    assert "! Blocked by E504 max_source_drop: nothing will be sent." in one.out.splitlines()
    both = ("--allow", "newsletter:max_remove", "--allow", "newsletter:max_source_drop")
    allowed = run("apply", "--auto-approve", *both)
    assert allowed.code == 0, allowed
    assert len(newsletter.members("Newsletter")) == 4
