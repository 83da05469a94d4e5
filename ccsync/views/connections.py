"""Connections as a person reads them: one card each, and what a check of the account found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ccsync.core.spec import AccountId, Connection
from ccsync.errors import Diagnostic
from ccsync.ports.live import AccountInfo
from ccsync.views.document import Document, diagnostic_document
from ccsync.views.text import BLANK, Line, line, number

KINDS = ("constant_contact",)
_WIDTH = 14
_CAPS = {"lists": 1_000, "custom_fields": 100}  # FACTS 5


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection and what is known of it without asking. sign_in: in words; empty for who may not see it."""

    connection: Connection
    kind: str
    exports: tuple[str, ...]
    obstacles: tuple[Diagnostic, ...]
    account: AccountId | None
    sign_in: str


class Found(Protocol):
    """What a check of the account found; None stands for what could not be asked."""

    @property
    def account(self) -> AccountInfo | None: ...
    @property
    def contacts(self) -> int | None: ...
    @property
    def lists(self) -> int | None: ...
    @property
    def custom_fields(self) -> int | None: ...
    @property
    def scopes(self) -> dict[str, bool | None]: ...
    @property
    def privileges(self) -> dict[str, bool]: ...
    @property
    def calls_left(self) -> int: ...
    @property
    def skew_s(self) -> float | None: ...


def card_lines(shown: Shown, *, whole: bool) -> list[Line]:
    each = shown.connection
    lines = [
        line(
            (each.name, "bold"), f": {each.display_name}", ("" if each.enabled else " · switched off", "yellow"), hang=2
        ),
        _row("type", shown.kind),
        _row("available to", available_text(each)),
    ]
    if whole:
        lines += [
            _row("consent", consent_text(each, shown.obstacles)),
            _row("signed in", shown.sign_in),
            _row("account", shown.account or "not known before the first apply"),
        ]
    return [*lines, _row("used by", ", ".join(shown.exports) or "no export"), BLANK]


def shown_document(shown: Shown, *, whole: bool) -> Document:
    each = shown.connection
    document: Document = {
        "name": each.name,
        "display_name": each.display_name,
        "type": shown.kind,
        "available_to": each.available_to if isinstance(each.available_to, str) else list(each.available_to),
        "enabled": each.enabled,
        "exports": list(shown.exports),
    }
    if not whole:
        return document
    return document | {
        "consent": each.consent.data_privacy,
        "consent_record": {
            "agreed_by": each.consent.agreed_by,
            "agreed_on": each.consent.agreed_on,
            "text": each.consent.text,
        },
        "obstacles": [diagnostic_document(obstacle) for obstacle in shown.obstacles],
        "flow": str(each.auth.flow),
        "token_store": str(each.auth.token_store),
        "sign_in": shown.sign_in,
        "account": shown.account,
    }


def checkup_lines(connection: Connection, found: Found, sign_in: str, pinned: AccountId | None) -> list[Line]:
    limits = connection.limits
    contacts = _of(found.contacts, limits.max_contacts)
    return [
        line((connection.name, "bold"), f": {connection.display_name}", hang=2),
        _row("account", _account(found.account, pinned)),
        _row("signed in", sign_in),
        _row("scopes", _held(found.scopes)),
        _row("privileges", _held(found.privileges)),
        _row("contacts", contacts if limits.max_contacts else f"{contacts}; `limits.max_contacts` is not declared"),
        _row(
            "lists",
            f"{_of(found.lists, _CAPS['lists'])}; custom fields {_of(found.custom_fields, _CAPS['custom_fields'])}",
        ),
        _row("API calls", f"{_of(found.calls_left, limits.requests_per_day)} left today, as far as this machine knows"),
        _row("clock", _clock(found.skew_s)),
        _row("consent", consent_text(connection, ())),
    ]


def checkup_document(connection: Connection, found: Found, sign_in: str, findings: Iterable[Diagnostic]) -> Document:
    info = found.account
    return {
        "format": 1,
        "connection": connection.name,
        "account": {"id": info.id, "name": info.name} if info else None,
        "sign_in": sign_in,
        "scopes": found.scopes,
        "privileges": found.privileges,
        "contacts": found.contacts,
        "max_contacts": connection.limits.max_contacts,
        "lists": found.lists,
        "custom_fields": found.custom_fields,
        "calls_left_today": found.calls_left,
        "clock_skew_seconds": found.skew_s,
        "consent": connection.consent.data_privacy,
        "findings": [diagnostic_document(each) for each in findings],
    }


def available_text(connection: Connection) -> str:
    to = connection.available_to
    return to.replace("_", " ") if isinstance(to, str) else f"{', '.join(to)}, and administrators"


def consent_text(connection: Connection, obstacles: Iterable[Diagnostic]) -> str:
    agreed = connection.consent
    if not agreed.data_privacy:
        return f"missing: ccsync connections consent {connection.name}"
    by = f" by {agreed.agreed_by}" if agreed.agreed_by else ""
    who = f"agreed{by}{f' on {agreed.agreed_on}' if agreed.agreed_on else ''}"
    stale = any(each.code in ("W211", "E211") for each in obstacles)
    return f"{who}, to another text than today's" if stale else who


def _row(label: str, text: str) -> Line:
    return line((f"  {label:<{_WIDTH}}", "dim"), text, hang=_WIDTH + 2)


def _account(info: AccountInfo | None, pinned: AccountId | None) -> str:
    if info is None:
        return "not known"
    seen = "not pinned yet" if pinned is None else "as before" if pinned == info.id else f"before it was {pinned}"
    return f"{info.name} ({info.id}), {seen}"


def _held(rights: dict[str, bool] | dict[str, bool | None]) -> str:
    held = [name for name, has in rights.items() if has]
    lacking = [f"! {name} is missing" for name, has in rights.items() if has is False]
    unknown = [f"{name}: not known" for name, has in rights.items() if has is None]
    return ", ".join((*held, *lacking, *unknown))


def _of(count: int | None, cap: int | None) -> str:
    if count is None:
        return "not known"
    return f"{number(count)} of {number(cap)}" if cap else number(count)


def _clock(skew_s: float | None) -> str:
    if skew_s is None:
        return "not told"
    if abs(skew_s) <= 2:
        return "as theirs, to 2 s"
    return f"{abs(skew_s):,.0f} s {'ahead of' if skew_s > 0 else 'behind'} theirs"
