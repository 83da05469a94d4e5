"""What declarations become: values, defaults, guards, lists, queries and the values behind references."""

from pathlib import Path

import pytest
from ccsync.config.listref import parse_list_id
from ccsync.config.load import load_project
from ccsync.config.rules import parse_order
from ccsync.core.spec import (
    Auth,
    AuthFlow,
    Bound,
    Column,
    CombinedSegment,
    Connection,
    ConnectionLimits,
    Consent,
    Duplicates,
    Endpoints,
    Export,
    Field,
    Guards,
    Keep,
    ListRef,
    OnDelete,
    OnLeave,
    OnNull,
    OnTooLong,
    OrderBy,
    Roles,
    Secret,
    SetOperation,
    Source,
    SourceName,
    SourceType,
    Sql,
    Suppression,
    TableSegment,
    Value,
)

from tests.config.conftest import GOOD, Write, load, places, problems

UUID = "123a3f10-01ab-11e6-8106-00163e6dbd8c"


def test_everything_left_out_has_its_default(write: Write) -> None:
    project = load(write(GOOD)).project
    assert (project.name, project.state, project.privacy_statement, project.roles) == ("default", ".ccsync", None, None)
    assert project.connections == {"main": Connection("main", "main", auth=Auth(client_id="abc"))}  # type: ignore[arg-type,dict-item]
    assert project.exports["weekly"] == Export(  # type: ignore[index]
        "weekly", "weekly", "main", ListRef(name="Weekly"), ("dutch",), Column("email")  # type: ignore[arg-type]
    )  # fmt: skip


FULL = f"""\
version: 1
workspace: {{name: contoso, state: ../state, privacy_statement: "https://x.example/p", guards: {{min_rows: 3}}}}
roles: {{administrators: [anna@example.com], viewers: ["*"]}}
connections:
  main:
    type: constant_contact
    display_name: "Büro ☎"
    description: d
    available_to: [bob, eve]
    consent: {{data_privacy: agreed, agreed_by: anna@example.com, agreed_on: 2026-10-01, text: v1}}
    auth: {{flow: authorization_code, client_id: abc, client_secret: "${{file:secret}}"}}
    endpoints: {{api: "https://api.example/v3//", auth: "http://[::1]:8025/oauth2"}}
    suppress: [{{source: crm, email: mail}}, {{source: shop, table: t, sha256: h, query: queries/buyers.sql,
               allow_empty: true}}]
    limits: {{requests_per_second: 10, requests_per_day: 5, max_open_activities: 3, max_contacts: 9,
             poll_seconds: [1, 2]}}
sources:
  crm: {{type: csv, path: "crm/*.csv", delimiter: "\\t", header: false}}
  shop: {{type: sqlite, path: shop.db}}
segments:
  dutch: {{source: crm, where: "country = 'NL'", display_name: Dutch}}
  buyers: {{source: shop, table: buyers, query: queries/buyers.sql}}
  both: {{all_of: [dutch, buyers]}}
  most: {{except: {{base: buyers, minus: [dutch]}}}}
exports:
  weekly:
    connection: main
    list: {{id: {UUID.upper()}}}
    segments: [both, most]
    data_matching: {{email: {{sql: "lower(mail)"}}}}
    attributes:
      last_name: {{column: Last, on_too_long: unusable}}
      first_name: First
      country: {{value: 31, on_null: skip_row}}
      birthday: born
    custom_fields: {{tier: {{sql: "CASE WHEN ltv > 5 THEN 'a' END"}}}}
    require: "agreed = true"
    on_too_long: truncate
    on_leave: keep
    on_delete: remove_members
    duplicates: {{keep: none, order_by: ["updated_at DESC", '"Customer Id" asc', n]}}
    guards: {{max_remove: {{rows: 5}}, max_update: {{percent: none}}, max_new_contacts: 7}}
    limits: {{max_profiles: 10}}
"""


def full(write: Write) -> Path:
    return write(
        {"a.yaml": FULL, "queries/buyers.sql": b"\xef\xbb\xbfSELECT *\r\nFROM source\r\n", "secret": "s3cret\n"}
    )


def test_everything_given_arrives(write: Write) -> None:
    project = load(full(write)).project
    assert (project.name, project.state, project.privacy_statement) == ("contoso", "../state", "https://x.example/p")
    assert project.roles == Roles(administrators=("anna@example.com",), viewers=("*",))
    assert list(project.connections.values()) == [
        Connection(
            name="main",  # type: ignore[arg-type]
            display_name="Büro ☎",
            description="d",
            available_to=("bob", "eve"),
            consent=Consent(True, "anna@example.com", "2026-10-01", "v1"),
            auth=Auth(AuthFlow.AUTHORIZATION_CODE, "abc", client_secret=Secret("${file:secret}")),
            endpoints=Endpoints("https://api.example/v3", "http://[::1]:8025/oauth2"),
            limits=ConnectionLimits(10.0, 5, 3, 9, (1.0, 2.0)),
            suppress=(
                Suppression(SourceName("crm"), "mail"),
                Suppression(
                    SourceName("shop"),
                    "h",
                    hashed=True,
                    table="t",
                    query="SELECT *\nFROM source",
                    query_file="configs/queries/buyers.sql",
                    allow_empty=True,
                ),
            ),
        )
    ]
    csv = {"delimiter": "\t", "header": False, "quote": '"', "escape": '"', "encoding": "utf-8", "null_text": ""}
    assert list(project.sources.values()) == [
        Source("crm", SourceType.CSV, "crm/*.csv", csv),  # type: ignore[arg-type]
        Source("shop", SourceType.SQLITE, "shop.db"),  # type: ignore[arg-type]
    ]
    assert list(project.segments.values()) == [
        CombinedSegment("both", SetOperation.ALL_OF, ("dutch", "buyers")),  # type: ignore[arg-type]
        TableSegment(
            "buyers", "shop", "buyers", query="SELECT *\nFROM source", query_file="configs/queries/buyers.sql"  # type: ignore[arg-type]
        ),
        TableSegment("dutch", "crm", where="country = 'NL'", display_name="Dutch"),  # type: ignore[arg-type]
        CombinedSegment("most", SetOperation.EXCEPT, ("buyers", "dutch")),  # type: ignore[arg-type]
    ]  # fmt: skip
    assert list(project.exports.values()) == [
        Export(
            name="weekly",  # type: ignore[arg-type]
            display_name="weekly",
            connection="main",  # type: ignore[arg-type]
            list=ListRef(id=UUID),  # type: ignore[arg-type]
            segments=("both", "most"),  # type: ignore[arg-type]
            email=Sql("lower(mail)"),
            fields=(
                Field("last_name", Column("Last")),
                Field("first_name", Column("First"), OnTooLong.TRUNCATE),
                Field("country", Value("31"), OnTooLong.TRUNCATE, OnNull.SKIP_ROW),
                Field("birthday_month", Column("born"), OnTooLong.TRUNCATE, of_date=True),
                Field("birthday_day", Column("born"), OnTooLong.TRUNCATE, of_date=True),
                Field("cf:tier", Sql("CASE WHEN ltv > 5 THEN 'a' END"), OnTooLong.TRUNCATE),
            ),
            require="agreed = true",
            on_leave=OnLeave.KEEP,
            on_delete=OnDelete.REMOVE_MEMBERS,
            duplicates=Duplicates(Keep.NONE, (OrderBy("updated_at", True), OrderBy("Customer Id"), OrderBy("n"))),
            guards=Guards(min_rows=3, max_remove=Bound(20, 5), max_update=Bound(), max_new_contacts=7),
            max_profiles=10,
        )
    ]


def test_names_come_sorted_whatever_the_files_order(write: Write) -> None:
    first = "version: 1\nsources:\n  z: {type: csv, path: z}\n  b: {type: csv, path: b}\n"
    project = load(write({"a.yaml": first, "b.yaml": GOOD})).project
    assert list(project.sources) == ["b", "crm", "z"]


@pytest.mark.parametrize(
    ("workspace", "export", "expected"),
    [
        ("{}", "{}", Guards()),
        ("{max_remove: {percent: 5}}", "{}", Guards(max_remove=Bound(5))),
        ("{max_remove: {percent: 5}}", "{max_remove: {rows: 9}}", Guards(max_remove=Bound(5, 9))),
        ("{max_remove: {rows: 9}}", "{max_remove: {percent: none}}", Guards(max_remove=Bound(None, 9))),
        ("{max_remove: {rows: 9}}", "{max_remove: {rows: none}}", Guards()),
        (
            "{max_update: {percent: 1}}",
            "{max_remove: {percent: 2.5}}",
            Guards(max_update=Bound(1), max_remove=Bound(2.5)),
        ),
        ("{min_rows: 5, allow_empty: true}", "{min_rows: 0}", Guards(min_rows=0, allow_empty=True)),
        ("{max_new_contacts: 5}", "{max_new_contacts: none}", Guards()),
        ("{max_new_contacts: 5}", "{max_unusable: {rows: 0}}", Guards(max_new_contacts=5, max_unusable=Bound(5, 0))),
        ("{max_source_drop: {percent: none}}", "{}", Guards(max_source_drop=Bound())),
    ],
)
def test_an_exports_guards_stand_over_the_workspaces_key_by_key(
    write: Write, workspace: str, export: str, expected: Guards
) -> None:
    project = load(write(f"{GOOD}    guards: {export}\nworkspace: {{guards: {workspace}}}\n")).project
    assert project.exports["weekly"].guards == expected  # type: ignore[index]


@pytest.mark.parametrize(
    "text",
    [
        UUID,
        UUID.upper(),
        f"  {UUID} ",
        f"https://app.constantcontact.com/pages/contacts/ui#contacts/list/{UUID}",
        f"https://app.constantcontact.com/lists?list_id={UUID.upper()}&page=1234567",
        f"https://api.cc.email/v3/contact_lists/{UUID}?again={UUID}",
        f"http://127.0.0.1:8025/lists/{UUID}",
    ],
)
def test_a_list_is_named_by_its_id_or_any_address_that_holds_it(text: str) -> None:
    assert parse_list_id(text) == UUID


@pytest.mark.parametrize("given", [f'"{UUID}"', f"{{id: {UUID}}}", f"https://app.constantcontact.com/x/{UUID}"])
def test_a_list_may_be_given_short_or_long(write: Write, given: str) -> None:
    project = load(write(GOOD.replace("{name: Weekly}", given))).project
    assert project.exports["weekly"].list == ListRef(id=UUID)  # type: ignore[index,arg-type]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("a", OrderBy("a")),
        (" a  Desc ", OrderBy("a", True)),
        ("größe asc", OrderBy("größe")),
        ('"desc"', OrderBy("desc")),
        ('"a ""b"", c" desc', OrderBy('a "b", c', True)),
        ("desc desc", None),
        ("a b", None),
        ("a nulls last", None),
        ('"a', None),
        ("", None),
    ],
)
def test_orders(text: str, order: OrderBy | None) -> None:
    assert parse_order(text) == order


@pytest.mark.parametrize(
    "query", ['"SELECT * FROM source"', "|\n      SELECT *\n      FROM source", "FROM source -- see old.sql\n"]
)
def test_a_query_may_stand_in_the_configuration(write: Write, query: str) -> None:
    project = load(
        write(GOOD.replace("{source: crm, where: \"country = 'NL'\"}", f"\n    source: crm\n    query: {query}"))
    ).project
    segment = project.segments["dutch"]  # type: ignore[index]
    assert isinstance(segment, TableSegment)
    assert segment.query is not None
    assert "FROM source" in segment.query
    assert segment.query_file is None


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff", b"SELECT\0", None])
def test_a_query_file_that_can_not_be_used_is_refused(write: Write, content: bytes | None) -> None:
    files: dict[str, str | bytes] = {"a.yaml": GOOD.replace("where: \"country = 'NL'\"", "query: q/x.SQL")}
    folder = write(files | ({} if content is None else {"q/x.SQL": content}))
    if content is None:
        (folder / "q" / "x.SQL").mkdir(parents=True)
    assert places(problems(folder)) == [("configs/a.yaml:7:31", "E120")]


# ---------------------------------------------------------------- references

WITH_REFERENCES = """\
version: 1
workspace: {state: "${env:STATE:-.state}"}
connections:
  main:
    type: constant_contact
    display_name: "${env:WHO} and ${file:who.txt}"
    auth: {flow: access_token, access_token: "${env:TOKEN}", client_id: "${env:ID}"}
    endpoints: {api: "${env:API:-http://127.0.0.1:8025/v3}"}
sources:
  crm: {type: csv, path: "${env:DATA}/crm.csv"}
segments:
  dutch: {source: crm, where: "country = '$${x}'"}
exports:
  weekly: {connection: main, list: {id: "${env:LIST}"}, segments: [dutch], data_matching: {email: email}}
"""
ENVIRON = {"WHO": "Anna", "TOKEN": "t0ken", "ID": "abc", "DATA": "/data", "LIST": UUID.upper()}


def with_references(write: Write) -> Path:
    return write({"a.yaml": WITH_REFERENCES, "who.txt": "Bob\r\n"})


def test_without_resolving_references_stand_and_nothing_is_needed(write: Write) -> None:
    project = load(write(WITH_REFERENCES)).project
    connection = project.connections["main"]  # type: ignore[index]
    assert connection.display_name == "${env:WHO} and ${file:who.txt}"
    assert connection.auth.access_token == Secret("${env:TOKEN}", None)
    assert project.sources["crm"].path == "${env:DATA}/crm.csv"  # type: ignore[index]
    assert project.exports["weekly"].list == ListRef(id="${env:LIST}")  # type: ignore[index,arg-type]


def test_resolving_replaces_them(write: Write) -> None:
    project = load(with_references(write), ENVIRON).project
    connection = project.connections["main"]  # type: ignore[index]
    assert connection.display_name == "Anna and Bob"
    assert connection.auth.client_id == "abc"
    assert connection.auth.access_token is not None
    assert connection.auth.access_token.value == "t0ken"
    assert "t0ken" not in repr(project)
    assert connection.endpoints.api == "http://127.0.0.1:8025/v3"
    assert project.state == ".state"
    assert project.sources["crm"].path == "/data/crm.csv"  # type: ignore[index]
    assert project.exports["weekly"].list == ListRef(id=UUID)  # type: ignore[index,arg-type]
    segment = project.segments["dutch"]  # type: ignore[index]
    assert isinstance(segment, TableSegment)
    assert segment.where == "country = '${x}'"


def test_the_digest_knows_nothing_of_the_environment(write: Write) -> None:
    folder = with_references(write)
    assert load(folder).project.digest == load(folder, ENVIRON).project.digest
    assert load(folder, {**ENVIRON, "DATA": "/other"}).project.digest == load(folder).project.digest


def test_every_missing_reference_is_said_at_once(write: Write) -> None:
    found = problems(write(WITH_REFERENCES), {"TOKEN": "", "WHO": "x"})
    assert places(found) == [
        ("configs/a.yaml:6:19", "E106"),
        ("configs/a.yaml:7:46", "E106"),
        ("configs/a.yaml:7:73", "E106"),
        ("configs/a.yaml:10:26", "E106"),
        ("configs/a.yaml:14:41", "E106"),
    ]
    assert "the environment variable TOKEN is set but empty" in found[1].summary
    assert "the file who.txt does not exist" in found[0].summary


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"a\0b"])
def test_a_file_behind_a_reference_must_hold_text(write: Write, content: bytes) -> None:
    found = problems(write({"a.yaml": WITH_REFERENCES, "who.txt": content}), ENVIRON)
    assert places(found) == [("configs/a.yaml:6:19", "E106")]


def test_values_that_references_bring_in_are_checked_too_and_not_said(write: Write) -> None:
    wrong = {**ENVIRON, "LIST": "12345", "API": "http://hunter2.example", "WHO": "hunter2\n"}
    found = problems(with_references(write), wrong)
    assert places(found) == [
        ("configs/a.yaml:6:19", "E103"),
        ("configs/a.yaml:8:22", "E118"),
        ("configs/a.yaml:14:41", "E105"),
    ]
    assert "hunter2" not in repr(found)


def test_a_secret_with_a_reference_in_it_is_not_looked_into(write: Write) -> None:
    project = load(with_references(write), {**ENVIRON, "TOKEN": "a${b}c://u:p@x"}).project
    token = project.connections["main"].auth.access_token  # type: ignore[index]
    assert token is not None
    assert token.value == "a${b}c://u:p@x"


def test_what_a_source_hides_is_never_shown_and_resolved_only_when_asked(tmp_path: Path) -> None:
    text = (
        "version: 1\nsources:\n"
        "  crm: {type: postgres, dsn: '${env:PG_DSN}'}\n"
        "  lake:\n    type: adbc\n    driver: flightsql\n    uri: grpc://lake.example\n"
        "    options: {username: me, password: '${env:LAKE}'}\n"
    )
    (tmp_path / "a.yaml").write_text(text)
    environ = {"PG_DSN": "postgresql://u:canary@db.example/x", "LAKE": "canary"}
    plain = load_project(tmp_path, environ={}, resolve=False).project
    loaded = load_project(tmp_path, environ=environ, resolve=True).project
    assert loaded.digest == plain.digest
    assert "canary" not in repr(loaded)
    crm, lake = (loaded.sources[name].options for name in loaded.sources)
    assert crm["dsn"].value == environ["PG_DSN"]  # type: ignore[union-attr]
    assert {key: getattr(value, "value", value) for key, value in lake.items()} == {
        "driver": "flightsql",
        "uri": "grpc://lake.example",
        "options.username": "me",
        "options.password": "canary",
    }
    assert [option.value for option in plain.sources[next(iter(plain.sources))].options.values()] == [None]  # type: ignore[union-attr]


def test_options_without_a_default_are_there_when_they_are_declared(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "version: 1\nsources:\n  lake: {type: cdm, path: m/model.json, profile_table: Customer, max_age: 26h}\n"
        "segments:\n  vips: {source: lake, table: Vips, type: static, state: inactive}\n"
    )
    project = load_project(tmp_path, environ={}, resolve=False).project
    (lake,), (vips,) = project.sources.values(), project.segments.values()
    assert lake.options == {"profile_table": "Customer", "max_age": "26h"}
    assert isinstance(vips, TableSegment)
    assert (vips.static, vips.active) == (True, False)
