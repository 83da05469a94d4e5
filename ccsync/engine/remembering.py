"""The opt-out memory to go on with when an old generation is restored. Restoring itself is `state`'s."""

from collections.abc import Sequence
from pathlib import Path

from ccsync.core.change import Status
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.ledger import Snapshot

_COLUMNS = ("account", "list_id", "key", "since", "reason", "run")


def remember(session: Session, restored: Snapshot, newer: Sequence[Snapshot], into: Path) -> Path | None:
    """Writes everyone who is in any of these memories, and whom only the newest generation knows to have been on a
    list: they may have left since, and a plan from the old ledgers would add them. Who is on the list still is adopted
    by the next plan. newer: newest first. Returns None when it is nobody."""
    parts = [
        f"SELECT {', '.join(_COLUMNS)} FROM read_parquet({literal(str(one.optouts))})"
        for one in (restored, *newer)
        if one.optouts
    ]
    for ledger in newer[0].ledgers.values() if newer else ():
        place = (ledger.account, ledger.list_id)
        old = [
            f"SELECT key FROM read_parquet({literal(str(one.path))})"
            for one in restored.ledgers.values()
            if (one.account, one.list_id) == place
        ]
        known = f" AND key NOT IN ({' UNION ALL '.join(old)})" if old else ""
        parts.append(
            f"SELECT {literal(ledger.account)}, {literal(ledger.list_id)}, key, changed_at, '{Status.OPTED_OUT}',"
            f" last_run FROM read_parquet({literal(str(ledger.path))}) WHERE status IN ('member', 'opted_out'){known}"
        )
    if not parts:
        return None
    table, path = session.fresh_name("optouts"), into / "optouts.parquet"
    columns = ", ".join(f"{name} VARCHAR" for name in _COLUMNS)
    session.execute(f"CREATE TEMP TABLE {identifier(table)} ({columns})")
    for part in parts:
        session.execute(f"INSERT INTO {identifier(table)} {part}")
    session.copy_to_parquet(
        "SELECT account, list_id, key, min(since) AS since, min(reason) AS reason, min(run) AS run"
        f" FROM {identifier(table)} GROUP BY account, list_id, key ORDER BY account, list_id, key",
        path,
    )
    people = session.count(table)
    session.drop(table)
    return path if people else None
