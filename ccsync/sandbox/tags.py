"""The calls on tags, and the activities that give tags to many people or take them away.

Whom a source means is decided in ``bulk``. Source: SW#P/contact_tags and below, SW#D/TagAddRemoveContacts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ccsync.sandbox import bulk, cursors, limits, problem
from ccsync.sandbox.account import Tag
from ccsync.sandbox.clock import iso
from ccsync.sandbox.lists import page_of
from ccsync.sandbox.service import Answer, Call, Service


def document(one: Tag, count: int | None = None) -> dict[str, Any]:
    """Return a tag as the API shows it. ``Any``: a JSON document."""
    out: dict[str, Any] = {
        "tag_id": one.tag_id, "name": one.name, "tag_source": one.tag_source,
        "created_at": iso(one.created_at), "updated_at": iso(one.updated_at),
    }  # fmt: skip
    return out | ({} if count is None else {"contacts_count": count})


def _counts(service: Service) -> dict[int, int]:
    sql = "SELECT tag_no, count(*) FROM taggings GROUP BY tag_no ORDER BY tag_no"
    return dict(service.store.rows(sql))


def get_tags(call: Call) -> Answer:
    """GET /contact_tags."""
    query, after = cursors.decode(call.query)
    page, after_next = page_of(list(call.service.account.tags.values()), after, query.get("limit", limits.PAGE_DEFAULT))
    counts = _counts(call.service) if query.get("include_count") else None
    shown = [document(one, None if counts is None else counts.get(one.number, 0)) for one in page]
    return Answer(body={"tags": shown, "_links": cursors.links("/v3/contact_tags", query, after_next)})


def tag_or_404(service: Service, tag_id: str) -> Tag:
    """Find a tag by id."""
    found = service.account.tags.get(tag_id.lower())
    if found is None:
        raise problem.not_found(f"Tag {tag_id} was not found.")
    return found


def get_tag(call: Call) -> Answer:
    """GET /contact_tags/{tag_id}."""
    one = tag_or_404(call.service, call.path["tag_id"])
    count = _counts(call.service).get(one.number, 0) if call.query.get("include_count") else None
    return Answer(body=document(one, count))


def post_tag(call: Call) -> Answer:
    """POST /contact_tags: 409 for a name in use."""
    account = call.service.account
    with account.lock:
        _refuse_taken(call.service, call.body["name"], None)
        made = account.add_tag(call.body["name"], call.body.get("tag_source") or "Contact", call.now)
    call.service.save()
    return Answer(201, document(made, 0))


def put_tag(call: Call) -> Answer:
    """PUT /contact_tags/{tag_id}: renames."""
    account = call.service.account
    with account.lock:
        old = tag_or_404(call.service, call.path["tag_id"])
        _refuse_taken(call.service, call.body["name"], old.tag_id)
        new = replace(old, name=call.body["name"], updated_at=call.now)
        account.tags[new.tag_id] = new
    call.service.save()
    return Answer(body=document(new))


def _refuse_taken(service: Service, name: str, own: str | None) -> None:
    for one in list(service.account.tags.values()):
        if one.name.casefold() == name.casefold() and one.tag_id != own:
            raise problem.conflict(f"A tag with the name {name} already exists.")


def delete_tag(call: Call) -> Answer:
    """DELETE /contact_tags/{tag_id}: 202 and an activity whose errors are objects (SW#D/ActivityGeneric)."""
    one = tag_or_404(call.service, call.path["tag_id"])
    return Answer(202, _queue_deletion(call.service, [one.tag_id], generic=True))


def tags_delete(call: Call) -> Answer:
    """POST /activities/contacts_tags_delete."""
    doomed = [_known(call.service, one).tag_id for one in call.body["tag_ids"]]
    if not doomed:
        raise problem.invalid("tag_ids must not be empty")
    return Answer(201, _queue_deletion(call.service, doomed, generic=False))


def _known(service: Service, tag_id: str) -> Tag:
    found = service.account.tags.get(tag_id.lower())
    if found is None:
        raise problem.invalid(f"tag {tag_id} does not exist")
    return found


def _queue_deletion(service: Service, doomed: list[str], *, generic: bool) -> dict[str, Any]:
    def work(share: float) -> dict[str, int]:
        done = sum(_drop(service, one) for one in doomed[: max(1, int(len(doomed) * share))])
        return {"items_total_count": len(doomed), "items_completed_count": done}

    status = {"items_total_count": len(doomed), "items_completed_count": 0}
    job = service.submit("contacts_tags_delete", work, rows=len(doomed), status=status, generic=generic)
    return job.document()


def _drop(service: Service, tag_id: str) -> int:
    with service.account.lock:
        found = service.account.tags.pop(tag_id, None)
    if found is None:
        return 0
    with service.store.write() as db:
        db.execute("DELETE FROM taggings WHERE tag_no = ?", [found.number])
    service.save()
    return 1


def taggings_add(call: Call) -> Answer:
    """POST /activities/contacts_taggings_add; nobody gets more than 50 tags."""
    return _taggings(call, "contacts_taggings_add")


def taggings_remove(call: Call) -> Answer:
    """POST /activities/contacts_taggings_remove."""
    return _taggings(call, "contacts_taggings_remove")


def _taggings(call: Call, name: str) -> Answer:
    service = call.service
    numbers = [_known(service, one).number for one in call.body["tag_ids"]]
    if not numbers:
        raise problem.invalid("tag_ids must not be empty")
    kind = bulk.one_source(call.body["source"], tuple(call.body["source"]))
    sql, values = bulk.source_sql(service, call.body, kind)

    def work(share: float) -> dict[str, int]:
        with service.store.write() as db:
            total = bulk.select(db, sql, values, share)
            for number in numbers:
                db.execute(f"DELETE FROM taggings WHERE tag_no = {number} AND seq IN (SELECT seq FROM chosen)")
                if name == "contacts_taggings_add":
                    db.execute(
                        f"""INSERT INTO taggings SELECT {number}, seq FROM chosen WHERE seq NOT IN
                        (SELECT seq FROM taggings GROUP BY seq HAVING count(*) >= {limits.TAGS_PER_CONTACT})
                        ORDER BY seq"""
                    )
        return {"items_total_count": total, "items_completed_count": int(total * share)}

    rows = bulk.rough_count(service, sql, values)
    status = {"items_total_count": rows, "items_completed_count": 0}
    return Answer(201, service.submit(name, work, rows=rows, status=status).document())
