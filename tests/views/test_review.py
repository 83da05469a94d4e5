"""A plan for its reviewers: Markdown for a comment, a page with charts, outputs for a job."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from ccsync.core.change import Counts, Op
from ccsync.core.plan import ExportPlan, ListTarget
from ccsync.core.row import ChangeDetail, ChangeRow
from ccsync.core.spec import ExportName, ListId
from ccsync.errors import Diagnostic, Severity
from ccsync.views.document import Page
from ccsync.views.markdown import MAX_BYTES, plan_markdown
from ccsync.views.outputs import output_lines
from ccsync.views.report.charts import Point
from ccsync.views.report.page import Material, report_page
from markdown_it import MarkdownIt

from tests.views import plans

HOSTILE = (
    "@everyone `code` ``more` | pipe \\| <img src=x onerror=alert(1)> </code></td><script>alert(1)</script>"
    " [a](javascript:alert(1)) https://evil.example www.evil.example #1 !2 ~label %m $s &amp; **b** _i_ ~~s~~"
    " anna@example.com\n/approve\n::set-output name=x::y\nplan_id=evil\x1b[2J\u202e"
)


def hostile_export() -> ExportPlan:
    finding = Diagnostic("W510", HOSTILE, Severity.WARNING, detail=HOSTILE, hint=HOSTILE)
    listed = ListTarget(ListId("1"), HOSTILE)
    return replace(plans.busy_export(), list=listed, findings=(finding,), drift={HOSTILE: 3})


def hostile_frame() -> object:
    detail = ChangeDetail({Op.REMOVE: {HOSTILE: 2}, Op.ADD: {HOSTILE: 3}})
    return plans.frame(details={ExportName("weekly_newsletter"): detail}, saved="weekly`x`.ccplan")


# ---------------------------------------------------------------- Markdown


def test_markdown_of_everything(golden: Callable[[str, str], None]) -> None:
    export = replace(plans.busy_export(), findings=(plans.WARNED, plans.BLOCKED))
    plan = plans.plan_of(plans.new_list_export(), export, plans.export_plan("winback"), complete=False)
    golden("markdown", plan_markdown(plan, plans.frame(saved="weekly.ccplan")))


def test_removals_and_what_blocks_come_before_everything_else() -> None:
    export = replace(plans.busy_export(), findings=(plans.BLOCKED,))
    said = plan_markdown(plans.plan_of(plans.new_list_export(), export), plans.frame())
    order = ["Blocked by E501", "Removes 2 people", "Plan: 1,207 to add", "error E501", "| **remove**", "| add |"]
    places = [said.index(each) for each in order]
    assert places == sorted(places)
    assert said.index("(weekly_newsletter)") < said.index("(vips)"), "lists that lose people come first"


def test_nothing_from_outside_becomes_markup_a_mention_or_a_link() -> None:
    said = plan_markdown(plans.plan_of(hostile_export()), hostile_frame())  # type: ignore[arg-type]
    assert not [line for line in said.splitlines() if line.startswith("/")], "GitLab would take it for an order"
    assert "anna@example.com" not in said
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(said)
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in [*tokens, *inline]}
    assert not kinds & {"link_open", "image", "em_open", "s_open", "html_block", "fence", "code_block", "hr"}
    assert {token.content for token in inline if token.type == "html_inline"} == {"<sub>", "</sub>"}
    assert sum(token.type == "table_open" for token in tokens) == 1
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in said.splitlines() if line.startswith("| ")} == {4}
    prose = "".join(token.content for token in inline if token.type == "text")
    for reference in ("@everyone", "https://", "www.", "#1", "!2", "~label", "%m", "$s"):
        assert reference not in prose, f"{reference} would be linked"
    assert "@\u200beveryone" in prose


def test_a_comment_is_bounded_and_never_loses_a_removal_or_a_warning() -> None:
    exports = [
        plans.export_plan(
            f"export_{number}",
            list=ListTarget(ListId(str(number)), "Ü" * 90 + str(number)),
            counts=Counts(add=5, remove=number % 7),
            findings=(replace(plans.WARNED, summary=f"{'x' * 300} {number}"),),
            people=5,
        )
        for number in range(400)
    ]
    plan = plans.plan_of(*exports, replace(plans.export_plan("zz"), findings=(plans.BLOCKED,)))
    for most in (MAX_BYTES, 20_000):
        said = plan_markdown(plan, plans.frame(saved="x.ccplan"), max_bytes=most)
        assert len(said.encode()) <= most
        assert "Blocked by E501" in said
        assert "error E501" in said
        assert f"Removes {sum(number % 7 for number in range(400)):,} people" in said
        assert re.search(r"- and \d+ more: W510 \d+", said)
        assert "more lists left out here for length; `ccsync show x.ccplan` has all of them." in said
        assert "**remove**" in said


def test_a_plan_without_changes_says_so_in_the_fixed_sentence() -> None:
    said = plan_markdown(plans.plan_of(plans.export_plan()), plans.frame())
    assert "No changes. Constant Contact matches the configuration." in said
    assert "|" not in said
    assert "Nothing" not in plan_markdown(plans.plan_of(plans.busy_export()), plans.frame())
    assert "nothing was planned" in plan_markdown(plans.plan_of(complete=False), plans.frame())


def test_what_is_left_out_on_purpose_and_what_is_only_recorded_is_said() -> None:
    export = plans.export_plan(filtered={"suppressed": 12}, unrecorded=("on_delete",))
    plan = plans.plan_of(export)
    said = plan_markdown(plan, plans.frame())
    assert "| left out, never sent | 12 | `suppressed` 12 |" in said
    assert "To record, for when the export is no longer declared: on\\_delete keep\\_members." in said
    assert "1 setting to record" in said
    text = " ".join(Read(report_page(plan, Material(plans.frame()))).texts)
    assert "left out on purpose: suppressed" in text
    assert "on_delete keep_members" in text
    assert (outputs(output_lines(plan))["left_out"], outputs(output_lines(plan))["settings"]) == ("12", "1")


# ---------------------------------------------------------------- outputs


def outputs(text: str) -> dict[str, str]:
    """As a runner reads them. Source: GitHub's documentation of GITHUB_OUTPUT."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        key, heredoc, delimiter = line.partition("<<")
        if heredoc and "=" not in key:
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[key] = "\n".join(value)
        else:
            key, _, plain = line.partition("=")
            assert key not in found
            found[key] = plain
    return found


def test_outputs_say_what_a_job_asks() -> None:
    plan = plans.plan_of(plans.busy_export(), plans.new_list_export())
    said = outputs(output_lines(plan))
    assert said["plan_id"] == plan.plan_id
    assert (said["has_changes"], said["blocked"], said["applyable"]) == ("true", "false", "true")
    assert (said["add"], said["update"], said["remove"]) == ("1207", "1", "2")
    assert said["exports"] == "weekly_newsletter vips"
    assert said["summary"] == "Plan: 1,207 to add, 1 to update, 2 to remove."
    assert said["removals"] == "- 2 from Weekly newsletter (weekly_newsletter), 0.02 % of our 11,990"


def test_no_name_sets_another_output() -> None:
    plain = outputs(output_lines(plans.plan_of(plans.busy_export())))
    said = outputs(output_lines(plans.plan_of(hostile_export())))
    assert set(said) == set(plain)
    assert said["plan_id"] != "evil"
    assert said["removals"].startswith("- 2 from @everyone")
    assert "\x1b" not in said["removals"]
    assert "anna@example.com" not in said["removals"]


# ---------------------------------------------------------------- the page


class Read(HTMLParser):
    """The elements of a page; fails on what isn't closed in order."""

    VOID = frozenset({"meta", "rect", "path", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(export: ExportPlan, *, rows: int = 0, reveal: bool = False) -> str:
    name = ExportName("weekly_newsletter")
    history = {name: (Point("2026-11-22T06:00:00Z", 40, 11_985, 4, 1), Point("2026-11-23T06:00:00Z", 41, 11_990, 9, 4))}
    found = tuple(
        ChangeRow(
            Op.REMOVE, f"carla{number}@mail.example.org", "segment_left", before={}, after={"first_name": "Carla"}
        )
        for number in range(rows)
    )
    pages = {name: Page(found, rows + 7)} if rows else {}
    plan = plans.plan_of(export, plans.new_list_export())
    return report_page(plan, Material(plans.frame(reveal=reveal), history, pages, (plans.WARNED,)))


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = page(hostile_export(), rows=3)
    read = Read(text)
    assert {tag for tag, _ in read.elements} & {"script", "link", "img", "iframe", "form", "base", "object"} == set()
    for tag, attributes in read.elements:
        assert not [name for name in attributes if name == "style" or name == "src" or name.startswith("on")], tag
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)  # type: ignore[union-attr]
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = [each["content"] for each in read.named("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "alert(1)" in "".join(read.texts)


def test_the_page_holds_no_row_unless_asked_and_masks_those() -> None:
    assert "example.org" not in page(plans.busy_export())
    masked = page(plans.busy_export(), rows=230)
    assert "carla" not in masked
    assert "c***@m***.org" in masked
    assert masked.count("<details") == 3 + 1, "pages of a hundred rows, and the runs"
    assert "Rows 201 to 230 of 237" in masked
    assert "carla229@mail.example.org" in page(plans.busy_export(), rows=230, reveal=True)


def test_the_page_can_be_read_without_seeing_it() -> None:
    read = Read(page(replace(plans.busy_export(), findings=(plans.BLOCKED,)), rows=2))
    assert read.named("html") == [{"lang": "en"}]
    assert all(each["aria-hidden"] == "true" for each in read.named("svg")), "their numbers stand in tables"
    assert all(each.get("scope") in ("col", "row") for each in read.named("th"))
    headings = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in [*read.named("section"), *read.named("a")]:
        target = attributes.get("aria-labelledby") or str(attributes["href"])[1:]
        assert target in ids
    said = " ".join(read.texts)
    for part in (
        "11,985 on 2026-11-22",
        "this plan leads to 11,992",
        "segment_left",
        "0.1 % of the segments",
        "Blocked",
    ):
        assert part in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: str) -> None:
    """Source: WCAG 2.2, success criterion 1.4.3 (4.5 to 1)."""
    text = page(plans.busy_export())
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1]))

    def luminance(name: str) -> float:
        parts = [int(colours[name][at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for behind in ("back", "panel"):
        for name in ("text", "muted", "link", "add", "remove", "update", "held", "unusable"):
            one, other = sorted((luminance(name), luminance(behind)))
            assert (other + 0.05) / (one + 0.05) >= 4.5, (name, behind)
