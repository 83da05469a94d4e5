"""One export's run as the outcomes' tests make it: its changes, its batches, and what became of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ccsync.engine.outcomes import OutcomeFinder
from ccsync.engine.quote import identifier
from ccsync.engine.session import Session
from ccsync.ports.live import Live
from ccsync.ports.outcomes import Outcome, Sent, SentBatch, Settlement

from tests.engine import tables

Changes = Sequence[Mapping[str, str | int | None]]
FIELD = "first_name"


def change(op: str, key: str, batch: int | None = None, **more: str | None) -> dict[str, str | int | None]:
    ownership = {"add": "ours", "adopt": "adopted"}.get(op)
    row = {"op": op, "key": key, "batch": batch, "contact_id": None, "reason": "any", "ownership": ownership}
    row |= {
        "content": f"md5-{key}",
        "before": None,
        "after": f"New {key}" if op in ("add", "update", "adopt") else None,
    }
    return row | more


class Run:
    """One export's run: its changes, and what became of them."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.files = 0
        self.finder = OutcomeFinder(session)

    def fresh(self) -> Path:
        self.files += 1
        folder = self.folder / f"files-{self.files}"
        folder.mkdir()
        return folder

    def settlement(
        self,
        changes: Changes,
        *batches: SentBatch,
        ledger: tables.People | None = None,
        ledger_fields: Sequence[str] = (FIELD,),
        drops: Sequence[Sequence[tuple[str, str, str, str]]] = (),
        read_back: Live | None = None,
        ids: Mapping[str, str] | None = None,
        final: bool = False,
        late: bool = False,
    ) -> Settlement:
        folder = self.fresh()
        looks = [self._drops(folder / f"look-{at}", rows) for at, rows in enumerate(drops)]
        known = folder / "ids"
        named = {str(row["key"]): str(row["contact_id"]) for row in changes if row["op"] == "remove"}
        ids = {key: one for key, one in named.items() if one != "None"} | dict(ids or {})
        if ids:
            columns = {"key": list(ids), "contact_id": list(ids.values())}
            self.session.copy_to_parquet(f"FROM {identifier(tables.table(self.session, columns))}", known)
        return tables.settlement(
            tables.plan(tables.export_plan(fields=(FIELD,))),
            self._changes(folder / "changes", changes),
            ledger=None
            if ledger is None
            else tables.ledger(self.session, folder / "ledger", ledger, tuple(ledger_fields)),
            batches=batches,
            drops=looks,
            ids=known if ids else None,
            read_back=read_back,
            final=final,
            late=late,
        )

    def _changes(self, path: Path, changes: Changes) -> Path:
        texts = ("op", "key", "contact_id", "reason", "content", "ownership", "before", "after")
        columns = {name: [row[name] for row in changes] for name in (*texts, "batch")}
        columns["batch"] = [None if batch is None else str(batch) for batch in columns["batch"]]
        table = tables.table(self.session, columns)  # type: ignore[arg-type]
        self.session.copy_to_parquet(
            "SELECT op, key, contact_id, reason, batch::INTEGER AS batch, content, ownership,"
            f' before AS "before:{FIELD}", after AS "after:{FIELD}" FROM {identifier(table)}',
            path,
        )
        return path

    def _drops(self, path: Path, rows: Sequence[tuple[str, str, str, str]]) -> Path:
        """rows: op, key, reason, now."""
        names = ("op", "key", "reason", "now")
        table = tables.table(self.session, {name: [row[at] for row in rows] for at, name in enumerate(names)})
        self.session.copy_to_parquet(f"SELECT key, op, reason, now FROM {identifier(table)}", path)
        return path

    def live(
        self, members: tables.People | None, unsubscribed: Sequence[str] = (), columns: Sequence[str] = ()
    ) -> Live:
        return tables.live(self.fresh(), members, unsubscribed, columns)

    def outcome(self, settlement: Settlement) -> Outcome:
        return self.finder.outcome(settlement, self.fresh())

    def rows(self, settlement: Settlement) -> dict[object, tuple[object, object]]:
        found = tables.read(self.session, self.outcome(settlement).outcomes)
        return {row["key"]: (row["outcome"], row["reason"]) for row in found}

    def ledger(self, settlement: Settlement) -> dict[object, dict[str, object]]:
        path, members = self.finder.next_ledger(settlement, self.outcome(settlement), self.fresh())
        rows = tables.read(self.session, path)
        assert [row["key"] for row in rows] == sorted(str(row["key"]) for row in rows)
        assert members == sum(row["status"] == "member" for row in rows)
        return {row["key"]: row for row in rows}

    def memory(self, settlement: Settlement, before: Sequence[str] = ()) -> list[tuple[object, object, object]] | None:
        known = tables.memory(self.session, self.fresh() / "memory", before) if before else None
        path = self.finder.next_optouts(known, [(settlement, self.outcome(settlement))], self.fresh())
        if path is None:
            return None
        return [(row["key"], row["reason"], row["run"]) for row in tables.read(self.session, path)]


def clean(batch: int, look: int = 1) -> SentBatch:
    return SentBatch(batch, Sent.CLEAN, look=look)


def doubtful(batch: int, explained: int = 0, shortfall: int | None = None, persons: int | None = None) -> SentBatch:
    return SentBatch(batch, Sent.DOUBTFUL, explained, shortfall=shortfall, persons=persons)
