"""`meta.json`: what a generation holds, every file with its digest; the chain HEAD → meta.json → files hangs on it.

Reading and writing generations is in `generations.py`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ccsync.core.fields import Definition
from ccsync.core.plan import StateRef, definitions_from
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave, Protection
from ccsync.state import refusals
from ccsync.state.head import Head, folder_of, json_bytes, parse_json

META_FORMAT = 1
OPTOUTS = "optouts.parquet"
_EXPORT = re.compile("[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class FileFact:
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """A `ports.ledger.Ledger` without its path. file: within the generation."""

    connection: ConnectionName
    account: AccountId
    list_id: ListId
    list_name: str
    fields: tuple[str, ...]
    mapping: Mapping[str, str]
    on_leave: OnLeave
    on_delete: OnDelete
    desired: int
    members: int
    file: str
    protection: tuple[Protection, ...] = ()
    definitions: Mapping[str, Definition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meta:
    """previous: the generation before, None for the first. created_at: UTC text. run: of the run whose outcome this is.

    files: of the generation, less meta.json itself. restored_from: the serial that this is a copy of, or None.
    """

    lineage: str
    serial: int
    previous: StateRef | None
    created_at: str
    run: str
    plan_id: str
    accounts: Mapping[ConnectionName, AccountId]
    ledgers: Mapping[ExportName, LedgerFacts]
    optouts: str | None
    files: Mapping[str, FileFact]
    counts: Mapping[str, int] = field(default_factory=dict)
    restored_from: int | None = None


def ledger_file(export: ExportName) -> str:
    return f"ledger/{export}.parquet"


def meta_bytes(meta: Meta) -> bytes:
    """What a ledger doesn't say is left out, so that generations without it keep their digest."""
    document = asdict(meta)
    for facts in document["ledgers"].values():
        if not facts["protection"]:
            del facts["protection"]
    return json_bytes({"format": META_FORMAT, **document})


def digest_of(data: bytes) -> str:
    """The digest of a generation: of its meta.json, which names the digest of everything else."""
    return hashlib.sha256(data).hexdigest()


def parse_meta(data: bytes, folder: str) -> Meta:
    """Raises StaleError: E709 when it is not what the folder is named after or not readable, E711 of a newer format."""
    what = f"generations/{folder}/meta.json"
    document = refusals.format_of(parse_json(data, what), what, META_FORMAT)
    try:
        meta = _meta_from({key: value for key, value in document.items() if key != "format"})
        intact = folder_of(meta.serial, digest_of(data)) == folder
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refusals.corrupt(f"{what} lacks a part or has one of a wrong kind") from error
    if not intact:
        raise refusals.corrupt(f"{what} is not the one that its folder is named after")
    return meta


def _meta_from(parts: dict[str, Any]) -> Meta:  # Any: a JSON document
    previous = parts["previous"]
    meta = Meta(
        **{
            **parts,
            "previous": StateRef(**previous) if previous else None,
            "ledgers": {name: _facts_from(facts) for name, facts in parts["ledgers"].items()},
            "files": {name: FileFact(**fact) for name, fact in parts["files"].items()},
        }
    )
    named = {name: facts.file for name, facts in meta.ledgers.items()}
    if named != {name: ledger_file(name) for name in named if _EXPORT.fullmatch(name)} or meta.optouts not in (
        None,
        OPTOUTS,
    ):
        raise ValueError("a file has another name than ccsync gives it")
    if set(meta.files) != {*named.values(), *([meta.optouts] if meta.optouts else [])}:
        raise ValueError("the files are not those of the ledgers")
    return meta


def _facts_from(parts: dict[str, Any]) -> LedgerFacts:  # Any: a JSON document
    return LedgerFacts(
        **{
            **parts,
            "fields": tuple(parts["fields"]),
            "on_leave": OnLeave(parts["on_leave"]),
            "on_delete": OnDelete(parts["on_delete"]),
            "protection": tuple(Protection(each) for each in parts.get("protection", ())),
            "definitions": definitions_from(parts.get("definitions", {})),
        }
    )


def fits_head(meta: Meta, data: bytes, head: Head) -> bool:
    """Whether HEAD says of this meta.json what it says of itself."""
    return (
        digest_of(data) == head.digest
        and meta.serial == head.serial
        and meta.lineage == head.lineage
        and dict(meta.accounts) == dict(head.accounts)
    )


def head_of(meta: Meta) -> Head:
    """The HEAD that points at this generation."""
    digest = digest_of(meta_bytes(meta))
    return Head(meta.lineage, meta.serial, folder_of(meta.serial, digest), digest, dict(meta.accounts))


def same_content(one: Meta, other: Meta) -> bool:
    """Whether two generations say the same, whoever wrote them and when."""
    return _content(one) == _content(other)


def _content(meta: Meta) -> Meta:
    return replace(
        meta,
        serial=0,
        previous=None,
        created_at="",
        run="",
        plan_id="",
        counts={},
        restored_from=None,
        accounts=dict(meta.accounts),
    )
