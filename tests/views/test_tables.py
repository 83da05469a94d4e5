"""Tables on terminals that are wide enough for them, and on others."""

import io

from ccsync.views.tables import table_lines
from ccsync.views.text import print_lines
from rich.console import Console

RUNS = table_lines(
    ("started", "run", "outcome", "serial", ""),
    [
        ("2026-10-01T06:00", "20261001T0600-ab12", "successful", "12", "current"),
        ("2026-09-30T06:00", "20260930T0600-cd34", "failed (E604)", "-", ""),
    ],
)


def said(width: int, *, tty: bool) -> list[str]:
    out = io.StringIO()
    print_lines(Console(file=out, width=width, force_terminal=tty, color_system=None), RUNS)
    return out.getvalue().splitlines()


def test_a_table_that_fits_stands_in_columns() -> None:
    assert said(70, tty=True) == [
        "started           run                 outcome        serial",
        "2026-10-01T06:00  20261001T0600-ab12  successful         12  current",
        "2026-09-30T06:00  20260930T0600-cd34  failed (E604)       -",
    ]


def test_a_table_that_does_not_fit_stands_row_by_row_with_its_headers() -> None:
    assert said(50, tty=True) == [
        "2026-10-01T06:00",
        "    run 20261001T0600-ab12 · outcome successful",
        "    serial 12 · current",
        "2026-09-30T06:00",
        "    run 20260930T0600-cd34 · outcome failed (E604)",
    ]


def test_elsewhere_than_on_a_terminal_a_row_stays_a_line() -> None:
    assert said(30, tty=False) == said(200, tty=True)
