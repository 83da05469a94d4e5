"""`ccsync connections list|check|login|logout`. What a person decides about one is in `connection_edits.py`."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccsync.cli import connection_edits
from ccsync.cli.access import authorize
from ccsync.cli.connection_edits import Name, declared
from ccsync.cli.display import progress_shown, warn
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import say, show, shows_pictures, write_json
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.consent import sending_obstacles
from ccsync.core.permission import Action, Role, role_of
from ccsync.core.plan import to_text
from ccsync.core.spec import AuthFlow, Connection, TokenPlace
from ccsync.errors import CcsyncError, DeniedError, Diagnostic, ExitCode, InvalidError, Severity, UsageError
from ccsync.views.connections import KINDS, Shown, card_lines, checkup_document, checkup_lines, shown_document
from ccsync.views.text import Line, line

if TYPE_CHECKING:
    from ccsync.constant_contact.grant import Grant
    from ccsync.constant_contact.login import Page, SignIn
    from ccsync.constant_contact.oauth import DeviceCode

CLOCK_TOLERANCE_S = 60.0

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="List connections, sign in to them, check them.")
app.command()(connection_edits.consent)
app.command()(connection_edits.enable)
app.command()(connection_edits.disable)


@app.command(name="list")
def list_connections(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """List the declared connections: who may use them, consent, sign-in, account, which exports use them.

    Asks nobody. Only administrators see more than name, kind and who may use a connection.
    """
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        whole = role_of(workspace.project.roles, workspace.actor.name) is Role.ADMINISTRATOR
        try:
            workspace.need(Needs.ACCOUNT)  # the key that a sign-in belongs to may stand in the environment
            resolved = True
        except InvalidError:
            resolved = False
        pinned = workspace.state.generations.snapshot().accounts
        found = [
            Shown(
                connection=each,
                kind=KINDS[0],
                exports=tuple(x.name for x in workspace.project.exports.values() if x.connection == name),
                obstacles=sending_obstacles(workspace.project, [name], Severity.WARNING),
                account=pinned.get(name),
                sign_in=_sign_in_text(workspace, each, resolved=resolved) if whole else "",
            )
            for name, each in workspace.project.connections.items()
        ]
    if as_json:
        write_json({"format": 1, "connections": [shown_document(each, whole=whole) for each in found]})
        return
    show([text for each in found for text in card_lines(each, whole=whole)])


def _sign_in_text(workspace: Workspace, connection: Connection, *, resolved: bool) -> str:
    """How the connection is signed in, as far as this machine knows."""
    if connection.auth.flow is AuthFlow.ACCESS_TOKEN:
        return "by the ready token of the configuration, which lasts a day at most"
    if not resolved:
        return "not known: a reference in the configuration leads nowhere (`ccsync validate` needs none)"
    from ccsync.constant_contact.login import signed_in

    try:
        found = signed_in(workspace.sign_ins(connection))
    except CcsyncError as error:
        return f"can't be read: {error.diagnostics[0].code} {error.diagnostics[0].summary}"
    return _told(found, connection, workspace.clock.now()) if found else "no"


def _told(found: "SignIn", connection: Connection, now: datetime) -> str:
    place = connection.auth.token_store
    if found.over:
        return "over: sign in again"
    if place is TokenPlace.ENV:
        return "by the refresh token in the environment"
    days = (now - found.signed_in_at).days
    since = "today" if days == 0 else "a day ago" if days == 1 else f"{days} days ago"
    kept = "renewed by itself" if found.lasting else "can't be renewed"
    return f"{since}, kept in {place}; token until {to_text(found.expires_at)}, {kept}"


@app.command()
def check(connection: Name, as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> int:
    """Ask the account: sign-in, rights, how full it is, what is left of the day's requests, the clock.

    Exit 8 with everything that is missing, and who can mend it. Nothing is changed or sent.
    """
    from ccsync.planner import check_account

    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.LOOK, (each.name,))
        pinned = workspace.state.generations.snapshot().accounts.get(each.name)
        with progress_shown(workspace):
            found = workspace.destination(each.name).examine()
        missing = list(found.missing)
        if found.account is not None:
            try:
                check_account(each.name, pinned, found.account.id)
            except DeniedError as denied:
                missing += denied.diagnostics
        missing += sending_obstacles(workspace.project, [each.name], Severity.ERROR)
        sign_in = _sign_in_text(workspace, each, resolved=True)
    warnings = _clock_warning(found.skew_s)
    if as_json:
        write_json(checkup_document(each, found, sign_in, (*missing, *warnings)))
    else:
        show(checkup_lines(each, found, sign_in, pinned))
        warn((*warnings, *missing))
    return int(ExitCode.DENIED if missing else ExitCode.DONE)


def _clock_warning(skew_s: float | None) -> tuple[Diagnostic, ...]:
    if skew_s is None or abs(skew_s) <= CLOCK_TOLERANCE_S:
        return ()
    return (
        Diagnostic(
            "W310",
            f"this machine's clock is {abs(skew_s):,.0f} s {'ahead of' if skew_s > 0 else 'behind'} Constant Contact's",
            Severity.WARNING,
            detail="Tokens are renewed, plans expire and the day's requests are counted by it.",
            hint="set the clock, or let it be set by the network (NTP)",
        ),
    )


@app.command()
def login(
    connection: Name,
    redirect_uri: Annotated[
        str | None,
        typer.Option(
            "--redirect-uri",
            metavar="URL",
            help="For flows with a browser: as registered for the API key.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="With `token_store: env`: write the refresh token here, for your store of secrets.",
            show_default=False,
        ),
    ] = None,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Sign in once, in a browser; the grant is kept alive from then on.

    With `flow: device` the browser may be on any machine. The tokens are kept where `token_store` says: in a private
    file of this user's, in the keyring, or sealed in the state; never in the configuration or a plan.
    """
    from ccsync.constant_contact import login as flows
    from ccsync.constant_contact.loopback import DEFAULT_REDIRECT

    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.CONNECT, (each.name,))
        _check_target(each, to)
        store = workspace.sign_ins(each)
        done = flows.login(
            each,
            clock=workspace.clock,
            environ=os.environ,
            ask=lambda page: say(_asked(page)),
            keep=_handing_over(each, to) if to else flows.kept_in(store),
            redirect_uri=redirect_uri or DEFAULT_REDIRECT,
        )
    if to is not None:
        show(_handed_over(each, to))
        return
    lasting = "; it is renewed by itself" if done.lasting else "; it can't be renewed: no refresh token came with it"
    show([line(f"{each.name}: signed in until {to_text(done.expires_at)}{lasting}.", hang=2)])
    show([line(f"  Now check it: ccsync connections check {each.name}")])


def _check_target(connection: Connection, to: Path | None) -> None:
    """Raises UsageError (E900) when --to and `token_store` don't belong together, before anybody signs in."""
    is_env = connection.auth.token_store is TokenPlace.ENV and connection.auth.flow is not AuthFlow.ACCESS_TOKEN
    if is_env == (to is not None):
        return
    said = "needs --to FILE" if is_env else "takes --to only with `token_store: env`"
    raise UsageError(
        Diagnostic(
            "E900",
            f"signing in to {connection.name} {said}: the environment can only be read",
            detail="Nobody was signed in.",
            hint=f"ccsync connections login {connection.name}{' --to token.secret' if is_env else ''}",
        )
    )


def _handing_over(connection: Connection, to: Path) -> "Callable[[Grant], None]":
    from ccsync.constant_contact.envstore import hand_over

    return lambda grant: hand_over(connection, grant, to)


def _handed_over(connection: Connection, to: Path) -> list[Line]:
    from ccsync.constant_contact.envstore import variable_of

    return [
        line(f"{connection.name}: signed in. The refresh token is in {to} (mode 0600), and nowhere else.", hang=2),
        line(
            f"  Let your store of secrets give it to runs as {variable_of(connection)}, then delete the file.", hang=2
        ),
    ]


@app.command()
def logout(connection: Name, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Forget the sign-in, and end it at Constant Contact where that is possible.

    A sign-in that is kept in the state is forgotten for every machine that shares it.
    """
    from ccsync.constant_contact import login as flows

    with open_workspace(Place(config_dir, acting), Needs.ACCOUNT) as workspace:
        each = declared(workspace.project, connection)
        authorize(workspace, Action.CONNECT, (each.name,))
        ended = flows.logout(each, workspace.sign_ins(each), clock=workspace.clock, environ=os.environ)
    where = "for all who share the state" if each.auth.token_store is TokenPlace.STATE else "on this machine"
    if ended is flows.Ended.NOTHING:
        show([line(f"{each.name}: was not signed in {where}.")])
    elif ended is flows.Ended.REVOKED:
        show([line(f"{each.name}: signed out {where}, and at Constant Contact.")])
    else:
        show(
            [
                line(f"{each.name}: signed out {where}."),
                line(
                    "  Constant Contact offers no way to end the grant from here. To do so, disconnect the application"
                    " in the account's settings.",
                    hang=2,
                ),
            ]
        )


def _asked(page: "DeviceCode | Page") -> list[Line]:
    """What a person is to do in a browser."""
    from ccsync.constant_contact.oauth import DeviceCode
    from ccsync.views.qr import qr_lines

    if isinstance(page, DeviceCode):
        minutes = max(1, int(page.expires_in_s // 60))
        picture = qr_lines(page.link or page.page) if shows_pictures() else []
        return [
            *picture,
            line("Open this address in any browser, on any machine, and enter the code:"),
            line(page.page, whole=True),
            line("  code: ", (page.user_code, "bold")),
            *([line("Or open this one, which holds the code:"), line(page.link, whole=True)] if page.link else []),
            line(f"Waiting for it, {minutes} minutes at most; Ctrl-C stops."),
        ]
    return [
        line("Open this address in a browser on this machine and allow the access:"),
        line(page.url, whole=True),
        line("Waiting for it; Ctrl-C stops."),
    ]
