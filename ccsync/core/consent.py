"""Consent to send personal data: the text, its version, and whether a connection may send at all. Pure.

Source of what the text must say: the product replaced (S19, S41 to S44 of the parity table): data leave its safeguards
on the user's instruction, the user answers for where they go, and an administrator can stop it at any time.
"""

from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import urlsplit

from ccsync.core.address import is_loopback
from ccsync.core.spec import Connection, ConnectionName, Project
from ccsync.errors import Diagnostic, Severity

VENDOR = "Constant Contact"


def consent_text(connection: Connection, privacy_statement: str | None) -> tuple[str, ...]:
    """The paragraphs that a person agrees to, for the connection as it is declared now."""
    return (
        "By agreeing you let ccsync send personal data of the people in your segments, their e-mail addresses and"
        f" every field that an export maps, to {VENDOR} ({_place(connection)}). There the safeguards and agreements of"
        " the place they come from no longer hold.",
        "The data are sent on your instruction. You answer for having the right to send them, for honouring what"
        f" people choose, and for {VENDOR} meeting the duties of privacy and security that you have.",
        f"An administrator can stop this at any time: `ccsync connections disable {connection.name}`. What was sent"
        f" by then stays with {VENDOR} until it is deleted there.",
        f"Privacy statement: {privacy_statement or 'none is declared (`workspace.privacy_statement`)'}",
    )


def text_version(connection: Connection, privacy_statement: str | None) -> str | None:
    """Names the text, so that another text asks again. None while the address is a reference that is not resolved."""
    if "${" in connection.endpoints.api or "${" in (privacy_statement or ""):
        return None
    text = "\n".join(consent_text(connection, privacy_statement))
    return sha256(text.encode()).hexdigest()[:12]


def agrees_with_today(connection: Connection, privacy_statement: str | None) -> bool:
    """Whether what was agreed to is today's text. A consent written by hand names no text and holds for any."""
    agreed, now = connection.consent.text, text_version(connection, privacy_statement)
    return agreed is None or now is None or agreed == now


def sending_obstacles(
    project: Project, connections: Iterable[ConnectionName], severity: Severity
) -> tuple[Diagnostic, ...]:
    """Why nothing may be sent over these connections: switched off (E212), no consent (E210), consent to another text
    (E211); for a plan the same as warnings (W212, W210, W211)."""
    names = [name for name in sorted(set(connections)) if name in project.connections]
    found = (_obstacle(project.connections[name], project.privacy_statement, severity) for name in names)
    return tuple(obstacle for obstacle in found if obstacle is not None)


def _obstacle(connection: Connection, privacy_statement: str | None, severity: Severity) -> Diagnostic | None:
    applies = severity is Severity.ERROR
    name = connection.name
    if not connection.enabled:
        code = "E212" if applies else "W212"
        summary = f"connection {name} is switched off (`enabled: false`)"
        hint = f"an administrator can run `ccsync connections enable {name}`"
    elif not connection.consent.data_privacy:
        code = "E210" if applies else "W210"
        summary = f"connection {name} records no consent to send personal data to {VENDOR}"
        hint = f"an administrator can run `ccsync connections consent {name}`"
    elif not agrees_with_today(connection, privacy_statement):
        code = "E211" if applies else "W211"
        summary = f"the text that was agreed to for connection {name} is not today's"
        hint = f"an administrator can read it and agree: `ccsync connections consent {name}`"
    else:
        return None
    return Diagnostic(code, summary, severity, "Nothing was sent." if applies else "`apply` will refuse.", hint)


def _place(connection: Connection) -> str:
    """Where the data go; without the port, which a sandbox gets anew each time."""
    host = urlsplit(connection.endpoints.api).hostname or connection.endpoints.api
    return "this machine" if is_loopback(host) else host
