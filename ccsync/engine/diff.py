"""The three-way table: desired, ledger and live of one export become its changes. One SQL statement, this one place.

How changes are cut into requests is `batches.py`; how a live file is read is `live.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccsync.core.change import CHANGING_OPS, Counts, DiffCounts, Op, Reason, Unusable, zero_held_back
from ccsync.core.spec import OnLeave
from ccsync.engine import encode
from ccsync.engine.batches import IMPORT_ORDER, Cut, cut
from ccsync.engine.encode import after, before
from ccsync.engine.ledger import ledger_columns
from ccsync.engine.live import People, load_people
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.ports import Diffed, DiffRequest, Live, Relation, Sibling


@dataclass(frozen=True, slots=True)
class Inputs:
    """The relations that the table is made of; None for what there is none of, which then costs nothing.

    ledger_fields: fields that the ledger has a column for. siblings: see `_gather`. memory: (key) of who opted out of
    this list. stranded: (key) of people whose rows are there but can't be used. members and unsubscribed: None without
    a refresh; members also for a list that does not exist yet.
    """

    request: DiffRequest
    ledger_fields: frozenset[str]
    siblings: Relation | None
    memory: Relation | None
    stranded: Relation | None
    members: People | None
    unsubscribed: People | None

    @property
    def live_fields(self) -> frozenset[str]:
        return frozenset(self.members.fields) if self.members else frozenset()

    def relations(self) -> tuple[Relation, ...]:
        people = (self.members, self.unsubscribed)
        tables = (self.siblings, self.memory, self.stranded, *(one.relation for one in people if one))
        return tuple(table for table in tables if table)


class ThreeWayDiffer:
    """The `Differ` port. Files it writes are in the session's folder and live as long as that."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def diff(self, request: DiffRequest) -> Diffed:
        """Works out what would change for one export. Raises RemoteError for a live file that can't be used."""
        session = self._session
        inputs = load_inputs(session, request)
        table = session.fresh_name("changes")
        session.execute(f"CREATE TEMP TABLE {identifier(table)} AS {three_way(inputs)}")
        _tell_source_rows_gone(session, request, table)
        counts = _count(session, inputs, table)
        parts = cut(session, table, request.fields)
        path = session.workdir / f"{table}.parquet"
        _write(session, request, table, parts, path)
        people = sum(batch.rows for batch in parts.batches if batch.transport)
        unresolved = session.scalar(
            f"SELECT count(*) FROM {identifier(table)} WHERE op = 'remove' AND contact_id IS NULL"
        )
        session.drop(table, parts.numbers, *inputs.relations())
        return Diffed(counts, path, parts.batches, int(unresolved), people)


# ---------------------------------------------------------------- what goes in


def load_inputs(session: Session, request: DiffRequest) -> Inputs:
    """Loads everything the table needs that isn't a relation yet."""
    live = request.live
    members = load_people(session, live.members, request.fields) if live and live.members else None
    unsubscribed = load_people(session, live.unsubscribed) if live else None
    return Inputs(
        request=request,
        ledger_fields=frozenset(ledger_columns(session, request.ledger)) & frozenset(request.fields),
        siblings=_gather(session, request.siblings),
        memory=_remember(session, request),
        stranded=_strand(session, request),
        members=members,
        unsubscribed=unsubscribed,
    )


def _gather(session: Session, siblings: Sequence[Sibling]) -> Relation | None:
    """What the other exports on the list know, one row a key.

    (key, contact_id, member: on the list by one of their ledgers, ours: and added by one, opted_out, claimed: one wants
    to keep them, remover: the first by name of those that added them and would take them off again.)
    """
    parts = [part for sibling in siblings for part in _views(sibling)]
    if not parts:
        return None
    relation = session.fresh_name("siblings")
    session.execute(
        f"CREATE TEMP TABLE {identifier(relation)} AS SELECT key, max(contact_id) AS contact_id,"
        " bool_or(member) AS member, bool_or(ours) AS ours, bool_or(opted_out) AS opted_out,"
        f" bool_or(claimed) AS claimed, min(remover) AS remover FROM ({' UNION ALL '.join(parts)}) GROUP BY key"
    )
    return relation


def _views(sibling: Sibling) -> list[str]:
    views = []
    declared = sibling.desired is not None
    keeps = sibling.on_leave is OnLeave.KEEP
    if sibling.ledger is not None:
        # An export that keeps its leavers claims what it added, and is never the one that removes.
        views.append(
            "SELECT key, contact_id, member, ours, opted_out,"
            f" {'ours' if keeps and declared else 'false'} AS claimed,"
            f" CASE WHEN ours THEN {'NULL' if keeps else literal(sibling.name)} END AS remover"
            " FROM (SELECT key, contact_id, status = 'member' AS member, status = 'opted_out' AS opted_out,"
            " status = 'member' AND ownership = 'ours' AS ours"
            f" FROM read_parquet({literal(str(sibling.ledger))}))"
        )
    if sibling.desired is not None:
        wanted = identifier(sibling.desired)
        if sibling.unusable is not None:
            wanted = f"(SELECT key FROM {wanted} UNION ALL {_stranded(sibling.unusable)})"
        views.append(
            "SELECT key, NULL AS contact_id, false AS member, false AS ours, false AS opted_out, true AS claimed,"
            f" NULL AS remover FROM {wanted}"
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


def _stranded(unusable: Relation) -> str:
    """SQL: (key) of unusable rows that have one."""
    reasons = ", ".join(literal(reason) for reason in (Unusable.FIELD_TOO_LONG, Unusable.DUPLICATE))
    return (
        f"SELECT DISTINCT key FROM {identifier(unusable)} WHERE key IS NOT NULL AND reason IN ({reasons}) ORDER BY key"
    )


# ---------------------------------------------------------------- the table


def three_way(inputs: Inputs) -> str:
    """The statement. Rows: every key that changes, is held back, or is in the ledger and no longer wanted; besides,
    those whose live values drifted. Who is wanted and unchanged is left out, for that is nearly everyone.

    Columns: key, op, reason, contact_id, ownership, content, send (a call is needed), desired, member (of the ledger),
    on_list, before:<f>, after:<f>, drift:<f> where live has the field. op `unchanged` for those that stay.
    """
    request = inputs.request
    fields = request.fields
    values = "".join(
        f", {_after(field)} AS {after(field)}, {_before(inputs, field)} AS {before(field)}" for field in fields
    )
    drifts = "".join(f", {_drifted(field)} AS {drift(field)}" for field in fields if field in inputs.live_fields)
    drifted = "".join(f" OR {_drifted(field)}" for field in fields if field in inputs.live_fields)
    return f"""
    WITH joined AS ({_joined(inputs)}),
    seen AS ({_seen(inputs)}),
    decided AS ({_decided(inputs)})
    SELECT key,
        split_part(rule, ' ', 1) AS op,
        CASE WHEN rule = 'update' THEN {_update_reason(inputs)} ELSE split_part(rule, ' ', 2) END AS reason,
        contact_id,
        CASE WHEN starts_with(rule, 'add') THEN 'ours'
            WHEN starts_with(rule, 'adopt') THEN CASE WHEN sibling_ours THEN 'ours' ELSE 'adopted' END
        END AS ownership,
        CASE WHEN desired THEN {_content(fields)} END AS content,
        {_send(inputs)} AS send,
        desired, member, on_list{values}{drifts}
    FROM decided
    WHERE rule <> 'unchanged' OR NOT desired{drifted}
    """


def _joined(inputs: Inputs) -> str:
    """Everything known of a key, side by side: d:<f> wanted, l:<f> in the ledger, v:<f> live."""
    request = inputs.request
    wanted = "".join(f", d.{identifier(field)} AS {_d(field)}" for field in request.fields)
    known = "".join(
        f", {'l.' + identifier(field) if field in inputs.ledger_fields else 'NULL::VARCHAR'} AS {_l(field)}"
        for field in request.fields
    )
    live = "".join(f", v.{identifier(field)} AS {_v(field)}" for field in request.fields if field in inputs.live_fields)
    desired = identifier(request.desired.relation) if request.desired else _nobody(request.fields)
    ledger = f"read_parquet({literal(str(request.ledger))})" if request.ledger else _no_ledger()
    joins = "".join(
        f" LEFT JOIN {identifier(relation)} AS {name} ON {name}.key = COALESCE(d.key, l.key)"
        for name, relation in _sides(inputs)
    )
    return (
        "SELECT COALESCE(d.key, l.key) AS key, d.key IS NOT NULL AS desired, l.key IS NOT NULL AS in_ledger,"
        " l.status, l.ownership AS owner, l.refused_content,"
        f" {_contact_id(inputs)} AS contact_id, {_sibling_columns(inputs)},"
        f" {'m.key IS NOT NULL' if inputs.memory else 'false'} AS remembered,"
        f" {'s.key IS NOT NULL' if inputs.stranded else 'false'} AS stranded,"
        f" {'v.key IS NOT NULL' if inputs.members else 'false'} AS live_member,"
        f" {_unsubscribed(inputs)} AS unsubscribed{wanted}{known}{live}"
        f" FROM {desired} AS d FULL JOIN {ledger} AS l ON d.key = l.key{joins}"
    )


def _sides(inputs: Inputs) -> list[tuple[str, Relation]]:
    sides = [
        ("o", inputs.siblings),
        ("m", inputs.memory),
        ("s", inputs.stranded),
        ("v", inputs.members.relation if inputs.members else None),
        ("u", inputs.unsubscribed.relation if inputs.unsubscribed else None),
    ]
    return [(name, relation) for name, relation in sides if relation]


def _nobody(fields: Sequence[str]) -> str:
    columns = "".join(f", NULL::VARCHAR AS {identifier(field)}" for field in fields)
    return f"(SELECT NULL::VARCHAR AS key{columns} WHERE false)"


def _no_ledger() -> str:
    names = ("key", "contact_id", "status", "ownership", "refused_content")
    return f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in names)} WHERE false)"


def _contact_id(inputs: Inputs) -> str:
    # Live first: a contact that was deleted and made anew has another id.
    places = (("v", inputs.members), ("l", True), ("o", inputs.siblings))
    return f"COALESCE({', '.join(f'{name}.contact_id' for name, there in places if there)})"


def _sibling_columns(inputs: Inputs) -> str:
    flags = ("member", "ours", "opted_out", "claimed")
    if inputs.siblings:
        columns = [f"COALESCE(o.{flag}, false) AS sibling_{flag}" for flag in flags]
        return ", ".join([*columns, "o.remover AS sibling_remover"])
    return ", ".join([*(f"false AS sibling_{flag}" for flag in flags), "NULL::VARCHAR AS sibling_remover"])


def _unsubscribed(inputs: Inputs) -> str:
    told = ["u.key IS NOT NULL"] if inputs.unsubscribed else []
    if inputs.members:
        told.append("COALESCE(v.unsubscribed, false)")
    return f"({' OR '.join(told)})" if told else "false"


def _seen(inputs: Inputs) -> str:
    """The questions that the table asks of a key.

    Without a refresh the ledgers stand for the list, but never against the memory: who opted out stays out of it until
    live says otherwise.
    """
    out = "remembered OR sibling_opted_out OR COALESCE(status = 'opted_out', false)"
    member = "COALESCE(status = 'member', false)"
    on_list = "live_member" if inputs.request.live else f"({member} OR sibling_member) AND NOT ({out})"
    return (
        f"SELECT *, {member} AS member, {on_list} AS on_list, {out} AS out, {member} OR sibling_member AS known,"
        f" {member} AND owner IS NOT DISTINCT FROM 'ours' AS own, COALESCE(status = 'rejected', false) AS rejected"
        " FROM joined"
    )


def _decided(inputs: Inputs) -> str:
    """The table itself: `rule` is the op, then the reason where it is the same for everyone. A third word, `refused`,
    marks people who are taken over without their fields, as these very values were refused before.

    Whom an export only adopted, it forgets: nothing more hangs on its row. Of the exports that added a member whom none
    claims any more, the first by name removes and the others forget.
    """
    request = inputs.request
    refused = _refused(request.fields)
    left = Reason.EXPORT_DELETED if request.desired is None else Reason.SEGMENT_LEFT
    keep = request.on_leave is OnLeave.KEEP
    given_up, kept = ("true", "false") if request.desired is None and keep else ("false", str(keep).lower())
    return f"""
    SELECT *, CASE WHEN desired THEN CASE
            WHEN unsubscribed THEN 'held_back unsubscribed'
            WHEN NOT on_list AND (out OR known) THEN 'held_back opted_out'
            WHEN NOT on_list AND rejected THEN
                CASE WHEN {refused} THEN 'held_back rejected' ELSE 'add content_changed' END
            WHEN NOT on_list THEN 'add segment_joined'
            WHEN member AND NOT ({_differs(request.fields)}) THEN 'unchanged'
            WHEN member THEN CASE WHEN {refused} THEN 'held_back rejected' ELSE 'update' END
            WHEN {refused} THEN CASE WHEN out THEN 'adopt came_back refused' ELSE 'adopt already_on_list refused' END
            WHEN out THEN 'adopt came_back'
            ELSE 'adopt already_on_list' END
        ELSE CASE
            WHEN stranded THEN 'unchanged'
            WHEN NOT member THEN 'forget {left}'
            WHEN NOT on_list THEN 'forget already_gone'
            WHEN out THEN 'forget {left}'
            WHEN own AND {given_up} THEN 'forget {left}'
            WHEN own AND (sibling_claimed OR {kept}) THEN 'unchanged'
            WHEN own AND (sibling_remover IS NULL OR {literal(request.name)} < sibling_remover) THEN 'remove {left}'
            WHEN sibling_remover IS NOT NULL AND NOT sibling_claimed THEN 'forget removed_by_sibling'
            ELSE 'forget {left}' END
        END AS rule
    FROM seen
    """


def _refused(fields: Sequence[str]) -> str:
    return f"refused_content IS NOT NULL AND refused_content = {_content(fields)}"


def _differs(fields: Sequence[str]) -> str:
    """A wanted value is not the one last accepted. NULL wants nothing."""
    return " OR ".join(f"({_changed(field)})" for field in fields) or "false"


def _changed(field: str) -> str:
    return f"{_d(field)} IS NOT NULL AND {_d(field)} IS DISTINCT FROM {_l(field)}"


def _update_reason(inputs: Inputs) -> str:
    request = inputs.request
    cases = []
    for field in request.fields:
        known = field in inputs.ledger_fields and request.mapping.get(field) == request.ledger_mapping.get(field)
        reason = Reason.FIELD_CHANGED if known else Reason.MAPPING_CHANGED
        cases.append(f"WHEN {_changed(field)} THEN {literal(f'{reason}:{field}')}")
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def _send(inputs: Inputs) -> str:
    """Whether a change needs a call. An adoption does only when it has fields to write that were not refused before."""
    return (
        "CASE WHEN starts_with(rule, 'adopt') THEN"
        f" NOT ends_with(rule, 'refused') AND ({_live_differs(inputs)})"
        " ELSE starts_with(rule, 'add') OR rule = 'update' OR starts_with(rule, 'remove') END"
    )


def _live_differs(inputs: Inputs) -> str:
    return (
        " OR ".join(
            f"({_d(field)} IS NOT NULL AND {_d(field)} IS DISTINCT FROM {_v(field)})"
            if field in inputs.live_fields
            else f"{_d(field)} IS NOT NULL"
            for field in inputs.request.fields
        )
        or "false"
    )


def _after(field: str) -> str:
    """What the field is to become; NULL where nothing will be written, so that no ledger calls it accepted."""
    return f"CASE WHEN desired AND rule <> 'unchanged' AND NOT ends_with(rule, 'refused') THEN {_d(field)} END"


def _before(inputs: Inputs, field: str) -> str:
    """What the field is: on the list for people taken over from it, else by the ledger."""
    live = _v(field) if field in inputs.live_fields else "NULL"
    return f"CASE WHEN starts_with(rule, 'adopt') THEN {live} ELSE {_l(field)} END"


def _drifted(field: str) -> str:
    return f"(member AND on_list AND {_l(field)} IS NOT NULL AND {_v(field)} IS DISTINCT FROM {_l(field)})"


def _content(fields: Sequence[str]) -> str:
    return encode.content(fields, _d)


def _d(field: str) -> str:
    return identifier(f"d:{field}")


def _l(field: str) -> str:
    return identifier(f"l:{field}")


def _v(field: str) -> str:
    return identifier(f"v:{field}")


def drift(field: str) -> str:
    """The column that says whether somebody edited the field on the other side."""
    return identifier(f"drift:{field}")


# ---------------------------------------------------------------- what comes out


def _tell_source_rows_gone(session: Session, request: DiffRequest, table: Relation) -> None:
    """Tells those whose row is gone from the source from those who merely left the segment."""
    name = identifier(table)
    if request.present is None or not session.scalar(f"SELECT count(*) FROM {name} WHERE op = 'remove'"):
        return
    leavers = session.fresh_name("leavers")
    session.execute(
        f"CREATE TEMP TABLE {identifier(leavers)} AS SELECT key FROM {name} WHERE op = 'remove' ORDER BY key"
    )
    present = request.present(leavers)
    session.execute(
        f"UPDATE {name} SET reason = 'source_row_gone' WHERE op = 'remove'"
        f" AND key NOT IN (SELECT key FROM {identifier(present)} WHERE key IS NOT NULL)"
    )
    session.drop(leavers)


def _count(session: Session, inputs: Inputs, table: Relation) -> DiffCounts:
    """Everything the plan says in numbers. Most unchanged people have no row in the table: they are what is left."""
    name, fields = identifier(table), inputs.request.fields
    ops = dict(session.rows(f"SELECT op, count(*) FROM {name} GROUP BY op"))
    desired = session.count(inputs.request.desired.relation) if inputs.request.desired else 0
    moved, stayed, gone = session.row(
        "SELECT count(*) FILTER (desired AND op <> 'unchanged'), count(*) FILTER (NOT desired AND op = 'unchanged'),"
        f" count(*) FILTER (member AND NOT on_list) FROM {name}"
    )
    return DiffCounts(
        counts=Counts(
            **{str(op): ops.get(op, 0) for op in CHANGING_OPS},
            unchanged=desired - moved + stayed,
            foreign=_foreign(session, inputs, table, desired),
        ),
        held_back={**zero_held_back(), **_tally(session, table, "op = 'held_back'")},
        reasons=_tally(session, table, "op NOT IN ('held_back', 'unchanged')"),
        fields_changed=_tally_fields(
            session,
            table,
            {
                field: f"op = 'update' AND {after(field)} IS NOT NULL"
                f" AND {after(field)} IS DISTINCT FROM {before(field)}"
                for field in fields
            },
        ),
        drift=_tally_fields(session, table, {field: drift(field) for field in fields if field in inputs.live_fields}),
        managed=_managed(session, inputs.request.ledger),
        live=_live_size(inputs),
        gone=gone,
    )


def _tally(session: Session, table: Relation, where: str) -> Mapping[str, int]:
    """Rows by reason."""
    return dict(
        session.rows(f"SELECT reason, count(*) FROM {identifier(table)} WHERE {where} GROUP BY reason ORDER BY reason")
    )


def _tally_fields(session: Session, table: Relation, conditions: Mapping[str, str]) -> Mapping[str, int]:
    """Rows by field for which the field's condition holds; fields without any are left out."""
    if not conditions:
        return {}
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions.values())
    found = session.row(f"SELECT {counts} FROM {identifier(table)}")
    return {field: rows for field, rows in zip(conditions, found, strict=True) if rows}


def _foreign(session: Session, inputs: Inputs, table: Relation, desired: int) -> int:
    """Members of the list that are neither wanted nor in any ledger of it.

    Everyone wanted who is not on the list has a row in the table, and so has every ledger row that isn't wanted.
    """
    if inputs.members is None:
        return 0
    off, known = session.row(
        "SELECT count(*) FILTER (desired AND NOT on_list), count(*) FILTER (NOT desired AND member AND on_list)"
        f" FROM {identifier(table)}"
    )
    return int(inputs.members.size - (desired - off) - known - _known_to_siblings_only(session, inputs))


def _known_to_siblings_only(session: Session, inputs: Inputs) -> int:
    request = inputs.request
    if inputs.siblings is None or inputs.members is None:
        return 0
    known = [f"SELECT key FROM {identifier(request.desired.relation)}"] if request.desired else []
    if request.ledger:
        known.append(f"SELECT key FROM read_parquet({literal(str(request.ledger))}) WHERE status = 'member'")
    others = "".join(f" AND NOT EXISTS (FROM ({keys}) AS k WHERE k.key = o.key)" for keys in known)
    return int(
        session.scalar(
            f"SELECT count(*) FROM {identifier(inputs.siblings)} AS o WHERE o.member"
            f" AND EXISTS (FROM {identifier(inputs.members.relation)} AS v WHERE v.key = o.key){others}"
        )
    )


def _managed(session: Session, ledger: Path | None) -> int:
    if ledger is None:
        return 0
    return int(session.scalar("SELECT count(*) FROM read_parquet($1) WHERE status = 'member'", [str(ledger)]))


def _live_size(inputs: Inputs) -> int | None:
    live: Live | None = inputs.request.live
    if live is None:
        return None
    return inputs.members.size if inputs.members else 0


OP_ORDER = (Op.REMOVE, *IMPORT_ORDER, Op.FORGET, Op.HELD_BACK, Op.UNUSABLE)
"""Order of a changes file within a batch, and of what has none: changes, then held back, then unusable."""


def _write(session: Session, request: DiffRequest, table: Relation, parts: Cut, path: Path) -> None:
    """Writes the changes file: see `Diffed`. Its bytes follow from its rows."""
    fields = request.fields
    values = "".join(f", c.{column(field)}" for field in fields for column in (before, after))
    rows = (
        "SELECT c.op, c.key, c.contact_id, c.reason, n.batch, c.content, c.ownership"
        f"{values}, {_rank('c.op')} AS place"
        f" FROM {identifier(table)} AS c LEFT JOIN {identifier(parts.numbers)} AS n ON n.row = c.rowid"
        " WHERE c.op <> 'unchanged'"
    )
    if request.desired is not None:
        empty = "".join(", NULL" for field in fields for _ in (before, after))
        rows += (
            f" UNION ALL SELECT 'unusable', key, NULL, reason, NULL, NULL, NULL{empty}, {OP_ORDER.index(Op.UNUSABLE)}"
            f" FROM {identifier(request.desired.unusable_relation)}"
        )
    session.copy_to_parquet(
        f"SELECT * EXCLUDE (place) FROM ({rows}) ORDER BY batch NULLS LAST, place, key NULLS FIRST, reason",
        path,
        options=f", ROW_GROUP_SIZE {ROWS_PER_GROUP}",
    )


ROWS_PER_GROUP = 20_480
"""Small enough that reading one batch skips nearly everything else."""


def _rank(op: str) -> str:
    """SQL: the place of an op in `OP_ORDER`."""
    return f"CASE {op} {' '.join(f'WHEN {literal(one)} THEN {at}' for at, one in enumerate(OP_ORDER))} END"
