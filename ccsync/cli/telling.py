"""Tells, after `ccsync run`, what went wrong or is well again. What and when is `core.notice`'s, how is `notify`'s.

Nothing here fails a run: what can't be told is said on stderr, and told again at the next change or run.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from ccsync.cli.display import warn
from ccsync.cli.ran import FINAL, Outcome, Ran
from ccsync.cli.timetable import Remembered
from ccsync.cli.wiring import Workspace
from ccsync.config.load import load_notifications
from ccsync.core.notice import Condition, Notice, Topic, after_telling, changed, is_spike
from ccsync.core.plan import to_text
from ccsync.core.schedule import Slot
from ccsync.core.spec import ConnectionName, Notification, Trouble
from ccsync.errors import CcsyncError, Diagnostic, Severity
from ccsync.state.notes import NOTICES, Entries

SOON = timedelta(days=1)
"""How far ahead an end of a sign-in is looked for where nothing is scheduled."""


def tell(
    workspace: Workspace, ran: Sequence[Ran], before: Mapping[str, Remembered], slots: Sequence[Slot], at: datetime
) -> None:
    """before: what was remembered of the exports before they ran."""
    project = workspace.project
    if not project.notifications:
        return
    try:
        told = workspace.state.notes.read(NOTICES)
        conditions = [*_conditions(ran, before), *_sign_ins(workspace, ran, slots, at)]
        due = {
            name: changed(conditions, _told(told, name), each.events) for name, each in project.notifications.items()
        }
        if any(due.values()):
            _deliver(workspace, due)
    except CcsyncError as error:
        _warn("nobody could be told", "; ".join(each.summary for each in error.diagnostics))


def _told(entries: Mapping[str, object], name: str) -> Mapping[str, str]:
    found = entries.get(name)
    return found if isinstance(found, dict) else {}


def _deliver(workspace: Workspace, due: Mapping[str, tuple[tuple[Condition, Trouble], ...]]) -> None:
    # Only now, and apart: an address that is not set must not keep anything from running.
    resolved = load_notifications(workspace.folder, os.environ)
    for name, changes in due.items():
        for condition, trouble in changes:
            if send(resolved[name], _notice(workspace, condition, trouble)):
                workspace.state.notes.change(NOTICES, partial(_noted, name, condition))


def _noted(name: str, condition: Condition, entries: Entries) -> Entries:
    return {**entries, name: after_telling(_told(entries, name), condition)}


def send(notification: Notification, notice: Notice) -> bool:
    """Whether it was delivered; if not, that is said on stderr."""
    from ccsync.notify.deliver import deliver

    why = deliver(notification, notice)
    if why is not None:
        _warn(f"the notification {notification.name} could not be delivered", why)
    return why is None


def _warn(summary: str, why: str) -> None:
    warn((Diagnostic("W790", f"{summary}: {why}", Severity.WARNING, detail="The run itself is as it says."),))


def _notice(workspace: Workspace, condition: Condition, trouble: Trouble) -> Notice:
    recovered = condition.trouble is None
    return Notice(
        workspace=workspace.project.name,
        trouble=trouble,
        recovered=recovered,
        subject=condition.subject,
        summary=condition.summary,
        at=to_text(workspace.clock.now()),
        codes=condition.codes,
        next="" if recovered else condition.next,
    )


# ---------------------------------------------------------------- what is the matter


def _conditions(ran: Iterable[Ran], before: Mapping[str, Remembered]) -> Iterable[Condition]:
    for each in ran:
        known = before.get(each.slot.export, Remembered())
        condition = _run_condition(each, known)
        if condition is not None:
            yield condition
        if each.plan is not None:
            yield _held_back_condition(each, known)


def _run_condition(ran: Ran, before: Remembered) -> Condition | None:
    """None when nothing is known: it was not tried or was broken off. Trouble that may pass is told once it was there
    twice in a row."""
    name = ran.slot.export
    codes = tuple(dict.fromkeys(each.code for each in ran.diagnostics if each.severity is Severity.ERROR))
    said = next((each.summary for each in ran.diagnostics if each.severity is Severity.ERROR), "")
    match ran.outcome:
        case Outcome.SUCCESSFUL | Outcome.NO_CHANGES:
            return Condition(Topic.RUN, name, None, f"{name} runs well again")
        case Outcome.BLOCKED:
            summary = f"{name} is blocked ({', '.join(codes)}), nothing was sent: {said}"
            return Condition(Topic.RUN, name, Trouble.GUARD, summary, codes, f"ccsync plan {name}")
        case Outcome.FAILED | Outcome.PARTIAL:
            if ran.code not in FINAL and not before.failed:
                return None
            word = "failed" if ran.outcome is Outcome.FAILED else "was applied in part"
            summary = f"{name} {word} ({', '.join(codes)}): {said}"
            return Condition(Topic.RUN, name, Trouble.FAILURE, summary, codes, "ccsync status")
        case Outcome.CANCELED | Outcome.NOT_TRIED:
            return None


def _held_back_condition(ran: Ran, before: Remembered) -> Condition:
    name = ran.slot.export
    assert ran.plan is not None
    export = ran.plan.export(name)
    now = sum(export.held_back.values())
    if not is_spike(before.held_back, now, export.managed):
        return Condition(Topic.HELD_BACK, name, None, f"{name}: no more people are held back than before ({now:,})")
    summary = f"{name}: {now:,} people are held back, {now - (before.held_back or 0):,} more than the last time"
    return Condition(Topic.HELD_BACK, name, Trouble.HELD_BACK, summary, next="ccsync state list --held-back")


def _sign_ins(workspace: Workspace, ran: Iterable[Ran], slots: Iterable[Slot], at: datetime) -> Iterable[Condition]:
    from ccsync.constant_contact.expiry import sign_in_ends

    exports = workspace.project.exports
    coming: dict[ConnectionName, datetime] = {}
    for slot in slots:
        name = exports[slot.export].connection
        coming[name] = min(coming.get(name, slot.next or at + SOON), slot.next or at + SOON)
    for name in sorted({exports[each.slot.export].connection for each in ran}):
        connection = workspace.project.connections[name]
        ends = sign_in_ends(connection, partial(workspace.sign_ins, connection), workspace.clock.now())
        if ends is None or ends > coming[name]:
            yield Condition(Topic.SIGN_IN, name, None, f"connection {name} is signed in for the next run")
        else:
            summary = f"the sign-in of connection {name} ends at {to_text(ends)}, before the next run"
            yield Condition(Topic.SIGN_IN, name, Trouble.SIGN_IN, summary, next=f"ccsync connections login {name}")
