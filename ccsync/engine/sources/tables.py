"""Names that are looked for in a source and may be missing: tables and columns, with what was perhaps meant."""

import difflib
from collections.abc import Sequence

from ccsync.core.spec import Source
from ccsync.errors import Diagnostic, InvalidError

_SHOWN = 20


def check_table(source: Source, table: str | None, tables: Sequence[str]) -> str:
    """The table's name as the source spells it. Raises InvalidError (E410) when it is not there or none was named."""
    by_lower = {name.lower(): name for name in tables}
    if table is not None and (table in tables or table.lower() in by_lower):
        return table if table in tables else by_lower[table.lower()]
    said = f"has no table {table!r}" if table is not None else "holds tables; the segment must name one with `table`"
    raise InvalidError(Diagnostic("E410", f"source {source.name} {said}", hint=perhaps(table or "", tables)))


def spelled(name: str, names: Sequence[str]) -> str | None:
    """The name as it is spelled among `names`, compared as SQL does; None when it is not there."""
    if name in names:
        return name
    return next((known for known in names if known.lower() == name.lower()), None)


def perhaps(name: str, names: Sequence[str]) -> str:
    """A hint: what was perhaps meant, and what there is."""
    close = difflib.get_close_matches(name.lower(), [known.lower() for known in names], n=1, cutoff=0.6)
    meant = next((known for known in names if close and known.lower() == close[0]), None)
    there = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return (f"did you mean {meant}? " if meant else "") + (f"there are: {there}" if names else "there are none")
