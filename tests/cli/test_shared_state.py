"""The program with its state in a bucket, from two working folders; and with a key."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ccsync.sealing import fresh_key, is_sealed

from tests.cli.conftest import Run
from tests.cli.world import World
from tests.support.emulators import s3_server

pytest.importorskip("obstore", reason="the extra [cloud] is not installed")
pytest.importorskip("moto", reason="the S3 server of the tests is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with s3_server() as settings:
        yield settings


@pytest.fixture
def bucket(server: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    for name, value in server.items():
        monkeypatch.setenv(f"AWS_{name.upper()}", value)
    return f"s3://lake/{tmp_path.name}"


class Machine:
    """A checkout of the project on a machine of its own."""

    def __init__(self, world: World, run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = world.folder / name
        self.folder.mkdir()
        for file in ("ccsync.yaml", "people.csv"):
            shutil.copy(world.folder / file, self.folder)
        self._run = run
        self._environment = {"CCSYNC_CONFIG_DIR": str(self.folder), "CCSYNC_HOME": str(self.folder / "home")}
        self._patch = monkeypatch

    def run(self, *args: str, code: int = 0) -> str:
        for name, value in self._environment.items():
            self._patch.setenv(name, value)
        self._patch.chdir(self.folder)
        done = self._run(*args)
        assert done.code == code, done
        return done.out + done.err


def with_state(world: World, place: str) -> None:
    path = world.folder / "ccsync.yaml"
    path.write_text(path.read_text().replace("{name: contoso_marketing}", f"{{name: contoso, state: '{place}'}}"))


def test_two_machines_share_a_state_in_a_bucket(
    world: World, run: Run, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_state(world, bucket)
    laptop, runner = (Machine(world, run, name, monkeypatch) for name in ("laptop", "runner"))
    assert "personal data of 5 people, not sealed" in laptop.run("plan", "-o", "one.ccplan")
    shutil.copy(laptop.folder / "one.ccplan", runner.folder)
    assert "5 added" in runner.run("apply", "one.ccplan", "--auto-approve")
    assert "already applied" in laptop.run("apply", "one.ccplan", "--auto-approve", code=5)
    assert "No changes" in laptop.run("plan")
    world.control("people/leave", emails=["bob@example.com"], list="Weekly newsletter")
    assert "1 held back" in laptop.run("plan")
    assert not (laptop.folder / ".ccsync").exists()
    assert json.loads(laptop.run("status", "--json"))["state"] == bucket
    assert "The state is sound." in runner.run("state", "check")
    assert "The state is not locked." in runner.run("lock", "status")
    assert json.loads(runner.run("lock", "status", "--json")) == {"format": 1, "locked": False, "holder": None}
    assert laptop.run("history").count("apply") >= 1


def test_a_state_moves_to_a_bucket_and_the_old_one_is_refused(
    world: World, run: Run, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = Machine(world, run, "laptop", monkeypatch)
    monkeypatch.setenv("CCSYNC_KEY", fresh_key())
    laptop.run("apply", "--auto-approve")
    laptop.run("state", "migrate", bucket, code=9)
    said = laptop.run("state", "migrate", bucket, "--auto-approve")
    assert f"Moved: serial 1, 1 generations, read back from {bucket}." in said
    assert f"workspace.state: {bucket}" in laptop.run("plan", code=5)
    with_state(world, bucket)
    runner = Machine(world, run, "runner", monkeypatch)
    assert "No changes" in runner.run("plan")
    runner.run("state", "migrate", bucket, "--auto-approve", code=64)


def test_with_a_key_state_and_plans_are_sealed(
    world: World, run: Run, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_state(world, bucket)
    laptop, runner = (Machine(world, run, name, monkeypatch) for name in ("laptop", "runner"))
    key = laptop.run("generate", "key").strip()
    laptop.run("apply", "--auto-approve")
    laptop.run("state", "rekey", code=8)
    monkeypatch.setenv("CCSYNC_KEY", key)
    assert "Sealed 3 files of the state with the key" in laptop.run("state", "rekey")
    (runner.folder / "people.csv").write_text("email,first_name,last_name\nanna@example.com,Anna,New\n")
    saved = runner.run("plan", "-o", "two.ccplan", "--allow", "weekly_newsletter:max_remove", code=0)
    assert "Saved to two.ccplan (sealed; mode 0600)." in saved
    assert is_sealed((runner.folder / "two.ccplan").read_bytes())
    assert "E720" in world_without_key(runner, monkeypatch, "show", "two.ccplan")
    assert "E720" in world_without_key(runner, monkeypatch, "apply", "two.ccplan", "--auto-approve")
    assert "E720" in world_without_key(runner, monkeypatch, "status")
    runner.run("show", "two.ccplan")
    runner.run("apply", "two.ccplan", "--auto-approve")
    monkeypatch.setenv("CCSYNC_OLD_KEYS", key)
    monkeypatch.setenv("CCSYNC_KEY", fresh_key())
    laptop.run("state", "rekey")
    monkeypatch.delenv("CCSYNC_OLD_KEYS")
    assert "The state is sound." in laptop.run("state", "check")
    monkeypatch.setenv("CCSYNC_KEY", "hunter2")
    assert "E722" in laptop.run("plan", code=7)


def world_without_key(machine: Machine, monkeypatch: pytest.MonkeyPatch, *args: str) -> str:
    with monkeypatch.context() as patch:
        patch.delenv("CCSYNC_KEY")
        return machine.run(*args, code=8)


def test_a_place_that_is_none_is_named_by_validate(world: World, run: Run) -> None:
    with_state(world, "https://bucket.example/state")
    done = run("validate")
    assert done.code == 7
    assert "must be a folder, or an address as in s3://bucket/prefix" in done.out + done.err
