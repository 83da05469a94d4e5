"""Every code the program can say is in the catalogue, and the catalogue names no other."""

import re
from pathlib import Path

from ccsync.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2] / "ccsync"


def test_every_code_said_is_in_the_catalogue_and_the_other_way_round() -> None:
    said: set[str] = set()
    for path in ROOT.rglob("*.py"):
        if path.name != "catalogue.py":
            said |= set(re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8")))
    assert said - set(CATALOGUE) == set()
    assert set(CATALOGUE) - said == set()


def test_the_catalogue_is_sorted() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
