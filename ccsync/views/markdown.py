"""A plan as Markdown for a comment on a pull request or a job's summary: counts, reasons, findings, cost, never a row.

What comes from outside (names of lists, fields and exports, texts of findings) can form no markup, mention or link.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ccsync.catalogue import hint_of
from ccsync.core.change import Op
from ccsync.core.plan import ExportPlan, ListAction, Plan, to_text
from ccsync.core.row import ChangeDetail
from ccsync.errors import Diagnostic, Severity
from ccsync.views.block import op_count, removed_share, to_record, why_of
from ccsync.views.footer import footer_lines
from ccsync.views.frame import Frame
from ccsync.views.human import NO_CHANGES, also_text, findings_of, summary_sentence
from ccsync.views.mask import cut, mask_addresses, shown
from ccsync.views.text import counted, number, tally

MAX_BYTES = 65_536
"""GitHub takes comments of at most so many characters; counted in bytes to be on the safe side of how it counts.
Source: the answer of POST /repos/{owner}/{repo}/issues/{number}/comments to more: `body is too long`."""

_OPS = (Op.REMOVE, Op.ADD, Op.UPDATE, Op.ADOPT, Op.FORGET, Op.HELD_BACK, Op.UNUSABLE)
_MAX_LINES = 20
_NAME_CHARS = 100
_TEXT_CHARS = 400
_REASONS = 8


def plan_markdown(plan: Plan, frame: Frame, *, max_bytes: int = MAX_BYTES, run_url: str | None = None) -> str:
    """run_url: of the CI run that made the plan, None without.

    At most `max_bytes` of UTF-8. Lists are left out where it would be more, those without removals first; what
    blocks the plan, whom it removes and what it warns of is always there."""
    always = "\n\n".join([_title(plan), *_alerts(plan), *_findings(plan, max_bytes // 2)])
    ends = [*_cost(plan, frame), _origin(plan, frame, run_url)]
    lists = [_list(export, frame) for export in _ranked(plan.exports)]
    room = max_bytes - sum(len(part.encode()) + 2 for part in (always, *ends)) - len(_omitted(len(lists), frame)) - 4
    kept: list[str] = []
    for each in lists:
        room -= len(each.encode()) + 2
        if room < 0:
            break
        kept.append(each)
    if len(kept) < len(lists):
        kept.append(_omitted(len(lists) - len(kept), frame))
    return "\n\n".join([always, *kept, *ends]) + "\n"


# ---------------------------------------------------------------- what is always there


def _title(plan: Plan) -> str:
    name = code(plan.workspace)
    if plan.blocked:
        return f"### ccsync plan of {name}: blocked"
    if not plan.exports and not plan.complete:
        return f"### ccsync plan of {name}: nothing was planned\n\nNo export is touched."
    if not plan.has_changes:
        return f"### ccsync plan of {name}: no changes\n\n{NO_CHANGES}"
    return f"### ccsync plan of {name}"


def _alerts(plan: Plan) -> Iterator[str]:
    if plan.blocked:
        errors = [finding for finding in findings_of(plan) if finding.severity is Severity.ERROR]
        names = ", ".join(dict.fromkeys(f"{finding.code} {finding.guard or ''}".strip() for finding in errors))
        yield f"> [!CAUTION]\n> **Blocked by {prose(names)}.** Nothing will be sent."
    losing = [export for export in _ranked(plan.exports) if export.counts.remove]
    if losing:
        total = counted(sum(export.counts.remove for export in losing), "person", "people")
        lines = [
            f"> - **{number(each.counts.remove)}** from {_name_of(each)}, {removed_share(each)}" for each in losing
        ]
        left = len(lines) - _MAX_LINES
        lines = [*lines[:_MAX_LINES], *([f"> - and from {counted(left, 'more list')}"] if left > 0 else [])]
        yield "\n".join([f"> [!WARNING]\n> **Removes {total}:**", *lines])
    if plan.has_changes:
        also = also_text(plan)
        yield f"**{summary_sentence(plan.totals())}**" + (f" Also {also}." if also else "")


def _findings(plan: Plan, max_bytes: int) -> Iterator[str]:
    """Errors first; of very many warnings the rest is counted by code."""
    found = sorted(findings_of(plan), key=lambda finding: finding.severity is not Severity.ERROR)
    if not found:
        return
    lines: list[str] = []
    for each in found:
        max_bytes -= len(_finding(each).encode()) + 1
        if max_bytes < 0:
            break
        lines.append(_finding(each))
    rest = Counter(each.code for each in found[len(lines) :])
    if rest:
        lines.append(f"- and {number(rest.total())} more: {tally(rest)}")
    yield "\n".join(lines)


def _finding(finding: Diagnostic) -> str:
    hint = hint_of(finding)
    parts = [finding.summary, finding.detail, f"Next: {hint}" if hint else None]
    said = " ".join(f"{prose(part.rstrip('.'))}." for part in parts if part)
    return f"- **{finding.severity.value} {finding.code}** {said}"


def _origin(plan: Plan, frame: Frame, run_url: str | None) -> str:
    notes = [
        f"plan `{plan.plan_id}`",
        f"state serial {plan.base.serial}" if plan.base.serial else "no state yet",
        f"made {to_text(plan.created_at)}",
        f"expires {to_text(plan.expires_at)}",
        f"ccsync {prose(plan.ccsync)}",
    ]
    if not plan.refreshed:
        notes.append("lists not read")
    if not plan.complete and plan.exports:
        notes.append("other exports were not looked at")
    if run_url:
        notes.append(f"[run]({run_url})")
    rows = f" Rows: {code(f'ccsync show {frame.saved} --rows')}" if frame.saved and plan.has_changes else ""
    return f"<sub>{' · '.join(notes)}.{rows}</sub>"


# ---------------------------------------------------------------- a list


def _ranked(exports: Iterable[ExportPlan]) -> list[ExportPlan]:
    """Those worth a section: most removals first, then most changes."""
    shown_ones = [
        each
        for each in exports
        if each.has_changes
        or each.findings
        or any((*each.drift.values(), *each.filtered.values(), op_count(Op.HELD_BACK, each)))
    ]
    return sorted(shown_ones, key=lambda each: (-each.counts.remove, -each.counts.changes, each.name))


def _name_of(export: ExportPlan) -> str:
    return f"list {code(export.list.name)} ({export.name})"


def _list(export: ExportPlan, frame: Frame) -> str:
    detail = frame.details.get(export.name, ChangeDetail())
    before, after = number(export.members_before), number(export.members_after)
    size = f"{before} members" if before == after else f"{before} → {after} members"
    notes = [size, f"{number(export.counts.unchanged)} unchanged"]
    if export.counts.foreign:
        notes.append(f"{number(export.counts.foreign)} foreign, never touched")
    if export.list.action is ListAction.CREATE:
        notes.insert(0, "**the list will be created**")
    if export.deleted:
        notes.insert(0, f"**no longer declared ({export.on_delete.value})**")
    lines = [f"#### {_name_of(export)}", "", " · ".join(notes)]
    rows = [_row(op, export, detail) for op in _OPS if op_count(op, export)]
    if any(export.filtered.values()):
        rows.append(f"| left out, never sent | {number(sum(export.filtered.values()))} | {_why(export.filtered)} |")
    if rows:
        lines += ["", "| | people | why |", "|---|--:|---|", *rows]
    settings = to_record(export)
    if settings:
        lines += ["", f"To record, for when the export is no longer declared: {prose(settings)}."]
    drift = _why(export.drift)
    if drift:
        lines += ["", f"Edited in Constant Contact and left alone until the source changes: {drift}."]
    return "\n".join(lines)


def _row(op: Op, export: ExportPlan, detail: ChangeDetail) -> str:
    said, count = op.value.replace("_", " "), number(op_count(op, export))
    why = _why(why_of(op, export, detail))
    if op is Op.REMOVE:
        return f"| **{said}** | **{count}** | {why} ({removed_share(export)}) |"
    return f"| {said} | {count} | {why} |"


def _why(counts: Mapping[str, int]) -> str:
    """The largest few, and the sum of the others."""
    ranked = sorted((item for item in counts.items() if item[1]), key=lambda item: (-item[1], item[0]))
    parts = [f"{code(name)} {number(rows)}" for name, rows in ranked[:_REASONS]]
    rest = sum(rows for _, rows in ranked[_REASONS:])
    return ", ".join([*parts, *([f"other {number(rest)}"] if rest else [])])


def _omitted(lists: int, frame: Frame) -> str:
    where = code(f"ccsync show {frame.saved}") if frame.saved else "`ccsync show`"
    return f"{counted(lists, 'more list')} left out here for length; {where} has all of them."


def _cost(plan: Plan, frame: Frame) -> Iterator[str]:
    if not plan.has_changes:
        return
    said = [prose(" ".join(each.text.plain.split())) for each in footer_lines(plan, frame)]
    left = len(said) - _MAX_LINES
    yield "\n".join(f"- {each}" for each in [*said[:_MAX_LINES], *([f"and {left} more"] if left > 0 else [])])


# ---------------------------------------------------------------- text from outside

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~^$])")
_REFERENCE = re.compile(r"([@#!~$%&])(?=[\w\"'(])|(:)(?=//)|(www)(?=\.)", re.IGNORECASE)
"""What makes forges mention people, and link issues, labels, milestones and addresses."""


def prose(text: str) -> str:
    """A sentence that reads as it is: no markup, HTML, mention or link can come of it. Addresses are masked."""
    safe = mask_addresses(shown(cut(text, _TEXT_CHARS)))
    safe = _REFERENCE.sub(lambda found: f"{found[0]}\u200b", safe)
    safe = _MARKUP.sub(r"\\\1", safe)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A name as a span of code, where forges interpret nothing. A `|` would end a table's cell even there."""
    safe = mask_addresses(shown(cut(text, _NAME_CHARS))).replace("|", "¦")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    pad = " " if safe[:1] in ("`", "", " ") or safe[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{safe}{pad}{fence}"
