"""Each thing that can be wrong with a declaration: its code, its place, and that nothing secret is said."""

import re

import pytest
from ccsync.errors import Severity

from tests.config.conftest import GOOD, Write, load, places, problems

MAIN = "{type: constant_contact, auth: {client_id: abc}}"
CRM = "{type: csv, path: crm.csv}"
DUTCH = "{source: crm, where: \"country = 'NL'\"}"
UUID = "123a3f10-01ab-11e6-8106-00163e6dbd8c"


def edited(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def main(connection: str) -> str:
    return edited(MAIN, connection)


def crm(source: str) -> str:
    return edited(CRM, source)


def dutch(segment: str, more: str = "") -> str:
    return edited(f"  dutch: {DUTCH}\n", f"  dutch: {segment}\n{more}")


def both(source: str, segment: str) -> str:
    """A source of another kind, and the segment that reads it."""
    return dutch(segment).replace(f"crm: {CRM}", f"crm: {source}")


def suppress(entries: str) -> str:
    return edited("auth: {client_id: abc}}", f"auth: {{client_id: abc}}, suppress: {entries}}}")


def target(lists: str) -> str:
    return edited("list: {name: Weekly}", f"list: {lists}")


def weekly(more: str) -> str:
    return f"{GOOD}    {more}\n"


# «E103» stands before what is complained about, and is taken out before the file is written
CASES = {
    # the shape of a file
    "empty": "«E103»",
    "comments only": "«E103»# nothing\n",
    "no configuration": "«E103»services:\n  web: {}\n",
    "a list": "«E103»- a\n",
    "no version": "«E103»sources: {}\n",
    "another version": "version: «E103»2\n",
    "version as text": 'version: «E103»"1"\n',
    "unknown section": "version: 1\n«E103»exprots: {}\n",
    "section as list": "version: 1\nexports: «E103»[]\n",
    "section as text": "version: 1\nexports: «E103»all\n",
    "entry as text": "version: 1\nexports:\n  weekly: «E103»x\n",
    "unknown key": crm("{type: csv, path: crm.csv, «E103»hedaer: true}"),
    "missing key": edited(f"crm: {CRM}", "«E103»crm: {type: csv}"),
    "missing keys": GOOD + "  «E103,E103,E103,E103»more: {}\n",
    "merge key": "version: 1\nsources:\n  a: &a {type: csv, path: x}\n  b: {«E101»<<: *a, type: csv, path: x}\n",
    # names
    "capital in a name": edited("weekly:", "«E103»Weekly:"),
    "name with a blank": edited("weekly:", "«E103»'week ly':"),
    "name with a line break": edited("weekly:", '«E103»"weekly\\n":'),
    "name too long": edited("weekly:", "«E103»" + "w" * 64 + ":"),
    "workspace name": "version: 1\nworkspace: {name: «E103»Contoso}\n",
    "number as name": edited("weekly:", "«E101,E103»12:"),
    # workspace and roles
    "state elsewhere": "version: 1\nworkspace: {state: «E103»https://b/p}\n",
    "plain statement": "version: 1\nworkspace: {privacy_statement: «E103»http://x.example}\n",
    "role as text": "version: 1\nroles: {administrators: «E103»anna}\n",
    "user twice": "version: 1\nroles: {administrators: [a@example.com, «E103»a@example.com]}\n",
    # connections
    "unknown kind": main("{type: «E103»mailchimp, auth: {client_id: abc}}"),
    "no auth": edited(f"main: {MAIN}", "«E112»main: {type: constant_contact}"),
    "no client id": main("{type: constant_contact, «E112»auth: {flow: pkce}}"),
    "unknown flow": main("{type: constant_contact, auth: {client_id: abc, flow: «E103»devise}}"),
    "number as client id": main("{type: constant_contact, auth: {client_id: «E103»12}}"),
    "secret of another flow": main("{type: constant_contact, auth: {client_id: a, «E112»client_secret: '${env:S}'}}"),
    "secret missing": main("{type: constant_contact, «E112»auth: {client_id: a, flow: authorization_code}}"),
    "token missing": main("{type: constant_contact, «E112»auth: {flow: access_token}}"),
    "secret in plain text": main(
        "{type: constant_contact, auth: {client_id: a, flow: authorization_code, client_secret: «E104»hunter2}}"
    ),
    "number as token": main("{type: constant_contact, auth: {flow: access_token, access_token: «E104»12345}}"),
    "half a reference": main(
        "{type: constant_contact, auth: {flow: access_token, access_token: «E104»'hunter2${env:X}'}}"
    ),
    "default of a secret": main(
        "{type: constant_contact, auth: {flow: access_token, access_token: «E104»'${env:X:-hunter2}'}}"
    ),
    "password in an endpoint": main(MAIN[:-1] + ", endpoints: {api: «E104,E118»'https://u:hunter2@api.example'}}"),
    "plain http": main(MAIN[:-1] + ", endpoints: {api: «E118»'http://api.cc.email/v3'}}"),
    "plain http as a default": main(MAIN[:-1] + ", endpoints: {api: «E118»'${env:API:-http://cc.example}'}}"),
    "loopback by name only": main(MAIN[:-1] + ", endpoints: {api: «E118»'http://127.0.0.1.example/v3'}}"),
    "endpoint with a query": main(MAIN[:-1] + ", endpoints: {auth: «E118»'https://x.example/?a=b'}}"),
    "endpoint that is none": main(MAIN[:-1] + ", endpoints: {auth: «E118»'https://[x'}}"),
    "day that is none": main(MAIN[:-1] + ", consent: {agreed_on: «E103»2026-02-30}}"),
    "consent in another word": main(MAIN[:-1] + ", consent: {data_privacy: «E103»yes}}"),
    "available to a word": main(MAIN[:-1] + ", available_to: «E103»everyone}"),
    "available to nobody": main(MAIN[:-1] + ", available_to: «E103»[]}"),
    "long wait first": main(MAIN[:-1] + ", limits: {poll_seconds: «E103»[15, 1]}}"),
    "one wait": main(MAIN[:-1] + ", limits: {poll_seconds: «E103»[15]}}"),
    "too fast": main(MAIN[:-1] + ", limits: {requests_per_second: «E103»1001}}"),
    "standing still": main(MAIN[:-1] + ", limits: {requests_per_second: «E103»0}}"),
    "half a request": main(MAIN[:-1] + ", limits: {requests_per_day: «E103»1.5}}"),
    "reference for a number": main(MAIN[:-1] + ", limits: {max_contacts: «E103»'${env:N}'}}"),
    # sources
    "unknown source type": crm("{type: «E103»excel, path: crm.csv}"),
    "no source type": edited(f"crm: {CRM}", "«E103»crm: {path: crm.csv}"),
    "two delimiters": crm("{type: csv, path: crm.csv, delimiter: «E103»';;'}"),
    "option of another type": crm("{type: parquet, «E103»delimiter: ';', path: crm.parquet}"),
    "source elsewhere": crm("{type: csv, path: «E103»https://x.example/crm.csv}"),
    "a store that is none": crm("{type: csv, path: «E103»'ftp://lake/crm.csv'}"),
    "a database in a store": both("{type: sqlite, path: «E103»'s3://lake/crm.db'}", "{source: crm, table: t}"),
    "a key in plain text": crm("{type: csv, path: 's3://lake/crm.csv', options: {secret_access_key: «E104»hunter2}}"),
    "password in a path": crm("{type: csv, path: «E103,E104»'postgres://u:hunter2@db.example/x'}"),
    # segments
    "segment of nothing": dutch("«E103»{}"),
    "segment of two kinds": dutch("«E103»{source: crm, any_of: [«E110»x]}"),
    "where without source": dutch("«E103»{«E103»where: x}"),
    "where and query": dutch('{source: crm, where: x, «E103»query: "SELECT * FROM source"}'),
    "empty condition": dutch("{source: crm, where: «E103»''}"),
    "table of a csv": dutch("{source: crm, «E113»table: t}"),
    "no table of a database": edited(CRM, "{type: sqlite, path: x}").replace("  dutch:", "  «E113»dutch:"),
    "no table of a cdm": edited(CRM, "{type: cdm, path: x}").replace("  dutch:", "  «E113»dutch:"),
    "odd age": both("{type: cdm, path: x, max_age: «E103»soon}", "{source: crm, table: t}"),
    "no dsn": both("{type: postgres}", "{source: crm, table: t}").replace("crm: {type", "«E103»crm: {type"),
    "a path of a database elsewhere": both("{type: postgres, dsn: x, «E103»path: x}", "{source: crm, table: t}"),
    "password in a dsn": both("{type: postgres, dsn: «E104»'postgresql://u:hunter2@db/x'}", "{source: crm, table: t}"),
    "password among words": both("{type: postgres, dsn: «E104»'host=x password=hunter2'}", "{source: crm, table: t}"),
    "neither table nor query": both("{type: postgres, dsn: x}", "{source: crm}").replace("  dutch:", "  «E113»dutch:"),
    "table and query": both("{type: postgres, dsn: x}", "{source: crm, «E113»table: t, query: SELECT 1}"),
    "no query of adbc": both("{type: adbc, driver: x}", "{source: crm, «E113»where: x}").replace(
        "  dutch:", "  «E113»dutch:"
    ),
    "table of adbc": both("{type: adbc, driver: x}", "{source: crm, «E113»table: t, query: SELECT 1}"),
    "a driver that is a path": both("{type: adbc, driver: «E103»./x.so}", "{source: crm, query: SELECT 1}"),
    "a driver that reads files": both("{type: adbc, driver: «E103»duckdb}", "{source: crm, query: SELECT 1}"),
    "a secret among options": both(
        "{type: adbc, driver: x, options: {db.token: «E104»hunter2}}", "{source: crm, query: SELECT 1}"
    ),
    "state of a segment": dutch("{source: crm, state: «E103»asleep}"),
    "type of a union": dutch(DUTCH, "  a: {any_of: [dutch], «E103»type: static}\n"),
    "missing query file": dutch("{source: crm, query: «E120»q/nl.sql}"),
    "query that is a word": dutch("{source: crm, query: «E120»dutch}"),
    "query path with a reference": dutch("{source: crm, query: «E120»'${env:X}/a.sql'}"),
    "empty union": dutch("{any_of: «E103»[]}"),
    "same operand twice": dutch(DUTCH, "  a: {any_of: [dutch, «E103»dutch]}\n"),
    "except without minus": dutch(DUTCH, "  a: {«E103»except: {base: dutch}}\n"),
    # names that lead nowhere
    "unknown source": dutch("{source: «E110»crn}"),
    "unknown connection": edited("connection: main", "connection: «E110»mian"),
    "unknown segment": edited("[dutch]", "[dutch, «E110»belgian]"),
    "unknown operands": dutch(DUTCH, "  a: {except: {base: «E110»b, minus: [dutch, «E110»c]}}\n"),
    # cycles
    "itself": dutch(DUTCH, "  a: {any_of: [dutch, «E111»a]}\n"),
    "a circle of three": dutch(
        DUTCH, "  a: {all_of: [b]}\n  b: {except: {base: c, minus: [dutch]}}\n  c: {any_of: [«E111»a]}\n"
    ),
    # lists
    "v2 id": target("{id: «E105»1234567890}"),
    "v2 id on its own": target("«E105»1234567890"),
    "v2 id as text": target("«E105»'1234567890'"),
    "number with a fraction": target("{id: «E103,E105»1.5}"),
    "address of another": target(f"«E105»https://x.example/{UUID}"),
    "address without an id": target("«E105»https://app.constantcontact.com/lists"),
    "address with two ids": target(f"«E105»https://app.constantcontact.com/{UUID}/{UUID.replace('1', '2')}"),
    "name as id": target("{id: «E105»Weekly}"),
    "empty list": target("«E105»''"),
    "id and name": target(f"«E103»{{id: {UUID}, name: W}}"),
    "neither id nor name": target("«E103»{}"),
    "create an id": target(f"{{id: {UUID}, «E103»create: true}}"),
    "list name with a line break": target('{name: «E103»"a\\nb"}'),
    "list name too long": target(f"{{name: «E103»{'a' * 256}}}"),
    # exports
    "no segments": edited("[dutch]", "«E103»[]"),
    "segments as text": edited("[dutch]", "«E103»dutch"),
    "a segment twice": edited("[dutch]", "[dutch, «E116»dutch]"),
    "two exports with the same work": edited(
        "exports:\n",
        """\
exports:
  also:
    connection: main
    list: {name: Weekly, create: true}
    segments: [dutch]
    data_matching: {email: e}
""",
    ).replace("[dutch]\n    data_matching: {email: email}", "[«E116»dutch]\n    data_matching: {email: email}"),
    "one address for all": edited("{email: email}", "{email: «E103»{value: a}}"),
    "no address": edited("data_matching: {email: email}", "«E103»data_matching: {}"),
    "unknown attribute": weekly("attributes: {«E119»firstname: f}"),
    "empty attribute": weekly("attributes: {city: «E103»}"),
    "half a birthday": weekly("attributes: {«E121»birthday_day: d}"),
    "other half of a birthday": weekly("attributes: {«E121»birthday_month: d}"),
    "two birthdays": weekly("attributes: {birthday: d, «E150»birthday_month: m, «E150»birthday_day: d}"),
    "one phone twice": weekly("attributes: {phone: a, home_phone: b, «E151»other_phone: c}"),
    "one address twice": weekly("attributes: {home_city: a, work_city: b, «E151»city: c}"),
    "on_too_long of a field": weekly("attributes: {city: {column: a, on_too_long: «E103»cut}}"),
    "on_null of an export": weekly("on_null: «E103»drop"),
    "suppress nobody": suppress("«E103»[]"),
    "suppress by two columns": suppress("[«E103»{source: crm, email: a, sha256: b}]"),
    "suppress by no column": suppress("[«E103»{source: crm}]"),
    "suppress an unknown source": suppress("[{source: «E110»x, email: a}]"),
    "suppress a table of a csv": suppress("[{source: crm, email: a, «E113»table: t}]"),
    "suppress by a query that is none": suppress("[{source: crm, email: a, query: «E120»nothing}]"),
    "two expressions": weekly("attributes: {city: «E103»{column: a, sql: b}}"),
    "prefix of a custom field": weekly("custom_fields: {«E115»'cf:tier': t}"),
    "label of a custom field": weekly("custom_fields: {«E115»Loyalty tier: t}"),
    "26 custom fields": weekly(f"«E115»custom_fields: {{{', '.join(f'f{i}: x' for i in range(26))}}}"),
    "on_leave": weekly("on_leave: «E103»delete"),
    "order": weekly("duplicates: {order_by: [«E114»a dsc, «E114»'a, b', «E114»desc, «E114»'f(x)', a desc]}"),
    "percent over 100": weekly("guards: {max_remove: {percent: «E103»101}}"),
    "percent that is no number": weekly("guards: {max_remove: {percent: «E103»none at all}}"),
    "percent that is not a number": weekly("guards: {max_remove: {percent: «E103».nan}}"),
    "percent left empty": weekly("guards: {max_remove: {percent: «E103»}}"),
    "bound as number": weekly("guards: {max_remove: «E103»20}"),
    "bound without a side": weekly("guards: {max_remove: «E103»{}}"),
    "misplaced limit": weekly("guards: {«E103»max_contacts: 5}"),
    "too many profiles": weekly("limits: {max_profiles: «E103»1000001}"),
    # references
    "reference of no kind": dutch("{source: crm, where: «E107»'${country}'}"),
    "reference without end": crm("{type: csv, path: «E107»'${env:DATA/crm.csv'}"),
    "reference with a wrong name": crm("{type: csv, path: «E107»'${env:MY-DATA}/crm.csv'}"),
}

_MARK = re.compile(r"«([^»]*)»")


def marked(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its marks, and (place, code) of each mark."""
    expected = []
    while found := _MARK.search(text):
        before = text[: found.start()]
        place = f"configs/a.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        expected += [(place, code) for code in found[1].split(",")]
        text = before + text[found.end() :]
    return text, expected


@pytest.mark.parametrize("case", CASES)
def test_refused_with_code_and_place(write: Write, case: str) -> None:
    text, expected = marked(CASES[case])
    found = problems(write(text))
    assert sorted(places(found)) == sorted(expected)
    assert all(problem.severity is Severity.ERROR for problem in found)
    assert "hunter2" not in repr(found)


def test_the_good_one_is_good(write: Write) -> None:
    assert load(write(GOOD)).warnings == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (edited("path:", "pth:"), "did you mean `path`?"),
        (edited("type: csv", "type: cvs"), "did you mean `csv`?"),
        (edited("source: crm", "source: crn"), "did you mean `crm`?"),
        (edited("source: crm", "source: dutch"), "`dutch` is a segment"),
        (edited("[dutch]", "[ducth]"), "did you mean `dutch`?"),
        (GOOD + "    attributes: {firstname: f}\n", "did you mean `first_name`?"),
        (GOOD + "    attributes: {First Name: f}\n", "did you mean `first_name`?"),
        (GOOD + "    attributes: {email: f}\n", "the address stands under `data_matching: {email: …}`"),
        (GOOD + "    attributes: {loyalty_tier: f}\n", "the account's own fields stand under `custom_fields`"),
        (GOOD + "    guards: {max_contacts: 5}\n", "`max_contacts` stands under `limits` of a connection"),
        (GOOD + "    limits: {max_remove: 5}\n", "`max_remove` stands under `guards`"),
        (edited("weekly:", "'Week Ly!':"), "call it `week_ly`"),
        (edited("client_id: abc", "client_id: 123"), "put quotes around it to make it text"),
        ("", "every file starts with `version: 1`; delete the file if it isn't needed"),
    ],
)
def test_the_hint_says_what_was_perhaps_meant(write: Write, text: str, hint: str) -> None:
    assert hint in [problem.hint for problem in problems(write(text))]


def test_the_same_name_in_two_files_names_both_places(write: Write) -> None:
    second = "version: 1\nsources:\n\n  crm: {type: json, path: x}\n"
    found = problems(write({"a.yaml": GOOD, "b/b.yml": second}))
    assert places(found) == [("configs/b/b.yml:4:3", "E102")]
    assert found[0].summary == "the source `crm` is declared here and at configs/a.yaml:5:3"


def test_a_setting_in_two_files_is_refused_too(write: Write) -> None:
    found = problems(write({"a.yaml": GOOD + "workspace: {name: a}\n", "b.yaml": "version: 1\nworkspace: {name: b}\n"}))
    assert places(found) == [("configs/b.yaml:2:13", "E102")]


def test_everything_is_said_at_once_in_the_order_of_files_and_lines(write: Write) -> None:
    found = problems(
        write(
            {
                "a.yaml": "version: 1\nsources:\n  crm: {type: csv}\nsegments:\n  a: {source: crm, whre: x}\n",
                "b.yaml": "version: 1\n\ta: 1\n",
                "c.yaml": b"\xff",
                "d.yaml": "version: 1\nexports:\n  x: {segments: [a, a], connection: Y, list: 12}\n",
            }
        )
    )
    assert places(found) == [
        ("configs/a.yaml:3:3", "E103"),
        ("configs/a.yaml:5:20", "E103"),
        ("configs/b.yaml:2:1", "E101"),
        ("configs/c.yaml:1:1", "E101"),
        ("configs/d.yaml:3:3", "E103"),
        ("configs/d.yaml:3:21", "E116"),
        ("configs/d.yaml:3:37", "E103"),
        ("configs/d.yaml:3:46", "E105"),
    ]


def test_names_in_a_file_that_can_not_be_read_are_not_called_unknown(write: Write) -> None:
    exports = GOOD.partition("connections:")[0] + "exports:" + GOOD.partition("exports:")[2]
    assert places(problems(write({"a.yaml": exports, "b.yaml": "a: [\n"}))) == [("configs/b.yaml:2:1", "E101")]


def test_what_is_not_used_is_a_warning(write: Write) -> None:
    more = GOOD.replace(
        "segments:\n", "  old: {type: csv, path: o}\nsegments:\n  a: {any_of: [b]}\n  b: {source: crm}\n", 1
    )
    loaded = load(write(more))
    assert [(str(w.where), w.code, w.summary) for w in loaded.warnings] == [
        ("configs/a.yaml:6:3", "W101", "the source `old` is not used"),
        ("configs/a.yaml:8:3", "W101", "the segment `a` is not used"),
        ("configs/a.yaml:9:3", "W101", "the segment `b` is not used"),
    ]
    assert all(warning.severity is Severity.WARNING for warning in loaded.warnings)


def test_a_configuration_without_exports_is_a_warning(write: Write) -> None:
    assert [warning.code for warning in load(write("version: 1\n")).warnings] == ["W104"]


def test_roles_without_administrators_are_a_warning(write: Write) -> None:
    loaded = load(write(GOOD + "roles: {viewers: ['*']}\n"))
    assert [(str(w.where), w.code) for w in loaded.warnings] == [("configs/a.yaml:14:9", "W103")]


def test_long_chains_of_segments_are_no_trouble(write: Write) -> None:
    chain = "".join(f"  s{i}: {{any_of: [s{i + 1}]}}\n" for i in range(3000)) + "  s3000: {source: crm}\n"
    loaded = load(write(GOOD.replace("exports:", chain + "exports:").replace("[dutch]", "[dutch, s0]")))
    assert loaded.warnings == ()
    assert len(loaded.project.segments) == 3002
