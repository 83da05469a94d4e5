"""What became of a plan's rows once sending is over, and the opt-out memory after it; the next ledger is `ledger.py`.

Nothing is guessed: a row is applied when the counters of its batch or a look at live say so. Who is not on the list
and may have been is taken for somebody who left, and is kept off until `readmit` or their own return. Sending is
elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccsync.core.change import CHANGING_OPS, Op, Reason
from ccsync.core.plan import ExportPlan
from ccsync.engine.drops import DROPPED, drop_rows, noted
from ccsync.engine.encode import after, before
from ccsync.engine.ledger import write_ledger, write_without_removed
from ccsync.engine.live import People, load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports.desired import Relation
from ccsync.ports.ledger import Ledger
from ccsync.ports.outcomes import Outcome, Sent, SentBatch, Settlement


class OutcomeFinder:
    """The `Outcomes` port. `into` is a folder throughout."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def outcome(self, settlement: Settlement, into: Path) -> Outcome:
        """Files every row of the plan's changes. Raises RemoteError (E650) for a live file that can't be used."""
        session = self._session
        evidence = _load(session, settlement)
        table, path = session.fresh_name("outcomes"), into / "outcomes.parquet"
        session.execute(f"CREATE TEMP TABLE {identifier(table)} AS {_outcomes(settlement, evidence)}")
        session.copy_to_parquet(f"SELECT key, op, outcome, reason FROM {identifier(table)} ORDER BY key, op", path)
        counts = session.rows(
            "SELECT outcome, CASE WHEN outcome = 'applied' THEN op ELSE reason END AS what, count(*)"
            f" FROM {identifier(table)} GROUP BY ALL ORDER BY ALL"
        )
        session.drop(table, *evidence.relations())
        rows = {kind: sum(n for outcome, _, n in counts if outcome == kind) for kind in ("missing", "open")}
        return Outcome(
            outcomes=path,
            counts={op: n for outcome, op, n in counts if outcome == "applied"},
            dropped={reason: n for outcome, reason, n in counts if outcome == "dropped"},
            refused={reason: n for outcome, reason, n in counts if outcome == "refused"},
            missing=rows["missing"],
            unfinished=rows["missing"] + rows["open"],
        )

    def not_arrived(self, outcome: Outcome, limit: int) -> tuple[str, ...]:
        """See the port."""
        found = self._session.rows(
            f"SELECT key FROM read_parquet({literal(str(outcome.outcomes))}) WHERE op = 'add' AND (outcome = 'missing'"
            f" OR outcome = 'refused' AND reason IN ('rejected', 'not_accepted')) ORDER BY key LIMIT {limit + 1}"
        )
        return tuple(key for (key,) in found) if len(found) <= limit else ()

    def write_keys(self, keys: Sequence[str], into: Path) -> Path:
        """See the port."""
        session, path = self._session, into / "keys.parquet"
        table = session.fresh_name("keys")
        session.execute(f"CREATE TEMP TABLE {identifier(table)} AS SELECT unnest($1::VARCHAR[]) AS key", [list(keys)])
        session.copy_to_parquet(f"SELECT key FROM {identifier(table)} ORDER BY key", path)
        session.drop(table)
        return path

    def missing_keys(self, outcome: Outcome, into: Path) -> Path:
        """Writes Parquet (key), ordered."""
        path = into / "missing.parquet"
        outcomes = f"read_parquet({literal(str(outcome.outcomes))})"
        self._session.copy_to_parquet(f"SELECT key FROM {outcomes} WHERE outcome = 'missing' ORDER BY key", path)
        return path

    def next_ledger(self, settlement: Settlement, outcome: Outcome, into: Path) -> tuple[Path, int]:
        """See `ledger.py`."""
        path = into / "ledger.parquet"
        return path, write_ledger(self._session, settlement, outcome, path)

    def without_removed(self, ledger: Ledger, outcomes: Sequence[Outcome], into: Path) -> tuple[Path, int]:
        """See `ledger.py`."""
        path = into / "ledger.parquet"
        return path, write_without_removed(self._session, ledger.path, [one.outcomes for one in outcomes], path)

    def next_optouts(
        self, optouts: Path | None, settled: Sequence[tuple[Settlement, Outcome]], into: Path
    ) -> Path | None:
        """Writes the memory: (account, list_id, key, since, reason, run), ordered; None when it is empty.

        Who is in it already keeps the oldest entry. Being found gone outweighs having come back.
        """
        session = self._session
        gone, back = session.fresh_name("gone"), session.fresh_name("back")
        for table in (gone, back):
            session.execute(f"CREATE TEMP TABLE {identifier(table)} ({', '.join(f'{c} VARCHAR' for c in MEMORY)})")
        for settlement, outcome in settled:
            _find_gone(session, settlement, outcome, gone, back)
        known = f"SELECT {', '.join(MEMORY)} FROM read_parquet({literal(str(optouts))})" if optouts else None
        path = into / "optouts.parquet"
        session.copy_to_parquet(_memory(known, gone, back), path)
        session.drop(gone, back)
        return path if session.scalar("SELECT count(*) FROM read_parquet($1)", [str(path)]) else None


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows are judged by: the batches' ends, and live as read back (None when nothing was doubtful)."""

    batches: Relation
    members: People | None
    unsubscribed: People | None

    def relations(self) -> tuple[Relation, ...]:
        people = (self.members, self.unsubscribed)
        return (self.batches, *(one.relation for one in people if one))


def _load(session: Session, settlement: Settlement) -> Evidence:
    live = settlement.read_back
    fields = _export(settlement).fields
    return Evidence(
        _batches(session, settlement.batches),
        load_people(session, live.members, fields) if live and live.members else None,
        load_people(session, live.unsubscribed) if live else None,
    )


def _export(settlement: Settlement) -> ExportPlan:
    return settlement.plan.export(settlement.export)


def _batches(session: Session, batches: Sequence[SentBatch]) -> Relation:
    relation = session.fresh_name("batches")
    session.execute(
        f"CREATE TEMP TABLE {identifier(relation)} AS SELECT unnest($1::INTEGER[]) AS batch,"
        " unnest($2::VARCHAR[]) AS sent, unnest($3::INTEGER[]) AS explained, unnest($4::INTEGER[]) AS look,"
        " unnest($5::INTEGER[]) AS shortfall, unnest($6::INTEGER[]) AS persons",
        [
            [_part_number(at) if one.rows else one.batch for at, one in enumerate(batches)],
            [str(one.sent) for one in batches],
            [one.explained for one in batches],
            [one.look for one in batches],
            [one.shortfall for one in batches],
            [one.persons for one in batches],
        ],
    )
    return relation


def _part_number(at: int) -> int:
    """A part of a batch that was halved is judged by itself, under a number that no batch has."""
    return -1 - at


def _changes(settlement: Settlement) -> str:
    """SQL: the changes, with the number of their part as the batch of rows that were sent in parts."""
    changes = f"read_parquet({literal(str(settlement.changes))})"
    parts = " UNION ALL ".join(
        f"SELECT key, {one.batch} AS batch, {_part_number(at)} AS part FROM read_parquet({literal(str(one.rows))})"
        for at, one in enumerate(settlement.batches)
        if one.rows
    )
    if not parts:
        return changes
    return (
        f"(SELECT c.* REPLACE (COALESCE(p.part, c.batch) AS batch) FROM {changes} AS c"
        f" LEFT JOIN ({parts}) AS p ON p.key = c.key AND p.batch = c.batch)"
    )


def _outcomes(settlement: Settlement, evidence: Evidence) -> str:
    """(key, op, outcome, reason) of every change."""
    final = str(settlement.final).lower()
    return f"""
    WITH known AS ({_known(settlement, evidence)}),
    judged AS ({_judged(settlement, evidence)}),
    lost AS ({_lost(settlement, evidence)})
    SELECT j.key, j.op,
        CASE WHEN state = 'still_there' THEN CASE WHEN {final} THEN 'open' ELSE 'missing' END
            WHEN state IN ('absent', 'not_found', 'unseen') THEN
            CASE WHEN state = 'unseen' AND NOT l.counts_unseen THEN 'applied'
                WHEN state = 'absent' AND NOT (l.is_explained OR l.never_arrived) THEN 'dropped'
                WHEN l.is_explained OR {final} THEN 'refused' ELSE 'missing' END
            WHEN state = 'unfit' THEN 'refused' ELSE state END AS outcome,
        CASE state WHEN 'dropped' THEN COALESCE(dropped_as, 'opted_out')
            WHEN 'refused' THEN 'unsubscribed'
            WHEN 'unfit' THEN 'rejected'
            WHEN 'applied' THEN CASE WHEN j.op = 'add' AND NOT COALESCE(l.covers, true) THEN 'already_on_list'
                ELSE why END
            WHEN 'open' THEN NULL
            WHEN 'still_there' THEN NULL
            ELSE CASE WHEN state = 'unseen' AND NOT l.counts_unseen THEN why
                WHEN state = 'absent' AND NOT (l.is_explained OR l.never_arrived) THEN 'opted_out'
                WHEN l.is_explained THEN 'rejected' WHEN {final} THEN 'not_accepted' END
        END AS reason
    FROM judged AS j LEFT JOIN lost AS l ON l.batch = j.batch
    """


def _known(settlement: Settlement, evidence: Evidence) -> str:
    """Every change with how its batch ended, what the looks that count for it saw, and what live shows.

    A look counts for a row when the row was not sent yet: what later looks see of it is what we did ourselves.
    """
    ops = ", ".join(literal(op) for op in CHANGING_OPS)
    columns, joins = [], f" LEFT JOIN {identifier(evidence.batches)} AS b ON b.batch = c.batch"
    looked = f"(c.batch IS NULL OR b.sent IS NULL OR b.sent = '{Sent.NOT_SENT}' OR {{look}} <= b.look)"
    if settlement.drops:
        joins += f" LEFT JOIN ({_looks(settlement.drops)}) AS d ON d.key = c.key AND d.op = c.op"
        columns.append(f"CASE WHEN {looked.format(look='d.dropped_at')} THEN d.dropped_as END AS dropped_as")
        columns.append(f"COALESCE(d.present_at IS NOT NULL AND {looked.format(look='d.present_at')}, false) AS present")
    else:
        columns.append("NULL::VARCHAR AS dropped_as, false AS present")
    if settlement.ids is not None:
        joins += f" LEFT JOIN read_parquet({literal(str(settlement.ids))}) AS i ON i.key = c.key"
        columns.append("i.contact_id IS NOT NULL AS named")
    else:
        columns.append("false AS named")
    if evidence.members is not None:
        joins += f" LEFT JOIN {identifier(evidence.members.relation)} AS v ON v.key = c.key"
        columns.append(f"v.key IS NOT NULL AS on_list, {_differs(evidence.members)} AS differs")
        columns.append(f"{_shows(evidence.members)} AS shows")
    else:
        columns.append("false AS on_list, false AS differs, false AS shows")
    columns.append(f"{_unsubscribed(evidence)} AS unsubscribed")
    if evidence.unsubscribed is not None:
        joins += f" LEFT JOIN {identifier(evidence.unsubscribed.relation)} AS u ON u.key = c.key"
    return (
        "SELECT c.key, c.op, c.batch, c.reason, b.sent, b.explained, b.shortfall, b.persons,"
        f" {', '.join(columns)}"
        f" FROM {_changes(settlement)} AS c{joins} WHERE c.op IN ({ops})"
    )


def _looks(drops: Sequence[Path]) -> str:
    """(key, op, dropped_at, dropped_as, present_at): the first look that dropped a row, the first that saw somebody
    there who was not to be."""
    return (
        f"SELECT key, op, min(look) FILTER ({DROPPED}) AS dropped_at, arg_min(reason, look) FILTER ({DROPPED})"
        f" AS dropped_as, min(look) FILTER (NOT ({DROPPED}) AND now = 'present') AS present_at"
        f" FROM ({drop_rows(drops)}) GROUP BY key, op"
    )


def _differs(members: People) -> str:
    """SQL: a value that was sent is visible, and another one than was sent."""
    tests = (
        f"c.{after(field)} IS NOT NULL AND v.{identifier(field)} IS DISTINCT FROM c.{after(field)}"
        for field in members.fields
    )
    return f"({' OR '.join(f'({test})' for test in tests) or 'false'})"


def _shows(members: People) -> str:
    """SQL: a value that was to change is visible, so that it tells whether the row was taken."""
    tests = (
        f"c.{after(field)} IS NOT NULL AND c.{after(field)} IS DISTINCT FROM c.{before(field)}"
        for field in members.fields
    )
    return f"({' OR '.join(f'({test})' for test in tests) or 'false'})"


def _unsubscribed(evidence: Evidence) -> str:
    told = ["u.key IS NOT NULL"] if evidence.unsubscribed else []
    if evidence.members:
        told.append("COALESCE(v.unsubscribed, false)")
    return f"({' OR '.join(told)})" if told else "false"


def _judged(settlement: Settlement, evidence: Evidence) -> str:
    """Each row by itself. `absent` (an addition that is not on the list), `not_found` (values that were not taken) and
    `unseen` (live can't tell) are decided with the rest of their batch; `still_there` is a removal that did not happen,
    or whose person came back since. Nobody is forgotten late, except for a removal of this run: they may have left
    since the look, and only while they are in the ledger does the next plan notice. Who may have been added or taken
    over by a run that was given up may have left since, and no ledger would know."""
    unread = "CASE WHEN op IN ('add', 'adopt') THEN 'dropped' ELSE 'open' END" if settlement.given_up else "'open'"
    read_back = "true" if evidence.unsubscribed else "false"
    known = f"SELECT key FROM read_parquet({literal(str(settlement.arrived))})" if settlement.arrived else ""
    arrived = f"COALESCE(persons > explained, true) AND key IN ({known})" if known else "false"
    unnoticed = f"{str(settlement.late).lower()} AND op = '{Op.FORGET}' AND reason <> '{Reason.REMOVED_BY_SIBLING}'"
    return f"""
    SELECT key, op, batch, sent, explained, shortfall, persons, dropped_as,
        CASE WHEN present THEN 'already_on_list' ELSE reason END AS why,
        CASE
            WHEN dropped_as IS NOT NULL THEN 'dropped'
            WHEN batch IS NULL THEN CASE WHEN {unnoticed} THEN 'open' ELSE 'applied' END
            WHEN sent IS NULL OR sent = '{Sent.NOT_SENT}' THEN 'open'
            WHEN sent = '{Sent.REFUSED}' THEN 'unfit'
            WHEN op = 'remove' AND NOT named THEN 'open'
            WHEN sent = '{Sent.CLEAN}' THEN 'applied'
            WHEN NOT {read_back} THEN {unread}
            WHEN op = 'remove' THEN CASE WHEN on_list THEN 'still_there' ELSE 'applied' END
            WHEN op = 'add' AND on_list THEN 'applied'
            WHEN unsubscribed THEN 'refused'
            WHEN op = 'add' AND {arrived} THEN 'dropped'
            WHEN op = 'add' THEN 'absent'
            WHEN NOT on_list THEN 'dropped'
            WHEN differs THEN 'not_found'
            WHEN shows THEN 'applied'
            ELSE 'unseen' END AS state
    FROM known
    """


def _lost(settlement: Settlement, evidence: Evidence) -> str:
    """DOUBTFUL batches, with what their counters and live together say of rows that live does not show.

    counts_unseen: rows that live can't tell of are among the lost, as those certainly lost don't make up the shortfall.
    is_explained: the counters themselves say that so many were not taken. Counters count people who had unsubscribed
    as well; a second try's don't.
    never_arrived: who is absent never was on the list, for the job read exactly so many rows less than were sent, and
    refused none. Where it also refused rows, nobody can tell whom it refused from who arrived and left; nor where the
    numbers don't add up or are not known. A late settlement believes only a job that read nothing: in the days between,
    people come and go.
    covers: the job read at least as many rows as there are additions on the list, so that these may be its work.
    """
    if evidence.unsubscribed is None:
        names = ("counts_unseen", "is_explained", "never_arrived", "covers")
        return f"SELECT NULL::INTEGER AS batch, {', '.join(f'false AS {name}' for name in names)} WHERE false"
    unsubscribed = "0" if settlement.final else "refused"
    exactly = "false" if settlement.late else "absent + not_found = shortfall - refused"
    return f"""
    SELECT batch, counts_unseen, persons IS NOT NULL AND persons >= added AS covers,
        absent + not_found + CASE WHEN counts_unseen THEN unseen ELSE 0 END <= explained - {unsubscribed}
            AS is_explained,
        persons IS NOT NULL AND shortfall IS NOT NULL AND explained = 0 AND persons >= added
            AND ({exactly} OR persons = 0 OR {str(not settlement.late).lower()}
                AND absent + not_found + unseen <= shortfall - refused) AS never_arrived
    FROM (
        SELECT *, shortfall IS NULL OR shortfall > absent + not_found AS counts_unseen
        FROM (
            SELECT batch, any_value(explained) AS explained, any_value(shortfall) AS shortfall,
                any_value(persons) AS persons, count(*) FILTER (op = 'add' AND state = 'applied') AS added,
                count(*) FILTER (state = 'absent') AS absent, count(*) FILTER (state = 'not_found') AS not_found,
                count(*) FILTER (state = 'unseen') AS unseen, count(*) FILTER (state = 'refused') AS refused
            FROM judged WHERE batch IS NOT NULL AND sent = '{Sent.DOUBTFUL}' GROUP BY batch
        )
    )
    """


# ---------------------------------------------------------------- the opt-out memory

MEMORY = ("account", "list_id", "key", "since", "reason", "run")


def _find_gone(session: Session, settlement: Settlement, outcome: Outcome, gone: Relation, back: Relation) -> None:
    """Adds who was found off the list without our doing to `gone`, and who was found back on it to `back`."""
    export = _export(settlement)
    list_id = settlement.list_id or export.list.id
    if list_id is None:  # no list was made: nobody can have left it
        return
    outcomes = f"read_parquet({literal(str(outcome.outcomes))})"
    known = _known_gone(settlement, outcomes)
    place = [export.account, list_id]
    session.execute(
        f"INSERT INTO {identifier(gone)} SELECT DISTINCT $1, $2, key, $3, reason, $4 FROM ("
        f"SELECT key, reason FROM {outcomes} WHERE outcome = 'dropped' AND (op IN ('add', 'update', 'adopt')"
        " AND reason = 'opted_out' OR op = 'remove' AND reason = 'already_gone')"
        " OR outcome = 'applied' AND op = 'forget' AND reason = 'already_gone'"
        f"{known}) ORDER BY key, reason",
        [*place, settlement.at, settlement.run],
    )
    session.execute(
        f"INSERT INTO {identifier(back)} SELECT $1, $2, key, NULL, NULL, NULL FROM {outcomes}"
        " WHERE outcome = 'applied' AND op = 'adopt' AND reason = 'came_back' ORDER BY key",
        place,
    )


def _known_gone(settlement: Settlement, outcomes: str) -> str:
    """SQL: further UNION parts of what the ledger knows: members that the plan held back as opted out, members to be
    forgotten whom a look found gone, and rows that are kept for that reason only and leave the ledger now, so that the
    memory never depends on a ledger."""
    if settlement.ledger is None:
        return ""
    ledger = f"read_parquet({literal(str(settlement.ledger))}) AS l"
    return (
        f" UNION ALL SELECT c.key, c.reason FROM read_parquet({literal(str(settlement.changes))}) AS c"
        f" JOIN {ledger} ON l.key = c.key"
        " WHERE c.op = 'held_back' AND c.reason = 'opted_out' AND l.status = 'member'"
        f" AND c.key NOT IN ({noted(settlement.drops, 'held_back')})"
        f" UNION ALL SELECT l.key, 'already_gone' FROM {ledger} WHERE l.status = 'member'"
        f" AND l.key IN ({noted(settlement.drops, 'forget')})"
        f" UNION ALL SELECT o.key, 'opted_out' FROM {outcomes} AS o JOIN {ledger} ON l.key = o.key"
        " WHERE o.outcome = 'applied' AND o.op = 'forget' AND l.status = 'opted_out'"
    )


def _memory(known: str | None, gone: Relation, back: Relation) -> str:
    place = "account, list_id, key"
    added = (
        f"SELECT {place}, min(since) AS since, min(reason) AS reason, min(run) AS run"
        f" FROM {identifier(gone)} GROUP BY {place}"
    )
    if known is None:
        return f"SELECT {', '.join(MEMORY)} FROM ({added}) ORDER BY {place}"
    return (
        f"WITH known AS ({known}), added AS ({added})"
        f" SELECT {', '.join(MEMORY)} FROM ("
        f"SELECT * FROM known WHERE ({place}) NOT IN (SELECT ({place}) FROM {identifier(back)})"
        f" OR ({place}) IN (SELECT ({place}) FROM added)"
        f" UNION ALL SELECT * FROM added WHERE ({place}) NOT IN (SELECT ({place}) FROM known))"
        f" ORDER BY {place}"
    )
