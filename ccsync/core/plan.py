"""The plan as a value that can be saved, shown, compared and applied, and the rules of its two digests.

The rows of a plan are not here: they are one Parquet file an export, see `Diffed.changes` in `ports/diff.py`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.core.change import Counts
from ccsync.core.fields import Definition
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave, Protection
from ccsync.errors import Diagnostic, Severity, Where

PLAN_FORMAT = 1


class ListAction(StrEnum):
    NONE = "none"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class StateRef:
    """Which state something was made from. `serial` counts generations from 1; 0 with no digest is no state yet."""

    lineage: str
    serial: int
    digest: str


@dataclass(frozen=True, slots=True)
class ListTarget:
    """id is None exactly when action is CREATE."""

    id: ListId | None
    name: str
    action: ListAction = ListAction.NONE


@dataclass(frozen=True, slots=True)
class Estimate:
    api_calls: int = 0
    seconds: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What one source gave: rows read, and the names and sizes of the files read (relative to the config directory)."""

    source: str
    rows: int
    files: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """One export's part of a plan.

    deleted: the export is no longer in the configuration; only its ledger speaks.
    fields: targets in order. mapping: target → digest of its expression, kept so that the next plan can tell a changed
    mapping from changed data. members_before/after: size of the list. desired: usable distinct keys.
    managed: ledger rows of this export that are members. unresolved: removals whose contact id is not known yet.
    people: how many people's data leave to the vendor. changes_sha256: of the changes file. unrecorded: keys that count
    once the export is gone, and that the state doesn't know as they are declared now; recording them is a change.
    filtered: source rows left out on purpose, by reason. definitions: custom field → what the account said of it when
    its values were formatted; without the fields whose definition wasn't known.
    """

    name: ExportName
    connection: ConnectionName
    account: AccountId
    list: ListTarget
    fields: tuple[str, ...]
    mapping: Mapping[str, str]
    on_leave: OnLeave
    on_delete: OnDelete
    members_before: int
    members_after: int
    desired: int
    source_rows: int
    managed: int
    counts: Counts
    held_back: Mapping[str, int]
    unusable: Mapping[str, int]
    fields_changed: Mapping[str, int]
    reasons: Mapping[str, int]
    drift: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Diagnostic, ...] = ()
    batches: tuple[Batch, ...] = ()
    unresolved: int = 0
    people: int = 0
    sources: tuple[SourceRead, ...] = ()
    estimate: Estimate = Estimate()
    deleted: bool = False
    changes_sha256: str = ""
    protection: tuple[Protection, ...] = ()
    unrecorded: tuple[str, ...] = ()
    filtered: Mapping[str, int] = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)

    @property
    def removals(self) -> tuple[Batch, ...]:
        return tuple(batch for batch in self.batches if batch.kind is BatchKind.REMOVAL)

    @property
    def imports(self) -> tuple[Batch, ...]:
        return tuple(batch for batch in self.batches if batch.kind is BatchKind.IMPORT)

    @property
    def has_changes(self) -> bool:
        return self.counts.changes > 0 or self.list.action is ListAction.CREATE or bool(self.unrecorded)

    @property
    def blocked(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. Times are UTC, aware, whole seconds. exports: sorted by name, unchanged ones included.

    accounts: connection → the account its token belongs to; empty for a connection that was not asked (no refresh and
    never seen). allowed: `EXPORT:GUARD` overrides, sorted. complete: false for a plan of named exports only.
    plan_id: see `plan_id_of`. digest: see `digest_of`.
    """

    ccsync: str
    created_at: datetime
    expires_at: datetime
    workspace: str
    refreshed: bool
    complete: bool
    base: StateRef
    config_digest: str
    accounts: Mapping[ConnectionName, AccountId]
    exports: tuple[ExportPlan, ...]
    allowed: tuple[str, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    format: int = PLAN_FORMAT
    plan_id: str = ""
    digest: str = ""

    @property
    def has_changes(self) -> bool:
        """The one place that decides whether there is anything to do."""
        return any(export.has_changes for export in self.exports)

    @property
    def blocked(self) -> bool:
        return any(export.blocked for export in self.exports) or any(
            finding.severity is Severity.ERROR for finding in self.findings
        )

    @property
    def applyable(self) -> bool:
        return self.has_changes and not self.blocked

    def export(self, name: str) -> ExportPlan:
        """The export of that name. Raises KeyError."""
        for export in self.exports:
            if export.name == name:
                return export
        raise KeyError(name)

    def totals(self) -> Counts:
        names = Counts.__dataclass_fields__
        return Counts(**{name: sum(getattr(export.counts, name) for export in self.exports) for name in names})


def sealed(plan: Plan) -> Plan:
    """The plan with its id and digest filled in from everything else."""
    with_id = replace(plan, plan_id=plan_id_of(plan), digest="")
    return replace(with_id, digest=digest_of(with_id))


def plan_id_of(plan: Plan) -> str:
    """sha256 of everything but the times, the id and the digest: the same work has the same id."""
    document = to_document(plan)
    for key in ("created_at", "expires_at", "plan_id", "digest"):
        del document[key]
    return hashlib.sha256(canonical_json(document)).hexdigest()[:16]


def digest_of(plan: Plan) -> str:
    """sha256 of everything but the digest itself, times included, so that no edit goes unseen."""
    document = to_document(plan)
    del document["digest"]
    return hashlib.sha256(canonical_json(document)).hexdigest()


def canonical_json(document: object) -> bytes:
    """One spelling of a JSON document: keys sorted, no blanks, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def to_document(plan: Plan) -> dict[str, Any]:  # Any: a JSON document
    """The plan as the JSON document that a plan file holds. `from_document` is its inverse."""
    document = asdict(plan)
    document["created_at"] = to_text(plan.created_at)
    document["expires_at"] = to_text(plan.expires_at)
    return document


def from_document(document: Mapping[str, Any]) -> Plan:  # Any: a JSON document
    """The inverse of `to_document`. Raises KeyError, TypeError or ValueError for what is no plan."""
    fields = dict(document)
    fields["created_at"] = datetime.fromisoformat(fields["created_at"])
    fields["expires_at"] = datetime.fromisoformat(fields["expires_at"])
    fields["base"] = StateRef(**fields["base"])
    fields["exports"] = tuple(_export(part) for part in fields["exports"])
    fields["allowed"] = tuple(fields["allowed"])
    fields["findings"] = _findings(fields["findings"])
    return Plan(**fields)


def _export(part: Mapping[str, Any]) -> ExportPlan:
    fields = dict(part)
    target = fields["list"]
    fields["list"] = ListTarget(target["id"], target["name"], ListAction(target["action"]))
    fields["on_leave"] = OnLeave(fields["on_leave"])
    fields["on_delete"] = OnDelete(fields["on_delete"])
    fields["protection"] = tuple(Protection(each) for each in fields["protection"])
    fields["unrecorded"] = tuple(fields["unrecorded"])
    fields["counts"] = Counts(**fields["counts"])
    fields["fields"] = tuple(fields["fields"])
    fields["findings"] = _findings(fields["findings"])
    fields["batches"] = tuple(_batch(batch) for batch in fields["batches"])
    fields["sources"] = tuple(
        SourceRead(read["source"], read["rows"], tuple((name, size) for name, size in read["files"]))
        for read in fields["sources"]
    )
    fields["estimate"] = Estimate(**fields["estimate"])
    fields["definitions"] = definitions_from(fields["definitions"])
    return ExportPlan(**fields)


def definitions_from(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Definition]:  # Any: a JSON document
    """Definitions as a document holds them, back as values. Raises KeyError, TypeError or ValueError."""
    return {target: Definition(**{**part, "choices": tuple(part["choices"])}) for target, part in parts.items()}


def _batch(part: Mapping[str, Any]) -> Batch:
    transport = Transport(part["transport"]) if part["transport"] else None
    return Batch(**{**part, "kind": BatchKind(part["kind"]), "transport": transport})


def _findings(parts: Sequence[Mapping[str, Any]]) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            **{
                **part,
                "severity": Severity(part["severity"]),
                "where": Where(**part["where"]) if part["where"] else None,
            }
        )
        for part in parts
    )


def to_text(moment: datetime) -> str:
    """A moment as the text that every document of ours uses: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")
