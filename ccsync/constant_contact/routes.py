"""The only calls that may leave: an allow-list, and the caps checked on the encoded request right before it is sent.

What is not here can't be reached through this package, whatever the code above it asks for: no contact is deleted, no
sign-up form posted, no contact replaced (SURPRISES 2, 3 and 13). How a request is sent is `http.py`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ccsync.core.batch import MAX_REMOVAL_IDS
from ccsync.errors import Diagnostic, RejectedError

MAX_WIRE_BYTES = 4_000_000
"""An import's whole encoded body must be smaller: what lies beyond "4 MB" is dropped without an error, and the vendor
does not say which 4 MB. Source: openapi.yml 3.0.178, /activities/contacts_file_import; FACTS 2.2."""

_ID = r"[A-Za-z0-9_-]{1,64}"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An encoded request. path: below the API's base address. length: of the body, None when it is not known.

    body: None where nothing looks into it (imports, which are large).
    """

    method: str
    path: str
    length: int | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Route:
    """A call and what it needs. Source of scope and privileges: openapi.yml 3.0.178, `security` and
    `x-authorization-privileges` of the operation.

    personal: the body holds people's data, so an error message may echo them. check: raises ValueError.
    """

    method: str
    path: str
    scope: str | None
    privilege: str | None
    personal: bool = False
    check: Callable[[Outgoing], None] | None = None

    @property
    def makes_a_job(self) -> bool:
        return self.method == "POST" and self.path.startswith("/activities/")


def _import_fits(request: Outgoing) -> None:
    if request.length is None or request.length >= MAX_WIRE_BYTES:
        raise ValueError(f"an import body must be under {MAX_WIRE_BYTES:,} bytes; this one has {request.length}")


def _removal_is_by_contact_id(request: Outgoing) -> None:
    document = json.loads(request.body or b"null")
    if not isinstance(document, dict) or set(document) != {"source", "list_ids"}:
        raise ValueError("a removal names a source and a list, nothing else")
    source = document["source"]
    ids = source.get("contact_ids") if isinstance(source, dict) and set(source) == {"contact_ids"} else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_REMOVAL_IDS or not all(map(_is_id, ids)):
        raise ValueError(f"a removal's only source is 1 to {MAX_REMOVAL_IDS} contact ids")
    if not isinstance(document["list_ids"], list) or len(document["list_ids"]) != 1:
        raise ValueError("a removal acts on one list")


def _export_is_filtered(request: Outgoing) -> None:
    document = json.loads(request.body or b"null")
    filters = {key: value for key, value in document.items() if key != "fields"} if isinstance(document, dict) else {}
    lists = filters.get("list_ids")
    by_list = set(filters) == {"list_ids"} and isinstance(lists, list) and len(lists) == 1
    if not by_list and filters != {"status": "unsubscribed"}:
        raise ValueError("an export is of one list or of the unsubscribed; without a filter it is the whole account")


def _is_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_ID, value) is not None


PRIVILEGES = Route("GET", "/account/user/privileges", None, None)

ROUTES = (
    PRIVILEGES,
    Route("GET", "/account/summary", "account_read", "account:read"),
    Route("GET", "/activities", "contact_data", "contacts:write"),
    Route("GET", "/activities/{id}", "contact_data", "contacts:write"),
    Route("GET", "/contact_custom_fields", "contact_data", "contacts:read"),
    Route("GET", "/contact_exports/{id}", "contact_data", "contacts:write"),
    # The spelling of the link in the contract's example; the route is the one above (SURPRISES 21).
    Route("GET", "/contacts_exports/{id}", "contact_data", "contacts:write"),
    Route("GET", "/contact_lists", "contact_data", "contacts:lists:read"),
    # "To be used sparingly" (the contract): only when a person asks for a list by its old number.
    Route("GET", "/contact_lists/list_id_xrefs", "contact_data", "contacts:lists:read"),
    Route("GET", "/contact_lists/{id}", "contact_data", "contacts:lists:read"),
    Route("GET", "/contacts", "contact_data", "contacts:read", personal=True),
    Route("GET", "/contacts/counts", "contact_data", "contacts:read"),
    Route("POST", "/contact_lists", "contact_data", "contacts:lists:write"),
    Route("POST", "/activities/contact_exports", "contact_data", "contacts:write", check=_export_is_filtered),
    Route("POST", "/activities/contacts_file_import", "contact_data", "contacts:write", True, _import_fits),
    Route("POST", "/activities/contacts_json_import", "contact_data", "contacts:write", True, _import_fits),
    Route(
        "POST", "/activities/remove_list_memberships", "contact_data", "contacts:write", check=_removal_is_by_contact_id
    ),
)

NEEDED_PRIVILEGES = tuple(sorted({route.privilege for route in ROUTES if route.privilege}))
NEEDED_SCOPES = tuple(sorted({route.scope for route in ROUTES if route.scope}))

_FIXED: Mapping[tuple[str, str], Route] = {(r.method, r.path): r for r in ROUTES if "{" not in r.path}
_PATTERNS = tuple((r.method, re.compile(r.path.replace("{id}", _ID)), r) for r in ROUTES if "{" in r.path)


def find_route(method: str, path: str) -> Route:
    """The route of a call. path: below the base address, without query. Raises RejectedError (E625) for any other."""
    if route := _FIXED.get((method, path)):
        return route
    for wanted, pattern, route in _PATTERNS:
        if wanted == method and pattern.fullmatch(path):
            return route
    raise not_sent(f"{method} on this address is not a call that ccsync makes")


def check_outgoing(request: Outgoing) -> Route:
    """The last look at a request before it is sent. Raises RejectedError (E625); then nothing was sent."""
    route = find_route(request.method, request.path)
    if route.check is not None:
        try:
            route.check(request)
        except ValueError as error:
            raise not_sent(str(error)) from None
    return route


def not_sent(why: str) -> RejectedError:
    """The error for a request that breaks a rule of ours: a fault of ccsync, stopped before it did harm."""
    return RejectedError(
        Diagnostic(
            "E625",
            "a request was stopped before it was sent, because it broke a safety rule of ccsync",
            detail=f"Rule: {why}.",
            hint="this is a fault in ccsync; please report it",
        )
    )
