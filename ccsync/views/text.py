"""Lines of text as the views build them, how they wrap, and how numbers read. Knows no plan and no event.

Data goes in as `rich.text.Text`, never as markup, and always through `shown`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ccsync.views.mask import shown

Part = str | tuple[str, str]
"""Text, or text with a style. Both are escaped."""

_MIN_WRAP = 16
_ITEM_HANG = 4
_BETWEEN = " · "


@dataclass(frozen=True, slots=True)
class Line:
    """One line. hang: how far its continuation is indented where a narrow terminal makes it wrap. whole: the terminal
    may wrap it, we don't: an address that is to be clicked or copied."""

    text: Text
    hang: int = 0
    whole: bool = False
    narrow: "Narrow | None" = None


@dataclass(frozen=True, slots=True)
class Narrow:
    """What stands for a line on a terminal of less than `below` columns: a heading, and under it items that are kept
    whole where they fit. The line of a table's header has neither."""

    below: int
    heading: Text | None = None
    items: tuple[Text, ...] = ()


def line(*parts: Part, hang: int = 0, whole: bool = False) -> Line:
    text = Text()
    for part in parts:
        content, style = (part, "") if isinstance(part, str) else part
        text.append(shown(content), style=style or None)
    return Line(text, hang, whole)


BLANK = line()


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    """On a terminal long lines wrap at words, indented; elsewhere a line stays a line, so that logs can be searched."""
    for each in lines:
        if each.whole or not console.is_terminal:
            console.print(each.text, soft_wrap=True)
            continue
        for fitting in _fitting(console.width, each):
            for piece in _wrapped(console, fitting):
                console.print(piece, soft_wrap=True)


def _fitting(width: int, each: Line) -> list[Line]:
    if each.narrow is None or width >= each.narrow.below:
        return [each]
    if each.narrow.heading is None:
        return []
    packed: list[Text] = []
    for item in each.narrow.items:
        if packed and _ITEM_HANG + packed[-1].cell_len + cell_len(_BETWEEN) + item.cell_len <= width:
            packed[-1].append(_BETWEEN).append_text(item)
        else:
            packed.append(item.copy())
    below = [Line(Text(" " * _ITEM_HANG).append_text(text), hang=2 * _ITEM_HANG) for text in packed]
    return [Line(each.narrow.heading, hang=_ITEM_HANG), *below]


def _wrapped(console: Console, each: Line) -> Iterable[Text]:
    width = console.width
    if each.text.cell_len <= width:
        return (each.text,)
    hang = each.hang if width - each.hang >= _MIN_WRAP else 2
    first, *rest = each.text.wrap(console, width)
    if not rest:
        return (first,)
    remaining = each.text[len(first.plain) :]
    remaining = remaining[len(remaining.plain) - len(remaining.plain.lstrip(" ")) :]
    first.rstrip()
    return (first, *(_indented(piece, hang) for piece in remaining.wrap(console, width - hang)))


def _indented(piece: Text, hang: int) -> Text:
    piece.rstrip()
    return Text(" " * hang).append_text(piece)


def number(count: int) -> str:
    return f"{count:,}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def tally(counts: Mapping[str, int]) -> str:
    """`first_name 3,112, cf:tier 1,827`: the largest first, zeroes left out."""
    ranked = sorted((item for item in counts.items() if item[1]), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ranked)


def size(n_bytes: int) -> str:
    """Bytes in decimal units, one digit after the point from 1 MB on."""
    if n_bytes < 1_000:
        return counted(n_bytes, "byte")
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1_000:,.0f} kB"
    return f"{n_bytes / 1_000_000:,.1f} MB"


def duration(seconds: float) -> str:
    """A length of time as a person would say it."""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return counted(minutes, "minute")
    return f"{minutes // 60} h {minutes % 60:02d} min"
