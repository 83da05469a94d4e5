"""Generated timers: what they start is the program, whatever a path holds, and the tools they are for take them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from ccsync.cli.timers import Ticking, crontab, systemd_units

from tests.cli.conftest import Run
from tests.cli.world import World

STRANGE = 'it\'s 100% "strange" $HOME'


def ticking(folder: Path) -> Ticking:
    program = folder / "bin" / "ccsync"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\necho "$SECRET in $(pwd)"\n')
    program.chmod(0o755)
    (folder / "env").write_text("SECRET=shh\n")
    return Ticking("contoso", program, folder, 15, folder / "env")


def test_the_line_of_cron_runs_the_program_in_its_folder_with_its_secrets(tmp_path: Path) -> None:
    folder = tmp_path / STRANGE
    text = crontab(ticking(folder))
    (line,) = [each for each in text.splitlines() if not each.startswith("#")]
    minutes, hour, day, month, weekday, command = line.split(" ", 5)
    assert (minutes, hour, day, month, weekday) == ("*/15", "*", "*", "*", "*")
    assert "%" not in command.replace("\\%", "")  # to cron a bare % is a line break
    done = subprocess.run(("/bin/sh", "-c", command.replace("\\%", "%")), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["run", "--due", "--config-dir", str(folder), f"shh in {folder}"]


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    folder = tmp_path / STRANGE
    units = systemd_units(ticking(folder))
    assert set(units) == {"ccsync-contoso.service", "ccsync-contoso.timer"}
    start = next(each for each in units["ccsync-contoso.service"].splitlines() if each.startswith("ExecStart="))
    assert start.endswith(f'run --due --config-dir "{tmp_path}/it\'s 100%% \\"strange\\" $$HOME"')
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not here to be asked")
    plain = systemd_units(ticking(tmp_path / "plain 100%"))
    for name, text in plain.items():
        (tmp_path / name).write_text(text)
    asked = (
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=no",
        *(str(tmp_path / name) for name in plain),
    )
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert "ccsync" not in done.stderr, done.stderr


def test_the_commands_print_them_for_this_project(world: World, run: Run, tmp_path: Path) -> None:
    printed = run("generate", "systemd")
    assert printed.code == 0
    assert "# ccsync-contoso_marketing.timer" in printed.out
    assert f'--config-dir "{world.folder}"' in printed.out
    assert run("generate", "systemd", "-o", str(tmp_path / "units"), "--every", "15").code == 0
    assert "OnCalendar=*:0/15" in (tmp_path / "units" / "ccsync-contoso_marketing.timer").read_text()
    assert "run --due --config-dir" in run("generate", "cron").out
    assert run("generate", "cron", "--every", "7").code == 64
