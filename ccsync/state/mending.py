"""Looking after the generations: listing them, checking every byte, and going on from an old one.

`ccsync state list|check|restore` stand on it. Each needs the state lock, which is not taken here, except to read.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from ccsync.core.plan import StateRef, to_text
from ccsync.errors import Diagnostic, InvalidError, Severity, StaleError
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import Snapshot
from ccsync.state import refusals
from ccsync.state.files import disk_trouble, sha256_of
from ccsync.state.generations import Generations, Source, sources_of
from ccsync.state.head import HEAD, NO_STATE, Head, head_bytes, parse_head, serial_of
from ccsync.state.meta import OPTOUTS, FileFact, Meta, digest_of, head_of, meta_bytes
from ccsync.state.store import Stored


@dataclass(frozen=True, slots=True)
class Listed:
    """A generation on disk. meta: None when it can't be read. current: HEAD points at it."""

    folder: str
    serial: int
    meta: Meta | None
    current: bool


def history(generations: Generations) -> tuple[Listed, ...]:
    """The generations that led to HEAD, newest first. Raises StaleError as `snapshot` does when HEAD is no good."""
    found = generations.head()
    head = found[0] if found else None
    if head is None or not head.serial:
        return ()
    return tuple(
        Listed(folder, serial, _readable(generations, folder), folder == head.generation)
        for serial, folder in _committed(generations, head)
    )


def snapshot_of(generations: Generations, serial: int) -> Snapshot:
    """An older generation with its files verified. Raises InvalidError (E716) when it isn't kept, StaleError."""
    for listed in history(generations):
        if listed.serial == serial:
            return generations.load(generations.read_meta(listed.folder), listed.folder)
    raise _not_kept(serial)


def around(generations: Generations, run: str) -> tuple[Snapshot, Snapshot, str]:
    """The generations before and after the apply that was this run, and when it was recorded (UTC text).

    Raises InvalidError: E780 for a run that no kept generation is of, or whose generation before is not kept.
    """
    listed = history(generations)
    made = next((each.meta for each in listed if each.meta and each.meta.run == run and each.meta.plan_id), None)
    if made is None:
        raise _not_undoable(f"there is no generation that run {run} made by applying a plan")
    after = snapshot_of(generations, made.serial)
    if made.previous is None:
        return Snapshot(NO_STATE, {}, {}, None, "", ""), after, made.created_at
    if made.previous.serial not in {each.serial for each in listed}:
        raise _not_undoable(f"the state before run {run} (serial {made.previous.serial}) is not kept any more")
    return snapshot_of(generations, made.previous.serial), after, made.created_at


def _not_undoable(said: str) -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E780",
            said,
            detail="The last 30 generations are kept. Only what an apply did can be undone.",
            hint="`ccsync history` lists the runs, `ccsync state list` the generations that are kept",
        )
    )


def check(generations: Generations) -> Iterator[Diagnostic]:
    """Everything that is wrong with HEAD and the generations; nothing is changed.

    Errors are what keeps ccsync from going on; warnings (W709) are about older generations.
    """
    head = None
    try:
        found = generations.head()
        head = found[0] if found else None
        if head is not None and head.serial:
            generations.load(generations.meta_of(head), head.generation)
    except StaleError as error:
        yield from error.diagnostics
    for serial, folder in _committed(generations, head):
        if head is not None and serial == head.serial:
            continue
        try:
            generations.load(generations.read_meta(folder), folder)
        except StaleError as error:
            yield from (_older(finding) for finding in error.diagnostics)


def _older(finding: Diagnostic) -> Diagnostic:
    return replace(
        finding,
        code="W709",
        severity=Severity.WARNING,
        detail="It is an older generation: nothing depends on it, but nothing can be restored from it.",
        hint=None,
    )


Remembering = Callable[[Snapshot, tuple[Snapshot, ...]], Path | None]
"""Makes the opt-out memory to go on with, of the generation to be restored and of the readable ones after it, newest
first. None when nobody is in it."""


def restore(
    generations: Generations,
    clock: Clock,
    serial: int | None = None,
    *,
    floor: int = 0,
    remembering: Remembering | None = None,
) -> StateRef:
    """Makes an old generation's content the newest. The serial never goes back.

    serial: None for the newest intact one. floor: a serial known to have been used, of the run records. remembering:
    who left since must not be put back by going back; None keeps the old memory. When HEAD alone
    is damaged or missing and the newest generation is intact, HEAD is mended to point at it, and so it is when nothing
    is wrong at all. Raises StaleError: E709 when the generation asked for or all of them are damaged, E710 when there
    is none, E711; InvalidError (E716) for a serial that isn't kept.
    """
    head, stored = _head_if_readable(generations)
    candidates = _committed(generations, head)
    meta, snapshot = _chosen(generations, [f for s, f in candidates if serial in (None, s)], serial)
    highest = max([s for s, _ in candidates] + [head.serial if head else 0, floor])
    if meta.serial == highest:
        mended = head_of(meta)
        if head is None or head != mended:
            _swap(generations, mended, stored)
        return snapshot.ref
    previous = head.ref if head and head.serial else StateRef(meta.lineage, meta.serial, digest_of(meta_bytes(meta)))
    copy = replace(
        meta,
        serial=highest + 1,
        previous=previous,
        created_at=to_text(clock.now()),
        plan_id="",
        counts={},
        restored_from=meta.restored_from or meta.serial,
    )
    sources = sources_of(snapshot, meta)
    if remembering is not None:
        optouts = remembering(snapshot, _after(generations, candidates, meta.serial))
        if optouts is not None:
            with disk_trouble("read what is to become the state"):
                sources[OPTOUTS] = Source(optouts, FileFact(sha256_of(optouts), optouts.stat().st_size))
            files = {name: source.fact for name, source in sources.items()}
            copy = replace(copy, optouts=OPTOUTS, files=files)
    return generations.publish(copy, sources, stored)


def _after(generations: Generations, candidates: list[tuple[int, str]], serial: int) -> tuple[Snapshot, ...]:
    """The intact generations after this one, newest first."""
    found = []
    for later, folder in candidates:
        if later > serial:
            with suppress(StaleError):
                found.append(generations.load(generations.read_meta(folder), folder))
    return tuple(found)


def _head_if_readable(generations: Generations) -> tuple[Head | None, Stored | None]:
    """HEAD, None when damaged or missing. One of a newer ccsync, or of a state that moved, is left alone: StaleError
    (E711, E726)."""
    stored = generations.store.get(HEAD)
    if stored is None:
        return None, None
    try:
        return parse_head(stored.data), stored
    except StaleError as error:
        if error.diagnostics[0].code in ("E711", "E726"):
            raise
        return None, stored


def _committed(generations: Generations, head: Head | None) -> list[tuple[int, str]]:
    """(serial, folder) of the generations that were HEAD once, newest first; without HEAD, of all there are."""
    folders = generations.committed(head) if head else tuple(reversed(generations.folders()))
    return [(serial_of(folder) or 0, folder) for folder in folders]


def _readable(generations: Generations, folder: str) -> Meta | None:
    try:
        return generations.read_meta(folder)
    except StaleError:
        return None


def _chosen(generations: Generations, folders: list[str], serial: int | None) -> tuple[Meta, Snapshot]:
    damage: StaleError | None = None
    for _, group in groupby(folders, serial_of):
        intact = []
        for folder in group:
            try:
                meta = generations.read_meta(folder)
                intact.append((meta, generations.load(meta, folder)))
            except StaleError as error:
                if error.diagnostics[0].code == "E711":
                    raise
                damage = damage or error
        if len(intact) > 1:
            raise _undecided([head_of(meta).generation for meta, _ in intact])
        if intact:
            return intact[0]
    if damage is not None:
        raise damage
    if serial is not None:
        raise _not_kept(serial)
    raise refusals.lost("there is no generation to go on from")


def _undecided(folders: list[str]) -> StaleError:
    """One of the two lost the race for HEAD and was not cleaned away; without HEAD nobody can tell which."""
    return refusals.corrupt(
        f"generations/{folders[0]} and generations/{folders[1]} have one serial, and no HEAD tells which one counts;"
        " move one of them out of generations/ first"
    )


def _swap(generations: Generations, head: Head, stored: Stored | None) -> None:
    if not generations.store.swap(HEAD, head_bytes(head), stored.version if stored else None):
        raise refusals.moved_on("HEAD was written by another process")


def _not_kept(serial: int) -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E716",
            f"there is no generation {serial}",
            detail="The last 30 generations are kept. Nothing was changed.",
            hint="`ccsync state list` shows those that are kept",
        )
    )
