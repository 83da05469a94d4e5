"""A whole plan as a person reads it: exports, findings, cost, removals, and the summary last."""

from shlex import quote

from ccsync.core.change import Counts, Op
from ccsync.core.plan import ExportPlan, ListAction, Plan, to_text
from ccsync.errors import Diagnostic, Severity
from ccsync.views.block import export_lines, op_count, removed_share
from ccsync.views.diagnostics import diagnostic_lines
from ccsync.views.footer import footer_lines
from ccsync.views.frame import Frame, Purpose
from ccsync.views.symbols import BLOCKED, LOOKS
from ccsync.views.text import BLANK, Line, counted, line, number, tally

NO_CHANGES = "No changes. Constant Contact matches the configuration."


def plan_lines(plan: Plan, frame: Frame) -> list[Line]:
    shown = [export for export in plan.exports if _is_shown(export)]
    lines = [*_head(plan), BLANK]
    for export in shown:
        lines += [*export_lines(export, frame), BLANK]
    lines += _hidden(plan, shown)
    lines += _findings(plan)
    if plan.has_changes:
        lines += [*footer_lines(plan, frame), BLANK, *_removals(plan)]
    return [*lines, *_summary(plan), *_closing(plan, frame)]


def summary_sentence(counts: Counts) -> str:
    return f"Plan: {number(counts.add)} to add, {number(counts.update)} to update, {number(counts.remove)} to remove."


def findings_of(plan: Plan) -> tuple[Diagnostic, ...]:
    """Every finding, warnings before errors, in the order of the exports."""
    found = [*plan.findings, *(finding for export in plan.exports for finding in export.findings)]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.ERROR))


def _is_shown(export: ExportPlan) -> bool:
    return export.has_changes or bool(export.findings) or any(export.drift.values())


def _head(plan: Plan) -> list[Line]:
    compared = "lists read just now" if plan.refreshed else "lists not read (--no-refresh)"
    base = f"state serial {plan.base.serial}" if plan.base.serial else "no state yet"
    return [
        line(("ccsync plan", "bold"), f" · {plan.workspace} · {base} · {compared}", hang=2),
        line(
            (f"made {to_text(plan.created_at)} · expires {to_text(plan.expires_at)} · id {plan.plan_id}", "dim"), hang=2
        ),
    ]


def _hidden(plan: Plan, shown: list[ExportPlan]) -> list[Line]:
    """Exports without changes: a line for those that leave people out, the others only counted."""
    hidden = [export for export in plan.exports if export not in shown]
    leaving_out = [export for export in hidden if any(_left_out_counts(export))]
    lines = [_left_out(export) for export in leaving_out]
    count = len(hidden) - len(leaving_out)
    if count:
        said = f"{counted(count, 'export')} without changes {'is' if count == 1 else 'are'} not shown."
        lines.append(line((said, "dim")))
    return [*lines, BLANK] if lines else []


def _left_out_counts(export: ExportPlan) -> tuple[int, int, int]:
    return op_count(Op.HELD_BACK, export), op_count(Op.UNUSABLE, export), sum(export.filtered.values())


def _left_out(export: ExportPlan) -> Line:
    parts = [
        f"{number(op_count(op, export))} {LOOKS[op].words} ({tally(why)})"
        for op, why in ((Op.HELD_BACK, export.held_back), (Op.UNUSABLE, export.unusable))
        if op_count(op, export)
    ]
    if filtered := sum(export.filtered.values()):
        parts.append(f"{number(filtered)} left out ({tally(export.filtered)})")
    look = LOOKS[Op.HELD_BACK]
    return line((f"{look.symbol} ", look.style), export.name, f": no changes; {', '.join(parts)}", hang=4)


def _findings(plan: Plan) -> list[Line]:
    found = diagnostic_lines(findings_of(plan))
    return [*found, BLANK] if found else []


def _removals(plan: Plan) -> list[Line]:
    """One line a list, again, when there are several exports: what takes people away belongs next to the question."""
    losing = [export for export in plan.exports if export.counts.remove]
    if not losing or len([export for export in plan.exports if export.has_changes]) < 2:
        return []
    lines = [
        line(
            (f"- {number(export.counts.remove)}", "red"),
            f' from list "{export.list.name}" ({export.name}), {removed_share(export)}',
            hang=4,
        )
        for export in losing
    ]
    return [line("Removals:"), *lines, BLANK]


def _summary(plan: Plan) -> list[Line]:
    if not plan.exports and not plan.complete:
        return [line("Nothing was planned: no export is touched.")]
    if not plan.has_changes and not plan.blocked:
        return [line((NO_CHANGES, "bold green"))]
    counts = plan.totals()
    lines = [line((summary_sentence(counts), "bold"))]
    also = also_text(plan)
    if also:
        lines.append(line(f"Also {also}."))
    if plan.blocked:
        lines.append(_blocked(plan))
    return lines


def also_text(plan: Plan) -> str:
    """What the summary's sentence leaves out; empty when that is nothing."""
    counts = plan.totals()
    new_lists = sum(1 for each in plan.exports if each.list.action is ListAction.CREATE)
    unrecorded = sum(len(each.unrecorded) for each in plan.exports)
    parts = []
    if counts.adopt:
        parts.append(f"{number(counts.adopt)} to adopt")
    if counts.forget:
        parts.append(f"{number(counts.forget)} to forget")
    if new_lists:
        parts.append(f"{counted(new_lists, 'list')} to create")
    if unrecorded:
        parts.append(f"{counted(unrecorded, 'setting')} to record")
    return ", ".join(parts)


def _blocked(plan: Plan) -> Line:
    errors = [finding for finding in findings_of(plan) if finding.severity is Severity.ERROR]
    names = ", ".join(dict.fromkeys(f"{finding.code} {finding.guard or ''}".strip() for finding in errors))
    return line((f"{BLOCKED.symbol} Blocked by {names}: ", BLOCKED.style), "nothing will be sent.", hang=2)


def _closing(plan: Plan, frame: Frame) -> list[Line]:
    lines = []
    if not plan.complete:
        names = ", ".join(export.name for export in plan.exports)
        said = f"the plan is of {names or 'no export'} only; other exports were not looked at."
        lines.append(line(("Note: ", "bold"), said, hang=6))
    if frame.purpose is not Purpose.PLAN:
        return lines
    if frame.saved is None:
        if plan.has_changes and plan.applyable:
            lines.append(
                line(
                    ("Note: ", "bold"),
                    "this plan was not saved. `ccsync apply` plans again and may find other changes; -o FILE saves it.",
                    hang=6,
                )
            )
        return lines
    lines.append(line(f"Saved to {frame.saved} ({_holds(frame.exposed)}; mode 0600)."))
    if plan.applyable:
        lines.append(line("Apply it with: ", (f"ccsync apply {quote(frame.saved)}", "bold"), hang=4))
    elif plan.has_changes:
        lines.append(line("It is for review: as it is blocked, an apply refuses it.", hang=4))
    return lines


def _holds(exposed: int | None) -> str:
    if exposed is None:
        return "sealed"
    return f"personal data of {'1 person' if exposed == 1 else f'{number(exposed)} people'}, not sealed"
