"""The three-way table: desired, ledger and live of one export become its changes. One SQL statement, this one place.

How changes are cut into requests is `batches.py`; how a live file is read is `live.py`.
"""

from collections.abc import Sequence
from pathlib import Path

from ccsync.core.change import Filtered, Op, Reason
from ccsync.core.spec import OnLeave
from ccsync.engine import encode
from ccsync.engine.batches import IMPORT_ORDER, Cut, cut
from ccsync.engine.encode import after, before
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import Session
from ccsync.engine.sides import Sides, load_sides
from ccsync.engine.tally import count_changes, drift
from ccsync.ports.desired import Relation
from ccsync.ports.diff import Diffed, DiffRequest


class ThreeWayDiffer:
    """The `Differ` port. Files it writes are in the session's folder and live as long as that."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def diff(self, request: DiffRequest) -> Diffed:
        """Works out what would change for one export. Raises RemoteError for a live file that can't be used."""
        session = self._session
        sides = load_sides(session, request)
        table = session.fresh_name("changes")
        session.execute(f"CREATE TEMP TABLE {identifier(table)} AS {three_way(sides)}")
        _tell_source_rows_gone(session, request, table)
        counts = count_changes(session, sides, table)
        parts = cut(session, table, request.fields)
        path = session.workdir / f"{table}.parquet"
        unusable = request.desired.unusable_relation if request.desired else None
        write_changes(session, request.fields, table, parts, unusable, path)
        people = sum(batch.rows for batch in parts.batches if batch.transport)
        unresolved = session.scalar(
            f"SELECT count(*) FROM {identifier(table)} WHERE op = 'remove' AND contact_id IS NULL"
        )
        session.drop(table, parts.numbers, *sides.relations())
        return Diffed(counts, path, parts.batches, int(unresolved), people)


# ---------------------------------------------------------------- the table


def three_way(sides: Sides) -> str:
    """The statement. Rows: every key that changes, is held back, or is in the ledger and no longer wanted; besides,
    those whose live values drifted. Who is wanted and unchanged is left out, for that is nearly everyone.

    Columns: key, op, reason, contact_id, ownership, content, send (a call is needed), desired, member (of the ledger),
    on_list, before:<f>, after:<f>, drift:<f> where live has the field. op `unchanged` for those that stay.
    """
    request = sides.request
    fields = request.fields
    values = "".join(
        f", {_after(field)} AS {after(field)}, {_before(sides, field)} AS {before(field)}" for field in fields
    )
    drifts = "".join(f", {_drifted(field)} AS {drift(field)}" for field in fields if field in sides.live_fields)
    drifted = "".join(f" OR {_drifted(field)}" for field in fields if field in sides.live_fields)
    return f"""
    WITH joined AS ({_joined(sides)}),
    seen AS ({_seen(sides)}),
    decided AS ({_decided(sides)})
    SELECT key,
        split_part(rule, ' ', 1) AS op,
        CASE WHEN rule = 'update' THEN {_update_reason(sides)} ELSE split_part(rule, ' ', 2) END AS reason,
        contact_id,
        CASE WHEN starts_with(rule, 'add') THEN 'ours'
            WHEN starts_with(rule, 'adopt') THEN CASE WHEN sibling_ours THEN 'ours' ELSE 'adopted' END
        END AS ownership,
        CASE WHEN desired THEN {_content(fields)} END AS content,
        {_send(sides)} AS send,
        desired, member, on_list{values}{drifts}
    FROM decided
    WHERE rule <> 'unchanged' OR NOT desired{drifted}
    """


def _joined(sides: Sides) -> str:
    """Everything known of a key, side by side: d:<f> wanted, l:<f> in the ledger, v:<f> live."""
    request = sides.request
    wanted = "".join(f", d.{identifier(field)} AS {_d(field)}" for field in request.fields)
    known = "".join(
        f", {'l.' + identifier(field) if field in sides.ledger_fields else 'NULL::VARCHAR'} AS {_l(field)}"
        for field in request.fields
    )
    live = "".join(f", v.{identifier(field)} AS {_v(field)}" for field in request.fields if field in sides.live_fields)
    desired = identifier(request.desired.relation) if request.desired else _nobody(request.fields)
    ledger = f"read_parquet({literal(str(request.ledger))})" if request.ledger else _no_ledger()
    joins = "".join(
        f" LEFT JOIN {identifier(relation)} AS {name} ON {name}.key = COALESCE(d.key, l.key)"
        for name, relation in _looked_up(sides)
    )
    return (
        "SELECT COALESCE(d.key, l.key) AS key, d.key IS NOT NULL AS desired, l.key IS NOT NULL AS in_ledger,"
        " l.status, l.ownership AS owner, l.refused_content,"
        f" {_contact_id(sides)} AS contact_id, {_sibling_columns(sides)},"
        f" {'m.key IS NOT NULL' if sides.memory else 'false'} AS remembered,"
        f" {'s.key IS NOT NULL' if sides.stranded else 'false'} AS stranded,"
        f" {'f.reason' if sides.filtered else 'NULL::VARCHAR'} AS filtered,"
        f" {'v.key IS NOT NULL' if sides.members else 'false'} AS live_member,"
        f" {_unsubscribed(sides)} AS unsubscribed{wanted}{known}{live}"
        f" FROM {desired} AS d FULL JOIN {ledger} AS l ON d.key = l.key{joins}"
    )


def _looked_up(sides: Sides) -> list[tuple[str, Relation]]:
    tables = [
        ("o", sides.siblings),
        ("m", sides.memory),
        ("s", sides.stranded),
        ("f", sides.filtered),
        ("v", sides.members.relation if sides.members else None),
        ("u", sides.unsubscribed.relation if sides.unsubscribed else None),
    ]
    return [(name, relation) for name, relation in tables if relation]


def _nobody(fields: Sequence[str]) -> str:
    columns = "".join(f", NULL::VARCHAR AS {identifier(field)}" for field in fields)
    return f"(SELECT NULL::VARCHAR AS key{columns} WHERE false)"


def _no_ledger() -> str:
    names = ("key", "contact_id", "status", "ownership", "refused_content")
    return f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in names)} WHERE false)"


def _contact_id(sides: Sides) -> str:
    # As live shows it, where it was read: an address may have moved to another contact, or its contact was made anew.
    # Ledgers only say whether there are ids to be had: an apply takes them from its own look.
    if sides.members:
        return "v.contact_id"
    return f"COALESCE(l.contact_id{', o.contact_id' if sides.siblings else ''})"


def _sibling_columns(sides: Sides) -> str:
    flags, names = ("member", "ours", "opted_out", "claimed"), ("remover", "suppressor")
    if sides.siblings:
        columns = [f"COALESCE(o.{flag}, false) AS sibling_{flag}" for flag in flags]
        return ", ".join([*columns, *(f"o.{name} AS sibling_{name}" for name in names)])
    return ", ".join(
        [*(f"false AS sibling_{flag}" for flag in flags), *(f"NULL::VARCHAR AS sibling_{name}" for name in names)]
    )


def _unsubscribed(sides: Sides) -> str:
    told = ["u.key IS NOT NULL"] if sides.unsubscribed else []
    if sides.members:
        told.append("COALESCE(v.unsubscribed, false)")
    return f"({' OR '.join(told)})" if told else "false"


def _seen(sides: Sides) -> str:
    """The questions that the table asks of a key.

    Without a refresh the ledgers stand for the list, but never against the memory: who opted out stays out of it until
    live says otherwise.
    """
    out = "remembered OR sibling_opted_out OR COALESCE(status = 'opted_out', false)"
    member = "COALESCE(status = 'member', false)"
    on_list = "live_member" if sides.request.live else f"({member} OR sibling_member) AND NOT ({out})"
    return (
        f"SELECT *, {member} AS member, {on_list} AS on_list, {out} AS out, {member} OR sibling_member AS known,"
        f" {member} AND owner IS NOT DISTINCT FROM 'ours' AS own, COALESCE(status = 'rejected', false) AS rejected"
        " FROM joined"
    )


def _decided(sides: Sides) -> str:
    """The table itself: `rule` is the op, then the reason where it is the same for everyone. A third word, `refused`,
    marks people who are taken over without their fields, as these very values were refused before.

    Whom an export only adopted, it forgets: nothing more hangs on its row. Of the exports that added a member whom none
    claims any more, the first by name removes and the others forget. Who is suppressed is taken off whoever claims them
    and whatever `on_leave` says.
    """
    request = sides.request
    refused = _refused(request.fields)
    left = literal(Reason.EXPORT_DELETED if request.desired is None else Reason.SEGMENT_LEFT)
    if sides.filtered:
        left = f"COALESCE(filtered, {left})"
    suppressed = f"filtered IS NOT DISTINCT FROM {literal(Filtered.SUPPRESSED)}" if sides.filtered else "false"
    name = literal(request.name)
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
            WHEN NOT member THEN 'forget ' || {left}
            WHEN NOT on_list THEN 'forget already_gone'
            WHEN out THEN 'forget ' || {left}
            WHEN own AND {suppressed} THEN CASE
                WHEN sibling_suppressor IS NULL OR {name} < sibling_suppressor THEN 'remove {Reason.SUPPRESSED}'
                ELSE 'forget {Reason.REMOVED_BY_SIBLING}' END
            WHEN own AND {given_up} THEN 'forget ' || {left}
            WHEN own AND (sibling_claimed OR {kept}) THEN 'unchanged'
            WHEN own AND (sibling_remover IS NULL OR {name} < sibling_remover) THEN 'remove ' || {left}
            WHEN sibling_remover IS NOT NULL AND NOT sibling_claimed THEN 'forget {Reason.REMOVED_BY_SIBLING}'
            ELSE 'forget ' || {left} END
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


def _update_reason(sides: Sides) -> str:
    request = sides.request
    cases = []
    for field in request.fields:
        known = field in sides.ledger_fields and request.mapping.get(field) == request.ledger_mapping.get(field)
        reason = Reason.FIELD_CHANGED if known else Reason.MAPPING_CHANGED
        cases.append(f"WHEN {_changed(field)} THEN {literal(f'{reason}:{field}')}")
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def _send(sides: Sides) -> str:
    """Whether a change needs a call. An adoption does only when it has fields to write that were not refused before."""
    return (
        "CASE WHEN starts_with(rule, 'adopt') THEN"
        f" NOT ends_with(rule, 'refused') AND ({_live_differs(sides)})"
        " ELSE starts_with(rule, 'add') OR rule = 'update' OR starts_with(rule, 'remove') END"
    )


def _live_differs(sides: Sides) -> str:
    return (
        " OR ".join(
            f"({_d(field)} IS NOT NULL AND {_d(field)} IS DISTINCT FROM {_v(field)})"
            if field in sides.live_fields
            else f"{_d(field)} IS NOT NULL"
            for field in sides.request.fields
        )
        or "false"
    )


def _after(field: str) -> str:
    """What the field is to become; NULL where nothing will be written, so that no ledger calls it accepted."""
    return f"CASE WHEN desired AND rule <> 'unchanged' AND NOT ends_with(rule, 'refused') THEN {_d(field)} END"


def _before(sides: Sides, field: str) -> str:
    """What the field is: on the list for people taken over from it, else by the ledger."""
    live = _v(field) if field in sides.live_fields else "NULL"
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


# ---------------------------------------------------------------- what comes out


def _tell_source_rows_gone(session: Session, request: DiffRequest, table: Relation) -> None:
    """Tells those whose row is gone from the source from those who merely left the segment."""
    name, leaving = identifier(table), f"op = 'remove' AND reason = {literal(Reason.SEGMENT_LEFT)}"
    if request.present is None or not session.scalar(f"SELECT count(*) FROM {name} WHERE {leaving}"):
        return
    leavers = session.fresh_name("leavers")
    session.execute(f"CREATE TEMP TABLE {identifier(leavers)} AS SELECT key FROM {name} WHERE {leaving} ORDER BY key")
    present = request.present(leavers)
    session.execute(
        f"UPDATE {name} SET reason = 'source_row_gone' WHERE {leaving}"
        f" AND key NOT IN (SELECT key FROM {identifier(present)} WHERE key IS NOT NULL)"
    )
    session.drop(leavers)


OP_ORDER = (Op.REMOVE, *IMPORT_ORDER, Op.FORGET, Op.HELD_BACK, Op.UNUSABLE)
"""Order of a changes file within a batch, and of what has none: changes, then held back, then unusable."""


def write_changes(
    session: Session, fields: Sequence[str], table: Relation, parts: Cut, unusable: Relation | None, path: Path
) -> None:
    """Writes a changes file: see `Diffed`. Its bytes follow from its rows. unusable: see `Desired`."""
    values = "".join(f", c.{column(field)}" for field in fields for column in (before, after))
    rows = (
        "SELECT c.op, c.key, c.contact_id, c.reason, n.batch, c.content, c.ownership"
        f"{values}, {_rank('c.op')} AS place"
        f" FROM {identifier(table)} AS c LEFT JOIN {identifier(parts.numbers)} AS n ON n.row = c.rowid"
        " WHERE c.op <> 'unchanged'"
    )
    if unusable is not None:
        empty = "".join(", NULL" for field in fields for _ in (before, after))
        rows += (
            f" UNION ALL SELECT 'unusable', key, NULL, reason, NULL, NULL, NULL{empty}, {OP_ORDER.index(Op.UNUSABLE)}"
            f" FROM {identifier(unusable)}"
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
