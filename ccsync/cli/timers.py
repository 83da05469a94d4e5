"""The text of timers that run `ccsync run --due`: systemd units and a crontab line. Writes nothing.

Source of what must be escaped: systemd.service(5) and systemd.syntax(7) (`%`, `$`, quotes, backslashes); crontab(5)
(`%`).
"""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

SERVICE = "ccsync-{name}.service"
TIMER = "ccsync-{name}.timer"


@dataclass(frozen=True, slots=True)
class Ticking:
    """What a timer needs to know. name: of the workspace. program: absolute. config_dir: absolute; where it works.

    every_minutes: how often it asks; a divisor of 60. secrets: a file of NAME=VALUE lines that both kinds read.
    """

    name: str
    program: Path
    config_dir: Path
    every_minutes: int
    secrets: Path


def systemd_units(ticking: Ticking) -> dict[str, str]:
    """File name → text: a service that runs what is due and ends, and the timer that starts it."""
    command = f"{_unit_word(ticking.program)} run --due --config-dir {_unit_word(ticking.config_dir)}"
    service = f"""\
[Unit]
Description=ccsync: run what is due ({ticking.name})
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_unit_path(ticking.config_dir)}
EnvironmentFile=-{_unit_path(ticking.secrets)}
ExecStart={command}
# 4: another run holds the lock. That is said, and no failure: what is due stays due.
SuccessExitStatus=4
# ccsync stops within five seconds of SIGTERM and saves what it knows.
TimeoutStopSec=30
UMask=0077
"""
    timer = f"""\
[Unit]
Description=ccsync: ask every {ticking.every_minutes} minutes what is due ({ticking.name})

[Timer]
OnCalendar=*:0/{ticking.every_minutes}
# After a pause one run makes up for whatever was missed.
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
    return {SERVICE.format(name=ticking.name): service, TIMER.format(name=ticking.name): timer}


def crontab(ticking: Ticking) -> str:
    """A line for `crontab -e`, with comments before it. It runs in whatever shell cron takes, so it is plain sh."""
    folder, secrets = quote(str(ticking.config_dir)), quote(str(ticking.secrets))
    inner = (
        f"set -a; if [ -r {secrets} ]; then . {secrets}; fi; set +a;"
        f" cd {folder} && exec {quote(str(ticking.program))} run --due --config-dir {folder}"
    )
    line = f"*/{ticking.every_minutes} * * * * exec /bin/sh -c {quote(inner)}".replace("%", "\\%")
    return (
        f"# ccsync: every {ticking.every_minutes} minutes, run what is due ({ticking.name}). When that is stands in\n"
        "# the configuration. Secrets, as NAME=VALUE lines of mode 0600, are read from the file that is named.\n"
        f"{line}\n"
    )


def _unit_word(path: Path) -> str:
    """A path as one word of ExecStart."""
    return '"' + _unit_path(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'


def _unit_path(path: Path) -> str:
    """A path as a value of its own, where only specifiers have a meaning."""
    return str(path).replace("%", "%%")
