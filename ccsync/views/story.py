"""One person's story as lines. What it is made of is `ccsync.story`."""

from collections.abc import Iterable

from ccsync.core.change import HeldBack, Op, Ownership, Reason, Status
from ccsync.story import Chapter
from ccsync.views.mask import mask_email
from ccsync.views.symbols import LOOKS
from ccsync.views.text import BLANK, Line, line

_FIELD_CHANGED = {str(Reason.FIELD_CHANGED): "its value changed", str(Reason.MAPPING_CHANGED): "its mapping changed"}

_WHY = {
    str(Reason.SEGMENT_JOINED): "they are in the segments and not on the list",
    str(Reason.SEGMENT_LEFT): "they left the segments",
    str(Reason.SOURCE_ROW_GONE): "their row is gone from the source",
    str(Reason.CONSENT_MISSING): "they lack the consent that `require` asks for",
    str(Reason.SUPPRESSED): "they are suppressed on this connection",
    str(Reason.EXPORT_DELETED): "the export is no longer declared",
    str(Reason.CONTENT_CHANGED): "they were refused before, and their data have changed",
    str(Reason.ALREADY_ON_LIST): "they are on the list already, and not by our doing",
    str(Reason.CAME_BACK): "they had left the list and came back by themselves",
    str(Reason.ALREADY_GONE): "they are gone from the list already, and not by our doing",
    str(Reason.REMOVED_BY_SIBLING): "another export on this list removes them",
    str(HeldBack.OPTED_OUT): "they left the list, or somebody took them off it; `ccsync readmit` lets them in again",
    str(HeldBack.UNSUBSCRIBED): "they unsubscribed from the whole account; only they themselves can come back",
    str(HeldBack.REJECTED): "Constant Contact refused these very data; they are tried again when the data change",
}

_VERDICTS = {
    Op.ADD: "would be added",
    Op.UPDATE: "would be updated",
    Op.REMOVE: "would be removed",
    Op.ADOPT: "would be adopted",
    Op.FORGET: "would be forgotten",
    Op.HELD_BACK: "held back",
    Op.UNUSABLE: "unusable",
}


def story_lines(key: str, chapters: Iterable[Chapter], *, reveal: bool) -> list[Line]:
    lines = [line(key if reveal else mask_email(key))]
    for chapter in chapters:
        lines += [BLANK, *_chapter(chapter)]
    return lines


def _chapter(chapter: Chapter) -> list[Line]:
    deleted = " · no longer declared" if chapter.deleted else ""
    parts = (
        ("segments", _segments(chapter)),
        ("ledger", _ledger(chapter)),
        ("memory", _memory(chapter)),
        ("live", _live(chapter)),
    )
    told = [line(f"    {name:<10}", said, hang=14) for name, said in parts if said]
    return [line(f'{chapter.export} · list "{chapter.list_name}"{deleted}', hang=4), *told, _verdict(chapter)]


def _segments(chapter: Chapter) -> str:
    facts = chapter.facts
    if facts.desired:
        copies = " (other rows with this address can't be used: " + facts.unusable + ")" if facts.unusable else ""
        return f"in{copies}"
    if facts.filtered:
        return f"left out: {_WHY[facts.filtered]}"
    return f"not in: their row can't be used ({facts.unusable})" if facts.unusable else "not in"


def _ledger(chapter: Chapter) -> str:
    row = chapter.facts.ledger
    if not row:
        return "never a member by our doing"
    status = row.get("status", "")
    since = f", changed {row['changed_at']} by run {row.get('last_run', '?')}" if "changed_at" in row else ""
    if status == Status.MEMBER:
        owner = "added by an export" if row.get("ownership") == Ownership.OURS else "was there before us"
        refused = "; the newest values were refused" if "refused_content" in row else ""
        return f"member, {owner}{since}{refused}"
    said = "left the list" if status == Status.OPTED_OUT else f"refused ({row.get('reason', 'no reason told')})"
    return f"{said}{since}"


def _memory(chapter: Chapter) -> str:
    memory = chapter.facts.memory
    return f"opted out of this list, noticed {memory['since']} by run {memory['run']}" if memory else ""


def _live(chapter: Chapter) -> str:
    if chapter.on_list is None:
        return "not asked (--no-refresh)"
    on_list = "on the list" if chapter.on_list else "not on the list"
    return f"{on_list}; permission: {chapter.permission}" if chapter.permission else f"{on_list}; no such contact"


def _verdict(chapter: Chapter) -> Line:
    facts = chapter.facts
    if not facts.op:
        quiet = "unchanged: a plan has nothing to do" if facts.desired else "not touched by a plan"
        quiet = f"never sent: {_WHY[facts.filtered]}" if facts.filtered else quiet
        return line("  = ", quiet, hang=4)
    look = LOOKS[Op(facts.op)]
    reason, _, field = facts.reason.partition(":")
    why = f"{field}: {_FIELD_CHANGED[reason]}" if reason in _FIELD_CHANGED else _WHY.get(reason, facts.reason)
    return line((f"  {look.symbol} ", look.style), f"{_VERDICTS[Op(facts.op)]}: {why}", hang=4)
