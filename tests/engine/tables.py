"""Builds what the engine reads: tables, ledgers, memories and export files of a few rows."""

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ccsync.core.batch import Batch
from ccsync.core.change import Counts
from ccsync.core.plan import ExportPlan, ListTarget, Plan, StateRef
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.desired import Desired, Relation
from ccsync.ports.diff import DiffRequest, Sibling
from ccsync.ports.live import Live, LiveFile
from ccsync.ports.outcomes import SentBatch, Settlement

Row = Mapping[str, str | None]
People = Mapping[str, Row]
"""key → column → value."""

LEDGER = ("contact_id", "status", "ownership", "reason", "refused_content", "first_run", "last_run", "changed_at")
ACCOUNT, LIST = AccountId("acc"), ListId("list-1")


def table(session: Session, columns: Mapping[str, Sequence[str | None]], name: str = "t") -> Relation:
    """A table of texts."""
    relation = session.fresh_name(name)
    values = ", ".join(f"unnest(${at}::VARCHAR[]) AS {identifier(c)}" for at, c in enumerate(columns, start=1))
    session.execute(f"CREATE TEMP TABLE {identifier(relation)} AS SELECT {values}", [list(v) for v in columns.values()])
    return relation


def people_columns(people: People, names: Sequence[str]) -> dict[str, list[str | None]]:
    return {"key": list(people), **{name: [row.get(name) for row in people.values()] for name in names}}


def desired(
    session: Session, people: People, fields: Sequence[str], unusable: Sequence[tuple[str | None, str]] = ()
) -> Desired:
    reasons = [reason for _, reason in unusable]
    return Desired(
        relation=table(session, people_columns(people, fields), "desired"),
        unusable_relation=table(session, {"key": [key for key, _ in unusable], "reason": reasons}, "unusable"),
        size=len(people),
        rows=len(people) + len(unusable),
        unusable={reason: reasons.count(reason) for reason in reasons},
        blocking=len(unusable),
        sources=(),
    )


def ledger(session: Session, path: Path, people: People, fields: Sequence[str] = ()) -> Path:
    relation = table(session, people_columns(people, (*LEDGER, *fields)), "ledger")
    session.copy_to_parquet(f"SELECT * FROM {identifier(relation)} ORDER BY key", path)
    return path


def member(ownership: str = "ours", **values: str | None) -> dict[str, str | None]:
    return {
        "status": "member",
        "ownership": ownership,
        "first_run": "run-0",
        "last_run": "run-0",
        "changed_at": "2026-01-01T00:00:00Z",
        **values,
    }


def memory(session: Session, path: Path, keys: Sequence[str], list_id: str = LIST) -> Path:
    same = {"account": ACCOUNT, "list_id": list_id, "since": "2026-01-01", "reason": "opted_out", "run": "run-0"}
    columns = {**{name: [text] * len(keys) for name, text in same.items()}, "key": list(keys)}
    relation = table(session, columns, "memory")
    session.copy_to_parquet(
        f"SELECT account, list_id, key, since, reason, run FROM {identifier(relation)} ORDER BY ALL", path
    )
    return path


HEADINGS = {"email": "Email address", "contact_id": "Contact Id", "status": "Email permission status"}


def live_file(path: Path, people: People, columns: Sequence[str] = ()) -> LiveFile:
    """columns: what the file has besides the address."""
    names = ("email", *columns)
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow([*(HEADINGS.get(name, f"UI {name}") for name in names), "Email Lists"])
        for key, row in people.items():
            writer.writerow([key, *(row.get(name) or "" for name in columns), "List, One"])
    return LiveFile(path, {name: HEADINGS.get(name, f"UI {name}") for name in names}, len(people))


def live(folder: Path, members: People | None, unsubscribed: Sequence[str] = (), columns: Sequence[str] = ()) -> Live:
    return Live(
        None if members is None else live_file(folder / "members.csv", members, columns),
        live_file(folder / "unsubscribed.csv", {key: {} for key in unsubscribed}),
    )


def request(
    *,
    fields: Sequence[str] = ("first_name",),
    wanted: Desired | None = None,
    ledger: Path | None = None,
    siblings: Sequence[Sibling] = (),
    optouts: Path | None = None,
    live: Live | None = None,
    on_leave: OnLeave = OnLeave.REMOVE_FROM_LIST,
    name: str = "weekly",
    mapping: Mapping[str, str] | None = None,
    ledger_mapping: Mapping[str, str] | None = None,
    present: Callable[[Relation], Relation] | None = None,
) -> DiffRequest:
    same = dict.fromkeys(fields, "digest")
    return DiffRequest(
        name=ExportName(name),
        fields=tuple(fields),
        mapping=same if mapping is None else mapping,
        ledger_mapping=same if ledger_mapping is None else ledger_mapping,
        on_leave=on_leave,
        account=ACCOUNT,
        list_id=LIST,
        export=None,
        desired=wanted,
        ledger=ledger,
        siblings=tuple(siblings),
        optouts=optouts,
        live=live,
        present=present,
    )


def read(session: Session, path: Path) -> list[dict[str, object]]:
    """The rows of a Parquet file, in order."""
    names = [name for (name,) in session.rows("SELECT column_name FROM (DESCRIBE FROM read_parquet($1))", [str(path)])]
    return [dict(zip(names, row, strict=True)) for row in session.rows("FROM read_parquet($1)", [str(path)])]


def export_plan(
    name: str = "weekly",
    *,
    fields: Sequence[str] = ("first_name",),
    batches: Sequence[Batch] = (),
    deleted: bool = False,
    list_id: ListId | None = LIST,
) -> ExportPlan:
    """The part of a plan that outcomes look at."""
    return ExportPlan(
        name=ExportName(name),
        connection=ConnectionName("newsletter"),
        account=ACCOUNT,
        list=ListTarget(list_id, "List, One"),
        fields=tuple(fields),
        mapping={},
        on_leave=OnLeave.REMOVE_FROM_LIST,
        on_delete=OnDelete.KEEP_MEMBERS,
        members_before=0,
        members_after=0,
        desired=0,
        source_rows=0,
        managed=0,
        counts=Counts(),
        held_back={},
        unusable={},
        fields_changed={},
        reasons={},
        batches=tuple(batches),
        deleted=deleted,
    )


def plan(*exports: ExportPlan) -> Plan:
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    base = StateRef("lineage", 0, "")
    return Plan("0.1.0", moment, moment, "workspace", True, True, base, "", {}, exports)


def settlement(
    exports: Plan,
    changes: Path,
    *,
    name: str = "weekly",
    ledger: Path | None = None,
    batches: Sequence[SentBatch] = (),
    drops: Sequence[Path] = (),
    ids: Path | None = None,
    read_back: Live | None = None,
    final: bool = False,
    late: bool = False,
) -> Settlement:
    return Settlement(
        plan=exports,
        export=ExportName(name),
        changes=changes,
        ledger=ledger,
        ledger_fields=(),
        batches=tuple(batches),
        drops=tuple(drops),
        ids=ids,
        read_back=read_back,
        run="run-1",
        at="2026-10-01T00:00:00Z",
        final=final,
        late=late,
    )
