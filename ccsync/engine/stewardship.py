"""The ledger as people ask it to be: seeded from a list that exists, or freed of those who are to be let in again.

What an apply writes into a ledger is `outcomes.py`.
"""

from collections.abc import Sequence
from pathlib import Path

from ccsync.core.change import Ownership, Reason, Status
from ccsync.core.spec import AccountId, ListId
from ccsync.engine.ledger import COLUMNS
from ccsync.engine.live import People, load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation
from ccsync.ports.ledger import Ledger
from ccsync.ports.live import Live
from ccsync.ports.stewardship import Adopted, Readmitted

_OPTOUT_COLUMNS = "account VARCHAR, list_id VARCHAR, key VARCHAR, since VARCHAR, reason VARCHAR, run VARCHAR"


class Steward:
    """The port `Stewardship` over one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def adopt(
        self,
        ledger: Ledger,
        base: Path | None,
        optouts: Path | None,
        live: Live,
        *,
        own: bool,
        run: str,
        at: str,
        into: Path,
    ) -> Adopted:
        """See the port. Values that live shows are taken as accepted; where it has no column, nothing is known yet.
        Rows that were refused stay refused."""
        session = self._session
        people = self._people(live, ledger.fields)
        old = self._ledger(base, ledger.fields)
        memory = self._optouts(optouts)
        seeded = self._seeded(ledger, people, old, memory, own=own, run=run, at=at)
        gone = self._gone(ledger, people, old, run=run, at=at)
        path, memory_path = into / "ledger.parquet", into / "optouts.parquet"
        columns = ", ".join(identifier(name) for name in (*COLUMNS, *ledger.fields))
        session.copy_to_parquet(
            f"SELECT {columns} FROM {identifier(seeded)} UNION ALL SELECT {columns} FROM {identifier(old)}"
            f" WHERE status = '{Status.REJECTED}' AND key NOT IN (SELECT key FROM {identifier(seeded)}) ORDER BY key",
            path,
        )
        # Who is on the list came back by themselves or never left: the memory lets go of them.
        session.copy_to_parquet(
            f"SELECT account, list_id, key, since, reason, run FROM {identifier(memory)} AS m"
            " WHERE NOT (m.account = ? AND m.list_id = ?"
            f" AND EXISTS (SELECT 1 FROM {identifier(people.relation)} AS v WHERE v.key = m.key))"
            f" UNION ALL SELECT account, list_id, key, since, reason, run FROM {identifier(gone)} AS g"
            f" WHERE NOT EXISTS (SELECT 1 FROM {identifier(memory)} AS m"
            " WHERE m.account = g.account AND m.list_id = g.list_id AND m.key = g.key)"
            " ORDER BY account, list_id, key",
            memory_path,
            [ledger.account, ledger.list_id],
        )
        new = session.scalar(
            f"SELECT count(*) FROM {identifier(seeded)} AS s WHERE NOT EXISTS"
            f" (SELECT 1 FROM {identifier(old)} AS l WHERE l.key = s.key AND l.status = '{Status.MEMBER}')"
        )
        remembered = memory_path if optouts is not None or session.count(gone) else None
        return Adopted(path, remembered, session.count(seeded), new, session.count(gone))

    def readmit(
        self,
        place: tuple[AccountId, ListId],
        ledgers: Sequence[Ledger],
        optouts: Path | None,
        live: Live,
        keys: Sequence[str] | None,
        into: Path,
    ) -> Readmitted:
        """See the port."""
        session = self._session
        account, list_id = place
        people = self._people(live, ())
        unsubscribed = load_people(session, live.unsubscribed)
        memory = self._optouts(optouts)
        known = self._known(ledgers, memory, account, list_id)
        asked = session.fresh_name("asked")
        chosen = (
            f"SELECT key FROM {identifier(known)}" if keys is None else "SELECT DISTINCT unnest(?::VARCHAR[]) AS key"
        )
        session.execute(
            f"CREATE TEMP TABLE {identifier(asked)} AS SELECT a.key, n.key IS NOT NULL AS known,"
            " u.key IS NOT NULL AS unsubscribed, v.key IS NOT NULL AS on_list"
            f" FROM ({chosen}) AS a LEFT JOIN {identifier(known)} AS n ON n.key = a.key"
            f" LEFT JOIN {identifier(unsubscribed.relation)} AS u ON u.key = a.key"
            f" LEFT JOIN {identifier(people.relation)} AS v ON v.key = a.key",
            None if keys is None else [list(keys)],
        )
        free = f"SELECT key FROM {identifier(asked)} WHERE known AND NOT unsubscribed AND NOT on_list"
        written = {ledger.export: self._freed(ledger, free, into) for ledger in ledgers}
        memory_path = into / "optouts.parquet"
        session.copy_to_parquet(
            f"SELECT account, list_id, key, since, reason, run FROM {identifier(memory)}"
            f" WHERE NOT (account = ? AND list_id = ? AND key IN ({free})) ORDER BY account, list_id, key",
            memory_path,
            [account, list_id],
        )
        counts = session.row(
            f"SELECT count(*) FILTER (known AND NOT unsubscribed AND NOT on_list),"
            " count(*) FILTER (on_list AND NOT unsubscribed), count(*) FILTER (unsubscribed),"
            f" count(*) FILTER (NOT known AND NOT on_list AND NOT unsubscribed) FROM {identifier(asked)}"
        )
        return Readmitted(written, memory_path if optouts is not None else None, *counts)

    def _people(self, live: Live, fields: Sequence[str]) -> People:
        if live.members is not None:
            return load_people(self._session, live.members, fields)
        empty = self._session.fresh_name("live")
        self._session.execute(f"CREATE TEMP TABLE {identifier(empty)} (key VARCHAR, contact_id VARCHAR)")
        return People(empty, (), 0)

    def _ledger(self, path: Path | None, fields: Sequence[str]) -> Relation:
        """A ledger with exactly these fields; those it does not have are NULL."""
        session = self._session
        relation = session.fresh_name("ledger")
        if path is None:
            columns = ", ".join(f"{identifier(name)} VARCHAR" for name in (*COLUMNS, *fields))
            session.execute(f"CREATE TEMP TABLE {identifier(relation)} ({columns})")
            return relation
        source = f"read_parquet({literal(str(path))})"
        has = {name for (name,) in session.rows(f"SELECT column_name FROM (DESCRIBE SELECT * FROM {source})")}
        columns = ", ".join(
            identifier(name) if name in has else f"NULL::VARCHAR AS {identifier(name)}" for name in (*COLUMNS, *fields)
        )
        session.execute(f"CREATE TEMP TABLE {identifier(relation)} AS SELECT {columns} FROM {source}")
        return relation

    def _optouts(self, path: Path | None) -> Relation:
        relation = self._session.fresh_name("optouts")
        self._session.execute(f"CREATE TEMP TABLE {identifier(relation)} ({_OPTOUT_COLUMNS})")
        if path is not None:
            self._session.execute(
                f"INSERT INTO {identifier(relation)} SELECT account, list_id, key, since, reason, run"
                f" FROM read_parquet({literal(str(path))})"
            )
        return relation

    def _seeded(
        self, ledger: Ledger, people: People, old: Relation, memory: Relation, *, own: bool, run: str, at: str
    ) -> Relation:
        """Everyone on the list as a member. Someone we added stays ours, with the values last accepted: what people
        edited by hand since is drift, and drift is not overwritten. Who is in the memory left once and came back by
        themselves, whether or not this ledger noticed: not ours."""
        relation = self._session.fresh_name("seeded")
        member = f"l.status IS NOT DISTINCT FROM '{Status.MEMBER}'"
        values = "".join(
            f", CASE WHEN {member} THEN l.{identifier(name)}"
            f" ELSE {f'v.{identifier(name)}' if name in people.fields else 'NULL'} END AS {identifier(name)}"
            for name in ledger.fields
        )
        left_once = f"v.key IN (SELECT key FROM {identifier(memory)} WHERE account = ? AND list_id = ?)"
        kept = f"({member} AND l.ownership IS NOT DISTINCT FROM '{Ownership.OURS}' AND NOT {left_once})"
        ours, place = ("true", []) if own else (kept, [ledger.account, ledger.list_id])
        self._session.execute(
            f"CREATE TEMP TABLE {identifier(relation)} AS SELECT v.key,"
            f" COALESCE(v.contact_id, l.contact_id) AS contact_id, '{Status.MEMBER}' AS status,"
            f" CASE WHEN {ours} THEN '{Ownership.OURS}' ELSE '{Ownership.ADOPTED}' END AS ownership,"
            f" CASE WHEN {member} THEN l.reason ELSE '{Reason.ALREADY_ON_LIST}' END AS reason,"
            " l.refused_content, COALESCE(l.first_run, ?) AS first_run, ? AS last_run,"
            f" CASE WHEN {member} THEN l.changed_at ELSE ? END AS changed_at{values}"
            f" FROM {identifier(people.relation)} AS v LEFT JOIN {identifier(old)} AS l ON l.key = v.key",
            [*place, run, run, at],
        )
        return relation

    def _gone(self, ledger: Ledger, people: People, old: Relation, *, run: str, at: str) -> Relation:
        relation = self._session.fresh_name("gone")
        self._session.execute(
            f"CREATE TEMP TABLE {identifier(relation)} AS SELECT ?::VARCHAR AS account, ?::VARCHAR AS list_id, l.key,"
            f" ?::VARCHAR AS since, '{Reason.ALREADY_GONE}' AS reason, ?::VARCHAR AS run FROM {identifier(old)} AS l"
            f" WHERE l.status IN ('{Status.MEMBER}', '{Status.OPTED_OUT}')"
            f" AND NOT EXISTS (SELECT 1 FROM {identifier(people.relation)} AS v WHERE v.key = l.key)",
            [ledger.account, ledger.list_id, at, run],
        )
        return relation

    def _known(self, ledgers: Sequence[Ledger], memory: Relation, account: str, list_id: str) -> Relation:
        """Everyone a ledger or the memory of this list knows."""
        relation = self._session.fresh_name("known")
        parts = [f"SELECT key FROM read_parquet({literal(str(ledger.path))})" for ledger in ledgers]
        parts.append(f"SELECT key FROM {identifier(memory)} WHERE account = ? AND list_id = ?")
        self._session.execute(
            f"CREATE TEMP TABLE {identifier(relation)} AS SELECT DISTINCT key FROM ({' UNION ALL '.join(parts)})",
            [account, list_id],
        )
        return relation

    def _freed(self, ledger: Ledger, free: str, into: Path) -> tuple[Path, int]:
        """The ledger without the freed: the next plan takes them for new, and forgets that they were refused."""
        path = into / f"ledger-{ledger.export}.parquet"
        columns = ", ".join(identifier(name) for name in (*COLUMNS, *ledger.fields))
        source = f"read_parquet({literal(str(ledger.path))})"
        self._session.copy_to_parquet(f"SELECT {columns} FROM {source} WHERE key NOT IN ({free}) ORDER BY key", path)
        members = self._session.scalar(
            f"SELECT count(*) FROM read_parquet({literal(str(path))}) WHERE status = '{Status.MEMBER}'"
        )
        return path, members
