"""Runs the `console` blocks of a page as a person would type them: one shell, one terminal, one folder for all.

Lines that begin with `$ ` are commands, what follows is what they print. `$ echo $?` shows the exit code of the command
before it; any other command must exit 0.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COLUMNS, ROWS = 100, 50
PORT = "127.0.0.1:8025"

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "~~~ {} done ~~~"

_SHELL = r"""
command -v curl >/dev/null || curl() { python3 "$CURL_FOR_THE_POOR" "$@"; }
ready() { for _ in $(seq 300); do [ -s ready.json ] && return; sleep 0.1; done; echo "no sandbox" >&2; }
at() { python3 -c 'import json, sys; print(json.load(open("ready.json"))[sys.argv[1]])' "$1"; }
"""

_CURL = r"""
import sys, urllib.request
address, data = [a for a in sys.argv[1:] if a.startswith("http")][0], sys.argv[sys.argv.index("-d") + 1].encode()
request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
sys.stdout.write(urllib.request.urlopen(request).read().decode())
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page. start, end: where its output stands in the page."""

    command: str
    output: str
    start: int
    end: int


def steps_of(page: str) -> list[Step]:
    return [step for block in _BLOCK.finditer(page) for step in _steps(block.group(1), block.start(1))]


def _steps(block: str, at: int) -> Iterator[Step]:
    starts = [match.start() for match in re.finditer(r"^\$ ", block, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        lines = block[start:end].splitlines(keepends=True)
        command = 1
        while lines[command - 1].endswith("\\\n"):
            command += 1
        output = "".join(lines[command:])
        yield Step("".join(lines[:command])[2:].rstrip("\n"), output.rstrip("\n"), at + end - len(output), at + end)


def run(steps: list[Step], folder: Path) -> list[tuple[str, int]]:
    """Output and exit code of every command, in order. Whatever the shell started has ended when this returns."""
    script = folder / ".script"
    (folder / ".curl.py").write_text(_CURL)
    parts = [_SHELL]
    for number, step in enumerate(steps):
        parts.append(f"(exit ${{code:-0}})\n{_adapted(step.command)}\ncode=$?\necho '{_MARK.format(number)}' $code\n")
    parts.append("kill %1 2>/dev/null; wait\n")
    script.write_text("".join(parts), encoding="utf-8")
    said = _on_a_terminal(("bash", str(script)), folder).replace(str(folder), HOME)
    return [_between(said, number) for number in range(len(steps))]


def _adapted(command: str) -> str:
    """The command for a free port, so that runs do not meet; a person has the time to wait for the sandbox."""
    if "sandbox serve" in command:
        command = command.replace("sandbox serve", "sandbox serve --port 0 --requests-per-second 1000")
        return f"{command}\nready; export CC_API=$(at api) CC_AUTH=$(at auth) CONTROL=$(at control)"
    if "ccsync init" in command:  # as fast as the sandbox above can be; a person has time for the defaults
        speedy = "s/limits: {.*}/limits: {requests_per_second: 1000, poll_seconds: [0.05, 0.2]}/"
        return f"{command}\nsed -i.bak '{speedy}' project/configs/connections.yaml"
    return command.replace(f"http://{PORT}/sandbox", "$CONTROL")


def _between(said: str, number: int) -> tuple[str, int]:
    begin = said.find(_MARK.format(number - 1)) if number else 0
    end = said.find(_MARK.format(number))
    assert begin >= 0 <= end, f"command {number} did not end:\n{said[-3000:]}"
    output = said[begin:end]
    code = int(said[end + len(_MARK.format(number)) :].split("\n", 1)[0])
    return (output.split("\n", 1)[1] if number else output), code


HOME = "/home/anna"
"""Stands on pages for the folder where the commands were run."""


def _on_a_terminal(command: tuple[str, ...], folder: Path) -> str:
    """What a command prints on a terminal; stderr comes the same way, without being one, so nothing is redrawn."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    parts: list[bytes] = []
    reader = threading.Thread(target=_read, args=(outer, parts))
    bin_folder = str(Path(sys.executable).parent)
    environment = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CCSYNC_HOME": str(folder / ".home"),
        "CCSYNC_ACTOR": "anna@example.com",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CURL_FOR_THE_POOR": str(folder / ".curl.py"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "TERM": "xterm",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=inner, stderr=subprocess.PIPE
    )
    os.close(inner)
    errors = threading.Thread(target=_relay, args=(process, parts))
    for thread in (reader, errors):
        thread.start()
    process.wait(timeout=300)
    for thread in (reader, errors):
        thread.join()
    os.close(outer)
    if process.stderr is not None:
        process.stderr.close()
    return b"".join(parts).decode().replace("\r\n", "\n")


def _read(terminal: int, parts: list[bytes]) -> None:
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # EIO: the other end is closed
            return
        if not part:
            return
        parts.append(part)


def _relay(process: "subprocess.Popen[bytes]", parts: list[bytes]) -> None:
    assert process.stderr is not None
    while part := os.read(process.stderr.fileno(), 65536):
        parts.append(part)


_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}"), "RUN"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"127\.0\.0\.1:\d+"), PORT),
    (re.compile(r"\d+ API calls · \d+ s"), "N API calls · N s"),
)


def settled(text: str) -> str:
    """The words of the text, without what differs from run to run. Where lines break depends on how long paths are."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return " ".join(text.split())


def rewritten(page: str, steps: list[Step], outputs: list[str]) -> str:
    """The page with these outputs instead of its own."""
    for step, output in reversed(list(zip(steps, outputs, strict=True))):
        shown = re.sub(r"127\.0\.0\.1:\d+", PORT, output.strip("\n"))
        page = page[: step.start] + (shown + "\n" if shown else "") + page[step.end :]
    return page
