"""Moving a state to another place, and sealing all of it with the key that seals now. Each wants the locks held.

Both can be killed at any point and run again.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ccsync.core.plan import StateRef
from ccsync.errors import Diagnostic, InvalidError, StaleError
from ccsync.state import refusals
from ccsync.state.files import disk_trouble, sha256_of
from ccsync.state.generations import GENERATIONS, Generations, sources_of
from ccsync.state.head import HEAD, Head, Moved, head_bytes, moved_bytes, read_pointer
from ccsync.state.opening import State


@dataclass(frozen=True, slots=True)
class Migrated:
    """ref: where both stand. generations: how many were copied and read back. left: those that were damaged, and stay
    behind."""

    ref: StateRef
    generations: int
    left: int


def migrate(source: State, target: State) -> Migrated:
    """Copies every generation and the run records, reads them back, moves the target's HEAD, and marks the source.

    Raises InvalidError (E727) when there is nothing to move or another state at the target, StaleError: E712 while a
    run is unsettled, E709, E710 for damage of the newest generation.
    """
    _require_settled(source)
    found = source.generations.head()
    if found is None:
        raise _no_migration(f"there is no state in {source.place}")
    head, stored = found
    pointer, expected = read_pointer(target.store)
    ours = source.generations.committed(head) if head.serial else ()
    strangers = isinstance(pointer, Head) and pointer != head and pointer.generation not in (*ours, "")
    if strangers or (pointer is not None and pointer.lineage != head.lineage):
        raise _no_migration(f"there is another state in {target.place}")
    if pointer is None and not set(target.store.list(GENERATIONS)) <= set(ours):
        raise _no_migration(f"there are generations without HEAD in {target.place}")
    copied = [folder for folder in reversed(ours) if _copy(source.generations, target.generations, folder, head)]
    target.runs.take_over(source.runs)
    if pointer != head and not target.store.swap(HEAD, head_bytes(head), expected.version if expected else None):
        raise refusals.moved_on(f"the state in {target.place} was written by another process")
    target.notes.take_over(source.notes)
    if target.generations.snapshot().ref != head.ref:
        raise refusals.moved_on(f"the state in {target.place} was written by another process")
    if not source.store.swap(HEAD, moved_bytes(Moved(head.lineage, head.serial, target.place)), stored.version):
        raise refusals.moved_on(f"the state in {source.place} was written by another process")
    return Migrated(head.ref, len(copied), len(ours) - len(copied))


def _copy(source: Generations, target: Generations, folder: str, head: Head) -> bool:
    """Copies a generation and reads it back. False for a damaged one that is not the newest."""
    try:
        meta = source.read_meta(folder)
        sources = sources_of(source.load(meta, folder), meta)
    except StaleError:
        if folder == head.generation:
            raise
        return False
    with suppress(StaleError):
        target.load(target.read_meta(folder), folder)
        return True  # by an earlier try
    target.write(folder, meta, sources)
    target.load(target.read_meta(folder), folder)
    return True


def rekey(state: State) -> tuple[int, int]:
    """Seals everything anew that is not sealed with the key that seals now; what it says stays the same.

    Returns how many files were sealed, and how many can't be read and were left. Raises DeniedError (E721) when an old
    key is needed that isn't there, StaleError (E712) while a run is unsettled.
    """
    _require_settled(state)
    found = state.generations.head()
    done = left = 0
    for name in _names(state, GENERATIONS):
        if state.store.is_current(name):
            continue
        try:
            path = state.store.fetch(name)
        except StaleError:
            left += 1
            continue
        if path is not None:
            with disk_trouble("read the state"):
                sha256 = sha256_of(path)
            state.store.put_file(name, path, sha256)
            done += 1
    if found is not None and not state.store.is_current(HEAD):
        if not state.store.swap(HEAD, found[1].data, found[1].version):
            raise refusals.moved_on("HEAD was written by another process")
        done += 1
    return done + state.notes.seal_anew(), left


def _names(state: State, prefix: str) -> Iterator[str]:
    for part in state.store.list(prefix):
        below = [*_names(state, f"{prefix}{part}/")]
        yield from below or [f"{prefix}{part}"]


def _require_settled(state: State) -> None:
    pending = state.journals.pending()
    if pending is not None and pending.records():
        raise StaleError(
            Diagnostic(
                "E712",
                f"run {pending.run} is not settled yet; nothing was changed",
                hint="run `ccsync recover`, then this command again",
            )
        )


def _no_migration(why: str) -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E727",
            f"the state was not moved: {why}",
            detail="Nothing was changed at either place.",
            hint="name a place that holds no state, or one that a killed `ccsync state migrate` of this state began",
        )
    )
