"""The bookkeeping of the model: who left, who is somebody else's. Kept from what people do, not from our state."""

from collections import defaultdict
from collections.abc import Iterable

from tests.crash.truth import Known, Row, Truth


def _sets() -> dict[str, set[str]]:
    return defaultdict(set)


class Oracle:
    """left: list → who left it and did not come back. protected: of them, those of whom our state knew that they were
    on it, at any time since: nobody may put them back. (Who left before we ever saw them can't be told from anybody
    else: docs/limits.md.) foreign: list → members who are somebody else's. unsubscribed: from the whole account."""

    def __init__(self) -> None:
        self.left = _sets()
        self.protected = _sets()
        self.foreign = _sets()
        self.unsubscribed: set[str] = set()
        self.refused: set[str] = set()

    # ---------------------------------------------------------------- what people do

    def leaves(self, name: str, key: str, truth: Truth, known: Known) -> None:
        if key not in truth.on(name):
            return
        self.left[name].add(key)
        self.foreign[name].discard(key)
        self.learn(truth, known)

    def joins(self, name: str, key: str, truth: Truth, known: Known, pending: Iterable[Row]) -> None:
        """By own choice, or by a colleague's hand. Whom our state has as ours stays ours, as nobody saw them go."""
        if key in truth.on(name) or key in self.unsubscribed:
            return
        self.comes_back(name, key)
        under_way = any((row.list, row.key, row.op) == (name, key, "add") for row in pending)
        if not known.ours(truth.ids[name], key) and not under_way:
            self.foreign[name].add(key)

    def comes_back(self, name: str, key: str) -> None:
        self.left[name].discard(key)
        self.protected[name].discard(key)

    def learn(self, truth: Truth, known: Known) -> None:
        """Who left and is known to our state is protected from then on."""
        for name, keys in self.left.items():
            list_id = truth.ids.get(name, "")
            self.protected[name] |= {key for key in keys if known.knows(list_id, key)}

    # ---------------------------------------------------------------- what must hold

    def check_change(self, before: Truth, after: Truth, may_add: set[tuple[str, str]], may_go: set[tuple[str, str]]):
        """A command of ours ran between the two."""
        for name in {*before.lists, *after.lists}:
            new = after.on(name).keys() - before.on(name).keys()
            gone = before.on(name).keys() - after.on(name).keys()
            assert not new & self.protected[name], f"put back on {name}: {new & self.protected[name]}"
            assert not new & self.unsubscribed, "somebody who unsubscribed is on a list"
            assert not gone & self.foreign[name], f"not ours, but gone from {name}: {gone & self.foreign[name]}"
            assert {(name, key) for key in new} <= may_add, f"nobody said to add {new} to {name}"
            assert {(name, key) for key in gone} <= may_go, f"nobody said to remove {gone} from {name}"
            for key in new:  # who left before we ever saw them
                self.comes_back(name, key)

    def check_state(self, truth: Truth, known: Known, excused: set[tuple[str, str]]) -> None:
        """Our state says nothing that is not so; excused: (list, key) that a journal or a part plan accounts for."""
        names = {list_id: name for name, list_id in truth.ids.items()}
        for _, list_id, key, status, _ in known.rows:
            name = names[list_id]
            if status == "member" and (name, key) not in excused:
                assert key in truth.on(name) or key in self.left[name], f"{key} is in the ledger and not on {name}"
        for name, keys in self.protected.items():
            assert not keys & truth.on(name).keys(), f"on {name} again: {keys & truth.on(name).keys()}"
            forgotten = {key for key in keys if not known.knows(truth.ids[name], key)}
            assert not forgotten, f"nobody remembers that {forgotten} left {name}"
