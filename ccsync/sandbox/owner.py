"""The calls on the account itself: its summary, its address, the caller's rights.

Source: SW#P/account/summary, SW#P/account/user/privileges, FACTS 8.
"""

from __future__ import annotations

from ccsync.sandbox.account import PRIVILEGES
from ccsync.sandbox.service import Answer, Call


def get_summary(call: Call) -> Answer:
    """GET /account/summary."""
    body = dict(call.service.account.owner)
    extra = call.query.get("extra_fields", ())
    if "physical_address" in extra:
        body["physical_address"] = dict(call.service.account.physical_address)
    if "company_logo" in extra:
        body["company_logo"] = {"url": "", "external_url": "", "internal_id": ""}
    return Answer(body=body)


def put_summary(call: Call) -> Answer:
    """PUT /account/summary: partial; read-only properties are ignored."""
    account = call.service.account
    with account.lock:
        changes = {name: value for name, value in call.body.items() if value is not None}
        changes.pop("encoded_account_id", None)
        account.owner |= changes
        body = dict(account.owner)
    call.service.save()
    return Answer(body=body)


def get_privileges(call: Call) -> Answer:
    """GET /account/user/privileges: needs a token, but neither scope nor right."""
    held = set(call.service.account.privileges)
    return Answer(
        body=[{"privilege_id": number, "privilege_name": name} for number, name in PRIVILEGES if name in held]
    )
