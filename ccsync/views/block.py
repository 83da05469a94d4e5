"""One export's part of a plan as lines: its list, then op by op with reasons and sample rows, removals last."""

from collections.abc import Mapping

from ccsync.core.change import Op
from ccsync.core.plan import ExportPlan, ListAction
from ccsync.core.row import ChangeDetail, ChangeRow
from ccsync.views.frame import Frame
from ccsync.views.mask import cut, mask_addresses, mask_email
from ccsync.views.symbols import LOOKS
from ccsync.views.text import Line, Part, line, number, tally

_REASONS_AT = 24
"""Where the reasons of an op start, counted from the op's symbol."""

_VALUE_CHARS = 40
_ADDRESS_CHARS = 60
_NO_DETAIL = ChangeDetail()


def export_lines(export: ExportPlan, frame: Frame) -> list[Line]:
    detail = frame.details.get(export.name, _NO_DETAIL)
    lines = [_title(export), _size(export), *_drift(export), *_filtered(export), *_unrecorded(export)]
    for op in LOOKS:
        lines += _op(op, export, detail, frame)
    return lines


def op_count(op: Op, export: ExportPlan) -> int:
    match op:
        case Op.HELD_BACK:
            return sum(export.held_back.values())
        case Op.UNUSABLE:
            return sum(export.unusable.values())
        case _:
            return int(getattr(export.counts, op.value))


def _title(export: ExportPlan) -> Line:
    name: Part = (export.name, "bold")
    place = f' · list "{export.list.name}" · connection {export.connection}'
    if export.deleted:
        return line(("- ", "red"), name, place, (f" · no longer declared ({export.on_delete})", "red"), hang=4)
    if export.list.action is ListAction.CREATE:
        return line(("+ ", "green"), name, place, (" · the list will be created", "green"), hang=4)
    return line(("~ ", "yellow") if export.has_changes else "  ", name, place, hang=4)


def _size(export: ExportPlan) -> Line:
    before, after = number(export.members_before), number(export.members_after)
    members = f"{before} members" if before == after else f"{before} → {after} members"
    rest = f" · {number(export.counts.unchanged)} unchanged"
    if export.counts.foreign:
        rest += f" · {number(export.counts.foreign)} foreign, never touched"
    return line(f"    {members}", (rest, "dim"), hang=6)


def _drift(export: ExportPlan) -> list[Line]:
    drift = tally(export.drift)
    said = "edited in Constant Contact and left alone until the source changes"
    return [line(f"    drift: {drift} ", (said, "dim"), hang=6)] if drift else []


def _unrecorded(export: ExportPlan) -> list[Line]:
    keys = to_record(export)
    return [line(f"    * to record: {keys}", hang=6)] if keys else []


def to_record(export: ExportPlan) -> str:
    """Keys that change nobody's membership now, and count once the export is no longer declared."""
    said = {"on_delete": f"on_delete {export.on_delete}", "prevent_delete": _protection(export)}
    return ", ".join(said[key] for key in export.unrecorded)


def _protection(export: ExportPlan) -> str:
    return f"prevent_delete of the {' and of the '.join(export.protection)}" if export.protection else "no protection"


def _filtered(export: ExportPlan) -> list[Line]:
    filtered = tally(export.filtered)
    return [line(f"    left out: {filtered}", (" · never sent", "dim"), hang=6)] if filtered else []


def _op(op: Op, export: ExportPlan, detail: ChangeDetail, frame: Frame) -> list[Line]:
    count = op_count(op, export)
    if not count:
        return []
    look = LOOKS[op]
    label = f"{look.symbol} {number(count)} {look.words}"
    why = tally(why_of(op, export, detail))
    if op is Op.REMOVE:
        why = f"{why} ({removed_share(export)})".lstrip()
    head = line("    ", (label, look.style), f"{label_gap(label)}{why}" if why else "", hang=8)
    return [head, *(_sample(row, frame) for row in detail.samples.get(op, ()))]


def label_gap(label: str) -> str:
    return " " * max(2, _REASONS_AT - len(label))


def removed_share(export: ExportPlan) -> str:
    """How much of the members that the guard looks at goes away."""
    if not export.managed:
        return "members of an earlier export"
    return f"{100 * export.counts.remove / export.managed:.2f} % of our {number(export.managed)}"


def why_of(op: Op, export: ExportPlan, detail: ChangeDetail) -> Mapping[str, int]:
    """Rows of an op by what explains them: the reason, or for updates the field."""
    match op:
        case Op.HELD_BACK:
            return export.held_back
        case Op.UNUSABLE:
            return detail.reasons.get(op) or export.unusable  # those of the rows name the field
        case Op.UPDATE:
            return export.fields_changed
        case _:
            return detail.reasons.get(op, {})


def _sample(row: ChangeRow, frame: Frame) -> Line:
    return line(" " * 8, *row_parts(row, reveal=frame.reveal), hang=10)


def row_parts(row: ChangeRow, *, reveal: bool) -> list[Part]:
    """One row: the address, then what changes or why."""
    address = "(no address)" if row.key is None else row.key if reveal else mask_email(row.key)
    parts: list[Part] = [cut(address, _ADDRESS_CHARS)]
    if row.op is Op.UPDATE:
        for name in row.changed:
            old, new = _value(row.before.get(name), reveal=reveal), _value(row.after[name], reveal=reveal)
            parts.append(f"  {name} {old} → {new}")
    elif row.op is not Op.ADD:
        parts.append((f"  {row.reason}", "dim"))
    return parts


def _value(value: str | None, *, reveal: bool) -> str:
    if value is None:
        return "(none)"
    return f'"{cut(value if reveal else mask_addresses(value), _VALUE_CHARS)}"'
