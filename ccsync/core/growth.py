"""What a plan does to the number of active contacts that an account is billed and watched by. Pure; blocks nothing.

The fee follows the highest number reached. Passing a number of contacts that differs by account and that the vendor
keeps to itself can trigger a review, during which the account sends nothing. Source: KB 51160, KB 45172 (FACTS 8).
"""

from ccsync.core.spec import Connection
from ccsync.errors import Diagnostic, Severity

REVIEW_ROWS, REVIEW_PERCENT = 1_000, 10
"""More new contacts than this, that are also more than this share of the account, are worth a warning. Our choice: the
vendor's own number is not known, and users report reviews from about a thousand new contacts on."""

NEAR_PERCENT = 90


def growth_findings(connection: Connection, contacts: int | None, adds: int) -> tuple[Diagnostic, ...]:
    """Warnings about an account. contacts: active ones now, None when not asked. adds: people to add over all exports;
    some may be contacts already, so what comes of it is an upper bound."""
    if contacts is None or not adds:
        return ()
    found = (_review(connection, contacts, adds), _near_limit(connection, contacts + adds))
    return tuple(finding for finding in found if finding is not None)


def _review(connection: Connection, contacts: int, adds: int) -> Diagnostic | None:
    if adds < REVIEW_ROWS or 100 * adds < REVIEW_PERCENT * contacts:
        return None
    return Diagnostic(
        "W311",
        f"{adds:,} new contacts on connection {connection.name}: {contacts:,} active contacts become up to"
        f" {contacts + adds:,}",
        Severity.WARNING,
        detail="Growth like this can trigger a list review at Constant Contact: all sending then stops until a phone"
        " call.",
        hint="know how these people gave their consent, or let the list grow in steps (`guards.max_new_contacts`)",
    )


def _near_limit(connection: Connection, projected: int) -> Diagnostic | None:
    limit = connection.limits.max_contacts
    if limit is None or not NEAR_PERCENT * limit < 100 * projected <= 100 * limit:
        return None
    return Diagnostic(
        "W312",
        f"connection {connection.name} comes to up to {projected:,} of {limit:,} contacts that the contract allows",
        Severity.WARNING,
        detail="The fee follows the highest number of active contacts in a billing period.",
        hint="see what the contract says beyond that number; a plan that passes it is blocked (max_contacts)",
    )
