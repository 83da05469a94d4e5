"""The request schemas and query parameters of every operation served, written down from the vendor's contract.

Source of every entry: Swagger "AppConnect V3" 3.0.178, its definitions of the same name. Known defects of that file are
corrected here: ``maxItems: 0`` on the membership and field-delete arrays is read as the limit that its text states.
Checking is in ``validate``; rules that a schema cannot say (mutually exclusive sources) are with the operations.
"""

from __future__ import annotations

from typing import Any

from ccsync.sandbox import limits

Fragment = dict[str, Any]  # Any: JSON Schema


def _text(longest: int | None = None, shortest: int | None = None, **more: Any) -> Fragment:  # Any: JSON Schema
    bounds = {"maxLength": longest, "minLength": shortest}
    return {"type": "string"} | {name: value for name, value in bounds.items() if value is not None} | more


def _object(properties: Fragment, *required: str) -> Fragment:
    return {"type": "object", "properties": properties, "required": list(required)}


def _ids(most: int | None = None, least: int | None = None) -> Fragment:
    out: Fragment = {"type": "array", "items": _text(format="uuid")}
    return out | ({} if most is None else {"maxItems": most}) | ({} if least is None else {"minItems": least})


def _list_of(items: Fragment, most: int) -> Fragment:
    return {"type": "array", "items": items, "maxItems": most}


INT: Fragment = {"type": "integer"}
BOOL: Fragment = {"type": "boolean"}
SOURCE_ACTOR = _text(enum=["Account", "Contact"])
PERMISSIONS = ["explicit", "implicit", "not_set", "pending_confirmation", "temp_hold", "unsubscribed"]
STATUSES = ["all", "active", "deleted", "not_set", "pending_confirmation", "temp_hold", "unsubscribed"]
FIELD_TYPES = [
    "string", "date", "datetime", "single_select", "multi_select", "currency", "text_area", "number", "boolean",
]  # fmt: skip
EXPORT_FIELDS = [
    "first_name", "last_name", "email_address", "email_lists", "phone_number", "company_name", "job_title",
    "social_profiles", "website", "notes", "street", "city", "state", "zip", "country", "anniversary", "birthday",
    "birthday_day", "birthday_month", "source_name", "created_at", "updated_at", "email_optin_source",
    "email_optin_date", "email_optout_source", "email_optout_date", "email_optout_reason", "sms_number",
    "sms_consent_date", "sms_status",
]  # fmt: skip

LIST_INPUT = _object({"name": _text(limits.LIST_NAME, 1), "favorite": BOOL, "description": _text()}, "name")

_METADATA = _object(
    {"display_type": _text(), "allow_negative": BOOL, "decimal_places": INT, "currency_code": _text(),
     "integer": BOOL, "display_format": _text()}
)  # fmt: skip
_CHOICE = _object({"choice_id": INT, "choice_label": _text(255, 1), "display_order": INT})
FIELD_POST = _object(
    {"label": _text(50, 1), "type": _text(20, enum=FIELD_TYPES), "metadata": _METADATA, "version": INT,
     "choices": _list_of(_object({"choice_label": _text(255, 1), "display_order": INT}, "choice_label"), 100)},
    "label", "type",
)  # fmt: skip
FIELD_PUT = _object({"label": _text(50, 1), "choices": _list_of(_CHOICE, 100)})

_CORE: Fragment = {
    "first_name": _text(50), "last_name": _text(50), "job_title": _text(50), "company_name": _text(50),
    "birthday_month": INT | {"minimum": 1, "maximum": 12}, "birthday_day": INT | {"minimum": 1, "maximum": 31},
    "anniversary": _text(10),
}  # fmt: skip
_VALUE = _object(
    {"custom_field_id": _text(format="uuid"), "value": _text(limits.CUSTOM_VALUE),
     "choice_ids": {"type": "array", "items": _text()}},
    "custom_field_id",
)  # fmt: skip
_PHONE = _object({"phone_number": _text(25), "kind": _text(enum=["home", "work", "mobile", "other"])})
_ADDRESS = _object(
    {"kind": _text(enum=["home", "work", "other"]), "street": _text(255), "city": _text(50), "state": _text(50),
     "postal_code": _text(50), "country": _text(50)},
    "kind",
)  # fmt: skip
_NOTE = _object({"note_id": _text(format="uuid"), "created_at": _text(format="date-time"), "content": _text(2000)})
_CONSENT = _object(
    {"sms_consent_permission": _text(), "consent_type": _text(), "consent_medium_details": _text()},
    "consent_type", "sms_consent_permission",
)  # fmt: skip
_SMS = _object(
    {"full_sms_address": _text(), "sms_channel_consents": {"type": "array", "items": _CONSENT}},
    "full_sms_address", "sms_channel_consents",
)  # fmt: skip
_SUBRESOURCES: Fragment = {
    "custom_fields": _list_of(_VALUE, limits.FIELDS_PER_CONTACT), "phone_numbers": _list_of(_PHONE, 3),
    "street_addresses": _list_of(_ADDRESS, 3), "list_memberships": _ids(limits.LISTS_PER_CONTACT),
    "taggings": _ids(limits.TAGS_PER_CONTACT), "notes": _list_of(_NOTE, 150), "sms_channel": _SMS,
}  # fmt: skip
_EMAIL = _object({"address": _text(limits.EMAIL), "permission_to_send": _text(enum=PERMISSIONS)}, "address")
_SYSTEM_DATE = _text(format="date-time")
_EMAIL_PUT = _object(
    _EMAIL["properties"]
    | {"created_at": _SYSTEM_DATE, "updated_at": _SYSTEM_DATE, "opt_in_date": _SYSTEM_DATE,
       "opt_out_date": _SYSTEM_DATE, "opt_in_source": _text(), "opt_out_source": _text(),
       "opt_out_reason": _text(255), "confirm_status": _text()},
    "address",
)  # fmt: skip
CONTACT_POST = _object(
    _CORE | _SUBRESOURCES | {"email_address": _EMAIL, "create_source": SOURCE_ACTOR}, "create_source"
)
CONTACT_PUT = _object(
    _CORE | _SUBRESOURCES | {"email_address": _EMAIL_PUT, "update_source": SOURCE_ACTOR}, "update_source"
)
_SIGN_UP_CONSENT = _object(
    {"sms_consent_permission": _text(), "consent_type": _text(), "consent_medium_type": _text(),
     "consent_medium_url": _text(), "consent_medium_details": _text(), "advertised_frequency": INT,
     "advertised_interval": _text()},
    "consent_medium_details", "consent_medium_type", "consent_medium_url", "consent_type", "sms_consent_permission",
)  # fmt: skip
SIGN_UP = _object(
    _CORE
    | {"anniversary": _text(), "email_address": _text(limits.IMPORT_EMAIL), "phone_number": _text(25),
       "list_memberships": _ids(limits.LISTS_PER_CONTACT, 1), "street_address": _ADDRESS,
       "custom_fields": _list_of(
           _object({"custom_field_id": _text(format="uuid"), "value": _text(limits.CUSTOM_VALUE)}), 50),
       "sms_channel": _object(
           {"sms_address": _text(), "dial_code": _text(), "country_code": _text(),
            "sms_channel_consents": {"type": "array", "items": _SIGN_UP_CONSENT}},
           "country_code", "dial_code", "sms_address", "sms_channel_consents")},
    "list_memberships",
)  # fmt: skip
RESUBSCRIBE = _object({"list_ids": _ids(limits.LISTS_PER_CONTACT)}, "list_ids")

TAG_POST = _object({"name": _text(255, 1), "tag_source": _text()}, "name")
TAG_PUT = _object({"name": _text(255, 1)}, "name")

_EXCLUDE = _object({"contact_ids": _ids()})
_CONTACT_IDS = _ids(limits.CONTACT_IDS_PER_ACTIVITY)
_LIST_IDS = _ids(limits.LISTS_PER_ACTIVITY)
_TAG_IDS = _ids(limits.TAGS_PER_ACTIVITY)
ADD_MEMBERSHIPS = _object(
    {"source": _object({"list_ids": _LIST_IDS, "all_active_contacts": BOOL, "contact_ids": _CONTACT_IDS,
                        "tag_ids": _TAG_IDS, "engagement_level": _text(), "segment_id": INT}),
     "exclude": _EXCLUDE, "list_ids": _LIST_IDS},
    "list_ids", "source",
)  # fmt: skip
REMOVE_MEMBERSHIPS = _object(
    {"source": _object({"list_ids": _LIST_IDS, "contact_ids": _CONTACT_IDS, "all_active_contacts": BOOL,
                        "engagement_level": _text(), "tag_ids": _TAG_IDS}),
     "exclude": _EXCLUDE, "list_ids": _LIST_IDS},
    "list_ids", "source",
)  # fmt: skip
TAGGINGS = _object(
    {"source": _object({"contact_ids": _CONTACT_IDS, "list_ids": _LIST_IDS, "tag_ids": _TAG_IDS,
                        "all_active_contacts": BOOL, "new_subscriber": BOOL}),
     "exclude": _EXCLUDE, "tag_ids": _TAG_IDS},
    "source", "tag_ids",
)  # fmt: skip
CONTACT_DELETE = _object({"contact_ids": _CONTACT_IDS, "list_ids": _LIST_IDS})
LIST_DELETE = _object({"list_ids": _ids(limits.LISTS_PER_DELETE)}, "list_ids")
FIELDS_DELETE = _object({"custom_field_ids": _ids(limits.FIELDS_PER_DELETE)}, "custom_field_ids")
TAGS_DELETE = _object({"tag_ids": _ids(limits.TAGS_PER_DELETE)}, "tag_ids")
EXPORT = _object(
    {"contact_ids": _CONTACT_IDS, "list_ids": _LIST_IDS, "tag_ids": _ids(limits.TAGS_PER_ACTIVITY),
     "new_subscriber": BOOL, "segment_id": INT, "fields": {"type": "array", "items": _text(enum=EXPORT_FIELDS)},
     "status": _text(enum=STATUSES), "exclude": _object({"contact_ids": _ids(limits.EXCLUDED_FROM_EXPORT)})}
)  # fmt: skip
JSON_IMPORT_REST = _object(
    {"list_ids": _ids(limits.LISTS_PER_ACTIVITY, 1), "sms_permission_to_send": _text(enum=["explicit", "not_set"])},
    "list_ids",
)  # fmt: skip

ACCOUNT_PUT = _object(
    {"contact_email": _text(), "contact_phone": _text(25), "country_code": _text(), "encoded_account_id": _text(),
     "first_name": _text(80), "last_name": _text(80), "organization_name": _text(), "organization_phone": _text(),
     "state_code": _text(), "time_zone_id": _text(), "website": _text()}
)  # fmt: skip

_CURSOR: Fragment = {"cursor": _text()}
_INCLUDE: Fragment = {
    "type": "csv",
    "items": _text(
        enum=["custom_fields", "list_memberships", "phone_numbers", "street_addresses", "taggings", "notes"]
    ),
}


def _limit(most: int) -> Fragment:
    return {"type": "integer", "minimum": 1, "maximum": most}


_MOMENT: Fragment = {"type": "date-time"}
CONTACTS_QUERY: Fragment = _CURSOR | {
    "status": {"type": "csv", "items": _text(enum=STATUSES)},
    "email": _text(),
    "lists": {"type": "csv", "items": _text(format="uuid"), "maxItems": limits.LISTS_PER_QUERY},
    "segment_id": _text(),
    "tags": {"type": "csv", "items": _text(format="uuid"), "maxItems": limits.TAGS_PER_QUERY},
    "updated_after": _MOMENT, "updated_before": _MOMENT, "created_after": _MOMENT, "created_before": _MOMENT,
    "optout_after": _MOMENT, "optout_before": _MOMENT, "include": _INCLUDE,
    "sms_status": {
        "type": "csv", "items": _text(enum=["all", "explicit", "unsubscribed", "pending_confirmation", "not_set"])},
    "include_count": BOOL, "limit": _limit(limits.PAGE_MAX),
}  # fmt: skip
CONTACT_QUERY: Fragment = {"include": _INCLUDE}
_MEMBERSHIP_COUNT = _text(enum=["all", "active"])
LISTS_QUERY: Fragment = _CURSOR | {
    "limit": _limit(1000), "include_count": BOOL, "include_membership_count": _MEMBERSHIP_COUNT, "name": _text(),
    "status": {"type": "csv", "items": _text(enum=["all", "active", "deleted"])},
    "channel_type": _text(enum=["email", "sms"]), "include_sms_membership_count": BOOL,
}  # fmt: skip
LIST_QUERY: Fragment = {"include_membership_count": _MEMBERSHIP_COUNT}
FIELDS_QUERY: Fragment = _CURSOR | {"limit": _limit(limits.FIELD_PAGE_MAX)}
TAGS_QUERY: Fragment = _CURSOR | {"limit": _limit(limits.PAGE_MAX), "include_count": BOOL}
TAG_QUERY: Fragment = {"include_count": BOOL}
XREFS_QUERY: Fragment = {
    "sequence_ids": {"type": "csv", "maxItems": limits.XREFS_PER_QUERY, "required": True, "items": _text()}
}
ACTIVITIES_QUERY: Fragment = _CURSOR | {
    "limit": _limit(limits.PAGE_MAX),
    "state": _text(enum=["processing", "completed", "cancelled", "failed", "timed_out"]),
}
COUNTS_QUERY: Fragment = {"include": _text(enum=["new_subscriber"])}
SUMMARY_QUERY: Fragment = {"extra_fields": {"type": "csv", "items": _text(enum=["physical_address", "company_logo"])}}
