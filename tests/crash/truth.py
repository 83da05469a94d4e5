"""What is so: who is on which list, what the account knows of them, what our state says. Reads, judges nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from ccsync.ports.ledger import Snapshot

from tests.support.world import Planned, World

FIELDS = ("first_name", "last_name")
Fields = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Truth:
    """The account. lists: name → address → fields. ids: name → list id."""

    lists: dict[str, dict[str, Fields]]
    ids: dict[str, str]

    def on(self, name: str) -> dict[str, Fields]:
        return self.lists.get(name, {})


@dataclass(frozen=True, slots=True)
class Row:
    """A change of a plan. sent: whether it has a batch."""

    export: str
    list: str
    op: str
    key: str
    reason: str
    sent: bool
    after: Fields


@dataclass(frozen=True, slots=True)
class Known:
    """What our state says. rows: (export, list id, key, status, ownership). memory: (list id, key)."""

    rows: frozenset[tuple[str, str, str, str, str]]
    memory: frozenset[tuple[str, str]]

    def knows(self, list_id: str, key: str) -> bool:
        """That this person was on this list once, by our doing or not."""
        known = any(row[1:3] == (list_id, key) and row[3] in ("member", "opted_out") for row in self.rows)
        return known or (list_id, key) in self.memory

    def ours(self, list_id: str, key: str) -> bool:
        return any(row[1:] == (list_id, key, "member", "ours") for row in self.rows)


def truth_of(world: World) -> Truth:
    known = {one["name"]: one["list_id"] for one in world.ask("/lists") if not one.get("deleted_at")}
    found = {
        name: {
            row["email"]: {field: row[field] or None for field in FIELDS}
            for row in world.ask("/members", list=name, fields=",".join(FIELDS))["members"]
        }
        for name in known
    }
    return Truth(found, known)


def known_of(reader: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> Known:
    rows = [
        (str(name), str(ledger.list_id), *row)
        for name, ledger in snapshot.ledgers.items()
        for row in _read(reader, ledger.path, "key, status, ownership")
    ]
    memory = _read(reader, snapshot.optouts, "list_id, key") if snapshot.optouts else []
    return Known(frozenset(rows), frozenset(memory))


def rows_of(reader: duckdb.DuckDBPyConnection, planned: Planned) -> list[Row]:
    found = []
    for export in planned.plan.exports:
        fields = [field for field in FIELDS if field in export.fields]
        columns = "".join(f', "after:{field}"' for field in fields)
        for op, key, reason, batch, *values in _read(
            reader, planned.changes[export.name], f"op, key, reason, batch{columns}"
        ):
            after = dict(zip(fields, values, strict=True))
            found.append(Row(export.name, export.list.name, op, key, reason, batch is not None, after))
    return found


def _read(reader: duckdb.DuckDBPyConnection, path: Path, columns: str) -> list[tuple[Any, ...]]:
    return reader.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [str(path)]).fetchall()
