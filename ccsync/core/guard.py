"""The guards: what a plan may not do without being asked for by name. Pure; used by plan and, again, by apply."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ccsync.core.plan import Plan
from ccsync.core.policy import WHOLE_PLAN
from ccsync.core.spec import Bound, Guards
from ccsync.errors import Diagnostic, Severity

SMALL = 10
"""Up to this many removals or updates, percentages are not looked at: they say nothing about small numbers."""

GONE_PERCENT = 20
"""More of our members than this gone from the list since the last run is worth a warning."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What the guards look at, for one export.

    desired: usable distinct keys. rows: source rows read. unusable: unusable rows that count (duplicates dropped by
    `keep: first` don't). managed: members of ours on the list. account_adds: of all exports planned on
    the account. previous: desired of the last run, None when never run.
    account_contacts: active contacts of the account now, None when unknown.
    """

    desired: int
    rows: int
    unusable: int
    managed: int
    previous: int | None
    adds: int
    account_adds: int
    updates: int
    removes: int
    max_profiles: int
    max_contacts: int | None = None
    account_contacts: int | None = None


def check_guards(
    export: str, guards: Guards, measures: Measures, allowed: Iterable[str] = ()
) -> tuple[Diagnostic, ...]:
    """All findings at once; an allowed guard gives a warning in place of an error. Empty when nothing is wrong."""
    names = _allowed_for(export, allowed)
    found = (
        _min_rows(export, guards, measures),
        _bound(
            export,
            "E501",
            "max_remove",
            guards.max_remove,
            measures.removes,
            measures.managed,
            "removes {n} of {of} members",
            SMALL,
        ),
        _bound(
            export,
            "E502",
            "max_update",
            guards.max_update,
            measures.updates,
            measures.managed,
            "updates {n} of {of} members",
            SMALL,
        ),
        _bound(
            export,
            "E503",
            "max_unusable",
            guards.max_unusable,
            measures.unusable,
            measures.rows,
            "cannot use {n} of {of} rows",
            0,
        ),
        _source_drop(export, guards, measures),
        _new_contacts(export, guards, measures),
        _max_contacts(export, measures),
        _max_profiles(export, measures),
    )
    return tuple(_softened(finding, names) for finding in found if finding is not None)


def _allowed_for(export: str, allowed: Iterable[str]) -> set[str]:
    return {name.partition(":")[2] for name in allowed if name.partition(":")[0] == export}


def blocking(plan: Plan, allowed: Iterable[str]) -> tuple[Diagnostic, ...]:
    """The findings of a plan that forbid applying it, all of them; what is allowed by name doesn't."""
    shown = softened(plan, allowed)
    findings = (*shown.findings, *(finding for export in shown.exports for finding in export.findings))
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)


NOT_ALLOWABLE = ("max_profiles",)
_HARD_RULE = "E511"

ALLOWABLE = (
    "min_rows",
    "max_remove",
    "max_update",
    "max_unusable",
    "max_source_drop",
    "max_new_contacts",
    "max_contacts",
    "day_quota",
)
"""The guards that `--allow EXPORT:GUARD` can switch off, as the configuration names them."""


def softened(plan: Plan, allowed: Iterable[str]) -> Plan:
    """The plan as it is to be shown when these `EXPORT:GUARD` are allowed: what they cover warns and doesn't block.
    A finding about the whole plan is allowed as `*:RULE`."""
    names = tuple(allowed)
    exports = tuple(
        replace(export, findings=tuple(_softened(each, _allowed_for(export.name, names)) for each in export.findings))
        for export in plan.exports
    )
    findings = tuple(_softened(each, _allowed_for(WHOLE_PLAN, names)) for each in plan.findings)
    return replace(plan, exports=exports, findings=findings)


def _softened(finding: Diagnostic, names: set[str]) -> Diagnostic:
    blocks = finding.severity is Severity.ERROR and finding.guard is not None
    if not blocks or finding.guard in NOT_ALLOWABLE or finding.code == _HARD_RULE or finding.guard not in names:
        return finding
    return Diagnostic(
        finding.code,
        f"{finding.summary} (allowed)",
        Severity.WARNING,
        finding.detail,
        None,
        finding.where,
        finding.guard,
    )


def _finding(code: str, guard: str, export: str, summary: str, detail: str | None = None) -> Diagnostic:
    hint = (
        "split the export: this limit can't be allowed away"
        if guard in NOT_ALLOWABLE
        else f"check the source; if it is meant, run again with --allow {export}:{guard}"
    )
    return Diagnostic(code, f"{export} {summary}", detail=detail, hint=hint, guard=guard)


def _min_rows(export: str, guards: Guards, m: Measures) -> Diagnostic | None:
    if m.desired >= guards.min_rows or (guards.allow_empty and m.desired == 0):
        return None
    return _finding(
        "E500",
        "min_rows",
        export,
        f"has {m.desired:,} usable people; at least {guards.min_rows:,} are required",
        "An empty segment is taken for a broken source, not for an order to remove everyone.",
    )


def _bound(
    export: str, code: str, guard: str, bound: Bound, n: int, of: int, text: str, small: int
) -> Diagnostic | None:
    if n <= small:
        return None
    percent = 100 * n / of if of else 100.0
    over = []
    if bound.percent is not None and percent > bound.percent:
        over.append(f"{bound.percent:g} %")
    if bound.rows is not None and n > bound.rows:
        over.append(f"{bound.rows:,} rows")
    if not over:
        return None
    said = text.format(n=f"{n:,}", of=f"{of:,}")
    return _finding(code, guard, export, f"{said} ({percent:.2f} %); the limit is {' and '.join(over)}")


def _source_drop(export: str, guards: Guards, m: Measures) -> Diagnostic | None:
    if not m.previous or m.desired >= m.previous:
        return None
    fell = m.previous - m.desired
    return _bound(
        export,
        "E504",
        "max_source_drop",
        guards.max_source_drop,
        fell,
        m.previous,
        "lost {n} of {of} people since the last run",
        SMALL,
    )


def _new_contacts(export: str, guards: Guards, m: Measures) -> Diagnostic | None:
    if guards.max_new_contacts is None or m.adds <= guards.max_new_contacts:
        return None
    return _finding(
        "E505",
        "max_new_contacts",
        export,
        f"may create {m.adds:,} new contacts; the limit is {guards.max_new_contacts:,}",
        "The fee follows the highest number of active contacts and does not fall when they are removed again.",
    )


def _max_contacts(export: str, m: Measures) -> Diagnostic | None:
    if m.max_contacts is None or m.account_contacts is None or m.account_contacts + m.account_adds <= m.max_contacts:
        return None
    return _finding(
        "E506",
        "max_contacts",
        export,
        f"and the exports beside it may bring the account to {m.account_contacts + m.account_adds:,} contacts;"
        f" the contract allows {m.max_contacts:,}",
    )


def _max_profiles(export: str, m: Measures) -> Diagnostic | None:
    if m.desired <= m.max_profiles:
        return None
    return _finding(
        "E508",
        "max_profiles",
        export,
        f"has {m.desired:,} people; an export takes at most {m.max_profiles:,}",
    )


def day_quota(export: str, calls: int, left: int, per_day: int, allowed: Iterable[str] = ()) -> Diagnostic | None:
    """E507 when the calls of a plan do not fit in what is left of the day; None when they do."""
    if calls <= left:
        return None
    found = Diagnostic(
        "E507",
        f"{export} needs {calls:,} API calls; {left:,} of today's {per_day:,} are left",
        hint="plan again after 00:00 UTC, when the day's quota starts anew, or plan fewer exports now",
        guard="day_quota",
    )
    return _softened(found, _allowed_for(export, allowed))
