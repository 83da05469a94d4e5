"""What the three-way tables are made of, fetched once and shared by the exports. Decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from ccsync.core.event import RefreshFinished, RefreshStarted, SegmentRead
from ccsync.core.plan import canonical_json
from ccsync.core.spec import AccountId, Column, Export, ExportName, Expression, OnDelete, OnLeave, Sql, Value
from ccsync.planner.targets import Target
from ccsync.ports.clock import Sink
from ccsync.ports.desired import Desired, Desires
from ccsync.ports.diff import DiffRequest, Sibling
from ccsync.ports.ledger import Snapshot
from ccsync.ports.live import Live, LiveFile


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the three-way tables are made of, fetched once and shared."""

    desired: Mapping[ExportName, Desired]
    conflicts: Mapping[ExportName, Mapping[str, int]]
    live: Mapping[tuple[AccountId, str], LiveFile | None] = field(default_factory=dict)
    unsubscribed: Mapping[AccountId, LiveFile] = field(default_factory=dict)


def desired_evidence(planned: Sequence[Target], targets: Sequence[Target], desires: Desires, sink: Sink) -> Evidence:
    """Desired members of the planned exports and of those they share a list or a field with."""
    desired: dict[ExportName, Desired] = {}
    for target in targets:
        if target.export is None or not any(_concerns(target, other) for other in planned):
            continue
        desired[target.name] = found = desires.desired(target.export, target.definitions)
        sink(SegmentRead(target.name, found.rows, found.size))
    conflicts: dict[ExportName, Mapping[str, int]] = {}
    for account in {target.account.id for target in targets}:
        names = [t.name for t in targets if t.account.id == account and t.name in desired]
        if len(names) > 1:
            conflicts.update(desires.conflicts({name: desired[name] for name in names}))
    return Evidence(desired, conflicts)


def _concerns(target: Target, other: Target) -> bool:
    if target.name == other.name:
        return True
    if target.account.id != other.account.id:
        return False
    return target.place == other.place or bool(set(target.fields) & set(other.fields))


def refreshed(planned: Sequence[Target], evidence: Evidence, workdir: Path, sink: Sink) -> Evidence:
    """Reads each list once, and the account's unsubscribed contacts once."""
    live: dict[tuple[AccountId, str], LiveFile | None] = {}
    unsubscribed: dict[AccountId, LiveFile] = {}
    for target in planned:
        reader = target.account.reader
        assert reader is not None, "a refreshed plan has a reader for each account"
        if target.account.id not in unsubscribed:
            sink(RefreshStarted(target.account.connection.name, "unsubscribed contacts"))
            unsubscribed[target.account.id] = reader.export_unsubscribed(workdir)
            sink(RefreshFinished(target.account.connection.name, "unsubscribed contacts"))
        if target.place in live:
            continue
        list_id = target.list.id
        if list_id is None or _list_is_gone(target):
            live[target.place] = None
            continue
        fields = tuple(sorted({name for other in planned if other.place == target.place for name in other.fields}))
        sink(RefreshStarted(target.account.connection.name, target.list.name))
        live[target.place] = reader.export_members(list_id, fields, workdir)
        sink(RefreshFinished(target.account.connection.name, target.list.name, target.members))
    return replace(evidence, live=live, unsubscribed=unsubscribed)


def _list_is_gone(target: Target) -> bool:
    """Only a deleted export may have a list that is gone: a declared one was refused before (E601)."""
    return target.export is None and target.list.id not in {known.id for known in target.account.lists or ()}


def diff_request(
    target: Target, targets: Sequence[Target], evidence: Evidence, snapshot: Snapshot, desires: Desires
) -> DiffRequest:
    live = None
    if target.place in evidence.live:
        live = Live(evidence.live[target.place], evidence.unsubscribed[target.account.id])
    export = target.export
    return DiffRequest(
        name=target.name,
        fields=target.fields,
        mapping=mapping_of(target),
        ledger_mapping=target.ledger.mapping if target.ledger else {},
        on_leave=on_leave_of(target),
        account=target.account.id,
        list_id=target.list.id,
        export=export,
        desired=evidence.desired.get(target.name),
        ledger=target.ledger.path if target.ledger else None,
        siblings=tuple(
            _sibling(other, evidence) for other in targets if other.name != target.name and other.place == target.place
        ),
        optouts=snapshot.optouts,
        live=live,
        present=(lambda keys: desires.in_source(export, keys)) if export else None,
    )


def _sibling(target: Target, evidence: Evidence) -> Sibling:
    desired = evidence.desired.get(target.name) if target.export else None
    return Sibling(
        target.name,
        target.ledger.path if target.ledger else None,
        desired.relation if desired else None,
        on_leave_of(target),
        desired.unusable_relation if desired else None,
        stays=target.detached or target.is_protected,
        suppressed=desired.suppressed if desired else None,
    )


def on_leave_of(target: Target) -> OnLeave:
    if target.export is not None:
        return target.export.on_leave
    if target.ledger is not None and target.ledger.on_delete is OnDelete.REMOVE_MEMBERS:
        return OnLeave.REMOVE_FROM_LIST
    return OnLeave.KEEP


def mapping_of(target: Target) -> Mapping[str, str]:
    if target.export is None:
        return target.ledger.mapping if target.ledger else {}
    return mapping_digests(target.export)


def mapping_digests(export: Export) -> Mapping[str, str]:
    """Target → digest of its expression."""
    return {f.target: expression_digest(f.expression) for f in export.fields}


def expression_digest(expression: Expression) -> str:
    """Names an expression, so that the next plan can tell a changed mapping from changed data."""
    match expression:
        case Column(name):
            return _short_digest("column", name)
        case Sql(text):
            return _short_digest("sql", text)
        case Value(text):
            return _short_digest("value", text)


def _short_digest(*parts: str) -> str:
    return sha256(canonical_json(parts)).hexdigest()[:16]
