"""Keys written into a file that a person wrote: nothing else in it changes."""

import os
from pathlib import Path

import pytest
from ccsync.config.edit import set_keys
from ccsync.errors import InvalidError, StorageError

CONSENT = {"consent": {"data_privacy": "agreed", "agreed_by": "anna@example.com", "agreed_on": "2026-10-01"}}
WRITTEN = 'consent: {data_privacy: agreed, agreed_by: anna@example.com, agreed_on: "2026-10-01"}'


def edited(folder: Path, text: str, values: dict[str, object]) -> str:
    (folder / "a.yaml").write_bytes(text.encode())
    set_keys(folder, "connections", "one", values)  # type: ignore[arg-type]  # tests pass what they like
    return (folder / "a.yaml").read_bytes().decode()


CASES = {
    "block": (
        "version: 1\nconnections:\n  one:   # ours\n    type: constant_contact  # the only kind\n\n  # two is next\n"
        "  two: {type: constant_contact}\n",
        f"version: 1\nconnections:\n  one:   # ours\n    type: constant_contact  # the only kind\n    {WRITTEN}\n\n"
        "  # two is next\n  two: {type: constant_contact}\n",
    ),
    "block that ends with a nested block and the file": (
        "connections:\n    one:\n        limits:\n            max_contacts: 5 # so many",
        f"connections:\n    one:\n        limits:\n            max_contacts: 5 # so many\n        {WRITTEN}",
    ),
    "block that ends with a text over lines": (
        "connections:\n  one:\n    description: |\n      Two\n      lines\n\n\nexports: {}\n",
        f"connections:\n  one:\n    description: |\n      Two\n      lines\n    {WRITTEN}\n\n\nexports: {{}}\n",
    ),
    "flow": ("connections: {one: {type: x}, two: {}}\n", f"connections: {{one: {{type: x, {WRITTEN}}}, two: {{}}}}\n"),
    "empty flow": ("connections: {one: {}}\n", f"connections: {{one: {{{WRITTEN}}}}}\n"),
    "flow with a comma at the end": (
        "connections: {one: {auth: {flow: pkce}, }}\n",
        f"connections: {{one: {{auth: {{flow: pkce}}, {WRITTEN}, }}}}\n",
    ),
    "nothing there": (
        "connections:\n  one:\n    consent:\n    type: x\n",
        f"connections:\n  one:\n    {WRITTEN}\n    type: x\n",
    ),
    "some there": (
        "connections:\n  one:\n    consent:\n      # asked twice\n      agreed_by: 'bob' # left us\n"
        "      data_privacy: not_agreed\n    type: x\n",
        "connections:\n  one:\n    consent:\n      # asked twice\n      agreed_by: anna@example.com # left us\n"
        '      data_privacy: agreed\n      agreed_on: "2026-10-01"\n    type: x\n',
    ),
    "windows": (
        "\ufeffconnections:\r\n  one:\r\n    type: x\r\n",
        f"\ufeffconnections:\r\n  one:\r\n    type: x\r\n    {WRITTEN}\r\n",
    ),
    "quoted keys and other scripts": (
        'connections:\n  "one":\n    display_name: "Ωμέγα 😀" # für alle\n',
        f'connections:\n  "one":\n    display_name: "Ωμέγα 😀" # für alle\n    {WRITTEN}\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_only_the_keys_change(tmp_path: Path, case: str) -> None:
    before, after = CASES[case]
    assert edited(tmp_path, before, dict(CONSENT)) == after


def test_a_switch_is_turned_in_place(tmp_path: Path) -> None:
    text = "connections:\n  one:\n    enabled: true # or not\n    type: x\n"
    assert edited(tmp_path, text, {"enabled": False}) == text.replace("true", "false")


@pytest.mark.parametrize(
    "text",
    [
        "connections:\n  two: &a {type: x}\n  one: *a\n",
        "connections:\n  one: &a {type: x}\n  two: *a\n",
        "connections:\n  one: {type: x, consent: &c {agreed_by: bob}}\n  two: {consent: *c}\n",
        "connections:\n  one:\n    consent: |\n      agreed\n",
        "connections:\n  one: [type]\n",
        "connections:\n  one:\n",
    ],
)
def test_what_cannot_be_changed_safely_is_left_alone_and_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidError, match="E221") as caught:
        edited(tmp_path, text, dict(CONSENT))
    assert WRITTEN in str(caught.value.diagnostics[0].hint)
    assert (tmp_path / "a.yaml").read_text() == text


def test_the_place_is_told_rights_stay_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "a.txt"
    real.write_text("version: 1\nconnections:\n  one:\n    type: x\n")
    real.chmod(0o640)
    (tmp_path / "b.yaml").symlink_to(real)
    (tmp_path / "a.yaml").write_text("version: 1\nconnections: {two: {type: x}}\n")
    where = set_keys(tmp_path, "connections", "one", {"enabled": False})
    assert str(where) == f"{tmp_path.name}/b.yaml:5:5"
    assert (tmp_path / "b.yaml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "enabled: false" in real.read_text()


def test_a_folder_that_can_not_be_written_leaves_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("connections: {one: {type: x}}\n")
    (tmp_path / f".a.yaml.{os.getpid()}.tmp").mkdir()
    with pytest.raises(StorageError, match="E713"):
        set_keys(tmp_path, "connections", "one", {"enabled": False})
    assert (tmp_path / "a.yaml").read_text() == "connections: {one: {type: x}}\n"
