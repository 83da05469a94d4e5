"""What users declare, as values: project, connections, sources, segments and exports. Nothing here reads a file.

Built by `config/`; every other room reads these and none changes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import NewType

from ccsync.core.change import Op

ExportName = NewType("ExportName", str)
ConnectionName = NewType("ConnectionName", str)
SourceName = NewType("SourceName", str)
SegmentName = NewType("SegmentName", str)
ListId = NewType("ListId", str)
AccountId = NewType("AccountId", str)


class AuthFlow(StrEnum):
    DEVICE = "device"
    PKCE = "pkce"
    AUTHORIZATION_CODE = "authorization_code"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of a flow, not a secret


class TokenPlace(StrEnum):
    """Where the sign-in of a connection is kept."""

    FILE = "file"
    KEYRING = "keyring"
    ENV = "env"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must not be shown. `reference` is what stands in the file, `value` what it resolved to.

    `value` is None when the project was loaded without resolving references (`validate`). repr and str show neither.
    """

    reference: str
    value: str | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Auth:
    flow: AuthFlow = AuthFlow.DEVICE
    client_id: str = ""
    client_secret: Secret | None = None
    access_token: Secret | None = None
    token_store: TokenPlace = TokenPlace.FILE


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base addresses without a trailing slash. Source: FACTS 1.1."""

    api: str = "https://api.cc.email/v3"
    auth: str = "https://authz.constantcontact.com/oauth2/default/v1"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Rates are requests; `max_contacts` is the contract's number of active contacts, None when not stated.

    poll_seconds: first and longest wait between two looks at running jobs; each wait is 1.5 times the one before.
    """

    requests_per_second: float = 4.0
    requests_per_day: int = 10_000
    max_open_activities: int = 10
    max_contacts: int | None = None
    poll_seconds: tuple[float, float] = (1.0, 15.0)


@dataclass(frozen=True, slots=True)
class Consent:
    data_privacy: bool = False
    agreed_by: str | None = None
    agreed_on: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """Where people stand who must never be sent over a connection: erased, do not mail.

    column: of their addresses, or (hashed) of the lower-case hexadecimal sha256 of their canonical addresses.
    table, query, query_file: as of a TableSegment. allow_empty: nobody in it is no error.
    """

    source: SourceName
    column: str
    hashed: bool = False
    table: str | None = None
    query: str | None = None
    query_file: str | None = None
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """available_to: `administrators`, `administrators_and_contributors`, or the users themselves.

    enabled: False keeps everything as it is and sends nothing.
    """

    name: ConnectionName
    display_name: str
    description: str = ""
    available_to: str | tuple[str, ...] = "administrators"
    enabled: bool = True
    consent: Consent = Consent()
    auth: Auth = Auth()
    endpoints: Endpoints = Endpoints()
    limits: ConnectionLimits = ConnectionLimits()
    suppress: tuple[Suppression, ...] = ()


class SourceType(StrEnum):
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    DUCKDB = "duckdb"
    SQLITE = "sqlite"
    CDM = "cdm"
    POSTGRES = "postgres"
    ADBC = "adbc"
    DELTA = "delta"

    @property
    def is_remote(self) -> bool:
        """Whether a segment's `where` and `query` run in the source itself, in its own SQL."""
        return self in (SourceType.POSTGRES, SourceType.ADBC)


@dataclass(frozen=True, slots=True)
class Source:
    """path: relative to the config directory unless absolute; may be a glob for csv, json and parquet; empty for what
    is no file.

    options: per type, as the schema names them (for csv: delimiter, header, …); those of a mapping as `mapping.key`.
    """

    name: SourceName
    type: SourceType
    path: str
    options: Mapping[str, str | int | float | bool | Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableSegment:
    """Rows of one source. At most one of `where` and `query` is set; `query` is SQL text over the relation `source`, or
    of the database over its tables where the source is remote.

    static: its members change by hand only. active: it is rebuilt with the others. Both are what its maker declares.

    table: required by sources that hold several tables, absent otherwise.
    query_file: where the SQL text was read from, for messages.
    """

    name: SegmentName
    source: SourceName
    table: str | None = None
    where: str | None = None
    query: str | None = None
    query_file: str | None = None
    display_name: str | None = None
    static: bool = False
    active: bool = True


class SetOperation(StrEnum):
    ANY_OF = "any_of"
    ALL_OF = "all_of"
    EXCEPT = "except"


@dataclass(frozen=True, slots=True)
class CombinedSegment:
    """A set of other segments. For `except`, the first operand is the base and the others are taken away."""

    name: SegmentName
    operation: SetOperation
    operands: tuple[SegmentName, ...]
    display_name: str | None = None


Segment = TableSegment | CombinedSegment


@dataclass(frozen=True, slots=True)
class Column:
    name: str


@dataclass(frozen=True, slots=True)
class Sql:
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    text: str


Expression = Column | Sql | Value


class OnTooLong(StrEnum):
    UNUSABLE = "unusable"
    TRUNCATE = "truncate"


class OnNull(StrEnum):
    KEEP = "keep"
    SKIP_ROW = "skip_row"


@dataclass(frozen=True, slots=True)
class Field:
    """target: `first_name`, …, or `cf:NAME` for a custom field; the name used in counts, plan columns and messages.

    of_date: the expression gives a date, and the target is a part of it.
    """

    target: str
    expression: Expression
    on_too_long: OnTooLong = OnTooLong.UNUSABLE
    on_null: OnNull = OnNull.KEEP
    of_date: bool = False


class OnLeave(StrEnum):
    REMOVE_FROM_LIST = "remove_from_list"
    KEEP = "keep"


class OnDelete(StrEnum):
    KEEP_MEMBERS = "keep_members"
    REMOVE_MEMBERS = "remove_members"


class Protection(StrEnum):
    """What `prevent_delete` stands on. EXPORT: the export must not be deleted. LIST: no deletion of an export takes
    anybody off the list."""

    EXPORT = "export"
    LIST = "list"


class Keep(StrEnum):
    FIRST = "first"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OrderBy:
    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Duplicates:
    keep: Keep = Keep.FIRST
    order_by: tuple[OrderBy, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """Either side may be None (no such bound). Both are compared with `>`."""

    percent: float | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Guards:
    """What stops a plan. Source of the defaults: the public contract, section 6."""

    min_rows: int = 1
    allow_empty: bool = False
    max_remove: Bound = Bound(percent=20)
    max_update: Bound = Bound(percent=60)
    max_unusable: Bound = Bound(percent=5)
    max_source_drop: Bound = Bound(percent=50)
    max_new_contacts: int | None = None


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Of a week, in order: `Recurrence.days` counts along them."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """times: of day, one to four, in order. days: of the week, Monday 0, in order; empty for every day. timezone: an
    IANA name."""

    times: tuple[time, ...]
    days: tuple[int, ...] = ()
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Schedule:
    """active: whether `run --due` and `run --all` take the export. own: None for with every refresh."""

    active: bool = True
    own: Recurrence | None = None


@dataclass(frozen=True, slots=True)
class ListRef:
    """Exactly one of `id` and `name` is set; `create` only with `name`."""

    id: ListId | None = None
    name: str | None = None
    create: bool = False
    prevent_delete: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """fields: in the order of the file, attributes before custom fields; e-mail is `email`, not a field.

    require: SQL condition over the columns of the segments; rows for which it is not true are never sent.
    """

    name: ExportName
    display_name: str
    connection: ConnectionName
    list: ListRef
    segments: tuple[SegmentName, ...]
    email: Expression
    fields: tuple[Field, ...] = ()
    require: str | None = None
    on_leave: OnLeave = OnLeave.REMOVE_FROM_LIST
    on_delete: OnDelete = OnDelete.KEEP_MEMBERS
    duplicates: Duplicates = Duplicates()
    guards: Guards = Guards()
    max_profiles: int = 1_000_000
    prevent_delete: bool = False
    schedule: Schedule = Schedule()

    @property
    def protection(self) -> tuple[Protection, ...]:
        """What stands in the state for as long as it is not lifted, also when the export is no longer declared."""
        given = {Protection.EXPORT: self.prevent_delete, Protection.LIST: self.list.prevent_delete}
        return tuple(kind for kind, wanted in given.items() if wanted)


@dataclass(frozen=True, slots=True)
class Roles:
    administrators: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    viewers: tuple[str, ...] = ()


class Level(StrEnum):
    """What a finding of a policy rule does: it is said; it blocks until it is allowed; it blocks."""

    ADVISORY = "advisory"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule about plans. sql: one SELECT over `plan_summary` and `plan_changes`; each of its rows is a finding.

    message: what is wrong then, in the words of whoever wrote the rule.
    """

    name: str
    level: Level
    message: str
    sql: str


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved in review. allow: `EXPORT:GUARD`, `EXPORT:RULE` or `*:RULE`.

    Bound to a plan's id (`plan`), or to at most `max_count` changes of kind `op`, up to and with the day `expires`
    (UTC).
    """

    name: str
    allow: str
    by: str
    reason: str
    plan: str | None = None
    op: Op | None = None
    max_count: int | None = None
    expires: date | None = None


class Channel(StrEnum):
    WEBHOOK = "webhook"
    SLACK = "slack"
    COMMAND = "command"


class Trouble(StrEnum):
    """What can be told of: a run that failed; one that a guard or a rule blocks; many more people held back than
    before; a sign-in that ends before the next run."""

    FAILURE = "failure"
    GUARD = "guard"
    HELD_BACK = "held_back"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class Notification:
    """Whom to tell of what. url: of WEBHOOK and SLACK; token: of WEBHOOK at most; command: of COMMAND, its words."""

    name: str
    channel: Channel
    url: Secret | None = None
    token: Secret | None = None
    command: tuple[str, ...] = field(default=(), repr=False)
    events: tuple[Trouble, ...] = tuple(Trouble)


@dataclass(frozen=True, slots=True)
class Project:
    """Everything the files declare. `root` is the absolute config directory; mappings keep sorted-by-name order.

    roles: None when the files have no such section (then every user is an administrator).
    refresh: when everything is synced; None when it is not declared or switched off.
    state: a path relative to `root` unless absolute. digest: of the meaning, not the spelling, of all files.
    detached: exports with `connection: null`, whose connection is empty here. They are declared, and do not run.
    """

    root: str
    name: str
    state: str
    privacy_statement: str | None
    roles: Roles | None
    connections: Mapping[ConnectionName, Connection]
    sources: Mapping[SourceName, Source]
    segments: Mapping[SegmentName, Segment]
    exports: Mapping[ExportName, Export]
    digest: str
    policy: Mapping[str, PolicyRule] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    detached: Mapping[ExportName, Export] = field(default_factory=dict)
    refresh: Recurrence | None = None
    notifications: Mapping[str, Notification] = field(default_factory=dict)
