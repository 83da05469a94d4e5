"""Declarations that were found right → the values of `core/spec.py`, with every default filled in. Nothing is checked.

The defaults of connections, exports and guards are those of the values; of a source's options, those of the schema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from ccsync.config.declared import Declared, Path, suppressions
from ccsync.config.interpolate import has_reference
from ccsync.config.listref import parse_list
from ccsync.config.rules import SECRET_OPTIONS, parse_order
from ccsync.config.validator import config_schema
from ccsync.core.change import Op
from ccsync.core.fields import BIRTHDAY, CUSTOM_FIELD_PREFIX
from ccsync.core.spec import (
    DAYS,
    Approval,
    Auth,
    AuthFlow,
    Bound,
    Channel,
    Column,
    CombinedSegment,
    Connection,
    ConnectionLimits,
    ConnectionName,
    Consent,
    Duplicates,
    Endpoints,
    Export,
    ExportName,
    Expression,
    Field,
    Guards,
    Keep,
    Level,
    Notification,
    OnDelete,
    OnLeave,
    OnNull,
    OnTooLong,
    OrderBy,
    PolicyRule,
    Project,
    Recurrence,
    Roles,
    Schedule,
    Secret,
    Segment,
    SegmentName,
    SetOperation,
    Source,
    SourceName,
    SourceType,
    Sql,
    Suppression,
    TableSegment,
    TokenPlace,
    Trouble,
    Value,
)

# Any: YAML data that the schema has accepted.

DEFAULT_WORKSPACE = "default"
DEFAULT_STATE = ".ccsync"
DEFAULT_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Query:
    """The SQL text of a segment or rule, and the name of the file it was read from as it is shown."""

    text: str
    file: str


def build(
    declared: Declared,
    root: str,
    queries: Mapping[Path, Query],
    secrets: Mapping[tuple[str, str], str],
) -> Project:
    """The project, without its digest.

    queries: where a query stands → its SQL, where that was read from a file. secrets: (connection, key) → what its
    reference led to.
    """
    data = declared.data
    workspace = data["workspace"]
    connections = {
        ConnectionName(name): _connection(name, data["connections"][name], secrets, queries)
        for name in sorted(data["connections"])
    }
    sources = {SourceName(name): _source(name, data["sources"][name], secrets) for name in sorted(data["sources"])}
    segments = {
        SegmentName(name): _segment(name, data["segments"][name], queries.get(("segments", name)))
        for name in sorted(data["segments"])
    }
    shared = workspace.get("guards", {})
    refresh = workspace.get("refresh", {})
    zone = refresh.get("timezone", DEFAULT_ZONE)
    declared_exports = {
        ExportName(name): _export(name, data["exports"][name], shared, zone) for name in sorted(data["exports"])
    }
    return Project(
        root=root,
        name=workspace.get("name", DEFAULT_WORKSPACE),
        state=workspace.get("state", DEFAULT_STATE),
        privacy_statement=workspace.get("privacy_statement"),
        roles=_roles(data["roles"]) if any(section == "roles" for section, _ in declared.documents) else None,
        connections=connections,
        sources=sources,
        segments=segments,
        exports={name: export for name, export in declared_exports.items() if export.connection},
        detached={name: export for name, export in declared_exports.items() if not export.connection},
        digest="",
        policy={
            name: _rule(name, data["policy"][name], queries.get(("policy", name))) for name in sorted(data["policy"])
        },
        notifications=build_notifications(declared, secrets),
        refresh=_recurrence(refresh, zone) if refresh.get("enabled", True) and "times" in refresh else None,
        approvals={name: _approval(name, data["approvals"][name]) for name in sorted(data["approvals"])},
    )


def build_notifications(declared: Declared, secrets: Mapping[tuple[str, str], str]) -> Mapping[str, Notification]:
    data = declared.data["notifications"]
    return {name: _notification(name, data[name], secrets) for name in sorted(data)}


def _notification(name: str, data: dict[str, Any], secrets: Mapping[tuple[str, str], str]) -> Notification:
    def secret(key: str) -> Secret | None:
        return Secret(data[key], secrets.get((name, key))) if key in data else None

    return Notification(
        name=name,
        channel=Channel(data["type"]),
        url=secret("url"),
        token=secret("token"),
        command=tuple(data.get("command", ())),
        events=tuple(Trouble(event) for event in data.get("events", Trouble)),
    )


def _rule(name: str, data: dict[str, Any], query: Query | None) -> PolicyRule:
    return PolicyRule(name, Level(data["level"]), data["message"], query.text if query else data["sql"].strip())


def _approval(name: str, data: dict[str, Any]) -> Approval:
    return Approval(
        name=name,
        allow=data["allow"],
        by=data["by"],
        reason=data["reason"],
        plan=data.get("plan"),
        op=Op(data["op"]) if "op" in data else None,
        max_count=data.get("max_count"),
        expires=date.fromisoformat(data["expires"]) if "expires" in data else None,
    )


def _roles(data: dict[str, Any]) -> Roles:
    return Roles(**{role: tuple(users) for role, users in data.items()})


def _connection(
    name: str, data: dict[str, Any], secrets: Mapping[tuple[str, str], str], queries: Mapping[Path, Query]
) -> Connection:
    available_to = data.get("available_to", "administrators")
    consent = dict(data.get("consent", {}))
    consent["data_privacy"] = consent.get("data_privacy") == "agreed"
    limits = dict(data.get("limits", {}))
    if "requests_per_second" in limits:
        limits["requests_per_second"] = float(limits["requests_per_second"])
    if "poll_seconds" in limits:
        first, longest = limits["poll_seconds"]
        limits["poll_seconds"] = (float(first), float(longest))
    return Connection(
        name=ConnectionName(name),
        display_name=data.get("display_name", name),
        description=data.get("description", ""),
        enabled=data.get("enabled", True),
        available_to=available_to if isinstance(available_to, str) else tuple(available_to),
        consent=Consent(**consent),
        auth=_auth(name, data.get("auth", {}), secrets),
        endpoints=Endpoints(**{key: address.rstrip("/") for key, address in data.get("endpoints", {}).items()}),
        limits=ConnectionLimits(**limits),
        suppress=tuple(_suppression(entry, queries.get(place)) for place, entry in suppressions(name, data)),
    )


def _suppression(data: dict[str, Any], query: Query | None) -> Suppression:
    return Suppression(
        source=SourceName(data["source"]),
        column=data["sha256"] if "sha256" in data else data["email"],
        hashed="sha256" in data,
        table=data.get("table"),
        query=query.text if query else _stripped(data.get("query")),
        query_file=query.file if query else None,
        allow_empty=data.get("allow_empty", False),
    )


def _auth(connection: str, data: dict[str, Any], secrets: Mapping[tuple[str, str], str]) -> Auth:
    def secret(key: str) -> Secret | None:
        return Secret(data[key], secrets.get((connection, key))) if key in data else None

    return Auth(
        flow=AuthFlow(data.get("flow", AuthFlow.DEVICE)),
        client_id=data.get("client_id", ""),
        client_secret=secret("client_secret"),
        access_token=secret("access_token"),
        token_store=TokenPlace(data.get("token_store", TokenPlace.FILE)),
    )


def _source(name: str, data: dict[str, Any], secrets: Mapping[tuple[str, str], str]) -> Source:
    declared_options = config_schema()["definitions"][f"source_{data['type']}"]["properties"]
    options: dict[str, Any] = {
        key: data[key] if key in data else option["default"]
        for key, option in declared_options.items()
        if key not in ("type", "path", *SECRET_OPTIONS) and (key in data or "default" in option)
    }
    hidden = {key: data[key] for key in SECRET_OPTIONS if key in data and key != "options"}
    hidden |= {f"options.{key}": value for key, value in data.get("options", {}).items()}
    options |= {key: _hidden(value, secrets.get((name, key))) for key, value in hidden.items()}
    return Source(SourceName(name), SourceType(data["type"]), data.get("path", ""), options)


def _hidden(text: str, resolved: str | None) -> Secret:
    """An option that is never shown. What holds no reference is its own value."""
    return Secret(text, text if resolved is None and not has_reference(text) else resolved)


def _segment(name: str, data: dict[str, Any], query: Query | None) -> Segment:
    display_name = data.get("display_name")
    if "source" in data:
        return TableSegment(
            name=SegmentName(name),
            source=SourceName(data["source"]),
            table=data.get("table"),
            where=data.get("where"),
            query=query.text if query else _stripped(data.get("query")),
            query_file=query.file if query else None,
            display_name=display_name,
            static=data.get("type") == "static",
            active=data.get("state") != "inactive",
        )
    if "except" in data:
        operation, names = SetOperation.EXCEPT, [data["except"]["base"], *data["except"]["minus"]]
    else:
        operation = SetOperation.ANY_OF if "any_of" in data else SetOperation.ALL_OF
        names = data[operation.value]
    return CombinedSegment(SegmentName(name), operation, tuple(SegmentName(part) for part in names), display_name)


def _stripped(sql: str | None) -> str | None:
    return None if sql is None else sql.strip()


def _export(name: str, data: dict[str, Any], shared_guards: dict[str, Any], zone: str) -> Export:
    return Export(
        name=ExportName(name),
        display_name=data.get("display_name", name),
        connection=ConnectionName(data["connection"] or ""),
        list=parse_list(data["list"]),
        segments=tuple(SegmentName(segment) for segment in data["segments"]),
        email=_expression(data["data_matching"]["email"]),
        fields=tuple(_fields(data)),
        require=data.get("require"),
        on_leave=OnLeave(data.get("on_leave", OnLeave.REMOVE_FROM_LIST)),
        on_delete=OnDelete(data.get("on_delete", OnDelete.KEEP_MEMBERS)),
        duplicates=_duplicates(data.get("duplicates", {})),
        guards=_guards(shared_guards, data.get("guards", {})),
        max_profiles=data.get("limits", {}).get("max_profiles", 1_000_000),
        prevent_delete=data.get("prevent_delete", False),
        schedule=_schedule(data.get("schedule", {}), zone),
    )


def _schedule(data: dict[str, Any], zone: str) -> Schedule:
    return Schedule(data.get("active", True), _recurrence(data, zone) if "times" in data else None)


def _recurrence(data: dict[str, Any], zone: str) -> Recurrence:
    times = sorted(time.fromisoformat(text) for text in data["times"])
    days = sorted(DAYS.index(day) for day in data.get("days", ()))
    return Recurrence(tuple(times), tuple(days), data.get("timezone", zone))


def _fields(data: dict[str, Any]) -> Iterator[Field]:
    """`birthday` becomes two fields: the month and the day of one date."""
    for target, value in data.get("attributes", {}).items():
        for part in BIRTHDAY if target == "birthday" else (target,):
            yield _field(part, value, data, of_date=target == "birthday")
    for target, value in data.get("custom_fields", {}).items():
        yield _field(CUSTOM_FIELD_PREFIX + target, value, data)


def _field(target: str, value: str | dict[str, Any], export: dict[str, Any], *, of_date: bool = False) -> Field:
    own = value if isinstance(value, dict) else {}
    return Field(
        target,
        _expression(value),
        on_too_long=OnTooLong(own.get("on_too_long", export.get("on_too_long", OnTooLong.UNUSABLE))),
        on_null=OnNull(own.get("on_null", export.get("on_null", OnNull.KEEP))),
        of_date=of_date,
    )


def _expression(value: str | dict[str, Any]) -> Expression:
    match value:
        case {"column": column}:
            return Column(column)
        case {"sql": text}:
            return Sql(text)
        case {"value": text}:
            return Value(str(text))
        case _:
            return Column(str(value))


def _duplicates(data: dict[str, Any]) -> Duplicates:
    orders = (parse_order(order) for order in data.get("order_by", ()))
    order_by: tuple[OrderBy, ...] = tuple(order for order in orders if order is not None)
    return Duplicates(Keep(data.get("keep", Keep.FIRST)), order_by)


def _guards(shared: dict[str, Any], own: dict[str, Any]) -> Guards:
    """Each key of the export's over the workspace's over the default; bounds side by side."""
    defaults = Guards()
    merged: dict[str, Any] = {}
    for key in {**shared, **own}:
        default = getattr(defaults, key)
        if isinstance(default, Bound):
            sides = {"percent": default.percent, "rows": default.rows, **shared.get(key, {}), **own.get(key, {})}
            percent, rows = _limit(sides["percent"]), _limit(sides["rows"])
            merged[key] = Bound(None if percent is None else float(percent), None if rows is None else int(rows))
        else:
            merged[key] = _limit(own.get(key, shared.get(key)))
    return Guards(**merged)


def _limit(value: Any) -> Any:
    return None if value == "none" else value
