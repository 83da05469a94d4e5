"""What the page of the product replaced says, sentence by sentence, and the command or error here that fulfils it.

Each row of the table is a test, named by its number, and `docs/customer-insights-parity.md` is written from the table
(`pytest tests/cli/test_parity.py --update-golden`). What a row claims in its answer is what its test does.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ccsync.core.consent import consent_text
from ccsync.core.spec import Connection, ConnectionName

from tests.cli.conftest import Done, Run
from tests.cli.test_login import TOKEN
from tests.cli.world import Configuration, World

PAGE = Path(__file__).parents[2] / "docs" / "customer-insights-parity.md"
ROLES = "roles: {administrators: [anna@example.com], contributors: [bob@example.com], viewers: ['*']}"
BOB = ("--as", "bob@example.com")


@dataclass(frozen=True, slots=True)
class Row:
    """says: the statement, in words of ours. answer: what fulfils it. differs: where, and why."""

    number: str
    says: str
    answer: str
    differs: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    row: Row
    check: Callable[["Stage"], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a statement is tried: the project `weekly_newsletter` sends `people.csv`, and an account."""

    world: World
    run: Run
    folder: Path

    def edit(self, old: str, new: str) -> None:
        path = self.world.folder / "ccsync.yaml"
        text = path.read_text()
        assert old in text, old
        path.write_text(text.replace(old, new, 1))

    def edited(self, old: str, new: str, *command: str) -> Done:
        self.edit(old, new)
        return self.run(*command)

    def refused(self, code: int, error: str, *command: str) -> Done:
        done = self.run(*command)
        assert (done.code, f"error[{error}]" in done.err) == (code, True), done.err
        return done

    def json(self, *command: str) -> Any:  # Any: JSON
        return json.loads(self.run(*command, "--json").out)

    def applied(self, *more: str) -> None:
        done = self.run("apply", "--auto-approve", *more)
        assert done.code == 0, done.err

    def people(self, text: str) -> None:
        (self.world.folder / "people.csv").write_text(text)


CASES: list[Case] = []


def states(number: str, says: str, answer: str, differs: str = "") -> Callable[[Callable[[Stage], None]], None]:
    """Makes a row of a case."""

    def register(check: Callable[[Stage], None]) -> None:
        CASES.append(Case(Row(number, says, answer, differs), check))

    return register


@states(
    "S1",
    "Segments can be exported to Constant Contact: configure a connection, then an export.",
    "`connections:` and `exports:` in YAML; `ccsync init` scaffolds both.",
)
def _(stage: Stage) -> None:
    assert stage.run("init", "project").code == 0
    done = stage.run("validate", "-C", "project/configs")
    assert done.code == 0, done.err
    assert "exports:" in (stage.folder / "project/configs/exports.yaml").read_text()
    assert "connections:" in (stage.folder / "project/configs/connections.yaml").read_text()


@states(
    "S2",
    "The feature is a preview.",
    "`ccsync connections list` prints the type of each connection.",
    "There is one type, and it is not a preview, so no maturity is printed.",
)
def _(stage: Stage) -> None:
    assert stage.json("connections", "list")["connections"][0]["type"] == "constant_contact"


@states(
    "S3",
    "Segments of unified profiles are exported, for marketing.",
    "Only people in a segment that the export names are ever sent.",
)
def _(stage: Stage) -> None:
    stage.edit("{source: crm}", "{source: crm, where: \"first_name < 'C'\"}")
    stage.applied()
    assert stage.world.members() == {"anna@example.com", "bob@example.com"}


@states(
    "S4",
    "Prerequisite: an account at Constant Contact and credentials of its administrator.",
    "`ccsync connections login NAME`; without it E310. `ccsync connections check NAME` tells a missing"
    " privilege (E306).",
)
def _(stage: Stage) -> None:
    stage.world.control("account", privileges=["contacts:read"])
    stage.refused(8, "E306", "connections", "check", "newsletter")
    stage.edit(TOKEN, f"auth: {{flow: device, client_id: {stage.world.endpoints.client_id}}}")
    assert "connections login newsletter" in stage.refused(8, "E310", "plan").err


@states("S5", "Prerequisite: configured segments.", "`segments:`; an unknown name is E110, with the nearest one.")
def _(stage: Stage) -> None:
    stage.edit("segments: [everyone]", "segments: [everyon]")
    assert "did you mean `everyone`" in stage.refused(7, "E110", "validate").err


@states(
    "S6",
    "Prerequisite: the profiles of the segments hold an e-mail address.",
    "A column that isn't there is E411; rows without a usable address are counted, left out, and blocked beyond"
    " `max_unusable` (E503).",
)
def _(stage: Stage) -> None:
    stage.people("email,first_name,last_name\nanna@example.com,Anna,Example\n,Bob,Example\n")
    done = stage.run("plan")
    assert (done.code, "E503" in done.out, "missing_email 1" in done.out) == (3, True, True)
    stage.edit("{email: email}", "{email: mail}")
    stage.refused(7, "E411", "plan")


@states(
    "S7",
    "At most 1 million profiles an export.",
    "`limits.max_profiles`, 1,000,000 at most, counted in distinct addresses over all segments: E508 in the plan,"
    " before anything is sent; it can't be allowed away.",
)
def _(stage: Stage) -> None:
    stage.edit("    data_matching", "    limits: {max_profiles: 4}\n    data_matching")
    done = stage.run("plan")
    assert (done.code, "E508" in done.out) == (3, True)
    assert stage.run("plan", "--allow", "weekly_newsletter:max_profiles").code == 64
    stage.edit("max_profiles: 4", "max_profiles: 1000001")
    stage.refused(7, "E103", "validate")


@states(
    "S8",
    "Only segments can be exported.",
    "An export takes `segments` and nothing else (E103).",
    "A segment over a whole table is one line, and then it says so.",
)
def _(stage: Stage) -> None:
    stage.edit("    segments: [everyone]", "    tables: [crm]\n    segments: [everyone]")
    assert "tables" in stage.refused(7, "E103", "validate").err


@states(
    "S9",
    "Exporting 1 million profiles can take an hour.",
    "The plan says how many calls, bytes and minutes it takes.",
    "No run fails by a time limit: one that is stopped is settled by `ccsync recover`, and the next plan has the rest."
    " Only differences are sent, so a usual run takes as long as what changed.",
)
def _(stage: Stage) -> None:
    assert "Applying takes" in stage.run("plan").out
    assert stage.run("recover").code == 0


@states(
    "S10",
    "How many can be exported depends on the contract with Constant Contact.",
    "`limits.max_contacts` of the connection: a plan that would pass it is blocked (E506), in apply again; W312 near"
    " it, W311 for growth that may be reviewed.",
)
def _(stage: Stage) -> None:
    stage.edit("limits: {requests", "limits: {max_contacts: 4, requests")
    done = stage.run("plan")
    assert (done.code, "E506" in done.out) == (3, True)
    stage.edit("max_contacts: 4", "max_contacts: 5")
    assert "W312" in stage.run("plan").out


@states("S11", "Connections have a page of their own.", "`ccsync connections list`")
def _(stage: Stage) -> None:
    assert "Newsletter account" in stage.run("connections", "list").out


@states(
    "S12",
    "An administrator adds a connection, of the kind Constant Contact.",
    "A block under `connections:` with `type: constant_contact`; `ccsync generate codeowners` gives its file to"
    " administrators.",
    "No command adds blocks: the file is the form, and an editor completes it by the schema.",
)
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES))
    (stage.folder / "connections.yaml").write_text(
        "version: 1\nconnections: {other: {type: constant_contact, auth: {client_id: x}}}\n"
    )
    (stage.folder / "segments.yaml").write_text("version: 1\nsegments: {few: {source: crm, where: 'true'}}\n")
    said = stage.run("generate", "codeowners").out.splitlines()
    assert "/*.y*ml anna@example.com" in said
    assert not [line for line in said if line.startswith("/connections.yaml")]
    assert "/segments.yaml bob@example.com anna@example.com" in said


@states(
    "S13",
    "Give the connection a recognisable display name.",
    "`display_name`, 1 to 100 characters.",
    "Where it is missing, the connection's own name, which is unique, stands for it.",
)
def _(stage: Stage) -> None:
    stage.edit('display_name: "Newsletter account"', 'display_name: ""')
    stage.refused(7, "E103", "validate")
    stage.edit('display_name: ""', "description: none")
    assert stage.run("connections", "list").out.startswith("newsletter: newsletter")


@states("S14", "Name and type together describe a connection.", "Both stand on its card in `ccsync connections list`.")
def _(stage: Stage) -> None:
    first, second, *_ = stage.run("connections", "list").out.splitlines()
    assert first == "newsletter: Newsletter account"
    assert second.split() == ["type", "constant_contact"]


@states(
    "S15",
    "The name should say what the connection is for.",
    "`display_name` and `description`, both free.",
    "What a good name is can't be checked, so nothing warns of a bad one.",
)
def _(stage: Stage) -> None:
    stage.edit("    available_to", '    description: "Lists of the weekly newsletter"\n    available_to')
    assert stage.run("validate").code == 0


@states("S16", "Choose who may use the connection.", "`available_to`: a role, or named users; E202 for anybody else.")
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES.replace("[bob", "[carl, bob"), available_to="[bob@example.com]"))
    stage.refused(8, "E202", "apply", "--auto-approve", "--as", "carl")
    stage.applied(*BOB)


@states("S17", "If nothing is chosen, administrators.", "That is the default of `available_to`.")
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES))
    stage.edit("    available_to: administrators\n", "")
    stage.refused(8, "E202", "apply", "--auto-approve", *BOB)
    stage.applied()


@states("S18", "Contributors can be allowed.", "`available_to: administrators_and_contributors`")
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES, available_to="administrators_and_contributors"))
    stage.applied(*BOB)


@states(
    "S19",
    "Agree to data privacy and compliance.",
    "`ccsync connections consent NAME` shows the text, asks, and records who, when and to which text. Without it plan"
    " warns (W210) and apply refuses (E210); a changed text asks again (E211).",
)
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(consent="description: none"))
    assert "warning[W210]" in stage.run("plan").err
    stage.refused(8, "E210", "apply", "--auto-approve")
    stage.edit("description: none", "consent: {data_privacy: agreed, text: another}")
    stage.refused(8, "E211", "apply", "--auto-approve")


@states(
    "S20",
    "Connect initialises the connection.",
    "The first apply pins the account to it; another account is refused before anything is sent (E304).",
    "There is no step of its own: signing in is enough.",
)
def _(stage: Stage) -> None:
    assert stage.json("connections", "list")["connections"][0]["account"] is None
    stage.applied()
    assert stage.json("connections", "list")["connections"][0]["account"]


@states(
    "S21",
    "Authenticate with Constant Contact as its administrator.",
    "`ccsync connections login NAME`: OAuth by device, PKCE or code; no password is ever asked for, and a secret in a"
    " file is E104.",
)
def _(stage: Stage) -> None:
    stage.edit("${env:CC_ACCESS_TOKEN}", "eyJraWQ.secret")
    assert "eyJraWQ" not in stage.refused(7, "E104", "validate").err
    client = stage.world.endpoints.client_id
    stage.edit('auth: {flow: access_token, access_token: "eyJraWQ.secret"}', f"auth: {{client_id: {client}}}")
    stage.world.control("oauth", auto="approve")
    assert stage.run("connections", "login", "newsletter").code == 0
    stage.applied()


@states(
    "S22",
    "Add yourself as export user.",
    "Who acts is found (`--as`, CCSYNC_ACTOR, CI, git, system), shown by `ccsync whoami` and recorded with every run.",
    "No connection depends on a person: what reads the data belongs to the source.",
)
def _(stage: Stage) -> None:
    assert "anna@example.com, from CCSYNC_ACTOR" in stage.run("whoami").out
    stage.applied()
    assert "anna@example.com" in stage.run("history").out


@states("S23", "Save completes the connection.", "`ccsync connections check NAME` exits 0 when nothing is missing.")
def _(stage: Stage) -> None:
    assert stage.run("connections", "check", "newsletter").code == 0


@states(
    "S24",
    "An export can be configured only by who has access to such a connection.",
    "E202, at plan already for whoever is to see rows; `ccsync generate codeowners` keeps the file.",
)
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES))
    stage.refused(8, "E202", "plan", *BOB)


@states(
    "S25", "Permissions needed to configure an export.", "`ccsync whoami` lists what the acting user may and may not."
)
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES))
    told = stage.json("whoami", *BOB)
    assert told["may"] == ["look", "plan", "save a plan", "apply"]
    assert told["connections"] == {"newsletter": False}


@states("S26", "Exports have a page of their own.", "`ccsync exports list`")
def _(stage: Stage) -> None:
    assert "weekly_newsletter" in stage.run("exports", "list").out


@states(
    "S27",
    "Add a destination: an export.",
    "A block under `exports:`; the next plan shows what it would do.",
    "No command adds blocks (see S12).",
)
def _(stage: Stage) -> None:
    (stage.folder / "more.yaml").write_text(
        "version: 1\nexports: {vip: {connection: newsletter, list: {name: VIP, create: true},"
        " segments: [everyone], data_matching: {email: email}}}\n"
    )
    assert {each["name"] for each in stage.json("plan")["exports"]} == {"vip", "weekly_newsletter"}


@states(
    "S28",
    "Choose the connection of the export.",
    "`connection:`; an unknown one is E110, none at all is `null` (W213).",
)
def _(stage: Stage) -> None:
    stage.edit("connection: newsletter", "connection: newslatter")
    assert "did you mean `newsletter`" in stage.refused(7, "E110", "validate").err
    stage.edit("connection: newslatter", "connection: null")
    assert "W213" in stage.run("plan").out


@states(
    "S29",
    "Where no connection is shown, none is available to you; ask an administrator.",
    "Every refusal names who may: `ask anna@…`.",
)
def _(stage: Stage) -> None:
    stage.world.configure(Configuration(roles=ROLES))
    assert "ask anna@example.com" in stage.refused(8, "E202", "apply", "--auto-approve", *BOB).err


@states("S30", "Enter the id of the list.", "`list: {id: …}`, a UUID; anything else is E105, a list gone is E601.")
def _(stage: Stage) -> None:
    stage.edit('list: {name: "Weekly newsletter", create: true}', "list: {id: nonsense}")
    stage.refused(7, "E105", "validate")
    stage.edit("{id: nonsense}", "{id: 123a3f10-01ab-11e6-8106-00163e6dbd8c}")
    stage.refused(7, "E601", "plan")


@states(
    "S31",
    "The id is read from the address of the list in Constant Contact.",
    "The address can be pasted as it is; `ccsync lists NAME` prints ids, names and members, and `ccsync lists NAME"
    " LIST` finds one by address or old numeric id.",
)
def _(stage: Stage) -> None:
    made = stage.world.control("lists", name="VIP")["list_id"]
    address = f"https://app.constantcontact.com/pages/contacts/ui#contacts/{made}"
    for which in (address, "1", "VIP"):
        assert [each["id"] for each in stage.json("lists", "newsletter", which)["lists"]] == [made]
    stage.edit('list: {name: "Weekly newsletter", create: true}', f'list: "{address}"')
    assert stage.json("plan")["exports"][0]["list"]["id"] == made


@states("S32", "In Data matching choose the column of the e-mail address.", "`data_matching: {email: COLUMN}`")
def _(stage: Stage) -> None:
    stage.people("mail,first_name,last_name\nanna@example.com,Anna,Example\n")
    stage.edit("{email: email}", "{email: mail}")
    stage.applied()
    assert stage.world.members() == {"anna@example.com"}


@states("S33", "It is required.", "E103 where it is missing.")
def _(stage: Stage) -> None:
    stage.edit("    data_matching: {email: email}\n", "")
    assert "data_matching" in stage.refused(7, "E103", "validate").err


@states("S34", "Optionally, first and last name.", "`attributes: {first_name: …, last_name: …}`")
def _(stage: Stage) -> None:
    stage.applied()
    fields = stage.world.ask("people/anna@example.com")["fields"]
    assert (fields["first_name"], fields["last_name"]) == ("Anna", "Example")
    stage.edit("    attributes: {first_name: first_name, last_name: last_name}\n", "")
    assert stage.run("validate").code == 0


@states(
    "S35",
    "Add attribute maps a field.",
    "`attributes` maps every field that an import takes, by column, SQL or value, and `custom_fields` the account's"
    " own; an unknown field is E119.",
    "More than the two names of the product.",
)
def _(stage: Stage) -> None:
    stage.edit("last_name: last_name}", "last_name: last_name, company_name: {value: Contoso}}")
    stage.applied()
    assert stage.world.ask("people/anna@example.com")["fields"]["company_name"] == "Contoso"
    stage.edit("company_name:", "shoe_size:")
    stage.refused(7, "E119", "validate")


@states("S36", "Select the segments.", "`segments:`, at least one (E103), none twice (E116); their union is sent.")
def _(stage: Stage) -> None:
    stage.edit("segments: [everyone]", "segments: []")
    stage.refused(7, "E103", "validate")
    stage.edit("segments: []", "segments: [everyone, everyone]")
    stage.refused(7, "E116", "validate")


@states(
    "S37", "Save.", "Commit the file; `ccsync validate` says whether it is sound, and needs no network and no secret."
)
def _(stage: Stage) -> None:
    assert stage.run("validate").code == 0


@states("S38", "Saving doesn't run the export.", "`validate` and `plan` change nothing; only `apply` and `run` do.")
def _(stage: Stage) -> None:
    assert stage.run("validate").code == 0
    assert stage.run("plan").code == 0
    assert stage.world.members_or_none() is None
    assert {path for method, path in stage.world.requests() if method == "POST"} <= {"/v3/activities/contact_exports"}


@states(
    "S39",
    "An export runs with every scheduled refresh.",
    "`ccsync run --due`, from a timer: `workspace.refresh` says when, and `schedule` of an export what else.",
)
def _(stage: Stage) -> None:
    stage.edit("workspace: {name: contoso_marketing}", "workspace: {name: c, refresh: {times: ['06:00'], days: [mon]}}")
    for now in ("2026-11-22T06:30:00Z", "2026-11-23T06:30:00Z"):  # it starts with the first time after it was seen
        done = stage.run("run", "--due", "--now", now)
        assert done.code == 0, done.err
    assert "anna@example.com" in stage.world.members()


@states("S40", "It can also be run on demand.", "`ccsync run EXPORT` or `ccsync apply EXPORT`; `ccsync run --all`.")
def _(stage: Stage) -> None:
    done = stage.run("run", "weekly_newsletter")
    assert done.code == 0, done.err
    assert "anna@example.com" in stage.world.members()


@states(
    "S41",
    "Data, personal data among them, leave the product's compliance boundary.",
    "Said in the consent's text, with the host they go to, and in every plan: how many people's which fields go where.",
)
def _(stage: Stage) -> None:
    said = " ".join(stage.run("plan").out.split())
    assert "5 people's email, first_name, last_name go to 127.0.0.1" in said
    assert "no longer hold" in text_of_consent()


@states(
    "S42",
    "They are transferred on your instruction, and you answer for the destination's duties.",
    "The second paragraph of the consent's text.",
)
def _(stage: Stage) -> None:
    assert "on your instruction" in text_of_consent()
    assert "You answer for" in text_of_consent()


@states(
    "S43",
    "A privacy statement is linked.",
    "`workspace.privacy_statement` stands in the consent's text; another statement asks for consent again.",
)
def _(stage: Stage) -> None:
    stage.edit("workspace: {name", "workspace: {privacy_statement: https://example.com/privacy, name")
    said = stage.run("connections", "consent", "newsletter").out
    assert "https://example.com/privacy" in said


@states(
    "S44",
    "An administrator can remove the destination at any time.",
    "`ccsync connections disable NAME` stops everything it sends (E212, W212), `logout` ends the sign-in. A block that"
    " exports use can't be deleted (E110); together with them, every plan says so (W514), and `prevent_delete` refuses"
    " it (E222).",
)
def _(stage: Stage) -> None:
    stage.applied()
    assert stage.run("connections", "disable", "newsletter").code == 0
    stage.world.people(("anna", "bob", "carla", "dries", "eva", "zoe"))
    assert "W212" in stage.run("plan").err
    stage.refused(8, "E212", "apply", "--auto-approve")
    text = (stage.folder / "ccsync.yaml").read_text()
    start, end = text.index("  newsletter:"), text.index("sources:")
    (stage.folder / "ccsync.yaml").write_text(text[:start].replace("connections:\n", "connections: {}\n") + text[end:])
    stage.refused(7, "E110", "validate")
    (stage.folder / "ccsync.yaml").write_text("version: 1\nworkspace: {name: contoso_marketing}\n")
    assert "W514" in stage.run("plan").out


def text_of_consent() -> str:
    return "\n".join(consent_text(Connection(ConnectionName("newsletter"), "Newsletter"), None))


# ---------------------------------------------------------------- the tests


@pytest.mark.parametrize("case", CASES, ids=[case.row.number for case in CASES])
def test_the_statement_is_fulfilled(case: Case, world: World, run: Run) -> None:
    case.check(Stage(world, run, world.folder))


def test_every_statement_has_its_row_in_order() -> None:
    assert [case.row.number for case in CASES] == [f"S{number}" for number in range(1, 45)]


def test_the_page_is_the_table(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "run: pytest tests/cli/test_parity.py --update-golden"


HEAD = """\
# What the Customer Insights export did, and where it is here

<!-- Written from the table in tests/cli/test_parity.py, whose rows are tests. Change it there. -->

Dynamics 365 Customer Insights can export segments to Constant Contact. This table goes through its page, one statement
a row, and names the command, key or error that fulfils it. Each row is a test of that name. What follows in italics is
where ccsync differs on purpose.

| | the page says | here |
|---|---|---|
"""


def page() -> str:
    return HEAD + "".join(f"{_line(case.row)}\n" for case in CASES)


def _line(row: Row) -> str:
    differs = f" *{row.differs}*" if row.differs else ""
    return f"| {row.number} | {row.says} | {row.answer}{differs} |".replace("\n", " ")
