"""The bulk activities that act on people already in the account, with the full meaning of ``source`` and ``exclude``.

A source is taken at its word: a wrong one empties a list or deletes people, as it would in the real account.
Imports and exports have modules of their own. Source: SW#P/activities and below, FACTS 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import duckdb

from ccsync.sandbox import fields, limits, lists, problem
from ccsync.sandbox.account import ContactList
from ccsync.sandbox.activities import Work
from ccsync.sandbox.contacts import ACTIVE
from ccsync.sandbox.merge import MergeFailed
from ccsync.sandbox.service import Answer, Call, Service
from ccsync.sandbox.store import stamp

Body = Mapping[str, Any]  # a checked JSON document


def one_source(source: Body, allowed: Sequence[str]) -> str:
    """Return the one property of a source that is given; anything else is 400."""
    given = [name for name in allowed if source.get(name) not in (None, False)]
    if len(given) != 1:
        raise problem.invalid(f"source needs exactly one of {', '.join(allowed)}")
    if source[given[0]] == []:
        raise problem.invalid(f"source.{given[0]} must not be empty")
    return given[0]


def _check_exclude(body: Body, kind: str) -> list[str]:
    excluded = (body.get("exclude") or {}).get("contact_ids") or []
    if excluded and kind not in ("all_active_contacts", "list_ids"):
        raise problem.invalid("exclude is valid only with all_active_contacts or list_ids as the source")
    return list(excluded)


def source_sql(service: Service, body: Body, kind: str) -> tuple[str, dict[str, object]]:
    """Say in SQL whom a source means: a query that gives ``seq``. Deleted people are nobody's members."""
    condition, values = source_condition(service, body["source"], kind)
    excluded = _check_exclude(body, kind)
    if excluded:
        condition += " AND c.contact_id NOT IN (SELECT unnest($excluded::UUID[]))"
        values = values | {"excluded": excluded}
    return f"SELECT c.seq FROM contacts c WHERE c.deleted_at IS NULL AND {condition}", values


def source_condition(service: Service, source: Body, kind: str) -> tuple[str, dict[str, object]]:
    """Say in SQL whom a source means: a condition on ``contacts c`` and the values bound in it."""
    account = service.account
    match kind:
        case "contact_ids":
            return "c.contact_id IN (SELECT unnest($ids::UUID[]))", {"ids": list(source[kind])}
        case "list_ids":
            numbers = ", ".join(str(one.number) for one in account.known_lists(source[kind]))
            return f"c.seq IN (SELECT seq FROM memberships WHERE list_no IN ({numbers}))", {}
        case "tag_ids":
            numbers = ", ".join(str(_tag(service, one)) for one in source[kind])
            return f"c.seq IN (SELECT seq FROM taggings WHERE tag_no IN ({numbers}))", {}
        case "all_active_contacts":
            return ACTIVE, {}
        case "new_subscriber":
            since = stamp(service.clock.now() - timedelta(days=limits.NEW_SUBSCRIBER_DAYS))
            return f"{ACTIVE} AND c.opt_in_date > $since", {"since": since}
        case _:
            raise problem.invalid(f"source.{kind} is not supported by this account")


def _tag(service: Service, tag_id: str) -> int:
    found = service.account.tags.get(tag_id.lower())
    if found is None:
        raise problem.invalid(f"tag {tag_id} does not exist")
    return found.number


def _targets(call: Call) -> list[ContactList]:
    found = call.service.account.known_lists(call.body["list_ids"])
    if not found:
        raise problem.invalid("list_ids must not be empty")
    return found


def select(db: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object], share: float) -> int:
    """Put whom a source means into the table ``chosen``; a share below 1 takes only the first of them."""
    db.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {sql} ORDER BY c.seq", dict(values))
    row = db.execute("SELECT count(*) FROM chosen").fetchone()
    count = int(row[0]) if row else 0
    if share < 1:
        keep = int(count * share)
        db.execute(f"DELETE FROM chosen WHERE seq NOT IN (SELECT seq FROM chosen ORDER BY seq LIMIT {keep})")
    return count


def add_memberships(call: Call) -> Answer:
    """POST /activities/add_list_memberships. The globally unsubscribed are not added."""
    kind = one_source(call.body["source"], tuple(call.body["source"]))
    targets, (sql, values), service = _targets(call), source_sql(call.service, call.body, kind), call.service

    def work(share: float) -> dict[str, int]:
        with service.store.write() as db:
            total = select(db, sql, values, share)
            for target in targets:
                join_list(service, db, target.number, "activity")
            done = _count(db, "SELECT count(*) FROM chosen")
        return {"items_total_count": total, "items_completed_count": done, "list_count": len(targets)}

    return _queued(call, "add_list_memberships", work, kind, len(targets))


def join_list(service: Service, db: duckdb.DuckDBPyConnection, list_no: int, by: str) -> int:
    """Put everybody in ``chosen`` on a list, but the unsubscribed and those on 50 lists; returns how many joined."""
    now = stamp(service.clock.now())
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE joiners AS SELECT c.seq FROM contacts c JOIN chosen USING (seq)
        WHERE coalesce(c.permission, 'not_set') <> 'unsubscribed' AND c.deleted_at IS NULL
          AND c.seq NOT IN (SELECT seq FROM memberships WHERE list_no = {list_no})
          AND c.seq NOT IN (SELECT m.seq FROM memberships m JOIN chosen USING (seq) GROUP BY m.seq
                            HAVING count(*) >= {limits.LISTS_PER_CONTACT})"""
    )
    joined = _count(db, f"INSERT INTO memberships SELECT {list_no}, seq FROM joiners ORDER BY seq")
    readded = _count(
        db,
        f"""UPDATE left_lists SET returned_at = $now, returned_by = $by
        WHERE list_no = {list_no} AND returned_at IS NULL AND seq IN (SELECT seq FROM joiners)""",
        {"now": now, "by": by},
    )
    if readded and by == "activity":
        service.log.count("harm", "leavers_put_back", readded)
    _bump(service, db, "joiners")
    return joined


def remove_memberships(call: Call) -> Answer:
    """POST /activities/remove_list_memberships: whoever the source means leaves the target lists."""
    kind = one_source(call.body["source"], tuple(call.body["source"]))
    if kind != "contact_ids":
        call.service.log.count("violations", f"remove_by_{kind}")
    targets, (sql, values), service = _targets(call), source_sql(call.service, call.body, kind), call.service
    sent = len(set(call.body["source"]["contact_ids"])) if kind == "contact_ids" else 0

    def work(share: float) -> dict[str, int]:
        numbers = ", ".join(str(target.number) for target in targets)
        with service.store.write() as db:
            total = select(db, sql, values, share)
            if sent > total and service.switches["unknown_contact_id_in_removal"] == "fail":
                raise MergeFailed(f"{sent - total} contact_ids were not found.")
            done = _count(db, "SELECT count(*) FROM chosen")
            db.execute(
                f"""CREATE OR REPLACE TEMP TABLE leavers AS SELECT DISTINCT seq FROM memberships
                WHERE list_no IN ({numbers}) AND seq IN (SELECT seq FROM chosen)"""
            )
            db.execute(f"DELETE FROM memberships WHERE list_no IN ({numbers}) AND seq IN (SELECT seq FROM leavers)")
            _bump(service, db, "leavers")
        return {
            "items_total_count": max(total, sent), "items_completed_count": done, "list_count": len(targets)
        }  # fmt: skip

    return _queued(call, "remove_list_memberships", work, kind, len(targets))


def _bump(service: Service, db: duckdb.DuckDBPyConnection, table: str) -> None:
    if service.switches["membership_bumps_updated_at"] == "yes":
        db.execute(
            f"UPDATE contacts SET updated_at = ? WHERE seq IN (SELECT seq FROM {table})",
            [stamp(service.clock.now())],
        )


def _queued(call: Call, name: str, work: Work, kind: str, list_count: int) -> Answer:
    sql, values = source_sql(call.service, call.body, kind)
    sent = len(call.body["source"]["contact_ids"]) if kind == "contact_ids" else 0
    rows = sent or rough_count(call.service, sql, values)
    status = {"items_total_count": rows, "items_completed_count": 0, "list_count": list_count}
    call.service.log.count("rows", name, rows)
    return Answer(201, call.service.submit(name, work, rows=rows, status=status).document())


def rough_count(service: Service, sql: str, values: Mapping[str, object]) -> int:
    """Count whom a source means now; the job may find others when it runs."""
    with service.store.read() as db:
        return _count(db, f"SELECT count(*) FROM ({sql})", values)


def contact_delete(call: Call) -> Answer:
    """POST /activities/contact_delete: deletes people. With ``list_ids`` these are all members of the lists."""
    body, service = call.body, call.service
    service.log.count("violations", "contact_delete")
    kind = one_source(body, ("contact_ids", "list_ids"))
    sql, values = source_sql(service, {"source": body}, kind)

    def work(share: float) -> dict[str, int]:
        with service.store.write() as db:
            total = select(db, sql, values, share)
            done = _count(db, "SELECT count(*) FROM chosen")
            delete_chosen(service, db)
        service.log.count("harm", "people_deleted", done)
        lists_given = {"list_count": len(body["list_ids"])} if kind == "list_ids" else {}
        return {"items_total_count": total, "items_completed_count": done} | lists_given

    rows = rough_count(service, sql, values)
    status = {"items_total_count": rows, "items_completed_count": 0}
    return Answer(201, service.submit("contact_delete", work, rows=rows, status=status).document())


def delete_chosen(service: Service, db: duckdb.DuckDBPyConnection) -> None:
    """Delete everybody in ``chosen``: softly, off every list and without tags; fields stay for a revival.

    That they had left a list is remembered as well, so that being put back after a revival counts as harm.
    """
    now = stamp(service.clock.now())
    db.execute(
        """UPDATE contacts SET deleted_at = $now, updated_at = $now
        WHERE seq IN (SELECT seq FROM chosen) AND deleted_at IS NULL""",
        {"now": now},
    )
    for table in ("memberships", "taggings"):
        db.execute(f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM chosen)")


def list_delete(call: Call) -> Answer:
    """POST /activities/list_delete: deletes lists; their members stay in the account."""
    job = lists.queue_deletion(call.service, _targets(call), "list_delete")
    return Answer(201, job.document())


def fields_delete(call: Call) -> Answer:
    """POST /activities/custom_fields_delete."""
    service = call.service
    doomed = [fields.field_or_404(service, one).custom_field_id for one in call.body["custom_field_ids"]]
    if not doomed:
        raise problem.invalid("custom_field_ids must not be empty")

    def work(share: float) -> dict[str, int]:
        done = sum(fields.drop(service, one) for one in doomed[: max(1, int(len(doomed) * share))])
        return {"items_total_count": len(doomed), "items_completed_count": done}

    status = {"items_total_count": len(doomed), "items_completed_count": 0}
    shown = service.submit("custom_fields_delete", work, rows=len(doomed), status=status).document()
    del shown["status"]  # SW#D/ActivityDeleteCustomFields has none; the status call shows it
    return Answer(201, shown)


def _count(db: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None) -> int:
    row = (db.execute(sql, dict(values)) if values else db.execute(sql)).fetchone()
    return int(row[0] or 0) if row else 0
