"""Which files are read, how they are named, and what becomes of the odd ones."""

import os
from pathlib import Path

import pytest
from ccsync.config.load import find_config_dir
from ccsync.errors import InvalidError

from tests.config.conftest import GOOD, Write, load, places, problems

MORE = "version: 1\nsources:\n  {}: {{type: csv, path: x}}\n"


def more(name: str) -> str:
    return MORE.format(name)


def test_yaml_and_yml_below_the_folder_are_read_in_order_but_not_below_dot_folders(write: Write) -> None:
    files = {
        "z.yaml": GOOD,
        "a/b.yml": more("one"),
        "a.yaml": more("two"),
        "a/c/d.yaml": more("three"),
        ".hidden/x.yaml": "not: ours",
        "a/.git/x.yaml": "not: ours",
        ".x.yaml": "not: ours",
        "notes.txt": "not ours",
        "x.yaml.bak": "not: ours",
    }
    loaded = load(write(files))
    expected = ("configs/a/b.yml", "configs/a/c/d.yaml", "configs/a.yaml", "configs/z.yaml")
    assert loaded.files == expected
    assert sorted(loaded.project.sources) == ["crm", "one", "three", "two"]


def test_relative_folders_are_named_as_they_were_given(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(GOOD)
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert load(Path("..")).files == ("../a.yaml",)
    monkeypatch.chdir(folder)
    assert load(Path()).files == ("a.yaml",)
    assert load(Path()).project.root == str(folder)
    monkeypatch.chdir(folder.parent)
    assert load(Path("configs")).files == ("configs/a.yaml",)
    assert load(Path("configs")).project.root == str(folder)


def test_a_folder_named_like_a_file_is_a_folder(write: Write) -> None:
    loaded = load(write({"a.yaml": GOOD, "x.yaml/b.yaml": more("inner")}))
    assert loaded.files == ("configs/a.yaml", "configs/x.yaml/b.yaml")


def test_links_to_files_and_folders_are_followed(write: Write, tmp_path: Path) -> None:
    folder = write(GOOD)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "s.yaml").write_text(more("shared"))
    (folder / "linked").symlink_to(tmp_path / "shared")
    (tmp_path / "t.yaml").write_text(more("single"))
    (folder / "t.yaml").symlink_to(tmp_path / "t.yaml")
    loaded = load(folder)
    assert loaded.files == ("configs/a.yaml", "configs/linked/s.yaml", "configs/t.yaml")


def test_a_loop_of_links_is_entered_once_and_said(write: Write) -> None:
    folder = write({"a.yaml": GOOD, "b/c.yaml": more("one")})
    (folder / "b" / "up").symlink_to(folder)
    (folder / "c").symlink_to(folder / "b")
    loaded = load(folder)
    assert loaded.files == ("configs/a.yaml", "configs/b/c.yaml")
    assert {str(warning.where) for warning in loaded.warnings if warning.code == "W102"} == {
        "configs/b/up",
        "configs/c",
    }


def test_links_that_lead_nowhere_or_to_themselves_are_refused(write: Write) -> None:
    folder = write(GOOD)
    (folder / "gone.yaml").symlink_to(folder / "nothing.yaml")
    (folder / "self.yaml").symlink_to(folder / "self.yaml")
    assert places(problems(folder)) == [("configs/gone.yaml", "E100"), ("configs/self.yaml", "E100")]


def test_a_pipe_is_refused_and_not_waited_for(write: Write) -> None:
    folder = write(GOOD)
    os.mkfifo(folder / "pipe.yaml")
    assert places(problems(folder)) == [("configs/pipe.yaml", "E100")]


def test_a_file_of_fifty_megabytes_is_refused(write: Write) -> None:
    folder = write({"a.yaml": GOOD, "big.yaml": f"version: 1\nworkspace: {{name: {'a' * 50_000_000}}}\n"})
    found = problems(folder)
    assert places(found) == [("configs/big.yaml", "E100")]
    assert "50,0" in found[0].summary


def test_a_value_of_megabytes_is_not_said_back(write: Write) -> None:
    found = problems(write(GOOD.replace("main\n", "m" * 5_000_000 + "\n")))
    assert {problem.code for problem in found} == {"E103", "E110"}
    assert len(repr(found)) < 5_000


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_what_may_not_be_read_is_refused(write: Write) -> None:
    folder = write({"a.yaml": GOOD, "b.yaml": more("one"), "c/d.yaml": more("two")})
    (folder / "b.yaml").chmod(0)
    (folder / "c").chmod(0)
    try:
        assert places(problems(folder)) == [("configs/b.yaml", "E100"), ("configs/c", "E100")]
    finally:
        (folder / "c").chmod(0o700)


def test_a_folder_without_files_is_refused(write: Write) -> None:
    found = problems(write({"readme.md": "nothing here"}))
    assert [problem.code for problem in found] == ["E109"]
    assert "ccsync init" in (found[0].hint or "")


def test_the_folder_is_the_option_else_the_variable_else_configs_else_here(tmp_path: Path) -> None:
    for name in ("option", "variable"):
        (tmp_path / name).mkdir()
    environ = {"CCSYNC_CONFIG_DIR": "variable"}
    assert find_config_dir(None, {}, tmp_path) == tmp_path
    (tmp_path / "configs").mkdir()
    assert find_config_dir(None, {"CCSYNC_CONFIG_DIR": ""}, tmp_path) == tmp_path / "configs"
    assert find_config_dir(None, environ, tmp_path) == tmp_path / "variable"
    assert find_config_dir(Path("option"), environ, tmp_path) == tmp_path / "option"
    assert find_config_dir(tmp_path / "option", environ, tmp_path) == tmp_path / "option"


@pytest.mark.parametrize(
    ("option", "environ"), [(Path("gone"), {}), (None, {"CCSYNC_CONFIG_DIR": "gone"}), (Path("file"), {})]
)
def test_a_folder_that_was_asked_for_must_be_one(tmp_path: Path, option: Path | None, environ: dict[str, str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidError) as caught:
        find_config_dir(option, environ, tmp_path)
    assert [problem.code for problem in caught.value.diagnostics] == ["E109"]
