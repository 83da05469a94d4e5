"""`ccsync sandbox serve|switches`. What the sandbox does is `sandbox`'s."""

import contextlib
import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from ccsync.cli.options import Json
from ccsync.errors import CcsyncError, Diagnostic, UsageError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Serve a local Constant Contact account to try things on.",
)


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free port.")] = 8025,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    allow_other_hosts: Annotated[
        bool,
        typer.Option(
            "--allow-other-hosts",
            help="Listen on an address that is not loopback: whoever can reach it can use the account.",
        ),
    ] = False,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", metavar="FILE", help="Write addresses and a token here.", show_default=False),
    ] = None,
    seed: Annotated[
        Path | None, typer.Option("--seed", metavar="FILE", help="People to begin with.", show_default=False)
    ] = None,
    requests_per_second: Annotated[float, typer.Option("--requests-per-second", help="As the vendor's limit.")] = 4,
    requests_per_day: Annotated[int, typer.Option("--requests-per-day", help="As the vendor's limit.")] = 10_000,
    speed: Annotated[
        int | None,
        typer.Option(
            "--speed", metavar="ROWS_PER_S", help="How fast jobs work; no think time without.", show_default=False
        ),
    ] = None,
    switches: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SWITCH=VALUE", help="A behaviour the vendor leaves open. Repeatable.", show_default=False
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Keep the account in FILE.", show_default=False)
    ] = None,
) -> None:
    """Serve until stopped; prints where it is as one JSON line."""
    try:
        from ccsync.sandbox.options import Endpoints, SandboxOptions, SandboxUsageError
        from ccsync.sandbox.server import serve as serve_sandbox
    except ModuleNotFoundError as error:
        raise CcsyncError(
            Diagnostic("E905", f"the sandbox needs {error.name}", hint="pip install 'ccsync[sandbox]'")
        ) from error

    def announce(endpoints: Endpoints) -> None:
        typer.echo(json.dumps(asdict(endpoints)))
        typer.echo(f"Serving a sandbox account; a page is at {endpoints.api.removesuffix('/v3')}/", err=True)

    options = SandboxOptions(
        host=host,
        allow_other_hosts=allow_other_hosts,
        port=port,
        ready_file=ready_file,
        seed=seed,
        requests_per_second=requests_per_second,
        requests_per_day=requests_per_day,
        speed=speed,
        switches=_settings(switches or []),
        data=data,
    )
    try:
        with _until_signalled() as stop:
            serve_sandbox(options, announce=announce, stop=stop)
    except SandboxUsageError as error:
        raise UsageError(Diagnostic("E900", str(error), hint="see `ccsync sandbox switches`")) from error
    except OSError as error:
        raise CcsyncError(
            Diagnostic("E906", f"the sandbox can't be served: {error}", hint="another --port, or 0 for any free one")
        ) from error


@app.command(name="switches")
def list_switches(as_json: Json = False) -> None:
    """List the switches: behaviours that the vendor does not document."""
    from ccsync.cli.terminal import show, write_json
    from ccsync.sandbox.switches import SWITCHES
    from ccsync.views.text import line

    known = list(SWITCHES.values())
    if as_json:
        write_json({"format": 1, "switches": [asdict(each) for each in known]})
        return
    for each in known:
        bounds = f"{each.number[0]:g} to {each.number[1]:g}" if each.number else " | ".join(each.allowed)
        show(
            [
                line((each.name, "bold"), f"={each.default}  ({bounds})", hang=4),
                line(f"    {each.meaning}", hang=4),
                line((f"    {each.evidence}", "dim"), hang=4),
            ]
        )


def _settings(given: list[str]) -> dict[str, str]:
    settings = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(Diagnostic("E900", f"--set {each} is not SWITCH=VALUE", hint="ccsync sandbox switches"))
        settings[name] = value
    return settings


@contextlib.contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set: stopping a sandbox is its normal end, exit 0."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        # Not from here: the main thread may be inside the event's own lock.
        threading.Thread(target=stop.set, daemon=True).start()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
