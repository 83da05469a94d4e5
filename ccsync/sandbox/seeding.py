"""Fills the account with people at once: from rows, or from CSV, Parquet and JSON files of any size.

Seeded people did not come through the API, so the API's limits do not apply to them; the rules of addresses do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ccsync.sandbox import columns, limits
from ccsync.sandbox.account import ContactList
from ccsync.sandbox.contract import FIELD_TYPES, PERMISSIONS
from ccsync.sandbox.imports import note_peak
from ccsync.sandbox.merge import Incoming, MergeRules, merge
from ccsync.sandbox.options import SandboxUsageError
from ccsync.sandbox.problem import Problem
from ccsync.sandbox.service import Service
from ccsync.sandbox.store import literal, quoted


@dataclass(frozen=True, slots=True)
class Seeded:
    """What seeding did; ``skipped`` rows had no usable address."""

    rows: int
    created: int
    updated: int
    skipped: int


def load_file(service: Service, file: Path, lists: Iterable[str] = ()) -> Seeded:
    """Seed from a file: ``.csv``, ``.parquet``, ``.ndjson``, or ``.json`` (an account document, or an array of rows).

    Columns are those of an import (``email``, ``first_name``, ``cf:NAME`` …) plus ``lists`` (names, separated by
    ``;``), ``permission_to_send`` and ``created_at``. Unknown ``cf:`` fields and lists are created.
    """
    if not file.is_file():
        raise SandboxUsageError(f"there is no file {file}")
    try:
        return _load_file(service, file, lists)
    except (duckdb.Error, OSError, UnicodeDecodeError, json.JSONDecodeError) as unreadable:
        raise SandboxUsageError(f"{file} can't be read as people: {unreadable}") from unreadable


def _load_file(service: Service, file: Path, lists: Iterable[str]) -> Seeded:
    path = literal(str(file))
    match file.suffix.lower():
        case ".csv":
            relation = f"read_csv({path}, all_varchar = true, header = true, nullstr = '')"
        case ".parquet":
            relation = f"read_parquet({path})"
        case ".ndjson" | ".jsonl":
            relation = f"read_json({path}, format = 'newline_delimited')"
        case ".json":
            return load_document(service, json.loads(file.read_text("utf-8")), lists)
        case other:
            raise SandboxUsageError(f"people can't be read from a {other or 'nameless kind of'} file")
    names = [str(row[0]) for row in service.store.rows(f"DESCRIBE SELECT * FROM {relation}")]
    cells = ", ".join(f"{quoted(name)}::VARCHAR AS c{at}" for at, name in enumerate(names))
    return _load(service, f"(SELECT {cells} FROM {relation})", names, lists)


def load_document(service: Service, document: Any, lists: Iterable[str] = ()) -> Seeded:
    """Seed from JSON: an array of rows, or ``{"lists": [...], "custom_fields": [...], "contacts": [...]}``.

    ``Any``: a JSON document.
    """
    if isinstance(document, list):
        return load_rows(service, document, lists)
    if not isinstance(document, dict):
        raise SandboxUsageError("the seed must be an array of people or an object")
    unknown = set(document) - {"lists", "custom_fields", "contacts", "tags"}
    if unknown:
        raise SandboxUsageError(f"a seed has no {', '.join(sorted(unknown))}")
    for one in document.get("lists", ()):
        given = {"name": one} if isinstance(one, str) else dict(one)
        _ensure_list(service, given["name"], description=given.get("description", ""))
    for one in document.get("custom_fields", ()):
        given = {"label": one} if isinstance(one, str) else dict(one)
        _ensure_field(
            service, given["label"], given.get("type", "string"), given.get("metadata"), given.get("choices", ())
        )
    return load_rows(service, document.get("contacts", []), lists)


def load_rows(service: Service, rows: Sequence[Mapping[str, Any]], lists: Iterable[str] = ()) -> Seeded:
    """Seed from rows; a row's ``lists`` may be an array of names. ``Any``: JSON values."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SandboxUsageError("people are an array of objects")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        for name in lists:
            _ensure_list(service, name)
        return Seeded(0, 0, 0, 0)
    file = service.store.scratch_file(".json")
    file.write_text(json.dumps([[_cell(row.get(name)) for name in names] for row in rows]), "utf-8")
    cells = ", ".join(f"r[{at + 1}] AS c{at}" for at in range(len(names)))
    source = f"SELECT unnest(content::JSON::VARCHAR[][]) AS r FROM read_text({literal(str(file))})"
    try:
        return _load(service, f"(SELECT {cells} FROM ({source}))", names, lists)
    finally:
        file.unlink()


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return ";".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ensure_list(service: Service, name: str, *, description: str = "") -> ContactList:
    account = service.account
    known = account.lists.get(name.lower()) or account.list_named(name)
    return known or account.add_list(name, service.clock.now(), description=description)


def _ensure_field(
    service: Service, label: str, kind: str = "string", metadata: Any = None, choices: Iterable[str] = ()
) -> int:
    """``choices`` are labels. ``Any``: a JSON object."""
    if kind not in FIELD_TYPES:
        raise SandboxUsageError(f"custom fields are not of type {kind!r}")
    found = service.account.field_named("_".join(label.split(" ")))
    if found is not None:
        return found.number
    offered = [{"choice_id": at, "choice_label": each, "display_order": at} for at, each in enumerate(choices, start=1)]
    made = service.account.add_field(label, kind, service.clock.now(), metadata=metadata, choices=offered)
    return made.number


def _load(service: Service, relation: str, names: Sequence[str], lists: Iterable[str]) -> Seeded:
    unknown = [name for name in names if name not in columns.SEED_COLUMNS and not name.startswith("cf:")]
    if unknown:
        raise SandboxUsageError(f"people have no {', '.join(unknown)}; custom fields are written cf:NAME")
    if not {"email", "sms_number"} & set(names):
        raise SandboxUsageError("people need an email or an sms_number")
    try:
        targets = [_ensure_list(service, name) for name in lists]
        fields = {name: _ensure_field(service, name[3:]) for name in names if name.startswith("cf:")}
        named = _lists_of_rows(service, relation, names)
    except Problem as refused:
        raise SandboxUsageError(refused.value.message) from refused
    rules = MergeRules(
        list_nos=tuple(one.number for one in targets), max_rows=None, email_max=limits.EMAIL, everyone_joins=True,
        salt=service.options.random_seed,
    )  # fmt: skip
    with service.store.write() as db:
        _check_permissions(db, relation, names)
        counts = merge(db, Incoming(relation, tuple(names), fields), rules, service.clock.now())
        for name, one in named.items():
            db.execute(
                f"""INSERT INTO memberships SELECT DISTINCT {one.number}, c.seq
                FROM (SELECT lower(trim(c{list(names).index("email")})) AS email,
                      unnest(string_split(c{list(names).index("lists")}, ';')) AS list_name FROM {relation}) r
                JOIN contacts c ON c.email = r.email
                WHERE trim(r.list_name) = ? AND c.seq NOT IN (SELECT seq FROM memberships WHERE list_no = {one.number})
                ORDER BY c.seq""",
                [name],
            )
    note_peak(service)
    service.save()
    return Seeded(counts.rows, counts.created, counts.updated, counts.errors + counts.correctable)


def _lists_of_rows(service: Service, relation: str, names: Sequence[str]) -> dict[str, ContactList]:
    if "lists" not in names or "email" not in names:
        return {}
    cell = f"c{list(names).index('lists')}"
    found = service.store.rows(
        f"SELECT DISTINCT trim(unnest(string_split({cell}, ';'))) AS name FROM {relation} ORDER BY name"
    )
    return {name: _ensure_list(service, name) for (name,) in found if name}


def _check_permissions(db: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str]) -> None:
    if "permission_to_send" not in names:
        return
    cell = f"c{list(names).index('permission_to_send')}"
    allowed = ", ".join(literal(one) for one in PERMISSIONS)
    wrong = db.execute(f"SELECT {cell} FROM {relation} WHERE nullif({cell}, '') NOT IN ({allowed}) LIMIT 1").fetchone()
    if wrong:
        raise SandboxUsageError(f"permission_to_send is one of {', '.join(PERMISSIONS)}")
