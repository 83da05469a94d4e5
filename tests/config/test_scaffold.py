"""What `ccsync init` writes, and the example project it is."""

import csv
import tomllib
from pathlib import Path

import pytest
from ccsync.config.load import load_project
from ccsync.config.scaffold import CONFIG_FILES, scaffold_dir, write_scaffold
from ccsync.config.schema import schema_path
from ccsync.core.spec import AuthFlow
from ccsync.errors import InvalidError, StorageError

ROOT = Path(__file__).parents[2]


def test_it_writes_a_project_that_is_valid_as_it_stands(tmp_path: Path) -> None:
    written = write_scaffold(tmp_path / "new" / "project")
    assert {file.relative_to(tmp_path / "new" / "project").as_posix() for file in written} == {
        ".gitignore",
        "schemas/config.schema.json",
        *(f"configs/{name}" for name in CONFIG_FILES),
    }
    loaded = load_project(tmp_path / "new" / "project" / "configs", environ={}, resolve=False)
    assert loaded.warnings == ()
    environ = {"CC_ACCESS_TOKEN": "t"}
    project = load_project(tmp_path / "new" / "project" / "configs", environ=environ, resolve=True).project
    (connection,) = project.connections.values()
    assert connection.auth.flow is AuthFlow.ACCESS_TOKEN
    assert connection.endpoints.api == "http://127.0.0.1:8025/v3"
    assert connection.endpoints.auth == "http://127.0.0.1:8025/oauth2/default/v1"
    assert connection.consent.data_privacy


def test_its_endpoints_follow_the_environment(tmp_path: Path) -> None:
    write_scaffold(tmp_path)
    environ = {"CC_ACCESS_TOKEN": "t", "CC_API": "http://127.0.0.1:9/v3", "CC_AUTH": "http://127.0.0.1:9/o"}
    project = load_project(tmp_path / "configs", environ=environ, resolve=True).project
    (connection,) = project.connections.values()
    assert (connection.endpoints.api, connection.endpoints.auth) == ("http://127.0.0.1:9/v3", "http://127.0.0.1:9/o")


def test_every_yaml_file_leads_an_editor_to_the_schema(tmp_path: Path) -> None:
    for file in write_scaffold(tmp_path):
        if file.suffix == ".yaml":
            first = file.read_text(encoding="utf-8").partition("\n")[0]
            start, _, relative = first.partition("=")
            assert start == "# yaml-language-server: $schema"
            assert (file.parent / relative).read_bytes() == schema_path().read_bytes()


def test_what_is_in_the_way_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "exports.yaml").write_text("mine")
    (tmp_path / "configs" / "sources.yaml").symlink_to("nowhere")
    with pytest.raises(InvalidError) as caught:
        write_scaffold(tmp_path)
    assert [(str(problem.where), problem.code) for problem in caught.value.diagnostics] == [
        ((tmp_path / "configs" / "exports.yaml").as_posix(), "E122"),
        ((tmp_path / "configs" / "sources.yaml").as_posix(), "E122"),
    ]
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["configs", "exports.yaml", "sources.yaml"]
    assert (tmp_path / "configs" / "exports.yaml").read_text() == "mine"


def test_a_second_time_is_refused(tmp_path: Path) -> None:
    write_scaffold(tmp_path)
    with pytest.raises(InvalidError):
        write_scaffold(tmp_path)


def test_a_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    assert tmp_path / ".gitignore" not in write_scaffold(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
    assert ".ccsync/" in (tmp_path / "configs" / ".gitignore").read_text()


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        write_scaffold(tmp_path / "file")
    assert [problem.code for problem in caught.value.diagnostics] == ["E713"]


def test_a_wheel_carries_the_same_files() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = table["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert {origin: target for origin, target in included.items() if origin.startswith("configs")} == {
        f"configs/{name}": f"ccsync/config/scaffold/{name}" for name in CONFIG_FILES
    }
    assert included["schemas"] == "ccsync/schemas"
    assert scaffold_dir() == ROOT / "configs"


def test_no_file_of_the_example_is_forgotten() -> None:
    there = {file.relative_to(ROOT / "configs") for file in (ROOT / "configs").rglob("*") if file.is_file()}
    assert {file.as_posix() for file in there if ".ccsync" not in file.parts} == set(CONFIG_FILES)


def test_the_sample_people_are_invented_and_many_sided() -> None:
    with (ROOT / "configs" / "data" / "customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 55
    addresses = [row["email"] for row in rows if "@" in row["email"]]
    assert all(address.strip().lower().endswith("@example.com") for address in addresses)
    blocks = {ord(character) // 0x80 for row in rows for character in row["first_name"] + row["last_name"]}
    assert len(blocks) > 20
    assert len({address.strip().lower() for address in addresses}) < len(addresses)
