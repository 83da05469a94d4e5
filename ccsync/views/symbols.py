"""The symbol, colour and word of each op. The symbol carries the meaning; colour is decoration."""

from dataclasses import dataclass

from ccsync.core.change import Op


@dataclass(frozen=True, slots=True)
class Look:
    symbol: str
    style: str
    words: str


LOOKS: dict[Op, Look] = {
    Op.HELD_BACK: Look("!", "bold yellow", "held back"),
    Op.UNUSABLE: Look("!", "bold yellow", "unusable"),
    Op.FORGET: Look(".", "dim", "to forget"),
    Op.ADOPT: Look("=", "cyan", "to adopt"),
    Op.UPDATE: Look("~", "yellow", "to update"),
    Op.ADD: Look("+", "green", "to add"),
    Op.REMOVE: Look("-", "red", "to remove"),
}
"""In the order of the screen: removals last, so that they are in sight at the prompt."""

BLOCKED = Look("!", "bold red", "blocked")
WARNED = Look("!", "bold yellow", "warning")
