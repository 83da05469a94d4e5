"""What became of the exports that `ccsync run` took up, as values, as lines and as a document. Runs nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ccsync.cli import terminal
from ccsync.cli.display import warn
from ccsync.cli.terminal import show
from ccsync.cli.timetable import local
from ccsync.core.plan import Plan, to_text
from ccsync.core.schedule import Slot, Standing, Trigger
from ccsync.errors import Diagnostic, ExitCode
from ccsync.views.tables import table_lines
from ccsync.views.text import Line, line, tally

Document = dict[str, Any]  # Any: JSON

FINAL = (ExitCode.DONE, ExitCode.GUARD, ExitCode.INVALID, ExitCode.DENIED)
"""Ends after which trying again changes nothing until somebody does something. After any other (the network, a lost
lock, a quota, a signal) the export stays due, and the next `run --due` tries again."""


class Outcome(StrEnum):
    SUCCESSFUL = "successful"
    NO_CHANGES = "no_changes"
    BLOCKED = "blocked"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELED = "canceled"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one export. counts: op → rows. plan: None when none could be made."""

    slot: Slot
    outcome: Outcome
    code: ExitCode
    run: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    plan: Plan | None = None


# ---------------------------------------------------------------- what is said


def say(ran: Sequence[Ran], others: Sequence[Slot]) -> None:
    """others: where exports stand that were looked at and may not have run."""
    for each in ran:
        warn(each.diagnostics)
        if each.outcome is Outcome.BLOCKED:
            name = each.slot.export
            look = f"Look at it with `ccsync plan {name}`; have it approved under `approvals:`, or apply it by hand:"
            terminal.say([line(f"{look} `ccsync apply {name} --allow …`.", hang=2)])
    if ran:
        rows = [(each.slot.export, _why(each.slot), _ended(each)) for each in ran]
        show(table_lines(("export", "why", "outcome"), rows))
    if others:
        show(_others(ran, others))


def _why(slot: Slot) -> str:
    if slot.due is None or slot.recurrence is None:
        return "on demand"
    word = "refresh" if slot.trigger is Trigger.REFRESH else "own schedule"
    return f"{word}, {local(slot.due, slot.recurrence)}"


def _ended(ran: Ran) -> str:
    codes = ", ".join(dict.fromkeys(each.code for each in ran.diagnostics if each.code.startswith("E")))
    match ran.outcome:
        case Outcome.SUCCESSFUL:
            done = tally(ran.counts)
            return f"successful: {done}" if done else "successful"
        case Outcome.NO_CHANGES:
            return "no changes"
        case Outcome.BLOCKED:
            return f"blocked ({codes}): nothing was sent"
        case Outcome.PARTIAL:
            return f"partial ({codes}): {tally(ran.counts) or 'to be settled'}; tried again"
        case Outcome.CANCELED:
            return "canceled by a signal"
        case Outcome.NOT_TRIED:
            return "not tried"
        case Outcome.FAILED:
            return f"failed ({codes})" + ("" if ran.code in FINAL else "; tried again")


def _others(ran: Sequence[Ran], slots: Sequence[Slot]) -> list[Line]:
    """A word on each export that did not run, and why not."""
    done = {each.slot.export for each in ran}
    lines = [] if ran else [line("No export is due.")]
    for slot in slots:
        if slot.export in done:
            continue
        match slot.standing:
            case Standing.NOT_DUE if slot.next and slot.recurrence:
                lines.append(line(f"{slot.export}: not due; next {local(slot.next, slot.recurrence)}"))
            case Standing.FIRST_SEEN if slot.next and slot.recurrence:
                first = local(slot.next, slot.recurrence)
                lines.append(line(f"{slot.export}: scheduled from now on; first {first}"))
            case Standing.INACTIVE:
                lines.append(line(f"{slot.export}: inactive; `ccsync run {slot.export}` runs it all the same"))
            case _:
                said = "no time: no `workspace.refresh` is declared or on, and it has no times of its own"
                lines.append(line(f"{slot.export}: {said}"))
    return lines


def document(ran: Sequence[Ran], others: Sequence[Slot], code: ExitCode) -> Document:
    """`run --json`."""
    done = {each.slot.export for each in ran}
    return {
        "format": 1,
        "exit_code": int(code),
        "ran": [
            {
                "export": each.slot.export,
                "trigger": str(each.slot.trigger),
                "due": _text(each.slot.due),
                "outcome": str(each.outcome),
                "exit_code": int(each.code),
                "run": each.run or None,
                "plan_id": each.plan.plan_id if each.plan else None,
                "counts": dict(each.counts),
                "codes": [diagnostic.code for diagnostic in each.diagnostics],
                "next": _text(each.slot.next),
            }
            for each in ran
        ],
        "others": [
            {"export": slot.export, "standing": str(slot.standing), "next": _text(slot.next)}
            for slot in others
            if slot.export not in done
        ],
    }


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None
