"""What is told to people who are not looking, and when: once when something goes wrong, once when it is well again.

Pure; how people are told is `notify/`. A notice holds no personal data: names of exports and connections, counts,
codes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ccsync.core.guard import SMALL
from ccsync.core.spec import Trouble

SPIKE_PERCENT = 5
"""Of our members: a rise of people held back beyond this between two runs is worth a word."""


class Topic(StrEnum):
    """What is watched, of an export or a connection; each is well or in one kind of trouble."""

    RUN = "run"
    HELD_BACK = "held_back"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class Condition:
    """How something watched is now. trouble: None when it is well. next: a command, or a thing to do."""

    topic: Topic
    subject: str
    trouble: Trouble | None
    summary: str
    codes: tuple[str, ...] = ()
    next: str = ""

    @property
    def key(self) -> str:
        return f"{self.topic}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. recovered: it was told before as `trouble`, and is well again."""

    workspace: str
    trouble: Trouble
    recovered: bool
    subject: str
    summary: str
    at: str
    codes: tuple[str, ...] = ()
    next: str = ""

    @property
    def text(self) -> str:
        """The notice as one line."""
        rest = f" Next: {self.next}" if self.next else ""
        return f"ccsync {self.workspace}: {self.summary.removesuffix('.')}.{rest}"


def is_spike(before: int | None, now: int, members: int) -> bool:
    """Whether many more people are held back than the last time. before: None when that is not known."""
    return before is not None and now - before > max(SMALL, SPIKE_PERCENT * members / 100)


def changed(
    conditions: Iterable[Condition], told: Mapping[str, str], events: Iterable[Trouble]
) -> tuple[tuple[Condition, Trouble], ...]:
    """What one channel is to be told: conditions that are not as they were told, with the trouble that it is about.

    told: key → the trouble last told of; without an entry all was well. events: what the channel wants to hear of. A
    recovery is told to who was told of the trouble.
    """
    wanted = set(events)
    found = []
    for condition in conditions:
        was = told.get(condition.key)
        if condition.trouble is None and was in set(Trouble):
            found.append((condition, Trouble(str(was))))
        elif condition.trouble is not None and condition.trouble in wanted and condition.trouble != was:
            found.append((condition, condition.trouble))
    return tuple(found)


def after_telling(told: Mapping[str, str], condition: Condition) -> dict[str, str]:
    """What was told, once this was."""
    rest = {key: trouble for key, trouble in told.items() if key != condition.key}
    return rest | ({condition.key: condition.trouble.value} if condition.trouble else {})
