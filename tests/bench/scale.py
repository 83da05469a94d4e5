"""How much is measured, and what several rows share."""

from dataclasses import dataclass

from tests.bench.runs import ROOT

RAW = ROOT / "tests/bench/raw"
MEMORY_LIMIT = "1GB"
"""Of DuckDB, on both sides."""


@dataclass(frozen=True, slots=True)
class Scale:
    """people: of one export. quick: a smoke test of the bench itself, whose numbers mean nothing."""

    people: int
    quick: bool = False

    def rounds(self, wanted: int) -> int:
        return 1 if self.quick else wanted

    @property
    def warm(self) -> bool:
        return not self.quick
