"""How much memory DuckDB may take before it spills to disk: a default, or what the environment says. Sets nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ccsync.errors import Diagnostic, InvalidError

VARIABLE = "CCSYNC_MEMORY_LIMIT"
DEFAULT_MB = 1000
LEAST_MB = 300
"""Below this, DuckDB can't hold what it must not spill: the ends of its own work, and the hash tables of a join."""

_LIMIT = re.compile(r"\s*([0-9]{1,9})\s*(MB|GB)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Limits as DuckDB reads them. session: of our own tables. source: of each source that is open, besides."""

    session: str
    source: str


def memory_of(environ: Mapping[str, str]) -> Memory:
    """Raises InvalidError (E907)."""
    given = environ.get(VARIABLE)
    if not given:
        return _shared(DEFAULT_MB)
    found = _LIMIT.fullmatch(given)
    limit_mb = int(found[1]) * (1000 if found[2].upper() == "GB" else 1) if found else 0
    if limit_mb < LEAST_MB:
        raise InvalidError(
            Diagnostic(
                "E907",
                f"{VARIABLE} is no limit of memory",
                detail=f"It is a whole number of MB or GB, {LEAST_MB}MB at least.",
                hint=f"for example {VARIABLE}=2GB; without it, {DEFAULT_MB // 1000}GB",
            )
        )
    return _shared(limit_mb)


def _shared(limit_mb: int) -> Memory:
    return Memory(f"{limit_mb}MB", f"{limit_mb * 2 // 5}MB")
