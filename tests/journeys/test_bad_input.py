"""What bad input gets, through the program: the code, the exit code and the way out; nothing sent and nothing lost."""

import contextlib
import io
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ccsync.cli.app import run as run_program
from ccsync.views.human import NO_CHANGES

from tests.cli.conftest import Done, Run
from tests.cli.world import FAST, PEOPLE, Configuration, World, serving

UNSET = ("CI", "GITHUB_ACTOR", "NO_COLOR", "CCSYNC_DEBUG", "http_proxy", "HTTP_PROXY")


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Five people of ours on a list. Bad input must change nothing of it, so one account serves every test here."""
    folder = tmp_path_factory.mktemp("applied")
    with serving(FAST) as (sandbox, endpoints), pytest.MonkeyPatch.context() as patch:
        world = World(folder, sandbox, endpoints)
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in world.environment.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(io.StringIO()):
            assert run_program(("apply", "--auto-approve")) == 0
        yield world


@dataclass(frozen=True, slots=True)
class Bad:
    """The world, and what a refused command is held against."""

    world: World
    run: Run

    @property
    def folder(self) -> Path:
        return self.world.folder

    def data(self, content: bytes) -> None:
        (self.folder / "people.csv").write_bytes(content)

    def edit(self, old: str, new: str) -> None:
        file = self.folder / "ccsync.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def refused(self, code: str, exit_code: int, *said: str, command: tuple[str, ...] = ("plan",)) -> Done:
        """Runs a command that must be refused: with that code, a hint and these words; nothing sent, nothing lost."""
        requests, members, state = self.sent(), self.world.members(), self.state()
        done = self.run(*command)
        assert done.code == exit_code, done
        message = _message(done.err + done.out, code)
        assert "hint:" in message, done
        for each in said:
            assert each in message, done
        assert "Traceback" not in done.err
        assert "@example.com" not in message, "a message holds no address"
        assert self.sent() == requests
        assert self.world.members() == members
        assert self.state() == state
        return done

    def sent(self) -> list[tuple[str, str]]:
        """Every request that changes something: a list export is asked for with POST too, and changes nothing."""
        return [
            (method, path)
            for method, path in self.world.requests()
            if method != "GET" and not path.endswith("contact_exports")
        ]

    def state(self) -> dict[str, bytes]:
        """Every file of the state, but for the lock and the records of runs."""
        root = self.folder / ".ccsync"
        kept = [path for path in root.rglob("*") if path.is_file() and path.name not in ("lock", "runs.jsonl")]
        return {str(path.relative_to(root)): path.read_bytes() for path in kept}


def _message(text: str, code: str) -> str:
    """The lines of the diagnostic with that code."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(f"error[{code}]")]
    assert starts, text
    following = [i for i, line in enumerate(lines) if i > starts[-1] and not line.startswith("    ")]
    return "\n".join(lines[starts[0] : following[0] if following else None])


@pytest.fixture
def bad(applied: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bad]:
    """The applied world, as good as new; whatever a test breaks is put back after it."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in applied.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(applied.folder)
    kept = applied.folder.parent / f"{applied.folder.name}-kept"
    shutil.copytree(applied.folder / ".ccsync", kept)
    yield Bad(applied, run)
    for path in applied.folder.iterdir():
        if path.name != "home":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    kept.rename(applied.folder / ".ccsync")
    applied.configure(Configuration())
    applied.people(PEOPLE)


# ---------------------------------------------------------------- the configuration


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("segments: [everyone]", "segment: [everyone]", "E103", "did you mean `segments`?"),
        ("segments: [everyone]", "segments: [everyone]\n    on_leav: keep", "E103", "did you mean `on_leave`?"),
        ("segments: [everyone]", "segments: 5", "E103", "ccsync.yaml:"),
        ("requests_per_second: 1000", "requests_per_second: quick", "E103", "ccsync.yaml:"),
        ("version: 1", "version: 2", "E103", "ccsync.yaml:1"),
        ("segments: [everyone]", "segments: [everyone]\n    segments: [everyone]", "E102", "segments"),
        ("segments: [everyone]", "segments: [everyon]", "E110", "everyone"),
        ("workspace: {name: contoso_marketing}", "workspace: {name: contoso", "E101", "ccsync.yaml:"),
        ("${env:CC_ACCESS_TOKEN}", "a-token-in-plain-text", "E104", "ccsync.yaml:"),
        ("${env:CC_API}", "http://api.cc.email/v3", "E118", "ccsync.yaml:"),
    ],
)  # fmt: skip
def test_a_configuration_that_is_wrong_is_refused_with_its_place(
    bad: Bad, old: str, new: str, code: str, said: str
) -> None:
    bad.edit(old, new)
    bad.refused(code, 7, said, command=("validate",))
    done = bad.refused(code, 7, said, command=("apply", "--auto-approve"))
    assert "a-token-in-plain-text" not in done.err


def test_a_name_declared_in_two_files_is_refused_and_names_both(bad: Bad) -> None:
    (bad.folder / "more.yaml").write_text("version: 1\nsegments:\n  everyone: {source: crm}\n")
    bad.refused("E102", 7, "more.yaml:3", "ccsync.yaml:", command=("validate",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version: 1\nworkspace: {name: \xff\xfe}\n", "UTF-8"),
        (b"version: 1\nworkspace: {name: a\x00b}\n", "more.yaml"),
        (b"", "more.yaml"),
        (b"- a list\n", "more.yaml"),
    ],
)
def test_a_configuration_file_that_is_no_text_is_refused(bad: Bad, content: bytes, said: str) -> None:
    (bad.folder / "more.yaml").write_bytes(content)
    done = bad.run("validate")
    assert done.code == 7, done
    assert said in done.err
    assert "hint:" in done.err


def test_a_configuration_with_a_byte_order_mark_and_windows_line_ends_is_fine(bad: Bad) -> None:
    file = bad.folder / "ccsync.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    done = bad.run("plan")
    assert done.code == 0, done
    assert NO_CHANGES in done.out.splitlines()


def test_all_problems_are_told_at_once(bad: Bad) -> None:
    bad.edit("segments: [everyone]", "segments: [everyon]")
    bad.edit("source: crm", "source: crn")
    done = bad.run("validate")
    assert done.err.count("error[E110]") == 2
    assert "2 errors." in done.err


def test_a_variable_that_is_not_set_is_named(bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC_ACCESS_TOKEN")
    assert bad.run("validate").code == 0
    bad.refused("E106", 7, "CC_ACCESS_TOKEN", "ccsync.yaml:")


def test_no_configuration_at_all(bad: Bad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCSYNC_CONFIG_DIR")
    monkeypatch.chdir(tmp_path)
    bad.refused("E109", 7, "ccsync init")
    bad.refused("E109", 7, command=("plan", "-C", "nowhere"))


# ---------------------------------------------------------------- the data


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "E414", "people.csv:1"),
        (b"email,first_name,last_name\nanna@example.com,An\xffna,Example\n", "E417", "people.csv:2"),
        (b"email,first_name,last_name\nanna@example.com,An\x00na,Example\n", "E417", "NUL"),
        (b"email,first_name,last_name\nanna@example.com,Anna\n", "E415", "people.csv:2"),
        (b'email,first_name,last_name\nanna@example.com,"Anna,Example\n', "E415", "people.csv"),
        (b"email,email,last_name\nanna@example.com,Anna,Example\n", "E414", "email"),
        (b"E-Mail,first_name,last_name\nanna@example.com,Anna,Example\n", "E411", "did you mean E-Mail?"),
        (b"email,firstname,last_name\nanna@example.com,Anna,Example\n", "E411", "did you mean firstname?"),
    ],
)
def test_a_source_that_can_not_be_trusted_is_refused_with_its_place(
    bad: Bad, content: bytes, code: str, said: str
) -> None:
    bad.data(content)
    bad.refused(code, 7, said)
    bad.refused(code, 7, said, command=("apply", "--auto-approve"))


def test_a_source_without_rows_is_a_broken_source_and_not_an_order_to_remove_everyone(bad: Bad) -> None:
    bad.data(b"email,first_name,last_name\n")
    bad.refused("E500", 3, "weekly_newsletter", "--allow weekly_newsletter:min_rows")
    bad.refused("E500", 3, command=("apply", "--auto-approve"))


def test_a_source_that_is_not_there_is_named(bad: Bad) -> None:
    (bad.folder / "people.csv").unlink()
    bad.refused("E401", 7, "people.csv")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(bad: Bad) -> None:
    plain = (bad.folder / "people.csv").read_bytes().replace(b"\r\n", b"\n")
    for content in (plain, b"\xef\xbb\xbf" + plain, plain.replace(b"\n", b"\r\n"), plain.rstrip(b"\n")):
        bad.data(content)
        done = bad.run("plan")
        assert done.code == 0, done
        assert NO_CHANGES in done.out.splitlines()


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_value_of_sixty_megabytes_is_refused(bad: Bad, kind: str) -> None:
    large = b"x" * 60_000_000
    if kind == "csv":
        bad.data(b"email,first_name,last_name\nbob@example.com,Bob,Example\nanna@example.com," + large + b",Example\n")
    else:
        bad.edit("{type: csv, path: people.csv}", "{type: json, path: people.json}")
        row = b'{"email": "anna@example.com", "first_name": "' + large + b'", "last_name": "Example"}\n'
        (bad.folder / "people.json").write_bytes(row)
    bad.refused("E418", 7, "source crm")


def test_a_source_that_changes_while_it_is_read_is_refused(bad: Bad) -> None:
    bad.world.people(f"p{number}" for number in range(20_000))
    bad.edit("attributes: {first_name: first_name, last_name: last_name}", "attributes: {first_name: first_name}")
    with _ever_newer(bad.folder / "people.csv"):
        bad.refused("E421", 7, "people.csv")


@contextlib.contextmanager
def _ever_newer(file: Path) -> Iterator[None]:
    """Somebody keeps writing the file for as long as the block lasts."""
    stop = threading.Event()

    def write() -> None:
        at = time.time_ns()
        while not stop.is_set():
            at += 1_000_000
            os.utime(file, ns=(at, at))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("segment", "code", "said"),
    [
        ("{source: crm, where: \"CAST(first_name AS INTEGER) > 1\"}", "E402", "everyone"),
        ("{source: crm, where: \"firstname = 'x'\"}", "E402", 'did you mean "first_name"'),
        ("{source: crm, where: \"first_name = \"}", "E402", "everyone"),
        ("{source: crm, query: \"SELECT * FROM elsewhere\"}", "E403", "another table"),
        ("{source: crm, query: \"SELECT * FROM read_csv('/etc/passwd')\"}", "E403", "read_csv"),
        ("{source: crm, query: \"DELETE FROM source\"}", "E403", "everyone"),
        ("{source: crm, query: \"SELECT first_name, last_name FROM source\"}", "E411", "email"),
        ("{source: crm, table: people}", "E113", "everyone"),
    ],
)  # fmt: skip
def test_sql_that_fails_names_the_segment(bad: Bad, segment: str, code: str, said: str) -> None:
    bad.edit("{source: crm}", segment)
    bad.refused(code, 7, said)


def test_a_mapped_expression_that_fails_names_the_field(bad: Bad) -> None:
    bad.edit("first_name: first_name,", "first_name: {sql: \"first_nam || 'x'\"},")
    bad.refused("E402", 7, "first_name")


# ---------------------------------------------------------------- the state and saved plans


@pytest.mark.parametrize(
    ("harm", "code", "said"),
    [
        (lambda root: (root / "HEAD").write_bytes(b"nonsense"), "E709", "ccsync state"),
        (lambda root: (root / "HEAD").write_bytes(b""), "E709", "ccsync state"),
        (lambda root: (root / "HEAD").unlink(), "E710", "ccsync state restore"),
        (lambda root: shutil.rmtree(next((root / "generations").iterdir())), "E710", "ccsync state"),
        (lambda root: _flip(next((root / "generations").rglob("*.parquet"))), "E709", "ccsync state"),
        (lambda root: _set_format(root / "HEAD", 99), "E711", "pgrade"),
    ],
)
def test_state_that_can_not_be_trusted_is_refused_and_never_taken_for_empty(
    bad: Bad, harm: Callable[[Path], None], code: str, said: str
) -> None:
    harm(bad.folder / ".ccsync")
    bad.refused(code, 5, said)
    bad.refused(code, 5, said, command=("apply", "--auto-approve"))


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.chmod(0o600)
    file.write_bytes(content)


def _set_format(file: Path, version: int) -> None:
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "format": version}))


def test_a_plan_from_another_world_is_refused_before_any_call(bad: Bad) -> None:
    bad.world.people((*PEOPLE, "frank"))
    assert bad.run("plan", "-o", "p.ccplan").code == 0
    apply = ("apply", "p.ccplan", "--auto-approve")
    calls = len(bad.world.requests())

    (bad.folder / ".ccsync").rename(bad.folder / "aside")
    bad.refused("E705", 5, command=apply)
    shutil.rmtree(bad.folder / ".ccsync", ignore_errors=True)
    (bad.folder / "aside").rename(bad.folder / ".ccsync")

    bad.edit("first_name: first_name, ", "")
    bad.refused("E707", 5, command=apply)
    bad.world.configure(Configuration())

    _flip(bad.folder / "p.ccplan")
    bad.refused("E702", 5, command=apply)
    bad.refused("E702", 5, command=("show", "p.ccplan"))
    (bad.folder / "p.ccplan").write_text("no plan at all")
    bad.refused("E702", 5, command=apply)
    bad.refused("E715", 7, command=("apply", "nowhere.ccplan", "--auto-approve"))
    assert len(bad.world.requests()) == calls


def test_a_plan_for_another_account_is_refused_before_any_change(bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    bad.world.people((*PEOPLE, "frank"))
    assert bad.run("plan", "-o", "p.ccplan").code == 0
    with serving(FAST) as (other, endpoints):
        other.service.account.owner["encoded_account_id"] = "p0another0002"
        monkeypatch.setenv("CC_API", endpoints.api)
        monkeypatch.setenv("CC_AUTH", endpoints.auth)
        monkeypatch.setenv("CC_ACCESS_TOKEN", endpoints.access_token)
        bad.refused("E304", 8, command=("apply", "p.ccplan", "--auto-approve"))
        assert not [each for each in other.service.log.since(0, 1000) if each["method"] != "GET"]


# ---------------------------------------------------------------- the account


def test_an_endpoint_that_is_not_there_is_said(bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC_API", "http://127.0.0.1:9/v3")
    bad.refused("E603", 1, "127.0.0.1:9")


def test_a_list_id_that_does_not_exist_is_named(bad: Bad) -> None:
    bad.edit('{name: "Weekly newsletter", create: true}', "{id: 123a3f10-01ab-11e6-8106-00163e6dbd8c}")
    bad.edit("  weekly_newsletter:\n", "  another:\n")
    bad.refused("E601", 7, "123a3f10-01ab-11e6-8106-00163e6dbd8c")


def test_a_list_that_was_deleted_is_never_silently_made_again(world: World, run: Run) -> None:
    assert run("apply", "--auto-approve").code == 0
    world.control("lists/delete", list="Weekly newsletter")
    done = run("plan")
    assert done.code == 7, done
    assert "error[E601]" in done.err
    assert "hint:" in done.err


def test_a_custom_field_that_does_not_exist_is_named_with_those_that_do(bad: Bad) -> None:
    bad.world.control("fields", label="Loyalty tier", type="string")
    bad.edit("    attributes:", "    custom_fields: {loyalty_tire: first_name}\n    attributes:")
    bad.refused("E602", 7, "loyalty_tire", "Loyalty_tier", command=("apply", "--auto-approve"))


def test_without_consent_nothing_is_sent(bad: Bad) -> None:
    bad.world.people((*PEOPLE, "frank"))
    bad.edit('consent: {data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}', "")
    bad.refused("E210", 8, "newsletter", command=("apply", "--auto-approve"))


def test_without_the_right_nothing_is_sent(bad: Bad) -> None:
    # Whom to ask is said: colleagues, as the configuration names them. Of those in the data nothing is.
    bad.world.people((*PEOPLE, "frank"))
    roles = "roles: {administrators: [anna@contoso.example], contributors: [bob@contoso.example], viewers: ['*']}"
    bad.edit("connections:", f"{roles}\nconnections:")
    bad.refused("E202", 8, "newsletter", command=("apply", "--auto-approve", "--as", "bob@contoso.example"))
    bad.refused("E201", 8, command=("apply", "--auto-approve", "--as", "eve@example.net"))


def test_a_token_that_is_refused_is_said_without_showing_it(bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC_ACCESS_TOKEN", "not-a-token-of-this-account")
    done = bad.refused("E302", 8, "newsletter")
    assert "not-a-token-of-this-account" not in done.err


# ---------------------------------------------------------------- text that is odd and fine


def test_line_breaks_inside_values_arrive_whole(world: World, run: Run) -> None:
    (world.folder / "people.csv").write_bytes(
        b'email,first_name,last_name\r\nanna@example.com,"An\nna","Exam""ple, the first"\r\n'
    )
    assert run("apply", "--auto-approve").code == 0
    fields = world.ask("people/anna@example.com")["fields"]
    assert fields["first_name"] == "An\nna"
    assert fields["last_name"] == 'Exam"ple, the first'
    assert NO_CHANGES in run("plan").out.splitlines()
