"""What takes back what a run did to one export, worked out from three ledgers and live: before the run, after it, now.

What a plan makes of that is `undoing.py`. Nothing is taken back that changed since, nobody is put back who left, and
nobody is removed whom another export holds.
"""

from collections.abc import Sequence
from pathlib import Path

from ccsync.core.change import CHANGING_OPS, Counts, DiffCounts, zero_held_back
from ccsync.engine import encode
from ccsync.engine.batches import cut
from ccsync.engine.diff import write_changes
from ccsync.engine.encode import after, before
from ccsync.engine.ledger import ledger_columns
from ccsync.engine.live import People, load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation
from ccsync.ports.diff import Diffed
from ccsync.ports.undoing import Skipped, Undone, UndoRequest


class LedgerUndoer:
    """The `Undoer` port. Files it writes are in the session's folder and live as long as that."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def touched(self, run: str, before: Path | None, after: Path | None) -> bool:
        session = self._session
        sides = f"({_side(session, before, ())}) AS b FULL JOIN ({_side(session, after, ())}) AS a ON a.key = b.key"
        return bool(session.scalar(f"SELECT count(*) FROM {sides} WHERE {_touched(run)}"))

    def undo(self, request: UndoRequest) -> Undone:
        session = self._session
        live = request.live
        members = load_people(session, live.members, request.fields) if live.members else None
        unsubscribed = load_people(session, live.unsubscribed)
        table = session.fresh_name("undo")
        session.execute(f"CREATE TEMP TABLE {identifier(table)} AS {_inverse(session, request, members, unsubscribed)}")
        parts = cut(session, table, request.fields)
        path = session.workdir / f"{table}.parquet"
        write_changes(session, request.fields, table, parts, None, path)
        skipped = session.rows(
            f"SELECT reason, count(*) FROM {identifier(table)} WHERE op = 'unchanged' GROUP BY reason ORDER BY reason"
        )
        unknown, unresolved = session.row(
            "SELECT COALESCE(sum(unknown), 0), count(*) FILTER (op = 'remove' AND contact_id IS NULL)"
            f" FROM {identifier(table)}"
        )
        counts = _counts(session, request, table, members)
        session.drop(table, parts.numbers, unsubscribed.relation, *([members.relation] if members else []))
        people = sum(batch.rows for batch in parts.batches if batch.transport)
        return Undone(
            Diffed(counts, path, parts.batches, int(unresolved), people),
            {Skipped(reason): rows for reason, rows in skipped},
            int(unknown),
        )


# ---------------------------------------------------------------- the statement


def _touched(run: str) -> str:
    """SQL: the run wrote this row, or took it out of the ledger."""
    return f"a.last_run IS NOT DISTINCT FROM {literal(run)} OR COALESCE(b.member, false) AND a.key IS NULL"


def _inverse(session: Session, request: UndoRequest, members: People | None, unsubscribed: People) -> str:
    """Columns: those of a changes file without its batch, send, and unknown (fields that can't be set back). One row a
    person whom the run touched; op `unchanged` for those nothing is done for, with why as the reason."""
    fields = request.fields
    values = "".join(
        f", CASE WHEN op = 'update' AND {_restorable(field, members)} OR op = 'add' THEN {_b(field)} END"
        f" AS {after(field)}, {_n(field)} AS {before(field)}"
        for field in fields
    )
    unknown = " + ".join(
        f"CAST({_differs(field)} AND NOT {_restorable(field, members)} AS INTEGER)" for field in fields
    )
    return f"""
    WITH seen AS ({_seen(session, request, members, unsubscribed)}),
    decided AS (SELECT *, {_rule(request, members)} AS rule FROM seen),
    undone AS (
        SELECT *, split_part(rule, ' ', 1) AS op, split_part(rule, ' ', 2) AS reason FROM decided WHERE rule IS NOT NULL
    ),
    valued AS (
        SELECT key, op, reason, contact_id, CASE WHEN op = 'add' THEN 'ours' END AS ownership,
            op IN ('add', 'update', 'remove') AS send,
            CASE WHEN op = 'update' OR reason = '{Skipped.UNKNOWN_BEFORE}' THEN {unknown or "0"} ELSE 0 END AS unknown
            {values}
        FROM undone
    )
    SELECT *, {encode.content(fields, after)} AS content FROM valued
    """


def _seen(session: Session, request: UndoRequest, members: People | None, unsubscribed: People) -> str:
    """Everything known of the people whom the run touched, side by side. b: before, a: after, n: now, v: live."""
    fields = request.fields
    names = {"b": request.before, "a": request.after, "n": request.now}
    sides = {name: _side(session, path, fields) for name, path in names.items()}
    columns = "".join(
        f", {name}.{identifier(field)} AS {identifier(f'{name}:{field}')}" for name in names for field in fields
    )
    shown = members.fields if members else ()
    live = "".join(f", v.{identifier(field)} AS {identifier(f'v:{field}')}" for field in shown)
    found = f"LEFT JOIN {identifier(members.relation)} AS v ON v.key = t.key" if members else ""
    run = literal(request.run)
    return f"""
    SELECT t.key, COALESCE({"v.contact_id, " if members else ""}n.contact_id, a.contact_id, b.contact_id) AS contact_id,
        COALESCE(b.member, false) AS was_member, b.ownership IS NOT DISTINCT FROM 'ours' AS was_ours,
        a.key IS NULL AS taken_out, COALESCE(a.member, false) AS made_member,
        a.ownership IS NOT DISTINCT FROM 'ours' AS made_ours, COALESCE(a.opted_out, false) AS made_opted_out,
        n.key IS NOT NULL AS in_ledger,
        COALESCE(n.member, false) AND n.last_run IS NOT DISTINCT FROM {run} AS untouched,
        {"v.key IS NOT NULL" if members else "false"} AS on_list,
        u.key IS NOT NULL{" OR COALESCE(v.unsubscribed, false)" if members else ""} AS unsubscribed,
        m.key IS NOT NULL AS remembered, COALESCE(s.member, false) AS elsewhere, COALESCE(s.holds, false) AS held,
        s.remover, COALESCE(s.opted_out, false) AS opted_out_elsewhere{columns}{live}
    FROM (
        SELECT COALESCE(a.key, b.key) AS key FROM ({sides["b"]}) AS b FULL JOIN ({sides["a"]}) AS a ON a.key = b.key
        WHERE {_touched(request.run)}
    ) AS t
    LEFT JOIN ({sides["b"]}) AS b ON b.key = t.key LEFT JOIN ({sides["a"]}) AS a ON a.key = t.key
    LEFT JOIN ({sides["n"]}) AS n ON n.key = t.key {found}
    LEFT JOIN {identifier(unsubscribed.relation)} AS u ON u.key = t.key
    LEFT JOIN ({_memory(request)}) AS m ON m.key = t.key
    LEFT JOIN ({_siblings(session, request)}) AS s ON s.key = t.key
    """


def _rule(request: UndoRequest, members: People | None) -> str:
    """The op, then its reason; NULL for people of whom there is nothing to say."""
    restorable = " OR ".join(_restorable(field, members) for field in request.fields) or "false"
    put_back, set_back = "'add undone'", "'update undone'"
    if request.takes_only:
        put_back = set_back = f"'unchanged {Skipped.NOT_ASKED}'"
    updated = " OR ".join(_differs(field) for field in request.fields) or "false"
    return f"""
    CASE
        WHEN made_member AND NOT was_member THEN CASE
            WHEN NOT made_ours THEN 'unchanged {Skipped.ADOPTED}'
            WHEN NOT untouched THEN 'unchanged {Skipped.CHANGED_SINCE}'
            WHEN NOT on_list THEN 'unchanged {Skipped.GONE}'
            WHEN held THEN 'unchanged {Skipped.OTHER_EXPORT}'
            WHEN remover IS NULL OR {literal(request.name)} < remover THEN 'remove undone'
            ELSE 'forget removed_by_sibling' END
        WHEN was_member AND taken_out THEN CASE
            WHEN in_ledger THEN 'unchanged {Skipped.CHANGED_SINCE}'
            WHEN on_list THEN 'unchanged {Skipped.ON_LIST}'
            WHEN unsubscribed THEN 'held_back unsubscribed'
            WHEN remembered OR opted_out_elsewhere OR elsewhere THEN 'held_back opted_out'
            WHEN NOT was_ours THEN 'unchanged {Skipped.ADOPTED}'
            ELSE {put_back} END
        WHEN was_member AND made_opted_out THEN 'unchanged {Skipped.LEFT}'
        WHEN was_member AND made_member AND ({updated}) THEN CASE
            WHEN NOT untouched THEN 'unchanged {Skipped.CHANGED_SINCE}'
            WHEN NOT on_list THEN 'unchanged {Skipped.GONE}'
            WHEN unsubscribed THEN 'held_back unsubscribed'
            WHEN {restorable} THEN {set_back}
            ELSE 'unchanged {Skipped.UNKNOWN_BEFORE}' END
    END"""


def _differs(field: str) -> str:
    """SQL: the run changed the field."""
    return f"({_a(field)} IS NOT NULL AND {_a(field)} IS DISTINCT FROM {_b(field)})"


def _restorable(field: str, members: People | None) -> str:
    """SQL: the run changed the field, its earlier value is known, and nobody edited it since. A field is never blanked,
    so one that had no value keeps the new one."""
    seen = f" AND {identifier(f'v:{field}')} IS NOT DISTINCT FROM {_a(field)}"
    return f"({_differs(field)} AND {_b(field)} IS NOT NULL{seen if members and field in members.fields else ''})"


def _a(field: str) -> str:
    return identifier(f"a:{field}")


def _b(field: str) -> str:
    return identifier(f"b:{field}")


def _n(field: str) -> str:
    return identifier(f"n:{field}")


# ---------------------------------------------------------------- what it is made of


def _side(session: Session, ledger: Path | None, fields: Sequence[str]) -> str:
    """SQL: a ledger with these fields; NULL for those that it has no column for. No rows for none."""
    has = frozenset(ledger_columns(session, ledger))
    names = ("key", "contact_id", "status", "ownership", "last_run", *fields)
    columns = ", ".join(identifier(name) if name in has else f"NULL::VARCHAR AS {identifier(name)}" for name in names)
    source = f"FROM read_parquet({literal(str(ledger))})" if ledger else "WHERE false"
    return f"SELECT *, status = 'member' AS member, status = 'opted_out' AS opted_out FROM (SELECT {columns} {source})"


def _memory(request: UndoRequest) -> str:
    """SQL: (key) of people who left the list, by what was known after the run or is known now."""
    place = f"account = {literal(request.account)} AND list_id = {literal(request.list_id)}"
    parts = [f"SELECT key FROM read_parquet({literal(str(path))}) WHERE {place}" for path in request.memories]
    return f"SELECT DISTINCT key FROM ({' UNION ALL '.join(parts)})" if parts else _nobody("key VARCHAR")


def _siblings(session: Session, request: UndoRequest) -> str:
    """SQL: what the other exports on the list know. holds: one has or had the person by another run's doing, or keeps
    them in any case; remover: the first by name that takes the person off the list in the same plan."""
    run, parts = literal(request.run), []
    for sibling in request.siblings:
        added = f"NOT was AND last_run IS NOT DISTINCT FROM {run} AND ownership IS NOT DISTINCT FROM 'ours'"
        undone = added if sibling.undone else "false"
        parts.append(
            f"SELECT key, member, opted_out, was OR member AND NOT ({undone}) AS holds,"
            f" CASE WHEN member AND {undone} THEN {literal(sibling.name)} END AS remover FROM ("
            "SELECT COALESCE(n.key, b.key) AS key, COALESCE(n.member, false) AS member, n.last_run, n.ownership,"
            " COALESCE(n.opted_out, false) AS opted_out, COALESCE(b.member, false) AS was"
            f" FROM ({_side(session, sibling.now, ())}) AS n"
            f" FULL JOIN ({_side(session, sibling.before, ())}) AS b ON b.key = n.key)"
        )
    if not parts:
        return _nobody("key VARCHAR, member BOOLEAN, opted_out BOOLEAN, holds BOOLEAN, remover VARCHAR")
    return (
        "SELECT key, bool_or(member) AS member, bool_or(opted_out) AS opted_out, bool_or(holds) AS holds,"
        f" min(remover) AS remover FROM ({' UNION ALL '.join(parts)}) GROUP BY key"
    )


def _nobody(columns: str) -> str:
    names = (column.split(" ") for column in columns.split(", "))
    return f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in names)} WHERE false"


def _counts(session: Session, request: UndoRequest, table: Relation, members: People | None) -> DiffCounts:
    name = identifier(table)
    ops = dict(session.rows(f"SELECT op, count(*) FROM {name} GROUP BY op"))
    by_reason = f"SELECT reason, count(*) FROM {name} WHERE op {{}} GROUP BY reason ORDER BY reason"
    reasons = session.rows(by_reason.format("NOT IN ('held_back', 'unchanged')"))
    held = session.rows(by_reason.format("= 'held_back'"))
    changed = [
        session.scalar(f"SELECT count(*) FROM {name} WHERE op = 'update' AND {after(field)} IS NOT NULL")
        for field in request.fields
    ]
    managed = session.scalar("SELECT count(*) FROM read_parquet($1) WHERE status = 'member'", [str(request.now)])
    leaving = sum(ops.get(op, 0) for op in ("remove", "update", "forget"))
    return DiffCounts(
        counts=Counts(**{str(op): ops.get(op, 0) for op in CHANGING_OPS}, unchanged=managed - leaving),
        held_back={**zero_held_back(), **dict(held)},
        reasons=dict(reasons),
        fields_changed={field: n for field, n in zip(request.fields, changed, strict=True) if n},
        managed=managed,
        live=members.size if members else 0,
    )
