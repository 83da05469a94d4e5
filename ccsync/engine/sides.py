"""What the three-way table is made of: desired, ledger, siblings, memory and live, loaded as tables. No rules here."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccsync.core.change import OF_NO_PERSON, Filtered
from ccsync.core.spec import OnLeave
from ccsync.engine.ledger import ledger_columns
from ccsync.engine.live import People, load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.engine.suppression import among_sql
from ccsync.ports.desired import Relation
from ccsync.ports.diff import DiffRequest, Sibling


@dataclass(frozen=True, slots=True)
class Sides:
    """The relations that the table is made of; None for what there is none of, which then costs nothing.

    ledger_fields: fields that the ledger has a column for. siblings: see `_gather`. memory: (key) of who opted out of
    this list. stranded: (key) of people whose rows are there but can't be used. filtered: (key, reason) of people who
    are left out on purpose, as far as a ledger, live or the segments know them. members and unsubscribed: None without
    a refresh; members also for a list that does not exist yet.
    """

    request: DiffRequest
    ledger_fields: frozenset[str]
    siblings: Relation | None
    memory: Relation | None
    stranded: Relation | None
    filtered: Relation | None
    members: People | None
    unsubscribed: People | None

    @property
    def live_fields(self) -> frozenset[str]:
        return frozenset(self.members.fields) if self.members else frozenset()

    def relations(self) -> tuple[Relation, ...]:
        people = (self.members, self.unsubscribed)
        tables = (self.siblings, self.memory, self.stranded, self.filtered, *(one.relation for one in people if one))
        return tuple(table for table in tables if table)


def load_sides(session: Session, request: DiffRequest) -> Sides:
    """Loads everything the table needs that isn't a relation yet."""
    live = request.live
    members = load_people(session, live.members, request.fields) if live and live.members else None
    unsubscribed = load_people(session, live.unsubscribed) if live else None
    return Sides(
        request=request,
        ledger_fields=frozenset(ledger_columns(session, request.ledger)) & frozenset(request.fields),
        siblings=_gather(session, request.siblings),
        memory=_remember(session, request),
        stranded=_strand(session, request),
        filtered=_filter(session, request, members),
        members=members,
        unsubscribed=unsubscribed,
    )


def _gather(session: Session, siblings: Sequence[Sibling]) -> Relation | None:
    """What the other exports on the list know, one row a key.

    (key, contact_id, member: on the list by one of their ledgers, ours: and added by one, opted_out, claimed: one wants
    to keep them, remover: the first by name of those that added them and would take them off again, suppressor: the
    first of those that added them and must not send them.)
    """
    parts = [part for sibling in siblings for part in _views(sibling)]
    if not parts:
        return None
    relation = session.fresh_name("siblings")
    session.execute(
        f"CREATE TEMP TABLE {identifier(relation)} AS SELECT key, max(contact_id) AS contact_id,"
        " bool_or(member) AS member, bool_or(ours) AS ours, bool_or(opted_out) AS opted_out,"
        " bool_or(claimed) AS claimed, min(remover) AS remover, min(suppressor) AS suppressor"
        f" FROM ({' UNION ALL '.join(parts)}) GROUP BY key"
    )
    return relation


def _views(sibling: Sibling) -> list[str]:
    views = []
    declared = sibling.desired is not None
    keeps = sibling.stays or sibling.on_leave is OnLeave.KEEP
    claimed = "member" if sibling.stays else "ours AND NOT barred" if keeps and declared else "false"
    barred = "false"
    if sibling.ledger is not None:
        if sibling.suppressed is not None:
            keys = f"SELECT key FROM read_parquet({literal(str(sibling.ledger))})"
            barred = f"key IN ({among_sql(keys, sibling.suppressed)})"
        # An export that keeps its leavers claims what it added, and is never the one that removes.
        views.append(
            "SELECT key, contact_id, member, ours, opted_out,"
            f" {claimed} AS claimed,"
            f" CASE WHEN ours THEN {'NULL' if keeps else literal(sibling.name)} END AS remover,"
            f" CASE WHEN ours AND barred THEN {literal(sibling.name)} END AS suppressor"
            " FROM (SELECT key, contact_id, status = 'member' AS member, status = 'opted_out' AS opted_out,"
            f" status = 'member' AND ownership = 'ours' AS ours, {barred} AS barred"
            f" FROM read_parquet({literal(str(sibling.ledger))}))"
        )
    if sibling.desired is not None:
        wanted = identifier(sibling.desired)
        if sibling.unusable is not None:
            wanted = f"(SELECT key FROM {wanted} UNION ALL {_stranded(sibling.unusable)})"
        views.append(
            "SELECT key, NULL AS contact_id, false AS member, false AS ours, false AS opted_out, true AS claimed,"
            f" NULL AS remover, NULL AS suppressor FROM {wanted}"
        )
    return views


def _remember(session: Session, request: DiffRequest) -> Relation | None:
    if request.optouts is None or request.list_id is None:
        return None
    relation = session.fresh_name("memory")
    session.execute(
        f"CREATE TEMP TABLE {identifier(relation)} AS SELECT DISTINCT key"
        f" FROM read_parquet({literal(str(request.optouts))}) WHERE account = $1 AND list_id = $2",
        [request.account, request.list_id],
    )
    return relation


def _strand(session: Session, request: DiffRequest) -> Relation | None:
    """People whose rows can't be used for what is in them: still wanted, so nobody takes them for gone."""
    if request.desired is None or not session.count(request.desired.unusable_relation):
        return None
    relation = session.fresh_name("stranded")
    session.execute(f"CREATE TEMP TABLE {identifier(relation)} AS {_stranded(request.desired.unusable_relation)}")
    return relation


def _filter(session: Session, request: DiffRequest, members: People | None) -> Relation | None:
    """People who are left out on purpose: of the segments, and of those the ledger or live has, all suppressed ones."""
    desired = request.desired
    if desired is None or desired.filtered_relation is None:
        return None
    if desired.suppressed is None and not session.count(desired.filtered_relation):
        return None
    relation = session.fresh_name("filtered")
    name = identifier(relation)
    session.execute(
        f"CREATE TEMP TABLE {name} AS SELECT key, reason FROM {identifier(desired.filtered_relation)} ORDER BY key"
    )
    places = [f"SELECT key FROM {identifier(members.relation)}"] if members else []
    places += [f"SELECT key FROM read_parquet({literal(str(request.ledger))})"] if request.ledger else []
    if desired.suppressed is not None and places:
        found = among_sql(" UNION ".join(places), desired.suppressed)
        session.execute(
            f"INSERT INTO {name} SELECT key, '{Filtered.SUPPRESSED}' FROM ({found})"
            f" WHERE key NOT IN (SELECT key FROM {name}) ORDER BY key"
        )
    return relation


def _stranded(unusable: Relation) -> str:
    """SQL: (key) of unusable rows that have one."""
    reasons = ", ".join(literal(reason) for reason in OF_NO_PERSON)
    return (
        f"SELECT DISTINCT key FROM {identifier(unusable)}"
        f" WHERE key IS NOT NULL AND reason NOT IN ({reasons}) ORDER BY key"
    )
