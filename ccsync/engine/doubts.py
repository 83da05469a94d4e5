"""What is said of a source whose rows may not be what they seem: cut off, or no longer kept up. Reads nothing."""

from datetime import datetime

from ccsync.core.spec import SourceType, TableSegment
from ccsync.errors import Diagnostic, Severity

CUT_ROWS = 100_000
"""Where the download of a table in Customer Insights ends, however many rows there are.

Source: the vendor's support article on the Tables page.
"""

MAY_BE_CUT = (SourceType.CSV, SourceType.CDM)


def cut_finding(segment: TableSegment) -> Diagnostic:
    return Diagnostic(
        "W417",
        f"the source of segment {segment.name} has exactly {CUT_ROWS:,} rows",
        Severity.WARNING,
        detail="A table that is downloaded from Customer Insights ends there, however many rows it has.",
        hint="compare with the number of members there; use an export in place of the download",
    )


def segment_findings(segment: TableSegment, built_at: datetime | None) -> tuple[Diagnostic, ...]:
    """What a declared `type: static` or `state: inactive` means for who is in the segment."""
    kind = "static" if segment.static else "inactive" if not segment.active else None
    if kind is None:
        return ()
    built = f"; its rows are of {built_at:%Y-%m-%d %H:%M} UTC" if built_at is not None else ""
    return (
        Diagnostic(
            "W441",
            f"segment {segment.name} is declared {kind}{built}",
            Severity.WARNING,
            detail="No refresh rebuilds it: it keeps people who were erased or would no longer belong.",
            hint="rebuild it in Customer Insights before the export, above all after an erasure",
        ),
    )
