"""Reading the newest generation, checked down to its files, and committing the next one by compare-and-swap on HEAD.

`HEAD` and `meta.json` themselves are in `head.py` and `meta.py`; listing, checking and restoring in `mending.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ccsync.core.plan import StateRef, to_text
from ccsync.core.spec import ExportName
from ccsync.errors import StaleError, StorageError
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import Ledger, NextGeneration, Snapshot
from ccsync.state import refusals
from ccsync.state.files import disk_trouble, sha256_of
from ccsync.state.head import HEAD, NO_STATE, Head, folder_of, head_bytes, read_head, serial_of
from ccsync.state.mark import Mark
from ccsync.state.meta import (
    OPTOUTS,
    FileFact,
    LedgerFacts,
    Meta,
    digest_of,
    fits_head,
    head_of,
    ledger_file,
    meta_bytes,
    parse_meta,
    same_content,
)
from ccsync.state.store import Store, Stored

KEPT = 30
GENERATIONS = "generations/"


@dataclass(frozen=True, slots=True)
class Source:
    """A file on its way into a generation."""

    path: Path
    fact: FileFact


class Generations:
    """`LedgerReader` and `LedgerWriter` over a store.

    establish: see `head.establish`. applied: the serial a plan was applied as, for generations that are no longer kept.
    mark: where it is noted which HEAD was seen last; None notes nothing.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        establish: Callable[[], tuple[Head, Stored]],
        applied: Callable[[str], int | None] = lambda _: None,
        mark: Mark | None = None,
    ) -> None:
        self.store = store
        self._mark = mark
        self._clock = clock
        self._establish = establish
        self._applied = applied
        self._verified: dict[Path, tuple[int, int, int]] = {}

    # ------------------------------------------------------------ reading

    def head(self) -> tuple[Head, Stored] | None:
        """See `read_head`. Also raises StaleError (E724) for one that is older than the last that was seen here."""
        found = read_head(self.store)
        if self._mark is not None:
            self._mark.check(found)
        return found

    def snapshot(self) -> Snapshot:
        """The newest generation. Needs no lock: should it be pruned while it is read, the one after it is read."""
        while True:
            found = self.head()
            if found is None or not found[0].serial:
                return Snapshot(NO_STATE, {}, {}, None, "", "")
            head, stored = found
            try:
                return self._snapshot(head)
            except StaleError:
                now = self.store.get(HEAD)
                if now is None or now.version == stored.version:
                    raise

    def _snapshot(self, head: Head) -> Snapshot:
        return self.load(self.meta_of(head), head.generation)

    def load(self, meta: Meta, folder: str) -> Snapshot:
        """A generation with its files verified. Raises StaleError (E709, E710)."""
        paths = {name: self._verify(folder, name, fact) for name, fact in meta.files.items()}
        ledgers = {name: _ledger(name, facts, paths[facts.file]) for name, facts in meta.ledgers.items()}
        digest = digest_of(meta_bytes(meta))
        optouts = paths[meta.optouts] if meta.optouts else None
        ref = StateRef(meta.lineage, meta.serial, digest)
        return Snapshot(ref, dict(meta.accounts), ledgers, optouts, meta.run, meta.plan_id)

    def meta_of(self, head: Head) -> Meta:
        """Raises StaleError: E709 when HEAD and meta.json disagree, E710 when the generation is gone."""
        meta = self.read_meta(head.generation)
        if not fits_head(meta, meta_bytes(meta), head):
            raise refusals.corrupt(f"HEAD and generations/{head.generation}/meta.json do not belong together")
        return meta

    def read_meta(self, folder: str) -> Meta:
        """Raises StaleError: E709, E710, E711."""
        stored = self.store.get(f"{GENERATIONS}{folder}/meta.json")
        if stored is None:
            raise refusals.lost(f"generations/{folder}/meta.json is missing")
        meta = parse_meta(stored.data, folder)
        if meta_bytes(meta) != stored.data:
            raise refusals.corrupt(f"generations/{folder}/meta.json is not as ccsync writes it")
        return meta

    def _verify(self, folder: str, name: str, fact: FileFact) -> Path:
        path = self.store.fetch(f"{GENERATIONS}{folder}/{name}")
        if path is None:
            raise refusals.lost(f"generations/{folder}/{name} is missing")
        with disk_trouble("read the state"):
            try:
                stat = path.stat()
                seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
                if self._verified.get(path) == seen:
                    return path
                intact = stat.st_size == fact.bytes and sha256_of(path) == fact.sha256
            except FileNotFoundError as error:
                raise refusals.lost(f"generations/{folder}/{name} is missing") from error
        if not intact:
            raise refusals.corrupt(f"generations/{folder}/{name} is not the file that was written")
        self._verified[path] = seen
        return path

    def applied_as(self, plan_id: str) -> int | None:
        if not plan_id:
            return None
        for folder in reversed(self.folders()):
            with suppress(StaleError):  # an old generation that is damaged has no say; `check` reports it
                meta = self.read_meta(folder)
                if meta.plan_id == plan_id and self._committed(meta):
                    return meta.serial
        return self._applied(plan_id)

    def _committed(self, meta: Meta) -> bool:
        """False for what was written by a commit that was killed before it moved HEAD."""
        found = self.head()
        if found is None:
            return False
        return meta.serial < found[0].serial or head_of(meta).digest == found[0].digest

    def folders(self) -> tuple[str, ...]:
        """Names of all generations on disk, by serial; a killed commit may have left one that was never HEAD."""
        numbered = [(serial_of(name), name) for name in self.store.list(GENERATIONS)]
        return tuple(name for _, name in sorted((serial, name) for serial, name in numbered if serial is not None))

    # ------------------------------------------------------------ writing

    def commit(self, base: StateRef, generation: NextGeneration) -> StateRef:
        """See `ports.ledger.LedgerWriter`. Returns `base`, and writes nothing, when the content is the same."""
        head, stored = self._establish()
        if head.ref != base:
            raise _elsewhere(head, base)
        current = self.meta_of(head) if head.serial else None
        sources = _sources(generation)
        meta = self._next_meta(head, generation, sources)
        if same_content(current, meta) if current else not (meta.files or meta.accounts):
            return base
        return self.publish(meta, sources, stored)

    def _next_meta(self, head: Head, generation: NextGeneration, sources: Mapping[str, Source]) -> Meta:
        return Meta(
            lineage=head.lineage,
            serial=head.serial + 1,
            previous=head.ref if head.serial else None,
            created_at=to_text(self._clock.now()),
            run=generation.run,
            plan_id=generation.plan_id,
            accounts=dict(generation.accounts),
            ledgers={ledger.export: _facts(ledger) for ledger in generation.ledgers},
            optouts=OPTOUTS if generation.optouts else None,
            files={name: source.fact for name, source in sources.items()},
            counts=dict(generation.counts),
        )

    def publish(self, meta: Meta, sources: Mapping[str, Source], expected: Stored | None) -> StateRef:
        """Makes a generation durable, then HEAD point at it if HEAD still is `expected`, then drops the oldest ones."""
        head = head_of(meta)
        may_move_later = False
        try:
            self.write(head.generation, meta, sources)
            may_move_later = True  # a request whose answer is missing may still be on its way
            moved = self.store.swap(HEAD, head_bytes(head), expected.version if expected else None)
        except StorageError as error:
            self._give_up(head, expected, error, drop=not may_move_later)
            raise
        if not moved:
            self._give_up(head, expected, None, drop=True)
        if self._mark is not None:
            self._mark.note(head)
        with suppress(StorageError):  # what is left over takes space and nothing else; the next commit tries again
            self._prune(head)
        return head.ref

    def write(self, folder: str, meta: Meta, sources: Mapping[str, Source]) -> None:
        """Makes a generation durable that no HEAD points at. Wants the state lock."""
        place = f"{GENERATIONS}{folder}"
        self.store.sweep(GENERATIONS)
        self.store.delete(place)  # of a killed commit of this very content
        for name, source in sources.items():
            self.store.put_file(f"{place}/{name}", source.path, source.fact.sha256)
        self.store.put_if_absent(f"{place}/meta.json", meta_bytes(meta))
        self.store.sweep(f"{place}/")

    def _give_up(self, head: Head, expected: Stored | None, error: StorageError | None, *, drop: bool) -> None:
        """After a failure: takes the unused generation away if `drop`, and says so (E712) if HEAD is where another put
        it. One that is left behind is pruned by the next commit."""
        now = self.store.get(HEAD)
        if now is not None and now.data == head_bytes(head):
            return  # HEAD moved, and only its durability could not be confirmed
        if drop:
            with suppress(StorageError):
                self.store.delete(f"{GENERATIONS}{head.generation}")
        if (now.version if now else None) != (expected.version if expected else None):
            raise refusals.moved_on(f"serial {head.serial} was taken by another commit") from error

    def _prune(self, head: Head) -> None:
        """Drops the oldest generations and those that lost the race for HEAD. A higher serial than HEAD's is never
        touched: somebody else may be writing it."""
        kept = set(self.committed(head)[:KEPT])
        for folder in self.folders():
            if folder not in kept and (serial_of(folder) or 0) <= head.serial:
                self.store.delete(f"{GENERATIONS}{folder}")

    def committed(self, head: Head) -> tuple[str, ...]:
        """Folders of the generations that were HEAD, newest first. Of two with one serial the chain of `previous`
        decides; where damage breaks it, both count."""
        folders = [name for name in reversed(self.folders()) if (serial_of(name) or 0) <= head.serial]
        if len({serial_of(name) for name in folders}) == len(folders):
            return tuple(folders)
        chain = self._chain(head.generation)
        end = serial_of(chain[-1]) or 0
        return tuple(name for name in folders if name in chain or (serial_of(name) or 0) < end)

    def _chain(self, folder: str) -> tuple[str, ...]:
        """Folders of the generations that led to this one, newest first, as far as they can be followed."""
        names = [folder]
        with suppress(StaleError):
            while (previous := self.read_meta(names[-1]).previous) is not None and len(names) <= KEPT:
                names.append(folder_of(previous.serial, previous.digest))
        return tuple(names)


def _elsewhere(head: Head, base: StateRef) -> StaleError:
    if head.ref.serial != base.serial:
        return refusals.moved_on(f"HEAD is at serial {head.ref.serial}, not at {base.serial}")
    return refusals.moved_on(f"HEAD is at another generation with serial {base.serial}")


def _sources(generation: NextGeneration) -> dict[str, Source]:
    files = {ledger_file(ledger.export): ledger.path for ledger in generation.ledgers}
    if generation.optouts:
        files[OPTOUTS] = generation.optouts
    with disk_trouble("read what is to become the state"):
        return {name: Source(path, FileFact(sha256_of(path), path.stat().st_size)) for name, path in files.items()}


def _facts(ledger: Ledger) -> LedgerFacts:
    return LedgerFacts(
        connection=ledger.connection,
        account=ledger.account,
        list_id=ledger.list_id,
        list_name=ledger.list_name,
        fields=tuple(ledger.fields),
        mapping=dict(ledger.mapping),
        on_leave=ledger.on_leave,
        on_delete=ledger.on_delete,
        protection=ledger.protection,
        desired=ledger.desired,
        members=ledger.members,
        file=ledger_file(ledger.export),
        definitions=dict(ledger.definitions),
    )


def _ledger(name: ExportName, facts: LedgerFacts, path: Path) -> Ledger:
    return Ledger(
        export=name,
        connection=facts.connection,
        account=facts.account,
        list_id=facts.list_id,
        list_name=facts.list_name,
        path=path,
        fields=facts.fields,
        mapping=facts.mapping,
        on_leave=facts.on_leave,
        on_delete=facts.on_delete,
        protection=facts.protection,
        desired=facts.desired,
        members=facts.members,
        definitions=facts.definitions,
    )


def sources_of(snapshot: Snapshot, meta: Meta) -> dict[str, Source]:
    """The files of a generation that was read, to make another one of."""
    paths: Iterable[tuple[str, Path]] = [(facts.file, snapshot.ledgers[n].path) for n, facts in meta.ledgers.items()]
    sources = {name: Source(path, meta.files[name]) for name, path in paths}
    if meta.optouts and snapshot.optouts:
        sources[meta.optouts] = Source(snapshot.optouts, meta.files[meta.optouts])
    return sources
