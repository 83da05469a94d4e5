"""What the findings of policy rules do to a plan, and which approvals hold for it. The rules' SQL runs in `engine/`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ccsync.core.change import Op
from ccsync.core.permission import Role, role_of
from ccsync.core.plan import Plan
from ccsync.core.spec import Approval, Level, PolicyRule, Roles
from ccsync.errors import Diagnostic, Severity

WHOLE_PLAN = "*"
"""Stands for the export of a finding that is about no single one, in `--allow` and `allow:`."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A finding of a rule: what it is about, and how many. Rows of one rule that are about the same are one breach.

    export: None for the whole plan. count: the sum of the rows' `count`, else their number.
    """

    rule: str
    export: str | None
    op: Op | None
    count: int

    @property
    def id(self) -> str:
        """Stays the same from plan to plan, whatever the count."""
        return "/".join((self.rule, self.export or WHOLE_PLAN, *([self.op.value] if self.op else [])))


def judged(plan: Plan, rules: Mapping[str, PolicyRule], breaches: Iterable[Breach]) -> Plan:
    """The plan with these findings of its rules beside those it has; one that it has already is not said twice."""
    found: dict[str | None, list[Diagnostic]] = {}
    for breach in breaches:
        found.setdefault(breach.export, []).append(_finding(rules[breach.rule], breach))
    exports = tuple(
        replace(export, findings=_with(export.findings, found.get(export.name, ()))) for export in plan.exports
    )
    return replace(plan, exports=exports, findings=_with(plan.findings, found.get(None, ())))


def _with(findings: Sequence[Diagnostic], more: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    known = {(each.code, each.guard, each.detail) for each in findings}
    return (*findings, *(each for each in more if (each.code, each.guard, each.detail) not in known))


def _finding(rule: PolicyRule, breach: Breach) -> Diagnostic:
    who = breach.export or "the plan"
    what = f"{breach.count:,} to {breach.op.value}" if breach.op else f"{breach.count:,}"
    said = f"{who} breaks the policy {rule.name} ({what}): {rule.message}"
    detail = f"finding {breach.id}"
    match rule.level:
        case Level.ADVISORY:
            return Diagnostic("W515", said, Severity.WARNING, detail, guard=rule.name)
        case Level.SOFT:
            allow = f"{breach.export or WHOLE_PLAN}:{rule.name}"
            hint = f"if it is meant, have it approved under `approvals:`, or run again with --allow '{allow}'"
            return Diagnostic("E510", said, Severity.ERROR, detail, hint, guard=rule.name)
        case Level.HARD:
            hint = "change what the plan does, or the rule: this one can't be allowed away"
            return Diagnostic("E511", said, Severity.ERROR, detail, hint, guard=rule.name)


def holding(
    approvals: Iterable[Approval], roles: Roles | None, plan: Plan, today: date
) -> tuple[tuple[Approval, ...], tuple[Diagnostic, ...]]:
    """The approvals that hold for a plan today (UTC), and a warning (W516) for each that was meant to and doesn't.

    Which findings they let pass is the guards' own rule: an approval that holds is as good as `--allow`.
    """
    held, notes = [], []
    for approval in approvals:
        if not _needed(approval, plan):
            continue
        why = _lapsed(approval, roles, plan, today)
        if why is None:
            held.append(approval)
        else:
            said = f"the approval {approval.name} of {approval.allow} does not hold: {why}"
            notes.append(Diagnostic("W516", said, Severity.WARNING, guard=approval.allow.partition(":")[2]))
    return tuple(held), tuple(notes)


def _needed(approval: Approval, plan: Plan) -> bool:
    """Whether something in the plan waits for it; the others belong to other plans."""
    name, _, guard = approval.allow.partition(":")
    if name == WHOLE_PLAN:
        findings = plan.findings
    else:
        findings = tuple(finding for export in plan.exports if export.name == name for finding in export.findings)
    return any(finding.guard == guard and finding.severity is Severity.ERROR for finding in findings)


def _lapsed(approval: Approval, roles: Roles | None, plan: Plan, today: date) -> str | None:
    """Why it doesn't hold; None when it does."""
    if role_of(roles, approval.by) is not Role.ADMINISTRATOR:
        return "who gave it may not override guards"
    if approval.plan is not None and approval.plan != plan.plan_id:
        return f"it is for plan {approval.plan}; this is {plan.plan_id}"
    if approval.expires is not None and today > approval.expires:
        return f"it expired after {approval.expires.isoformat()}"
    if approval.op is not None and approval.max_count is not None:
        name = approval.allow.partition(":")[0]
        counts = plan.totals() if name == WHOLE_PLAN else plan.export(name).counts
        count = int(getattr(counts, approval.op.value))
        if count > approval.max_count:
            return f"it covers {approval.max_count:,} to {approval.op.value}; there are {count:,}"
    return None
