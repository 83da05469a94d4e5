"""One person's part of what the three-way table is made of, so that their verdict comes from the table itself."""

import csv
from dataclasses import replace
from pathlib import Path

from ccsync.core.change import Filtered, Op
from ccsync.core.row import ChangeRow
from ccsync.engine.quote import identifier, literal
from ccsync.engine.rows import read_rows
from ccsync.engine.session import Session
from ccsync.engine.suppression import among_sql
from ccsync.ports.desired import Desired, Relation
from ccsync.ports.diff import DiffRequest
from ccsync.ports.live import Contact, Live, LiveFile
from ccsync.ports.person import PersonalFacts


class Narrower:
    """The port `Narrowing` over one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def narrow(
        self, request: DiffRequest, key: str, contact: Contact | None, *, asked: bool, into: Path
    ) -> DiffRequest:
        """See the port."""
        live = self._live(request, key, contact, into) if asked else None
        return replace(
            request,
            desired=self._desired(request.desired, key),
            ledger=self._file(request.ledger, key, into / "ledger.parquet"),
            siblings=tuple(
                replace(
                    sibling,
                    ledger=self._file(sibling.ledger, key, into / f"ledger-{sibling.name}.parquet"),
                    desired=self._relation(sibling.desired, key) if sibling.desired else None,
                )
                for sibling in request.siblings
            ),
            optouts=self._file(request.optouts, key, into / "optouts.parquet"),
            live=live,
        )

    def facts(self, request: DiffRequest, changes: Path) -> PersonalFacts:
        """See the port."""
        desired = request.desired is not None and self._session.count(request.desired.relation) > 0
        row = self._verdict(changes, desired=desired)
        unusable = self._reasons(request.desired.unusable_relation) if request.desired else None
        return PersonalFacts(
            op=str(row.op) if row else "",
            reason=row.reason if row else "",
            desired=desired,
            unusable=unusable,
            ledger=self._one(request.ledger),
            memory=self._memory(request),
            filtered=self._left_out(request),
        )

    def _verdict(self, changes: Path, *, desired: bool) -> ChangeRow | None:
        """What would be done to them. Another row with the address of somebody desired, unusable, is no verdict."""
        ops = [op for op in Op if op is not Op.UNUSABLE] + ([] if desired else [Op.UNUSABLE])
        return next((row for op in ops for row in read_rows(self._session, changes, op, 1)), None)

    def _desired(self, desired: Desired | None, key: str) -> Desired | None:
        if desired is None:
            return None
        relation = self._relation(desired.relation, key)
        unusable = self._session.fresh_name("unusable")
        self._session.execute(
            f"CREATE TEMP TABLE {identifier(unusable)} AS SELECT key, reason"
            f" FROM {identifier(desired.unusable_relation)} WHERE lower(trim(key)) = $1 ORDER BY reason",
            [key],
        )
        return replace(
            desired, relation=relation, unusable_relation=unusable, filtered_relation=self._filtered(desired, key)
        )

    def _filtered(self, desired: Desired, key: str) -> Relation | None:
        """Why they are left out on purpose, in the segments or not."""
        if desired.filtered_relation is None:
            return None
        narrow = self._relation(desired.filtered_relation, key)
        if desired.suppressed is not None and not self._session.count(narrow):
            found = among_sql("SELECT $1 AS key", desired.suppressed)
            self._session.execute(
                f"INSERT INTO {identifier(narrow)} SELECT key, '{Filtered.SUPPRESSED}' FROM ({found})", [key]
            )
        return narrow

    def _relation(self, relation: Relation, key: str) -> Relation:
        narrow = self._session.fresh_name("one")
        self._session.execute(
            f"CREATE TEMP TABLE {identifier(narrow)} AS SELECT * FROM {identifier(relation)} WHERE key = $1", [key]
        )
        return narrow

    def _file(self, path: Path | None, key: str, into: Path) -> Path | None:
        if path is None:
            return None
        self._session.copy_to_parquet(f"SELECT * FROM read_parquet({literal(str(path))}) WHERE key = $1", into, [key])
        return into

    def _live(self, request: DiffRequest, key: str, contact: Contact | None, into: Path) -> Live:
        on_list = contact is not None and request.list_id is not None and request.list_id in contact.list_ids
        unsubscribed = contact is not None and contact.status == "unsubscribed"
        ids = contact.id if contact else ""
        return Live(
            _file_of(into / "members.csv", [(key, ids)] if on_list else []),
            _file_of(into / "unsubscribed.csv", [(key, ids)] if unsubscribed else []),
        )

    def _left_out(self, request: DiffRequest) -> str:
        filtered = request.desired.filtered_relation if request.desired else None
        rows = self._session.rows(f"SELECT reason FROM {identifier(filtered)} ORDER BY reason") if filtered else []
        return str(rows[0][0]) if rows else ""

    def _reasons(self, unusable: Relation) -> str | None:
        rows = self._session.rows(f"SELECT DISTINCT reason FROM {identifier(unusable)} ORDER BY reason")
        return ", ".join(reason for (reason,) in rows) or None

    def _one(self, path: Path | None) -> dict[str, str]:
        """The one row of a narrowed file, its NULLs left out."""
        if path is None:
            return {}
        names = [
            name
            for (name,) in self._session.rows(
                "SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet($1))", [str(path)]
            )
        ]
        rows = self._session.rows("SELECT * FROM read_parquet($1)", [str(path)])
        return {name: value for name, value in zip(names, rows[0], strict=True) if value is not None} if rows else {}

    def _memory(self, request: DiffRequest) -> dict[str, str]:
        if request.optouts is None or request.list_id is None:
            return {}
        rows = self._session.rows(
            "SELECT since, reason, run FROM read_parquet($1) WHERE account = $2 AND list_id = $3",
            [str(request.optouts), request.account, request.list_id],
        )
        return dict(zip(("since", "reason", "run"), rows[0], strict=True)) if rows else {}


def _file_of(path: Path, people: list[tuple[str, str]]) -> LiveFile:
    """An export file of these people, as the remote side would write it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("email", "contact_id"))
        writer.writerows(people)
    return LiveFile(path, {"email": "email", "contact_id": "contact_id"}, len(people))
