"""The next ledger of an export: the base ledger with the outcome of a run in it. What became of rows: `outcomes.py`."""

from collections.abc import Sequence
from pathlib import Path

from ccsync.core.change import Op, Ownership, Reason, Status
from ccsync.engine.drops import noted
from ccsync.engine.encode import after
from ccsync.engine.live import load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation
from ccsync.ports.outcomes import Outcome, Settlement

COLUMNS = (
    "key",
    "contact_id",
    "status",
    "ownership",
    "reason",
    "refused_content",
    "first_run",
    "last_run",
    "changed_at",
)
"""Of every ledger, before its fields."""


def ledger_columns(session: Session, ledger: Path | None) -> tuple[str, ...]:
    """The columns of a ledger file, none for none."""
    if ledger is None:
        return ()
    names = session.rows("SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet($1))", [str(ledger)])
    return tuple(name for (name,) in names)


def write_ledger(session: Session, settlement: Settlement, outcome: Outcome, path: Path) -> int:
    """Writes the ledger, ordered by key, and returns its number of members.

    Its fields are the plan's: columns of fields that are no longer mapped are left out, new ones are NULL for people
    who were not written. Rows that nothing happened to stay as they are, times included.
    """
    fields = settlement.plan.export(settlement.export).fields
    had = frozenset(ledger_columns(session, settlement.ledger))
    ids = _seen_ids(session, settlement)
    session.copy_to_parquet(_next(settlement, outcome, fields, had, ids), path)
    if ids is not None:
        session.drop(ids)
    members = session.scalar("SELECT count(*) FROM read_parquet($1) WHERE status = 'member'", [str(path)])
    return int(members)


def write_without_removed(session: Session, ledger: Path, outcomes: Sequence[Path], path: Path) -> int:
    """Writes a ledger less the members whom these outcomes say were removed; returns the members left."""
    removed = " UNION ALL ".join(f"SELECT key, op, outcome FROM read_parquet({literal(str(one))})" for one in outcomes)
    session.copy_to_parquet(
        f"SELECT * FROM read_parquet({literal(str(ledger))}) WHERE status <> 'member' OR key NOT IN"
        f" (SELECT key FROM ({removed}) WHERE op = 'remove' AND outcome = 'applied') ORDER BY key",
        path,
    )
    return int(session.scalar("SELECT count(*) FROM read_parquet($1) WHERE status = 'member'", [str(path)]))


def _seen_ids(session: Session, settlement: Settlement) -> Relation | None:
    """(key, contact_id, …) of live as read back, where its file has ids."""
    live = settlement.read_back
    if live is None or live.members is None or "contact_id" not in live.members.columns:
        return None
    return load_people(session, live.members).relation


def _next(
    settlement: Settlement, outcome: Outcome, fields: Sequence[str], had: frozenset[str], ids: Relation | None
) -> str:
    old = {field: f"b.{identifier(field)}" if field in had else "NULL::VARCHAR" for field in fields}
    values = "".join(
        f", CASE WHEN effect = 'member' THEN COALESCE(e.{after(field)}, {old[field]}) ELSE {old[field]} END"
        f" AS {identifier(field)}"
        for field in fields
    )
    seen = "v.contact_id, " if ids is not None else ""
    join = f" LEFT JOIN {identifier(ids)} AS v ON v.key = e.key" if ids is not None else ""
    run, at = literal(settlement.run), literal(settlement.at)
    return f"""
    WITH happened AS ({_happened(settlement, outcome, fields)})
    SELECT COALESCE(b.key, e.key) AS key,
        CASE WHEN effect IS NULL THEN b.contact_id ELSE COALESCE({seen}e.contact_id, b.contact_id) END AS contact_id,
        CASE WHEN effect IS NULL THEN b.status WHEN effect = 'refused' THEN '{Status.MEMBER}' ELSE effect END AS status,
        CASE WHEN effect IS NULL OR op IN ('{Op.UPDATE}', '{Op.HELD_BACK}') OR effect = '{Status.OPTED_OUT}'
                THEN b.ownership
            WHEN op = '{Op.ADD}' AND why = '{Reason.ALREADY_ON_LIST}' THEN '{Ownership.ADOPTED}'
            ELSE e.ownership END AS ownership,
        CASE WHEN effect IS NULL THEN b.reason WHEN effect <> '{Status.MEMBER}' THEN why END AS reason,
        CASE WHEN effect IS NULL OR effect = '{Status.OPTED_OUT}' OR effect = '{Status.MEMBER}' AND e.batch IS NULL
                THEN b.refused_content
            WHEN effect <> '{Status.MEMBER}' THEN e.content END AS refused_content,
        CASE WHEN b.key IS NOT NULL THEN b.first_run ELSE {run} END AS first_run,
        CASE WHEN effect IS NULL THEN b.last_run ELSE {run} END AS last_run,
        CASE WHEN effect IS NULL THEN b.changed_at ELSE {at} END AS changed_at{values}
    FROM {_base(settlement)} AS b FULL JOIN happened AS e ON e.key = b.key{join}
    WHERE effect IS DISTINCT FROM 'gone' AND NOT (b.key IS NULL AND effect = '{Status.OPTED_OUT}')
    ORDER BY COALESCE(b.key, e.key)
    """


def _base(settlement: Settlement) -> str:
    if settlement.ledger is not None:
        return f"read_parquet({literal(str(settlement.ledger))})"
    return f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in COLUMNS)} WHERE false)"


def _happened(settlement: Settlement, outcome: Outcome, fields: Sequence[str]) -> str:
    """Rows of the changes file that change the ledger, one a key. effect: the next status, `refused` (a member whose
    values were not taken), or `gone`."""
    values = "".join(f", c.{after(field)}" for field in fields)
    changes = f"read_parquet({literal(str(settlement.changes))})"
    return f"""
    SELECT * FROM (
        SELECT c.key, c.op, c.contact_id, c.ownership, c.content, c.batch, o.reason AS why, CASE
            WHEN o.outcome = 'applied' AND c.op IN ('add', 'update', 'adopt') THEN 'member'
            WHEN o.outcome = 'applied' THEN 'gone'
            WHEN o.outcome = 'refused' AND c.op = 'add' THEN 'rejected'
            WHEN o.outcome = 'refused' THEN 'refused'
            WHEN o.outcome = 'dropped' AND c.op = 'remove' THEN 'gone'
            WHEN o.outcome = 'dropped' AND c.op IN ('update', 'adopt') AND o.reason = 'opted_out' THEN 'opted_out'
            END AS effect{values}
        FROM {changes} AS c JOIN read_parquet({literal(str(outcome.outcomes))}) AS o ON o.key = c.key AND o.op = c.op
    ) WHERE effect IS NOT NULL
    UNION ALL
    SELECT c.key, c.op, c.contact_id, c.ownership, c.content, c.batch, c.reason, 'opted_out'{values}
    FROM {changes} AS c WHERE c.op = 'held_back' AND c.reason = 'opted_out'
        AND c.key IN (SELECT key FROM {_base(settlement)} WHERE status = 'member')
        AND c.key NOT IN ({noted(settlement.drops, "held_back")})
    """
