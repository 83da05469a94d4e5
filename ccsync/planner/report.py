"""What a plan says of each export: counts, findings of the guards, warnings, cost. Fetches nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from ccsync.core.change import zero_filtered, zero_unusable
from ccsync.core.cost import SHARED_CALLS, estimate
from ccsync.core.fields import CUSTOM_FIELD_PREFIX
from ccsync.core.growth import growth_findings
from ccsync.core.guard import GONE_PERCENT, Measures, check_guards, day_quota
from ccsync.core.plan import Estimate, ExportPlan, ListAction, Plan
from ccsync.core.spec import AccountId, ConnectionName, Guards, OnDelete, Project
from ccsync.errors import Diagnostic, Severity
from ccsync.planner.deletion import absent_exports, deletion_refused, protection_of, unrecorded
from ccsync.planner.evidence import Evidence, mapping_of, on_leave_of
from ccsync.planner.targets import Account, PlanOptions, Target
from ccsync.ports.desired import Desired
from ccsync.ports.diff import Diffed
from ccsync.ports.ledger import Snapshot


def export_plan(
    target: Target,
    diffed: Diffed,
    evidence: Evidence,
    options: PlanOptions,
    account_adds: int,
    targets: Sequence[Target],
) -> ExportPlan:
    """One export's part of the plan. account_adds: people to add over all planned exports of its account. targets:
    every export that this one may share a list with."""
    desired = evidence.desired.get(target.name) if target.export else None
    found, counts = diffed.counts, diffed.counts.counts
    before = found.live if found.live is not None else found.managed
    limits = target.account.connection.limits
    return ExportPlan(
        name=target.name,
        connection=target.account.connection.name,
        account=target.account.id,
        list=target.list,
        fields=target.fields,
        mapping=mapping_of(target),
        on_leave=on_leave_of(target),
        on_delete=target.export.on_delete if target.export else _ledger_on_delete(target),
        members_before=before,
        members_after=before + counts.add - counts.remove,
        desired=desired.size if desired else 0,
        source_rows=desired.rows if desired else 0,
        managed=found.managed,
        counts=counts,
        held_back=found.held_back,
        unusable=desired.unusable if desired else zero_unusable(),
        fields_changed=found.fields_changed,
        reasons=found.reasons,
        drift=found.drift,
        findings=_findings(target, diffed, desired, evidence, options, account_adds, targets),
        batches=diffed.batches,
        unresolved=diffed.unresolved,
        people=diffed.people,
        sources=desired.sources if desired else (),
        estimate=estimate(target.list, diffed.batches, diffed.unresolved, before, limits),
        deleted=target.export is None,
        protection=protection_of(target),
        unrecorded=unrecorded(target),
        changes_sha256=file_digest(diffed.changes),
        filtered=desired.filtered if desired else zero_filtered(),
        definitions=target.definitions,
    )


def _ledger_on_delete(target: Target) -> OnDelete:
    return target.ledger.on_delete if target.ledger else OnDelete.KEEP_MEMBERS


def _findings(
    target: Target,
    diffed: Diffed,
    desired: Desired | None,
    evidence: Evidence,
    options: PlanOptions,
    account_adds: int,
    targets: Sequence[Target],
) -> tuple[Diagnostic, ...]:
    guards = target.export.guards if target.export else Guards(min_rows=0)
    found, counts = diffed.counts, diffed.counts.counts
    measures = Measures(
        desired=desired.size if desired else 0,
        rows=desired.rows if desired else 0,
        unusable=desired.blocking if desired else 0,
        managed=found.managed,
        previous=target.ledger.desired if target.ledger and target.export else None,
        adds=counts.add,
        account_adds=account_adds,
        updates=counts.update,
        removes=counts.remove,
        max_profiles=target.export.max_profiles if target.export else 0,
        max_contacts=target.account.connection.limits.max_contacts,
        account_contacts=target.account.contacts,
    )
    return (
        *target.notes,
        *(desired.findings if desired else ()),
        *check_guards(target.name, guards, measures, options.allowed),
        *_conflict_findings(target, evidence),
        *_list_findings(target, diffed),
        *deletion_refused(target, targets),
        *_field_findings(target),
    )


def _conflict_findings(target: Target, evidence: Evidence) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            "E117",
            f"{target.name} and another export want different values of {name} for {people:,} people",
            Severity.WARNING,
            detail="Neither writes that field of these people.",
            hint="let one export own the field, or make both map it the same way",
        )
        for name, people in sorted(evidence.conflicts.get(target.name, {}).items())
    )


def _list_findings(target: Target, diffed: Diffed) -> tuple[Diagnostic, ...]:
    found = diffed.counts
    notes = []
    if target.export and target.ledger is None and found.live:
        notes.append(
            Diagnostic(
                "W510",
                f"the list of {target.name} has {found.live:,} members already",
                Severity.WARNING,
                detail="Who left it earlier can't be known: such people may be added again.",
            )
        )
    if found.suppressed_stay:
        notes.append(
            Diagnostic(
                "W430",
                f"{found.suppressed_stay:,} suppressed people are members of the list of {target.name} and not ours",
                Severity.WARNING,
                detail="ccsync did not put them there, so it doesn't take them off.",
                hint="take them off the list in Constant Contact, or `ccsync import` the list with --own",
            )
        )
    if found.managed and 100 * found.gone > GONE_PERCENT * found.managed:
        notes.append(
            Diagnostic(
                "W511",
                f"{found.gone:,} of {found.managed:,} members of {target.name} are gone since the last run",
                Severity.WARNING,
                detail="They left, or somebody removed them. They are held back until `ccsync readmit`.",
            )
        )
    return tuple(notes)


def _field_findings(target: Target) -> tuple[Diagnostic, ...]:
    unknown = [
        name for name in target.fields if name.startswith(CUSTOM_FIELD_PREFIX) and name not in target.definitions
    ]
    if target.export is None or not unknown:
        return ()
    return (
        Diagnostic(
            "W433",
            f"{target.name}: the types of its custom fields are not known: {', '.join(unknown)}",
            Severity.WARNING,
            detail="Their values are planned as they stand. `apply` sends nothing if one doesn't fit its field.",
            hint="plan without --no-refresh",
        ),
    )


def with_quota(
    exports: tuple[ExportPlan, ...], accounts: Mapping[ConnectionName, Account], options: PlanOptions
) -> tuple[ExportPlan, ...]:
    """Adds E507 to every export of a connection whose calls do not fit in what is left of the day."""
    findings: dict[ConnectionName, int] = {}
    for name, account in accounts.items():
        mine = [export for export in exports if export.connection == name and export.has_changes]
        calls = sum(export.estimate.api_calls for export in mine)
        if mine and account.reader is not None:
            findings[name] = calls + SHARED_CALLS
    return tuple(_quota_checked(export, accounts, findings, options) for export in exports)


def _quota_checked(
    export: ExportPlan,
    accounts: Mapping[ConnectionName, Account],
    calls: Mapping[ConnectionName, int],
    options: PlanOptions,
) -> ExportPlan:
    account = accounts[export.connection]
    if export.connection not in calls or not export.has_changes or account.reader is None:
        return export
    limits = account.connection.limits
    left = account.reader.calls_left_today()
    finding = day_quota(export.name, calls[export.connection], left, limits.requests_per_day, options.allowed)
    return replace(export, findings=(*export.findings, finding)) if finding else export


def plan_findings(project: Project, snapshot: Snapshot, options: PlanOptions) -> tuple[Diagnostic, ...]:
    """Warnings that belong to no export of the plan."""
    notes = list(absent_exports(project, snapshot))
    if not options.refresh:
        notes.append(
            Diagnostic(
                "W513",
                "live was not read (--no-refresh)",
                Severity.WARNING,
                detail="The plan compares with the ledger alone. `apply` reads live before it sends anything.",
            )
        )
    return tuple(notes)


def account_findings(planned: Sequence[Target], adds: Mapping[AccountId, int]) -> tuple[Diagnostic, ...]:
    """Warnings about how large accounts become, once each. adds: people to add over all planned exports."""
    accounts = {target.account.id: target.account for target in planned}
    return tuple(
        finding
        for name, account in sorted(accounts.items())
        for finding in growth_findings(account.connection, account.contacts, adds.get(name, 0))
    )


def total_estimate(plan: Plan) -> Estimate:
    """What a whole plan costs, with what the exports of a connection share counted once a connection."""
    mine = [export.estimate for export in plan.exports if export.has_changes]
    shared = len({export.connection for export in plan.exports if export.has_changes}) * SHARED_CALLS
    return Estimate(
        sum(part.api_calls for part in mine) + shared,
        sum(part.seconds for part in mine),
        sum(part.bytes for part in mine),
    )


def new_lists(plan: Plan) -> int:
    return sum(1 for export in plan.exports if export.list.action is ListAction.CREATE)


def file_digest(path: Path) -> str:
    """sha256 of a changes file, in hexadecimal."""
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
