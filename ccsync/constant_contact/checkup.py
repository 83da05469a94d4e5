"""Examines an account: what works, what is missing, and how full it is. What a missing thing means is `failures.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ccsync.constant_contact import failures
from ccsync.constant_contact.http import ApiClient
from ccsync.constant_contact.routes import NEEDED_PRIVILEGES, NEEDED_SCOPES
from ccsync.errors import DeniedError, Diagnostic
from ccsync.ports.live import AccountInfo, CustomField, RemoteList

MAX_LISTS = 1_000  # FACTS 5
MAX_CUSTOM_FIELDS = 100  # FACTS 5
T = TypeVar("T")


class Asked(Protocol):
    """What is asked of an account here."""

    def account(self) -> AccountInfo: ...
    def contacts_total(self) -> int: ...
    def lists(self) -> tuple[RemoteList, ...]: ...
    def custom_fields(self) -> tuple[CustomField, ...]: ...


@dataclass(frozen=True, slots=True)
class Checkup:
    """None stands for what could not be asked. missing: why, one for each right that is not there; scopes and
    privileges: needed → held, None for a scope that nothing showed. skew_s: by how much our clock is ahead."""

    missing: tuple[Diagnostic, ...]
    account: AccountInfo | None
    contacts: int | None
    lists: int | None
    custom_fields: int | None
    scopes: dict[str, bool | None]
    privileges: dict[str, bool]
    calls_left: int
    skew_s: float | None


def examine(api: ApiClient, account: Asked) -> Checkup:
    """One call for the privileges, and one for each thing that needs a scope. Raises DeniedError for a sign-in or an
    application that does not work at all."""
    held = api.privileges()
    lacking = sorted(set(NEEDED_PRIVILEGES) - held)
    missing: list[Diagnostic] = []
    if lacking:
        missing += failures.privilege_missing(api.connection, lacking).diagnostics

    def asked(ask: Callable[[], T], privilege: str) -> T | None:
        if privilege in lacking:
            return None
        try:
            return ask()
        except DeniedError as denied:
            missing.extend(each for each in denied.diagnostics if each not in missing)
            return None

    info = asked(account.account, "account:read")
    contacts = asked(account.contacts_total, "contacts:read")
    lists = asked(account.lists, "contacts:lists:read")
    fields = asked(account.custom_fields, "contacts:read")
    refused = any(each.code == "E303" for each in missing)
    return Checkup(
        missing=tuple(missing),
        account=info,
        contacts=contacts,
        lists=None if lists is None else len(lists),
        custom_fields=None if fields is None else len(fields),
        scopes={scope: True if scope in api.scopes_seen else False if refused else None for scope in NEEDED_SCOPES},
        privileges={privilege: privilege in held for privilege in NEEDED_PRIVILEGES},
        calls_left=api.calls_left_today(),
        skew_s=api.clock_skew_s(),
    )
