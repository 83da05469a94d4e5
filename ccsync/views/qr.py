"""A web address as a picture that a telephone can read, in half blocks. Which addresses are shown is not known here."""

from ccsync.views.text import Line, line

_STYLE = "black on white"
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_lines(address: str) -> list[Line]:
    """Two rows of modules a line, dark on light whatever the terminal's colours, with a quiet zone around them.
    Source: ISO/IEC 18004, by the library segno."""
    import segno

    rows = [[bool(module) for module in row] for row in segno.make(address, micro=False).matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return [
        line(("".join(_HALVES[pair] for pair in zip(upper, lower, strict=True)), _STYLE))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
