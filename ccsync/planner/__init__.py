"""The first use case: what would change. Orders the work and knows no SQL, HTTP, file or terminal.

For each export: its list, its desired members, the list's live members, the three-way table, the guards, the cost.
`apply` never comes here; it reads what this makes.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from ccsync.core.guard import softened
from ccsync.core.plan import Plan, sealed
from ccsync.core.policy import judged
from ccsync.core.spec import AccountId, Connection, ExportName, Project
from ccsync.planner.evidence import desired_evidence, diff_request, mapping_digests, refreshed
from ccsync.planner.report import account_findings, export_plan, new_lists, plan_findings, total_estimate, with_quota
from ccsync.planner.targets import (
    PlanOptions,
    check_account,
    check_names,
    find_targets,
    is_planned,
    open_accounts,
    other_account,
    with_fields_checked,
)
from ccsync.ports.clock import Clock, Sink
from ccsync.ports.desired import Desires
from ccsync.ports.diff import Differ
from ccsync.ports.ledger import Snapshot
from ccsync.ports.live import LiveReader
from ccsync.ports.policy import Policies


def make_plan(
    project: Project,
    options: PlanOptions,
    *,
    snapshot: Snapshot,
    desires: Desires,
    differ: Differ,
    readers: Callable[[Connection], LiveReader],
    policies: Policies,
    workdir: Path,
    clock: Clock,
    sink: Sink,
) -> tuple[Plan, Mapping[ExportName, Path]]:
    """The plan and its changes files. Writes nothing but files in `workdir`; sends nothing that changes anything.

    Raises InvalidError with all problems of lists, fields and data at once, DeniedError for the wrong account or
    missing rights, and whatever the ports raise. Guards and rules never raise: their findings are in the plan.
    """
    check_names(project, options, snapshot)
    accounts = open_accounts(project, options, snapshot, readers)
    targets = find_targets(project, options, snapshot, accounts)
    planned = [target for target in targets if is_planned(target, options)]
    if options.refresh:
        planned = [with_fields_checked(target) for target in planned]
    evidence = desired_evidence(planned, targets, desires, sink)
    if options.refresh:
        evidence = refreshed(planned, evidence, workdir, sink)

    diffs = [(target, differ.diff(diff_request(target, targets, evidence, snapshot, desires))) for target in planned]
    adds: Counter[AccountId] = Counter()
    for target, diffed in diffs:
        adds[target.account.id] += diffed.counts.counts.add
    exports = tuple(
        export_plan(target, diffed, evidence, options, adds[target.account.id], targets) for target, diffed in diffs
    )
    created = clock.now().replace(microsecond=0)
    plan = Plan(
        ccsync=options.version,
        created_at=created,
        expires_at=created + options.valid_for,
        workspace=project.name,
        refreshed=options.refresh,
        complete=options.exports is None,
        base=snapshot.ref,
        config_digest=project.digest,
        accounts={name: account.id for name, account in accounts.items() if account.id},
        exports=with_quota(exports, accounts, options),
        allowed=tuple(sorted(options.allowed)),
        findings=(*plan_findings(project, snapshot, options), *account_findings(planned, adds)),
    )
    changes = {target.name: diffed.changes for target, diffed in diffs}
    plan = judged(plan, project.policy, policies.breaches(plan, changes, project.policy, clock.now()))
    return sealed(softened(plan, options.allowed)), changes


__all__ = [
    "PlanOptions",
    "check_account",
    "make_plan",
    "mapping_digests",
    "new_lists",
    "other_account",
    "total_estimate",
]
