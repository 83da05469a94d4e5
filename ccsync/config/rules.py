"""Rules within one declaration that the JSON Schema can't say: addresses, sign-in, lists, tables, orders, secrets.

What is about several declarations is in `check.py`. Data of a wrong shape are passed over: the schema has refused them.
"""

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from ccsync.config.addresses import endpoint_problem, has_password
from ccsync.config.declared import Declared, Path, suppressions
from ccsync.config.findings import name_of
from ccsync.config.interpolate import has_reference, is_malformed, with_defaults
from ccsync.config.listref import ListProblemError, parse_list_id
from ccsync.core.fields import BIRTHDAY, same_place
from ccsync.core.guard import ALLOWABLE, NOT_ALLOWABLE
from ccsync.core.spec import AuthFlow, Channel, OrderBy, SourceType
from ccsync.errors import Diagnostic

# Any: YAML data, not checked yet.

SECRET_KEYS = ("client_secret", "access_token")
"""Of connections: these must be references."""

SECRET_OPTIONS = ("dsn", "uri", "options")
"""Of sources: never shown, though what holds no password may stand in the file."""

NOTIFICATION_SECRETS = ("url", "token")
"""Of notifications: these must be references."""

_REMOTE = [kind.value for kind in SourceType if kind.is_remote]
_FROM_STORES = ("csv", "json", "parquet", "delta")
_STORES = ("s3", "gs", "az")
_STATE = re.compile(f"({'|'.join(_STORES)})://[^/]")
_PASSWORD_KEYS = re.compile(
    r"account_key|access_key$|storage_key|sas_|passw|pwd|secret|token|private|credential|auth_value|authorization", re.I
)
_PASSWORD_IN_DSN = re.compile(r"(?:password|passwd|pwd)\s*=\s*'?(?!\$\{)\S", re.I)
_FLOWS = [flow.value for flow in AuthFlow]  # a list, because what is looked for may be anything
_MANY_TABLES = [SourceType.DUCKDB.value, SourceType.SQLITE.value, SourceType.CDM.value]
_ONE_TABLE = [kind.value for kind in SourceType if kind.value not in _MANY_TABLES and not kind.is_remote]

_ORDER = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^\s"(),]+))(?:\s+(?P<direction>asc|desc))?\s*', re.I)


def check_rules(declared: Declared) -> Iterator[Diagnostic]:
    """Every breach of the rules about particular keys, in the order of the sections."""
    yield from _check_workspace(declared)
    for name, connection in declared.entries("connections"):
        yield from _check_connection(declared, name, connection)
    for name, source in declared.entries("sources"):
        yield from _check_source(declared, name, source)
    for name, segment in declared.entries("segments"):
        yield from _check_segment(declared, name, segment)
    for name, export in declared.entries("exports"):
        yield from _check_export(declared, name, export)
    for name, approval in declared.entries("approvals"):
        yield from _check_approval(declared, name, approval)
    for name, notification in declared.entries("notifications"):
        yield from _check_notification(declared, name, notification)
    for name in declared.data["policy"]:
        if name in (*ALLOWABLE, *NOT_ALLOWABLE):
            yield _error("E103", declared, ("policy", name), "is the name of a guard", "give the rule another name")


def check_values(declared: Declared) -> Iterator[Diagnostic]:
    """Every breach of what holds for any value, wherever it stands."""
    for section, entries in declared.data.items():
        for name, entry in entries.items():
            yield from _check_value(declared, (section, name), entry)


def parse_order(text: str) -> OrderBy | None:
    """`column`, `column asc` or `column desc`, the column in double quotes if it holds blanks. None: it is neither."""
    found = _ORDER.fullmatch(text)
    if found is None or (found["plain"] or "").lower() in ("asc", "desc"):
        return None
    column = found["plain"] or found["quoted"].replace('""', '"')
    return OrderBy(column, descending=(found["direction"] or "").lower() == "desc")


def _check_value(declared: Declared, path: Path, value: Any) -> Iterator[Diagnostic]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _check_value(declared, (*path, key), inner)
        case list():
            for index, inner in enumerate(value):
                yield from _check_value(declared, (*path, index), inner)
        case float() if not math.isfinite(value):
            yield _error("E103", declared, path, "must be a finite number")
        case str() if path[-1] in SECRET_KEYS or (path[0] == "notifications" and path[-1] in NOTIFICATION_SECRETS):
            return
        case str() if is_malformed(value):
            hint = "write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; $${ stands for a plain ${"
            yield _error("E107", declared, path, "holds a ${ that begins no reference", hint)
        case str() if "://" in value and has_password(value):
            hint = "put the password's place as ${env:NAME} or ${file:PATH}, and change the password"
            yield _error("E104", declared, path, "holds a password in plain text", hint)


def _check_workspace(declared: Declared) -> Iterator[Diagnostic]:
    workspace = declared.data["workspace"]
    state = workspace.get("state")
    if isinstance(state, str) and "://" in state and not (_STATE.match(state) or has_reference(state)):
        what = "must be a folder, or an address as in s3://bucket/prefix, gs://bucket/prefix, az://container/prefix"
        yield _error("E103", declared, ("workspace", "state"), what)
    yield from _check_zone(declared, ("workspace", "refresh"), _mapping(workspace.get("refresh")))
    statement = workspace.get("privacy_statement")
    if isinstance(statement, str) and not has_reference(statement) and not statement.lower().startswith("https://"):
        yield _error(
            "E103", declared, ("workspace", "privacy_statement"), "must be a web address that starts with https://"
        )


def _check_zone(declared: Declared, path: Path, data: dict[str, Any]) -> Iterator[Diagnostic]:
    zone = data.get("timezone")
    if isinstance(zone, str) and not has_reference(zone) and not is_zone(zone):
        hint = "write it like Europe/Amsterdam; where a machine knows no time zones at all, `pip install tzdata` helps"
        yield _error("E103", declared, (*path, "timezone"), "is no time zone that is known here", hint)


def _check_connection(declared: Declared, name: str, connection: dict[str, Any]) -> Iterator[Diagnostic]:
    path: Path = ("connections", name)
    for place, entry in suppressions(name, connection):
        yield from _check_table(declared, place, entry)
    yield from _check_auth(declared, path, _mapping(connection.get("auth", {})))
    for key, value in _mapping(connection.get("endpoints")).items():
        if isinstance(value, str) and not has_reference(address := with_defaults(value)):
            problem = endpoint_problem(address)
            if problem is not None:
                yield _error("E118", declared, (*path, "endpoints", key), problem)
    agreed_on = _mapping(connection.get("consent")).get("agreed_on")
    if isinstance(agreed_on, str) and not has_reference(agreed_on) and not _is_day(agreed_on):
        yield _error("E103", declared, (*path, "consent", "agreed_on"), "must be a day, as YYYY-MM-DD")
    poll = _mapping(connection.get("limits")).get("poll_seconds")
    match poll:
        case [int() | float() as first, int() | float() as longest] if first > longest:
            yield _error("E103", declared, (*path, "limits", "poll_seconds"), "must begin with the shorter wait")


def _check_auth(declared: Declared, path: Path, auth: dict[str, Any]) -> Iterator[Diagnostic]:
    flow = auth.get("flow", AuthFlow.DEVICE.value)
    if flow not in _FLOWS:
        return
    place = (*path, "auth")
    if flow != AuthFlow.ACCESS_TOKEN and "client_id" not in auth:
        hint = "the developer portal calls it API key: client_id: ${env:CC_CLIENT_ID}"
        yield Diagnostic(
            "E112", f"the flow {flow} needs `client_id` in `{name_of(place)}`", hint=hint,
            where=declared.where(place, key=True),
        )  # fmt: skip
    for key, its_flow in (("client_secret", AuthFlow.AUTHORIZATION_CODE), ("access_token", AuthFlow.ACCESS_TOKEN)):
        if key in auth and flow != its_flow:
            summary = f"`{key}` in `{name_of(place)}` is only for the flow {its_flow}"
            hint = f"remove it, or write `flow: {its_flow}`"
            yield Diagnostic("E112", summary, hint=hint, where=declared.where((*place, key), key=True))
        elif key not in auth and flow == its_flow:
            summary = f"the flow {flow} needs `{key}` in `{name_of(place)}`"
            hint = f"write {key}: ${{env:CC_{key.upper()}}}"
            yield Diagnostic("E112", summary, hint=hint, where=declared.where(place, key=True))


def _check_source(declared: Declared, name: str, source: dict[str, Any]) -> Iterator[Diagnostic]:
    path = source.get("path")
    if isinstance(path, str) and "://" in path:
        kind, scheme = source.get("type"), path.partition("://")[0]
        if kind not in _FROM_STORES:
            yield _error("E103", declared, ("sources", name, "path"), "must be a path on this machine")
        elif scheme not in _STORES:
            what = "must be a path on this machine, or begin with s3://, gs:// or az://"
            yield _error("E103", declared, ("sources", name, "path"), what)
    if source.get("type") == SourceType.ADBC.value and source.get("driver") == "duckdb":
        hint = "declare a source of type duckdb; this driver would let a query read any file of this machine"
        yield _error("E103", declared, ("sources", name, "driver"), "must not be duckdb", hint)
    hint = "put it as ${env:NAME} or ${file:PATH}, and change the password"
    for key in ("dsn", "uri"):
        text = source.get(key)
        if isinstance(text, str) and _PASSWORD_IN_DSN.search(text):
            yield _error("E104", declared, ("sources", name, key), "holds a password in plain text", hint)
    for key, text in _mapping(source.get("options")).items():
        if isinstance(text, str) and _PASSWORD_KEYS.search(key) and text and not has_reference(text):
            yield _error("E104", declared, ("sources", name, "options", key), "holds a secret in plain text", hint)


def _check_segment(declared: Declared, name: str, segment: dict[str, Any]) -> Iterator[Diagnostic]:
    path: Path = ("segments", name)
    if "where" in segment and "query" in segment:
        summary = f"`{name_of(path)}` takes `where` or `query`, not both"
        hint = "put the condition into the query"
        yield Diagnostic("E103", summary, hint=hint, where=declared.where((*path, "query"), key=True))
    yield from _check_table(declared, path, segment)


def _check_table(declared: Declared, path: Path, segment: dict[str, Any]) -> Iterator[Diagnostic]:
    """What a segment, or a source of people who must not be sent, reads of its source."""
    source = segment.get("source")
    kind = _mapping(declared.data["sources"].get(source)).get("type") if isinstance(source, str) else None
    if kind in _MANY_TABLES and "table" not in segment:
        summary = f"`table` is missing in `{name_of(path)}`: a {kind} source holds several tables"
        yield Diagnostic("E113", summary, where=declared.where(path, key=True))
    if kind in _REMOTE:
        yield from _check_remote(declared, path, segment, kind)
    if kind in _ONE_TABLE and "table" in segment:
        summary = f"`table` has no meaning in `{name_of(path)}`: a {kind} source is one table"
        where = declared.where((*path, "table"), key=True)
        yield Diagnostic("E113", summary, hint="remove it", where=where)


def _check_remote(declared: Declared, path: Path, segment: dict[str, Any], kind: str) -> Iterator[Diagnostic]:
    """A segment of a database elsewhere: what runs there is a query, or a condition on a table."""
    if kind == SourceType.ADBC.value and "query" not in segment:
        summary = f"`query` is missing in `{name_of(path)}`: an adbc source runs a query"
        yield Diagnostic("E113", summary, where=declared.where(path, key=True))
    for key in ("table", "where") if "query" in segment or kind == SourceType.ADBC.value else ():
        if key in segment and (key, kind) != ("where", SourceType.POSTGRES.value):
            summary = f"`{key}` has no meaning in `{name_of(path)}`: its query says it all"
            where = declared.where((*path, key), key=True)
            yield Diagnostic("E113", summary, hint="remove it", where=where)
    if kind == SourceType.POSTGRES.value and "query" not in segment and "table" not in segment:
        summary = f"`table` or `query` is missing in `{name_of(path)}`: a {kind} source holds several tables"
        yield Diagnostic("E113", summary, where=declared.where(path, key=True))


def _check_export(declared: Declared, name: str, export: dict[str, Any]) -> Iterator[Diagnostic]:
    path: Path = ("exports", name)
    yield from _check_zone(declared, (*path, "schedule"), _mapping(export.get("schedule")))
    target, place = export.get("list"), (*path, "list")
    if isinstance(target, dict):
        target, place = target.get("id"), (*place, "id")
    if isinstance(target, str | int | float) and not isinstance(target, bool):
        try:
            parse_list_id(target if isinstance(target, str | int) else int(target))
        except (ListProblemError, ValueError, OverflowError) as problem:
            hint = problem.hint if isinstance(problem, ListProblemError) else None
            yield _error("E105", declared, place, f"names no list: {problem}", hint)
    yield from _check_attributes(declared, (*path, "attributes"), _mapping(export.get("attributes")))
    orders = _mapping(export.get("duplicates")).get("order_by")
    for index, order in enumerate(orders if isinstance(orders, list) else ()):
        if isinstance(order, str) and parse_order(order) is None:
            hint = 'write "column", "column asc" or "column desc"; a column with blanks stands in double quotes'
            yield _error("E114", declared, (*path, "duplicates", "order_by", index), "is no column to order by", hint)


def _check_approval(declared: Declared, name: str, approval: dict[str, Any]) -> Iterator[Diagnostic]:
    path: Path = ("approvals", name)
    if ("plan" in approval) == ("op" in approval):
        hint = "write `plan: ID`, or `op: …`, `max_count: …` and `expires: …`"
        yield _error("E103", declared, path, "must be bound to a plan, or to an op, a count and a day", hint)
    expires = approval.get("expires")
    if isinstance(expires, str) and not has_reference(expires) and not _is_day(expires):
        yield _error("E103", declared, (*path, "expires"), "must be a day, as YYYY-MM-DD")


_NOTIFICATION_KEYS = {Channel.WEBHOOK: ("url", "token"), Channel.SLACK: ("url",), Channel.COMMAND: ("command",)}
"""Kind → what it takes; the first is required."""


def _check_notification(declared: Declared, name: str, notification: dict[str, Any]) -> Iterator[Diagnostic]:
    path: Path = ("notifications", name)
    kind = notification.get("type")
    if kind not in list(Channel):
        return
    required, *_ = takes = _NOTIFICATION_KEYS[Channel(kind)]
    if required not in notification:
        summary = f"`{required}` is missing in `{name_of(path)}`: {kind} needs it"
        yield Diagnostic("E103", summary, where=declared.where(path, key=True))
    for key in ("url", "token", "command"):
        if key in notification and key not in takes:
            yield _error("E103", declared, (*path, key), f"has no meaning for {kind}", "remove it")


def _check_attributes(declared: Declared, path: Path, attributes: dict[str, Any]) -> Iterator[Diagnostic]:
    for part in BIRTHDAY:
        if part in attributes and "birthday" in attributes:
            summary = f"`birthday` and `{part}` in `{name_of(path)}` both say the day of birth"
            hint = "keep `birthday`, which takes a date, or the month and the day"
            yield Diagnostic("E150", summary, hint=hint, where=declared.where((*path, part), key=True))
    for first, other in same_place(list(attributes)):
        summary = f"`{first}` and `{other}` in `{name_of(path)}` are one and the same field of a contact"
        yield Diagnostic("E151", summary, hint="remove one of them", where=declared.where((*path, other), key=True))


def _error(code: str, declared: Declared, path: Path, what: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, f"`{name_of(path)}` {what}", hint=hint, where=declared.where(path))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def is_zone(name: str) -> bool:
    """Whether the machine knows a time zone of this name."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name) is not None
    except (ValueError, OSError, KeyError):  # not found is a KeyError; a folder or a strange path the others
        return False


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
