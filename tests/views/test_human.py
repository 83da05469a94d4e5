"""The plan on the screen."""

import io
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from ccsync.core.change import Counts, Op
from ccsync.core.plan import ListTarget
from ccsync.core.row import ChangeDetail, ChangeRow
from ccsync.core.spec import ExportName, ListId, OnDelete
from ccsync.views.frame import Frame, Purpose
from ccsync.views.human import NO_CHANGES, plan_lines
from ccsync.views.text import Line, print_lines
from rich.console import Console

from tests.views import plans


def text_of(lines: Iterable[Line], *, width: int = 80, tty: bool = False, colour: bool = False) -> str:
    out = io.StringIO()
    system = "standard" if colour else None
    print_lines(Console(file=out, width=width, force_terminal=tty, color_system=system, highlight=False), lines)
    return out.getvalue()


def test_no_changes_is_said_in_the_fixed_sentence_and_nothing_else_is_shown() -> None:
    said = text_of(plan_lines(plans.plan_of(plans.export_plan()), plans.frame()))
    assert NO_CHANGES in said.splitlines()
    assert "Plan:" not in said
    assert "1 export without changes is not shown." in said


def test_summary_sentence_has_thousands_separators_and_stands_on_a_line_of_its_own() -> None:
    plan = plans.plan_of(plans.busy_export(), plans.new_list_export())
    lines = text_of(plan_lines(plan, plans.frame())).splitlines()
    assert "Plan: 1,207 to add, 1 to update, 2 to remove." in lines
    assert "Also 2 to adopt, 1 to forget, 1 list to create." in lines


def test_what_leaves_is_said_per_export_with_host_and_fields() -> None:
    said = text_of(plan_lines(plans.plan_of(plans.new_list_export()), plans.frame()))
    assert "1,204 people's email, first_name, last_name go to api.cc.email" in said


@pytest.mark.parametrize("width", [80, 40])
def test_plan_of_everything(golden: Callable[[str, str], None], width: int) -> None:
    exports = (plans.new_list_export(), plans.busy_export(), plans.export_plan("winback"))
    plan = plans.plan_of(*exports)
    said = text_of(
        plan_lines(plan, plans.frame(samples=True, saved="weekly.ccplan", exposed=1_204)), width=width, tty=True
    )
    assert max(len(line) for line in said.splitlines()) <= width
    golden(f"plan_{width}", said)


def test_blocked_plan(golden: Callable[[str, str], None]) -> None:
    export = replace(plans.busy_export(), findings=(plans.WARNED, plans.BLOCKED))
    golden("plan_blocked", text_of(plan_lines(plans.plan_of(export), plans.frame(saved="weekly.ccplan")), tty=True))


def test_partial_plan_without_refresh(golden: Callable[[str, str], None]) -> None:
    plan = plans.plan_of(plans.busy_export(), complete=False, refreshed=False)
    golden("plan_partial", text_of(plan_lines(plan, plans.frame()), tty=True))


def test_a_blocked_plan_without_changes_does_not_say_that_all_is_well() -> None:
    plan = plans.plan_of(plans.export_plan(findings=(plans.BLOCKED,)))
    said = text_of(plan_lines(plan, plans.frame()))
    assert NO_CHANGES not in said
    assert "Blocked by E501 max_remove" in said


def test_held_back_rows_do_not_make_a_plan() -> None:
    plan = plans.plan_of(plans.export_plan(held_back={"opted_out": 3, "unsubscribed": 0, "rejected": 0}))
    said = text_of(plan_lines(plan, plans.frame()))
    assert NO_CHANGES in said
    assert "! weekly_newsletter: no changes; 3 held back (opted_out 3)" in said


def test_removals_come_after_every_other_op_of_an_export() -> None:
    said = text_of(plan_lines(plans.plan_of(plans.busy_export()), plans.frame()))
    symbols = [line.strip()[0] for line in said.splitlines() if line.startswith("    ") and line.strip()[0] in "+-~=.!"]
    assert symbols == ["!", "!", ".", "=", "~", "+", "-"]


def test_removals_are_said_again_next_to_the_question_when_several_exports_change() -> None:
    said = text_of(plan_lines(plans.plan_of(plans.busy_export(), plans.new_list_export()), plans.frame()))
    assert '- 2 from list "Weekly newsletter" (weekly_newsletter), 0.02 % of our 11,990' in said


def test_colour_is_only_decoration() -> None:
    lines = plan_lines(plans.plan_of(plans.busy_export()), plans.frame(samples=True))
    plain = text_of(lines, tty=True)
    coloured = text_of(lines, tty=True, colour=True)
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_text_from_outside_can_move_no_cursor_and_is_no_markup() -> None:
    bad = "[red]x[/red]\x1b[2J\r\n\u202egro.elpmaxe\u2066"
    export = replace(plans.busy_export(), list=ListTarget(ListId("1"), bad))
    sample = ChangeRow(
        Op.UPDATE, "a\x07b@example.com", "r", before={"first_name": bad}, after={"first_name": "x" + bad}
    )
    detail = ChangeDetail({Op.UPDATE: {bad: 1}}, {Op.UPDATE: (sample,)})
    frame = Frame(Purpose.PLAN, {ExportName("weekly_newsletter"): detail}, plans.VENDORS, reveal=True)
    said = text_of(plan_lines(plans.plan_of(export), frame), tty=True)
    assert not set("\x1b\r\u202e\u2066\x07") & set(said)
    assert r"[red]x[/red]\x1b[2J\x0d\x0a\u202e" in said.replace("\n", "").replace("  ", "")


def test_addresses_are_masked_unless_asked_for() -> None:
    plan = plans.plan_of(plans.busy_export())
    masked = text_of(plan_lines(plan, plans.frame(samples=True)))
    assert "a***@e***.com" in masked
    assert "c***@m***.org" in masked
    assert "@example.com" not in masked
    assert "anna@example.com" in text_of(plan_lines(plan, plans.frame(samples=True, reveal=True)))


def test_without_a_terminal_a_line_stays_a_line() -> None:
    plan = plans.plan_of(plans.export_plan(findings=(plans.BLOCKED,)))
    assert f"error[E501] {plans.BLOCKED.summary}" in text_of(plan_lines(plan, plans.frame()), width=40).splitlines()


def test_an_export_that_is_no_longer_declared_says_so() -> None:
    export = plans.export_plan(deleted=True, on_delete=OnDelete.REMOVE_MEMBERS, counts=Counts(remove=4))
    said = text_of(plan_lines(plans.plan_of(export), plans.frame()))
    assert "- weekly_newsletter" in said
    assert "no longer declared (remove_members)" in said


def test_show_says_nothing_of_saving() -> None:
    said = text_of(plan_lines(plans.plan_of(plans.busy_export()), plans.frame(Purpose.SHOW, saved="x.ccplan")))
    assert "Saved" not in said
    assert "not saved" not in said
