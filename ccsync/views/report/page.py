"""The report as a whole page. What a plan says is not decided here; rows only appear when they are handed over."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

from ccsync.catalogue import hint_of
from ccsync.core.change import Op
from ccsync.core.plan import ExportPlan, Plan, to_text
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, Severity
from ccsync.views.block import op_count, removed_share
from ccsync.views.document import Page
from ccsync.views.footer import footer_lines
from ccsync.views.frame import Frame
from ccsync.views.human import NO_CHANGES, also_text, findings_of, summary_sentence
from ccsync.views.report.charts import Part, Point, bar
from ccsync.views.report.markup import EMPTY, Html, element
from ccsync.views.report.section import list_section
from ccsync.views.text import counted, number


@dataclass(frozen=True, slots=True)
class Material:
    """What the page shows besides the plan. history: of each export, oldest first; empty when no state is at hand.

    pages: rows that were asked for. stale: why `apply` would refuse the plan.
    """

    frame: Frame
    history: Mapping[ExportName, tuple[Point, ...]] = field(default_factory=dict)
    pages: Mapping[ExportName, Page] = field(default_factory=dict)
    stale: tuple[Diagnostic, ...] = ()


def report_page(plan: Plan, material: Material) -> str:
    """One file that loads nothing: its policy allows this very style sheet and no script, image, font or address."""
    title = f"ccsync plan of {plan.workspace}"
    digest = base64.b64encode(sha256(_style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", _style()),
    )
    shown = [export for export in plan.exports if _is_shown(export)]
    main = element(
        "main",
        *_callouts(plan, material),
        _tiles(plan),
        _findings(plan),
        _overview(shown),
        *(list_section(export, material.frame, material.history, material.pages) for export in shown),
        _unchanged(plan, shown),
        _cost(plan, material.frame),
        _facts(plan),
        id="content",
    )
    skip = element("a", "Skip to the plan", class_="skip", href="#content")
    body = element("body", skip, _header(plan, stale=bool(material.stale)), main)
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


@cache
def _style() -> Html:
    return Html(Path(__file__).with_name("style.css").read_text(encoding="utf-8"))


def _is_shown(export: ExportPlan) -> bool:
    left_out = op_count(Op.HELD_BACK, export) + op_count(Op.UNUSABLE, export) + sum(export.filtered.values())
    return export.has_changes or bool(export.findings) or any(export.drift.values()) or bool(left_out)


# ---------------------------------------------------------------- above the lists


def _header(plan: Plan, *, stale: bool) -> Html:
    state, word = ("ready", "Ready to apply") if plan.has_changes else ("same", "No changes")
    if plan.blocked or stale:
        state, word = "blocked", "Blocked" if plan.blocked else "Stale"
    said = summary_sentence(plan.totals()) if plan.has_changes else NO_CHANGES
    if not plan.exports and not plan.complete:
        said = "Nothing was planned: no export is touched."
    also = also_text(plan)
    return element(
        "header",
        element("p", "ccsync plan", class_="kicker"),
        element("h1", plan.workspace, " ", element("span", word, class_=f"pill {state}")),
        element("p", said, f" Also {also}." if also else "", class_="lead"),
    )


def _callouts(plan: Plan, material: Material) -> Iterator[Html]:
    for warning in material.stale:
        yield element(
            "p", element("strong", f"{warning.code} "), warning.summary, ". ", warning.detail or "", class_="callout"
        )
    losing = sorted((each for each in plan.exports if each.counts.remove), key=lambda each: -each.counts.remove)
    if losing:
        total = counted(sum(each.counts.remove for each in losing), "person", "people")
        items = [
            element(
                "li",
                element("strong", number(each.counts.remove)),
                f" from “{each.list.name}” ({each.name}), {removed_share(each)}",
            )
            for each in losing
        ]
        yield element("div", element("strong", f"Removes {total}"), element("ul", *items), class_="callout removal")


def _findings(plan: Plan) -> Html:
    found = sorted(findings_of(plan), key=lambda finding: finding.severity is not Severity.ERROR)
    if not found:
        return EMPTY
    title = element("h2", "Findings", id="findings")
    return element(
        "section", title, element("ul", *map(_finding, found), class_="findings"), aria_labelledby="findings"
    )


def _finding(finding: Diagnostic) -> Html:
    word = "Error" if finding.severity is Severity.ERROR else "Warning"
    hint = hint_of(finding)
    return element(
        "li",
        element("strong", f"{word} {finding.code}"),
        f" {finding.summary}",
        element("span", finding.detail, class_="detail") if finding.detail else EMPTY,
        element("span", "Next: ", hint, class_="detail") if hint else EMPTY,
        class_=finding.severity.value,
    )


_TILES = ((Op.REMOVE, "to remove"), (Op.ADD, "to add"), (Op.UPDATE, "to update"), (Op.ADOPT, "to adopt"))


def _tiles(plan: Plan) -> Html:
    if not plan.exports:
        return EMPTY
    totals = plan.totals()
    tiles = [_tile(op.value, getattr(totals, op.value), words) for op, words in _TILES]
    tiles.append(_tile("held_back", sum(op_count(Op.HELD_BACK, each) for each in plan.exports), "held back"))
    tiles.append(_tile("unusable", sum(op_count(Op.UNUSABLE, each) for each in plan.exports), "unusable rows"))
    return element("dl", *tiles, class_="tiles")


def _tile(kind: str, count: int, words: str) -> Html:
    faded = "" if count else " none"
    return element("div", element("dt", words), element("dd", number(count)), class_=f"tile {kind}{faded}")


def _overview(exports: list[ExportPlan]) -> Html:
    """Every list before and after, as bars to one scale."""
    if not exports:
        return EMPTY
    whole = max(max(each.members_before, each.members_after) for each in exports)
    rows = [
        element(
            "tr",
            element("th", element("a", each.list.name, href=f"#list-{each.name}"), scope="row"),
            element("td", number(each.members_before), class_="number"),
            element("td", _size_bar(each, whole), class_="picture"),
            element("td", number(each.members_after), class_="number after"),
            element("td", _difference(each), class_="number"),
        )
        for each in exports
    ]
    heads = (
        ("List", None),
        ("Before", "number"),
        ("stays, goes, comes", "picture"),
        ("After", "number"),
        ("", "number"),
    )
    header = element("tr", *(element("th", words, scope="col", class_=kind) for words, kind in heads))
    table = element(
        "table",
        element("caption", "Members of each list, all bars to one scale"),
        element("thead", header),
        element("tbody", *rows),
        class_="chart",
    )
    return element("section", element("h2", "Lists", id="lists"), table, aria_labelledby="lists")


def _size_bar(export: ExportPlan, whole: int) -> Html:
    stays = export.members_before - export.counts.remove
    parts = (Part("stays", stays), Part("remove", export.counts.remove), Part("add", export.counts.add))
    return bar(parts, max(whole, stays + export.counts.remove + export.counts.add))


def _difference(export: ExportPlan) -> str:
    gone = f"−{number(export.counts.remove)}" if export.counts.remove else ""
    come = f"+{number(export.counts.add)}" if export.counts.add else ""
    return " ".join(part for part in (gone, come) if part) or "±0"


# ---------------------------------------------------------------- below the lists


def _unchanged(plan: Plan, shown: list[ExportPlan]) -> Html:
    count = len(plan.exports) - len(shown)
    return element("p", f"{counted(count, 'export')} without changes not shown.", class_="muted") if count else EMPTY


def _cost(plan: Plan, frame: Frame) -> Html:
    if not plan.has_changes:
        return EMPTY
    items = [element("li", " ".join(each.text.plain.split())) for each in footer_lines(plan, frame)]
    title = element("h2", "What it takes and what leaves", id="cost")
    return element("section", title, element("ul", *items), aria_labelledby="cost")


def _facts(plan: Plan) -> Html:
    facts = {
        "Plan": plan.plan_id,
        "Made": to_text(plan.created_at),
        "Expires": to_text(plan.expires_at),
        "State": f"serial {plan.base.serial}" if plan.base.serial else "none yet",
        "Lists": "read for this plan" if plan.refreshed else "not read (--no-refresh)",
        "Exports": "all" if plan.complete else "a part; others were not looked at",
        "Guards allowed": ", ".join(plan.allowed) or "none",
        "ccsync": plan.ccsync,
    }
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts.items()]
    title = element("h2", "This plan", id="facts")
    return element("section", title, element("dl", *pairs, class_="facts"), aria_labelledby="facts")
