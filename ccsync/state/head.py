"""`HEAD`: which generation is the newest; its file format and its checks. Moving it is the work of `generations.py`."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ccsync.core.plan import StateRef
from ccsync.core.spec import AccountId, ConnectionName
from ccsync.state import refusals
from ccsync.state.store import Store, Stored

HEAD = "HEAD"
HEAD_FORMAT = 1
LOCK_FILES = frozenset({"lock", "lock.json", "HEAD.lock"})
SIGN_INS = "sign-ins"
"""Sealed sign-ins that runners share. One may be there before the first apply, and is no state."""
NO_STATE = StateRef("", 0, "")
_FOLDER = re.compile(r"([0-9]{6,})-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Head:
    """serial 0: nothing was committed yet; then `generation` and `digest` are empty."""

    lineage: str
    serial: int
    generation: str
    digest: str
    accounts: Mapping[ConnectionName, AccountId]

    @property
    def ref(self) -> StateRef:
        """Before the first commit the same as without any state: a plan made then stays good."""
        return StateRef(self.lineage, self.serial, self.digest) if self.serial else NO_STATE


@dataclass(frozen=True, slots=True)
class Moved:
    """What stands in the place of HEAD once the state lives elsewhere. serial: of the last generation here."""

    lineage: str
    serial: int
    place: str


def json_bytes(document: object) -> bytes:
    """A JSON document of the state as it stands on disk: one spelling, for people to read."""
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True) + "\n").encode()


def parse_json(data: bytes, what: str) -> object:
    """Raises StaleError (E709)."""
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise refusals.corrupt(f"{what} is no JSON document") from error
    return document


def head_bytes(head: Head) -> bytes:
    return json_bytes(
        {
            "format": HEAD_FORMAT,
            "lineage": head.lineage,
            "serial": head.serial,
            "generation": head.generation,
            "digest": head.digest,
            "accounts": dict(head.accounts),
        }
    )


def moved_bytes(moved: Moved) -> bytes:
    return json_bytes(
        {"format": HEAD_FORMAT, "lineage": moved.lineage, "serial": moved.serial, "moved_to": moved.place}
    )


def folder_of(serial: int, digest: str) -> str:
    return f"{serial:06d}-{digest[:12]}"


def serial_of(folder: str) -> int | None:
    """The serial in a generation's folder name; None for a name that is none."""
    match = _FOLDER.fullmatch(folder)
    return int(match[1]) if match else None


def parse_head(data: bytes) -> Head:
    """Raises StaleError: E709 damaged, E711 of a newer format, E726 moved elsewhere."""
    pointer = parse_pointer(data)
    if isinstance(pointer, Moved):
        raise refusals.moved(pointer.place)
    return pointer


def parse_pointer(data: bytes) -> Head | Moved:
    """Raises StaleError: E709, E711."""
    document = refusals.format_of(parse_json(data, HEAD), HEAD, HEAD_FORMAT)
    if "moved_to" in document:
        moved = Moved(str(document.get("lineage")), _whole(document.get("serial")), str(document["moved_to"]))
        if moved_bytes(moved) != data:
            raise refusals.corrupt("HEAD is not as ccsync writes it")
        return moved
    texts = [document.get(key) for key in ("lineage", "generation", "digest")]
    serial, accounts = document.get("serial"), document.get("accounts")
    if (
        type(serial) is not int
        or serial < 0
        or not isinstance(accounts, dict)
        or not all(isinstance(text, str) for text in (*texts, *accounts.values()))
    ):
        raise refusals.corrupt("HEAD lacks a part or has one of a wrong kind")
    lineage, generation, digest = (str(text) for text in texts)
    head = Head(lineage, serial, generation, digest, accounts)
    named = folder_of(serial, digest) if serial else ""
    if head_bytes(head) != data or not lineage or generation != named:
        raise refusals.corrupt("HEAD is not as ccsync writes it")
    return head


def read_head(store: Store) -> tuple[Head, Stored] | None:
    """None at true first use: the folder is missing, or nothing but lock files is in it.

    Raises StaleError: E709 damaged, E710 when HEAD is missing but other things are there, E711 of a newer format, E726
    moved elsewhere.
    """
    stored = store.get(HEAD)
    if stored is not None:
        return parse_head(stored.data), stored
    others = [name for name in store.list("") if name not in {*LOCK_FILES, SIGN_INS}]
    if others and (stored := store.get(HEAD)) is not None:  # it was being written by somebody else just now
        return parse_head(stored.data), stored
    if others:
        raise refusals.lost(f"HEAD is missing, but {others[0]} is there")
    return None


def read_pointer(store: Store) -> tuple[Head | Moved | None, Stored | None]:
    """HEAD, also where it says that the state moved. Raises StaleError: E709, E711."""
    stored = store.get(HEAD)
    return (parse_pointer(stored.data), stored) if stored else (None, None)


def _whole(value: object) -> int:
    return value if type(value) is int else -1


def establish(store: Store, new_id: Callable[[], str]) -> tuple[Head, Stored]:
    """HEAD, made with serial 0 at first use. Called before anything else is written to the state folder.

    So HEAD is missing only where state was lost, even after a kill during the very first run.
    """
    found = read_head(store)
    if found is None:
        # `swap` alone keeps others out while it writes: a first commit elsewhere would sweep our unfinished file away.
        store.swap(HEAD, head_bytes(Head(new_id(), 0, "", "", {})), None)
        found = read_head(store)
    if found is None:
        raise refusals.lost("HEAD was taken away as soon as it was written")
    return found
