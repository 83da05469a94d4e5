"""Rows of a plan as lines, for `show --op`, `--export` and `--limit`."""

from collections.abc import Mapping

from ccsync.core.row import ChangeRow
from ccsync.core.spec import ExportName
from ccsync.views.block import row_parts
from ccsync.views.document import Page
from ccsync.views.symbols import LOOKS
from ccsync.views.text import BLANK, Line, counted, line, number


def rows_lines(pages: Mapping[ExportName, Page], *, reveal: bool) -> list[Line]:
    if not pages:
        return [line("No such rows.")]
    lines: list[Line] = []
    for name, page in pages.items():
        lines += [line((name, "bold"), f" · {counted(page.total, 'row')}")]
        lines += [_row(row, reveal=reveal) for row in page.rows]
        if len(page.rows) < page.total:
            lines.append(line((f"  {number(page.total - len(page.rows))} more; --limit N shows them", "dim")))
        lines.append(BLANK)
    return lines[:-1]


def _row(row: ChangeRow, *, reveal: bool) -> Line:
    look = LOOKS[row.op]
    return line("  ", (f"{look.symbol} ", look.style), *row_parts(row, reveal=reveal), hang=6)
