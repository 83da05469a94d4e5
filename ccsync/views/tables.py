"""Small tables as lines: columns as wide as they need, two blanks between. For connections, runs and the like."""

from collections.abc import Sequence

from rich.cells import cell_len

from ccsync.views.mask import shown
from ccsync.views.text import Line, line

_GAP = "  "


def table_lines(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Line]:
    """Header first. A cell that looks like a number (`1,204`) is set to the right."""
    cells = [[shown(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(headers))]
    right = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(headers))]
    found = []
    for number, row in enumerate(cells):
        padded = [_padded(cell, width, to_right=to) for cell, width, to in zip(row, widths, right, strict=True)]
        text = _GAP.join(padded).rstrip()
        found.append(line((text, "dim") if number == 0 else text, hang=4))
    return found


def _padded(cell: str, width: int, *, to_right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if to_right else cell + blanks


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdigit() or cell in ("", "-")
