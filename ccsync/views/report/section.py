"""One list's part of the report: what happens to it and why, its history, who is left out, and rows if asked for."""

from collections.abc import Iterator, Mapping, Sequence

from ccsync.core.change import Op
from ccsync.core.plan import ExportPlan, ListAction
from ccsync.core.row import ChangeDetail, ChangeRow
from ccsync.core.spec import ExportName
from ccsync.views.block import op_count, removed_share, row_parts, to_record, why_of
from ccsync.views.document import Page
from ccsync.views.frame import Frame
from ccsync.views.report.charts import Part, Point, bar, comings_and_goings, course
from ccsync.views.report.markup import EMPTY, Html, element
from ccsync.views.symbols import LOOKS
from ccsync.views.text import counted, number, tally

_OPS = (Op.REMOVE, Op.ADD, Op.UPDATE, Op.ADOPT, Op.FORGET)
_REASONS = 12
_PAGE_ROWS = 100


def list_section(
    export: ExportPlan,
    frame: Frame,
    history: Mapping[ExportName, tuple[Point, ...]],
    pages: Mapping[ExportName, Page],
) -> Html:
    name = f"list-{export.name}"
    page = pages.get(export.name)
    return element(
        "section",
        element("h2", export.list.name, id=name),
        element("p", *_subtitle(export), class_="muted"),
        _changes(export, frame),
        _history(export, history.get(export.name, ())),
        _left_out(export),
        _rows(export, page, reveal=frame.reveal) if page else EMPTY,
        aria_labelledby=name,
        class_="list",
    )


def _subtitle(export: ExportPlan) -> Iterator[str]:
    yield f"export {export.name} · connection {export.connection} · {number(export.counts.unchanged)} unchanged"
    if export.counts.foreign:
        yield f" · {number(export.counts.foreign)} foreign, never touched"
    if export.list.action is ListAction.CREATE:
        yield element("strong", " · the list will be created")
    if export.deleted:
        yield element("strong", f" · no longer declared ({export.on_delete.value})")
    settings = to_record(export)
    if settings:
        yield f" · to record for when it is no longer declared: {settings}"
    drift = tally(export.drift)
    if drift:
        yield f" · edited in Constant Contact and left alone: {drift}"


# ---------------------------------------------------------------- what changes, and why


def _changes(export: ExportPlan, frame: Frame) -> Html:
    detail = frame.details.get(export.name, ChangeDetail())
    rows = [row for op in _OPS if op_count(op, export) for row in _op_rows(op, export, detail)]
    if not rows:
        return element("p", "Nothing changes on this list.")
    header = element(
        "tr",
        element("th", "Change", scope="col"),
        element("th", "People", scope="col", class_="number"),
        element("th", "", scope="col", class_="picture"),
        element("th", "Why", scope="col"),
    )
    return element(
        "table",
        element("caption", "What changes, by reason"),
        element("thead", header),
        element("tbody", *rows),
        class_="chart",
    )


def _op_rows(op: Op, export: ExportPlan, detail: ChangeDetail) -> Iterator[Html]:
    """A line for the op, then its reasons, when there is more than one, on the scale of the largest op."""
    count, whole = op_count(op, export), max(op_count(each, export) for each in _OPS)
    ranked = sorted(why_of(op, export, detail).items(), key=lambda item: (-item[1], item[0]))
    why = removed_share(export) if op is Op.REMOVE else ""
    if len(ranked) == 1:
        why = f"{ranked[0][0]}{f' · {why}' if why else ''}"
    yield _bar_row(op, element("strong", f"{LOOKS[op].symbol} {op.value}"), count, whole, why, "op")
    if len(ranked) > 1:
        for reason, rows in ranked[:_REASONS]:
            yield _bar_row(op, "", rows, whole, reason, "reason")
        rest = sum(rows for _, rows in ranked[_REASONS:])
        if rest:
            yield _bar_row(op, "", rest, whole, counted(len(ranked) - _REASONS, "other reason"), "reason")


def _bar_row(op: Op, label: str, count: int, whole: int, why: str, kind: str) -> Html:
    return element(
        "tr",
        element("th", label, scope="row") if label else element("td", ""),
        element("td", number(count), class_="number"),
        element("td", bar((Part(op.value, count),), whole), class_="picture"),
        element("td", why),
        class_=kind,
    )


# ---------------------------------------------------------------- the list over its runs


def _history(export: ExportPlan, points: Sequence[Point]) -> Html:
    if not points:
        return EMPTY
    counts = export.counts
    planned = export.managed + counts.add + counts.adopt - counts.remove - counts.forget
    first, last = points[0], points[-1]
    began = f"{number(first.members)} on {first.at[:10]}, " if len(points) > 1 else ""
    said = (
        f"Members kept on this list after {counted(len(points), 'run')}: {began}{number(last.members)} on"
        f" {last.at[:10]}; this plan leads to {number(planned)} (dashed)."
    )
    labels = element("p", element("span", first.at[:10]), element("span", "this plan"), class_="ends")
    return element(
        "figure",
        element("figcaption", said),
        course(points, planned),
        comings_and_goings(points),
        labels,
        _runs(points),
    )


def _runs(points: Sequence[Point]) -> Html:
    heads = ("Serial", "Members", "Added", "Removed")
    header = element(
        "tr",
        element("th", "When", scope="col"),
        *(element("th", words, scope="col", class_="number") for words in heads),
    )
    rows = [
        element(
            "tr",
            element("th", point.at, scope="row"),
            *(
                element("td", number(value), class_="number")
                for value in (point.serial, point.members, point.added, point.removed)
            ),
        )
        for point in reversed(points)
    ]
    table = element("table", element("thead", header), element("tbody", *rows))
    return element("details", element("summary", "The runs as a table"), table)


# ---------------------------------------------------------------- who is left out


def _left_out(export: ExportPlan) -> Html:
    """The share of the segments' rows that doesn't reach the list, by reason."""
    kinds = (
        ("held_back", "held back: ", export.held_back),
        ("unusable", "unusable: ", export.unusable),
        ("filtered", "left out on purpose: ", export.filtered),
    )
    counts = [
        (kind, f"{word}{name}", rows) for kind, word, found in kinds for name, rows in sorted(found.items()) if rows
    ]
    left_out = sum(rows for _, _, rows in counts)
    if not left_out:
        return EMPTY
    reach = max(export.desired - sum(export.held_back.values()), 0)
    whole = reach + left_out
    parts = [Part("stays", reach), *(Part(kind, sum(found.values())) for kind, _, found in kinds)]
    header = element(
        "tr",
        element("th", "Rows of the segments", scope="col"),
        element("th", "People", scope="col", class_="number"),
        element("th", "Share", scope="col", class_="number"),
    )
    counts.insert(0, ("stays", "belong on the list", reach))
    rows = [
        element(
            "tr",
            element(
                "th", element("span", "", class_=f"key {kind}", aria_hidden="true"), name.replace("_", " "), scope="row"
            ),
            element("td", number(count), class_="number"),
            element("td", f"{100 * count / whole:.1f} %", class_="number"),
        )
        for kind, name, count in counts
    ]
    caption = element("figcaption", f"{100 * left_out / whole:.1f} % of the segments' rows do not reach the list.")
    table = element("table", element("thead", header), element("tbody", *rows), class_="legend")
    return element("figure", caption, bar(parts, whole), table)


# ---------------------------------------------------------------- rows


def _rows(export: ExportPlan, page: Page, *, reveal: bool) -> Html:
    """Pages that open by themselves, since the report runs no script."""
    parts: list[Html] = []
    for start in range(0, len(page.rows), _PAGE_ROWS):
        rows = page.rows[start : start + _PAGE_ROWS]
        said = f"Rows {number(start + 1)} to {number(start + len(rows))} of {number(page.total)}"
        first = None if start else ""
        parts.append(element("details", element("summary", said), _row_table(rows, reveal=reveal), open=first))
    left = page.total - len(page.rows)
    if left:
        parts.append(element("p", f"{number(left)} more rows; ccsync show --limit shows them.", class_="muted"))
    return element("div", element("h3", f"Rows of {export.name}"), *(parts or [element("p", "No such rows.")]))


def _row_table(rows: Sequence[ChangeRow], *, reveal: bool) -> Html:
    header = element("tr", *(element("th", words, scope="col") for words in ("Change", "Person", "What")))
    body = []
    for row in rows:
        person, *what = (part if isinstance(part, str) else part[0] for part in row_parts(row, reveal=reveal))
        body.append(
            element(
                "tr",
                element(
                    "td", f"{LOOKS[row.op].symbol} {row.op.value.replace('_', ' ')}", class_=f"text-{row.op.value}"
                ),
                element("th", person, scope="row"),
                element("td", " ".join(text.strip() for text in what)),
            )
        )
    return element("table", element("thead", header), element("tbody", *body), class_="rows")
