"""Every code the program can say is in the catalogue, and the catalogue names no other."""

import re
from pathlib import Path
from types import ModuleType

import pytest
from ccsync.catalogue import CATALOGUE, configuration, data, guards, permission, remote, sign_in, state, usage

ROOT = Path(__file__).parents[2] / "ccsync"
ROOMS = (
    (configuration, "1"),
    (permission, "2"),
    (sign_in, "3"),
    (data, "4"),
    (guards, "5"),
    (remote, "6"),
    (state, "7"),
    (usage, "89"),
)


def test_every_code_said_is_in_the_catalogue_and_the_other_way_round() -> None:
    said: set[str] = set()
    for path in ROOT.rglob("*.py"):
        if path.parent.name != "catalogue":
            said |= set(re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8")))
    assert said - set(CATALOGUE) == set()
    assert set(CATALOGUE) - said == set()


@pytest.mark.parametrize(("room", "digits"), ROOMS, ids=[room.__name__.rpartition(".")[2] for room, _ in ROOMS])
def test_each_code_stands_in_its_room_in_order(room: ModuleType, digits: str) -> None:
    assert list(room.ENTRIES) == sorted(room.ENTRIES)
    assert {code[1] for code in room.ENTRIES} == set(digits)


def test_the_rooms_are_all_of_the_catalogue() -> None:
    assert sum(len(room.ENTRIES) for room, _ in ROOMS) == len(CATALOGUE)
