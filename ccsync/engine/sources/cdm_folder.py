"""Common Data Model folders, as Customer Insights writes them. Not built yet: refused by name."""

from ccsync.engine.sources.opening import Opening
from ccsync.errors import Diagnostic, InvalidError


def make_relation(opening: Opening) -> None:
    """Raises InvalidError (E420), always."""
    raise InvalidError(
        Diagnostic(
            "E420",
            f"source {opening.source.name}: sources of type cdm are not built yet",
            hint="point a csv or parquet source at the files of the folder",
        )
    )
