"""The calls on custom fields.

The rules of labels, names and numbers are the account's; people's values are in the store.
Source: SW#P/contact_custom_fields and below, FACTS 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ccsync.sandbox import cursors, limits, problem
from ccsync.sandbox.account import CustomField
from ccsync.sandbox.clock import iso
from ccsync.sandbox.lists import page_of
from ccsync.sandbox.service import Answer, Call, Service

CHOOSING = ("single_select", "multi_select")
DISPLAY = {"single_select": ("dropdown", "radio"), "multi_select": ("checkbox",)}


def document(one: CustomField) -> dict[str, Any]:
    """Return a custom field as the API shows it. ``Any``: a JSON document."""
    out: dict[str, Any] = {
        "custom_field_id": one.custom_field_id,
        "label": one.label,
        "name": one.name,
        "type": one.type,
        "version": one.version,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
    }
    if one.metadata:
        out["metadata"] = one.metadata
    if one.choices:
        out["choices"] = [dict(choice) for choice in one.choices]
    return out


def get_fields(call: Call) -> Answer:
    """GET /contact_custom_fields."""
    query, after = cursors.decode(call.query)
    found = list(call.service.account.fields.values())
    page, after_next = page_of(found, after, query.get("limit", limits.PAGE_DEFAULT))
    links = cursors.links("/v3/contact_custom_fields", query, after_next)
    return Answer(body={"custom_fields": [document(one) for one in page], "_links": links})


def post_field(call: Call) -> Answer:
    """POST /contact_custom_fields."""
    body = call.body
    if not body["label"].strip():
        raise problem.invalid("label must not be blank")
    metadata = {name: value for name, value in (body.get("metadata") or {}).items() if value is not None}
    choices = _choices(body["type"], metadata, body.get("choices") or ())
    _check_metadata(body["type"], metadata)
    if body.get("version") not in (None, 1, 2):
        raise problem.invalid("version must be 1 or 2")
    made = call.service.account.add_field(
        body["label"].strip(), body["type"], call.now, metadata=metadata, choices=choices,
        version=body.get("version") or 1,
    )  # fmt: skip
    call.service.save()
    return Answer(201, document(made))


def _choices(kind: str, metadata: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    # At most 100 in a drop-down and 20 for check boxes and radio buttons. Source: SW#D/CustomField.
    if kind not in CHOOSING:
        if given:
            raise problem.invalid(f"choices are not valid for type {kind}")
        return []
    if not given:
        raise problem.invalid(f"choices are required for type {kind}")
    display = metadata.get("display_type", DISPLAY[kind][0])
    if display not in DISPLAY[kind]:
        raise problem.invalid("metadata.display_type does not have a valid value")
    most = 100 if display == "dropdown" else 20
    if len(given) > most:
        raise problem.invalid(f"choices must have at most {most} items")
    labels = [(choice.get("choice_label") or "").casefold() for choice in given]
    if len(set(labels)) < len(labels) or "" in labels:
        raise problem.invalid("choices need labels that differ")
    used = max([choice.get("choice_id") or 0 for choice in given], default=0)
    out = []
    for at, choice in enumerate(given, start=1):
        if not choice.get("choice_id"):
            used += 1
        out.append(
            {"choice_id": choice.get("choice_id") or used, "choice_label": choice["choice_label"],
             "display_order": choice.get("display_order") or at}
        )  # fmt: skip
    return out


def _check_metadata(kind: str, metadata: Mapping[str, Any]) -> None:
    # Source: SW#D/CustomFieldMetadata.
    places = metadata.get("decimal_places")
    if places is not None and (kind not in ("number", "currency") or not 1 <= places <= 4):
        raise problem.invalid("metadata.decimal_places must be from 1 to 4, for numbers and currencies")
    if metadata.get("currency_code") is not None and (kind != "currency" or len(metadata["currency_code"]) != 3):
        raise problem.invalid("metadata.currency_code must be three letters, for currencies")


def get_field(call: Call) -> Answer:
    """GET /contact_custom_fields/{custom_field_id}."""
    return Answer(body=document(field_or_404(call.service, call.path["custom_field_id"])))


def field_or_404(service: Service, field_id: str) -> CustomField:
    """Find a custom field by its id."""
    found = service.account.fields.get(field_id.lower())
    if found is None:
        raise problem.not_found(f"Custom field {field_id} was not found.")
    return found


def put_field(call: Call) -> Answer:
    """PUT /contact_custom_fields/{id}: label and choices; the type stays. The name stays too (not documented)."""
    account = call.service.account
    with account.lock:
        old = field_or_404(call.service, call.path["custom_field_id"])
        label = (call.body.get("label") or "").strip()
        if not label:
            raise problem.invalid("label is required")
        others = [one for one in list(account.fields.values()) if one.custom_field_id != old.custom_field_id]
        if any(one.label.casefold() == label.casefold() for one in others):
            raise problem.invalid(f"A custom field with the label {label} already exists.")
        choices = _choices(old.type, old.metadata, call.body.get("choices") or ())
        new = replace(old, label=label, choices=tuple(choices), updated_at=call.now)
        account.fields[new.custom_field_id] = new
    call.service.save()
    return Answer(body=document(new))


def delete_field(call: Call) -> Answer:
    """DELETE /contact_custom_fields/{id}: 204; everybody's value goes with it."""
    found = field_or_404(call.service, call.path["custom_field_id"])
    drop(call.service, found.custom_field_id)
    return Answer(204)


def drop(service: Service, field_id: str) -> int:
    """Delete one custom field and its values now; returns 1, or 0 if it was gone."""
    with service.account.lock:
        found = service.account.fields.pop(field_id, None)
    if found is None:
        return 0
    with service.store.write() as db:
        db.execute("DELETE FROM custom_values WHERE field_no = ?", [found.number])
    service.save()
    return 1
