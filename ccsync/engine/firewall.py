"""The opt-out firewall: what a fresh look at live takes out of a plan. Reading its files is `drops.py`.

An import would put people back on a list they left (SURPRISES 1), so nobody who is off it by now may be in one.
"""

from collections.abc import Sequence
from pathlib import Path

from ccsync.engine.drops import DROPPED, noted
from ccsync.engine.live import People, load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.bodies import Drops
from ccsync.ports.live import Live


class LiveFirewall:
    """The `Firewall` port."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def drops(
        self, changes: Path, live: Live, into: Path, before: Sequence[Path] = (), ids: Path | None = None
    ) -> Drops:
        """What this look drops, and who is on the list by now against what the plan knew. into: a folder.

        `counts` has everyone dropped by reason, people not forgotten after all (`came_back`) included. An addition
        that an earlier look saw on the list and this one doesn't is somebody who joined and left: dropped. Who left the
        list and unsubscribed besides has left: that outlasts a later subscription. Who is to be forgotten and has left
        is noted, so that the memory keeps them. Raises RemoteError (E650) for a live file that can't be used.
        """
        session = self._session
        unsubscribed = load_people(session, live.unsubscribed)
        members = load_people(session, live.members) if live.members else None
        table, path = session.fresh_name("drops"), into / "drops.parquet"
        on_list = f"key IN (SELECT key FROM {identifier(members.relation)})" if members else "false"
        told = f" OR key IN (SELECT key FROM {identifier(members.relation)} WHERE unsubscribed)" if members else ""
        session.execute(
            f"""
            CREATE TEMP TABLE {identifier(table)} AS
            WITH looked AS (
                SELECT key, op, batch, reason AS why, {on_list} AS on_list,
                    key IN ({noted(before, "add")}) AS was_there,
                    key IN (SELECT key FROM {identifier(unsubscribed.relation)}){told} AS unsubscribed
                FROM read_parquet({literal(str(changes))})
                WHERE op IN ('add', 'update', 'adopt', 'remove') OR op = 'forget' AND reason <> 'removed_by_sibling'
                    OR op = 'held_back' AND reason = 'opted_out'
            ),
            judged AS (
                SELECT key, op, batch, CASE
                    WHEN op = 'remove' THEN CASE WHEN NOT on_list THEN 'already_gone' END
                    WHEN op = 'forget' AND why = 'already_gone' THEN CASE WHEN on_list THEN 'came_back' END
                    WHEN op = 'forget' THEN CASE WHEN NOT on_list THEN 'already_gone' END
                    WHEN op = 'held_back' THEN CASE WHEN on_list THEN 'came_back' END
                    WHEN NOT on_list AND (op <> 'add' OR was_there) THEN 'opted_out'
                    WHEN unsubscribed THEN 'unsubscribed'
                    WHEN op = 'add' AND on_list THEN 'already_on_list' END AS reason, on_list
                FROM looked
            )
            SELECT key, op, batch, reason, CASE WHEN reason = 'unsubscribed' THEN 'unsubscribed'
                WHEN on_list THEN 'present' ELSE 'gone' END AS now
            FROM judged WHERE reason IS NOT NULL
            """
        )
        session.copy_to_parquet(f"SELECT key, op, reason, now FROM {identifier(table)} ORDER BY key, op", path)
        counts = session.rows(
            f"SELECT reason, count(*) FROM {identifier(table)} WHERE {DROPPED} GROUP BY reason ORDER BY reason"
        )
        seen = None
        if members and live.members and "contact_id" in live.members.columns:
            seen = into / "ids.parquet"
            session.copy_to_parquet(_ids(changes, members, ids), seen)
        joined = session.rows(
            f"SELECT DISTINCT batch FROM {identifier(table)} WHERE op = 'add' AND now = 'present' ORDER BY batch"
        )
        session.drop(table, unsubscribed.relation, *([members.relation] if members else []))
        return Drops(path, dict(counts), seen, frozenset(batch for (batch,) in joined))


def _ids(changes: Path, members: People, before: Path | None) -> str:
    """SQL: (key, contact_id) of the people to be removed, as the list shows them. A contact that stands under two
    addresses is left out: to remove it for one of them may take the other off."""
    name = identifier(members.relation)
    seen = (
        f"SELECT key, contact_id FROM {name} WHERE contact_id IS NOT NULL"
        f" AND key IN (SELECT key FROM read_parquet({literal(str(changes))}) WHERE op = 'remove')"
    )
    alone = (
        f"SELECT contact_id FROM {name} WHERE contact_id IN (SELECT contact_id FROM seen)"
        " GROUP BY contact_id HAVING count(*) = 1"
    )
    known = f"SELECT key, contact_id FROM read_parquet({literal(str(before))})" if before else ""
    older = f" UNION ALL {known} WHERE key NOT IN (SELECT key FROM seen)" if known else ""
    return f"WITH seen AS ({seen}) SELECT key, contact_id FROM seen WHERE contact_id IN ({alone}){older} ORDER BY key"
