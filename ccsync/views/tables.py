"""Small tables as lines: columns as wide as they need, two blanks between. For connections, runs and the like."""

from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.text import Text

from ccsync.views.mask import shown
from ccsync.views.text import Line, Narrow, line

_GAP = "  "


def table_lines(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Line]:
    """Header first. A cell that looks like a number (`1,204`) is set to the right. Where a row is wider than the
    terminal, each row stands as its first cell and, under it, the others with their headers."""
    cells = [[shown(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(headers))]
    right = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(headers))]
    texts = [
        _GAP.join(
            _padded(cell, width, to_right=to) for cell, width, to in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    below = max(map(cell_len, texts))
    header = replace(line((texts[0], "dim")), narrow=Narrow(below))
    return [
        header,
        *(
            replace(line(text), narrow=Narrow(below, Text(row[0]), _items(cells[0][1:], row[1:])))
            for text, row in zip(texts[1:], cells[1:], strict=True)
        ),
    ]


def _items(headers: Sequence[str], cells: Sequence[str]) -> tuple[Text, ...]:
    """`members 45`: a header and its cell; cells that say nothing are left out."""
    told = [(header, cell) for header, cell in zip(headers, cells, strict=True) if cell not in ("", "-")]
    return tuple(
        Text(header, "dim").append(" ").append(cell, "not dim") if header else Text(cell) for header, cell in told
    )


def _padded(cell: str, width: int, *, to_right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if to_right else cell + blanks


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdigit() or cell in ("", "-")
