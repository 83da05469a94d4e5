"""The table of what the API serves: method, path, handler, scope, rights, and the schemas of what comes in.

Source of scopes and rights: the security blocks and ``x-authorization-privileges`` of the contract's operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ccsync.sandbox import (
    activity_calls,
    bulk,
    contact_writes,
    contacts,
    contract,
    exports,
    fields,
    imports,
    lists,
    owner,
    tags,
)
from ccsync.sandbox.service import Answer, Call
from ccsync.sandbox.validate import Schema

Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``body`` None means that the handler reads the body itself, if there is one."""

    method: str
    path: str
    handler: Handler
    privileges: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("contact_data",)
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None

    @property
    def name(self) -> str:
        """How the operation is called in the log and the statistics."""
        return f"{self.method} {self.path}"


_READ, _WRITE = ("contacts:read",), ("contacts:write",)
_LISTS_READ, _LISTS_WRITE = ("contacts:lists:read",), ("contacts:lists:write",)


def _activity(name: str, handler: Handler, body: Schema | None) -> Operation:
    return Operation("POST", f"/activities/{name}", handler, _WRITE, body=body)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/account/summary", owner.get_summary, ("account:read",), ("account_read",),
              contract.SUMMARY_QUERY),
    Operation("PUT", "/account/summary", owner.put_summary, ("account:update",), ("account_update",),
              body=contract.ACCOUNT_PUT),
    Operation("GET", "/account/user/privileges", owner.get_privileges, (), ()),
    Operation("GET", "/contact_lists", lists.get_lists, _LISTS_READ, query=contract.LISTS_QUERY),
    Operation("POST", "/contact_lists", lists.post_list, _LISTS_WRITE, body=contract.LIST_INPUT),
    Operation("GET", "/contact_lists/list_id_xrefs", lists.get_xrefs, _LISTS_READ, query=contract.XREFS_QUERY),
    Operation("GET", "/contact_lists/{list_id}", lists.get_list, _LISTS_READ, query=contract.LIST_QUERY),
    Operation("PUT", "/contact_lists/{list_id}", lists.put_list, _LISTS_WRITE, body=contract.LIST_INPUT),
    Operation("DELETE", "/contact_lists/{list_id}", lists.delete_list, _LISTS_WRITE),
    Operation("GET", "/contact_custom_fields", fields.get_fields, _READ, query=contract.FIELDS_QUERY),
    Operation("POST", "/contact_custom_fields", fields.post_field, _WRITE, body=contract.FIELD_POST),
    Operation("GET", "/contact_custom_fields/{custom_field_id}", fields.get_field, _READ),
    Operation("PUT", "/contact_custom_fields/{custom_field_id}", fields.put_field, _WRITE, body=contract.FIELD_PUT),
    Operation("DELETE", "/contact_custom_fields/{custom_field_id}", fields.delete_field, _WRITE),
    Operation("GET", "/contacts", contacts.get_contacts, _READ, query=contract.CONTACTS_QUERY),
    Operation("GET", "/contacts/counts", contacts.get_counts, _READ, query=contract.COUNTS_QUERY),
    Operation("GET", "/contacts/contact_id_xrefs", contacts.get_xrefs, _READ, query=contract.XREFS_QUERY),
    Operation("GET", "/contacts/{contact_id}", contacts.get_contact, _READ, query=contract.CONTACT_QUERY),
    Operation("POST", "/contacts", contact_writes.post_contact, _WRITE, body=contract.CONTACT_POST),
    Operation("PUT", "/contacts/{contact_id}", contact_writes.put_contact, _WRITE, body=contract.CONTACT_PUT),
    Operation("DELETE", "/contacts/{contact_id}", contact_writes.delete_contact, _WRITE),
    Operation("POST", "/contacts/sign_up_form", contact_writes.sign_up, _WRITE, body=contract.SIGN_UP),
    Operation("PUT", "/contacts/resubscribe/{contact_id}", contact_writes.resubscribe, _WRITE,
              body=contract.RESUBSCRIBE),
    Operation("GET", "/contact_tags", tags.get_tags, _READ, query=contract.TAGS_QUERY),
    Operation("POST", "/contact_tags", tags.post_tag, _WRITE, body=contract.TAG_POST),
    Operation("GET", "/contact_tags/{tag_id}", tags.get_tag, _READ, query=contract.TAG_QUERY),
    Operation("PUT", "/contact_tags/{tag_id}", tags.put_tag, _WRITE, body=contract.TAG_PUT),
    Operation("DELETE", "/contact_tags/{tag_id}", tags.delete_tag, _WRITE),
    Operation("GET", "/activities", activity_calls.get_activities, _WRITE, query=contract.ACTIVITIES_QUERY),
    Operation("GET", "/activities/{activity_id}", activity_calls.get_activity, _WRITE),
    _activity("contacts_json_import", imports.json_import, None),
    _activity("contacts_file_import", imports.file_import, None),
    _activity("add_list_memberships", bulk.add_memberships, contract.ADD_MEMBERSHIPS),
    _activity("remove_list_memberships", bulk.remove_memberships, contract.REMOVE_MEMBERSHIPS),
    _activity("contact_delete", bulk.contact_delete, contract.CONTACT_DELETE),
    _activity("list_delete", bulk.list_delete, contract.LIST_DELETE),
    _activity("custom_fields_delete", bulk.fields_delete, contract.FIELDS_DELETE),
    _activity("contacts_taggings_add", tags.taggings_add, contract.TAGGINGS),
    _activity("contacts_taggings_remove", tags.taggings_remove, contract.TAGGINGS),
    _activity("contacts_tags_delete", tags.tags_delete, contract.TAGS_DELETE),
    _activity("contact_exports", exports.export, contract.EXPORT),
    Operation("GET", "/contact_exports/{file_export_id}", exports.get_export, _WRITE),
    # The contract's sample link to a result is spelled this way, and so are ours. FACTS 2.6.
    Operation("GET", "/contacts_exports/{file_export_id}", exports.get_export, _WRITE),
)  # fmt: skip

MULTIPART = frozenset({"POST /activities/contacts_file_import"})
"""Operations that take a form instead of JSON."""

MEDIA_415 = frozenset({"POST /contacts", "POST /contact_custom_fields", *MULTIPART})
"""Operations whose contract names 415 for a wrong content type; the others answer 400."""
