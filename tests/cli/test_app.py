"""The program as a whole: starting, help, usage, failures."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from ccsync import __version__
from ccsync.cli.app import run
from ccsync.cli.commands import COMMANDS
from ccsync.cli.exit_codes import MEANINGS
from ccsync.errors import ExitCode

from tests.cli.program import ROOT, ccsync, environment

EXTRAS = ("adbc_driver_manager", "cryptography", "deltalake", "obstore", "werkzeug")
HEAVY = ("duckdb", "httpx", "yaml", "jsonschema", "rich", "ccsync.core.plan", *EXTRAS)


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["exit-codes"], ["nonsense"]])
def test_starting_loads_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys\nfrom ccsync.cli.app import run\n"
        f"run({args!r})\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run((sys.executable, "-c", code), cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def loaded_by(script: str, names: tuple[str, ...], cwd: Path) -> list[str]:
    code = f"import sys\nfrom ccsync.cli.app import run\n{script}\nprint([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run(
        (sys.executable, "-c", code), cwd=cwd, env=environment(), capture_output=True, text=True, check=True
    )
    found = done.stdout.splitlines()[-1]
    return [name for name in names if repr(name) in found]


def test_validating_loads_no_engine_no_http_and_no_terminal(tmp_path: Path) -> None:
    script = "assert run(['init', 'p']) == 0\nassert run(['validate', '-C', 'p/configs']) == 0"
    assert loaded_by(script, ("duckdb", "httpx", "rich", *EXTRAS), tmp_path) == []


def test_version_is_one_line() -> None:
    done = ccsync("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ccsync {__version__}\n", "")


def test_help_tells_what_each_command_says_of_itself() -> None:
    for command in COMMANDS:
        module = importlib.import_module(f"ccsync.cli.{command.module}")
        built = typer.main.get_command(module.app)
        assert (built.help or "").split("\n\n")[0].replace("\n", " ") == command.help, command.name


@pytest.mark.parametrize("args", [["nonsense"], ["plan", "--nonsense"], [], ["schema", "nonsense"], ["show"]])
def test_wrong_usage_is_64_and_never_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == ExitCode.USAGE
    assert capsys.readouterr().out == ""


def test_wrong_usage_is_a_document_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--json", "--nonsense"]) == 64
    out = capsys.readouterr()
    assert json.loads(out.out)["error"]["code"] == "E900"
    assert out.err == ""


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    run(["plann"])
    assert "Did you mean 'plan'" in capsys.readouterr().err


def test_exit_codes_prints_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exit-codes"]) == 0
    printed = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert printed == [int(code) for code in ExitCode]
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize("name", ["config", "plan_output", "events"])
def test_schemas_can_be_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_an_unexpected_error_tells_its_place_and_not_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ccsync.cli import schema

    def broken(name: str) -> None:
        raise RuntimeError("secret@example.com")

    monkeypatch.setattr(schema, "schema_path", broken)
    assert run(["schema"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error[E999] unexpected RuntimeError")
    assert "secret" not in err
    assert "Traceback" not in err
    monkeypatch.setenv("CCSYNC_DEBUG", "1")
    assert run(["schema"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_failure() -> None:
    command = f"set -o pipefail; {sys.executable} -m ccsync schema config | head -c 10 >/dev/null; echo $?"
    done = subprocess.run(
        ("bash", "-c", command), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_terminal_without_unicode_is_no_failure() -> None:
    done = ccsync("--help", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0


def test_wrong_usage_points_to_the_help_of_the_command_that_was_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for args, command in (("plan", "--json", "--nonsense"), "ccsync plan"), (("plam", "--json"), "ccsync"):
        assert run(args) == ExitCode.USAGE
        assert json.loads(capsys.readouterr().out)["error"]["hint"] == f"see `{command} --help`"
