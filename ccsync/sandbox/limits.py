"""Every number the vendor documents, named once, with its source.

Only constants live here; what happens beyond a limit is decided where the limit is applied. ``SW`` is the vendor's
Swagger contract "AppConnect V3" 3.0.178, ``D/`` its definitions and ``P/`` its paths; ``DOC`` the developer guide.
"""

from __future__ import annotations

ROWS_PER_IMPORT = 40_000  # SW#P/activities/contacts_json_import; for files this counts lines, header included
CONTACT_IDS_PER_ACTIVITY = 500  # SW#D/ListActivityAddContacts, /ListActivityRemoveContacts, /ContactDelete
LISTS_PER_ACTIVITY = 50  # the same, and SW#D/ContactsJsonImport
LISTS_PER_DELETE = 100  # SW#D/ListIdList100
FIELDS_PER_DELETE = 100  # SW#D/CustomFieldId100
TAGS_PER_DELETE = 500  # SW#D/TagIdList500Limit
TAGS_PER_ACTIVITY = 50  # SW#D/TagAddRemoveContacts
EXCLUDED_FROM_EXPORT = 50  # SW#D/ContactsExport
QUEUED_ACTIVITIES = 1_000  # SW 429 text of every activity
ACTIVITY_HISTORY_DAYS = 10  # SW#D/Activities, DOC activity_status

LISTS_PER_ACCOUNT = 1_000  # DOC lists_overview (older edition)
LISTS_PER_CONTACT = 50  # SW#D/ContactResource
LIST_NAME = 255  # SW#D/ListInput
FIELDS_PER_ACCOUNT = 100  # SW#P/contact_custom_fields
FIELDS_PER_CONTACT = 25  # SW#D/ContactResource, SW#D/JsonImportContact
TAGS_PER_CONTACT = 50  # SW#D/ContactResource
CUSTOM_VALUE = 255  # SW#D/ContactCustomField

PAGE_DEFAULT = 50  # SW#P/contacts/get
PAGE_MAX = 500  # SW#P/contacts/get
FIELD_PAGE_MAX = 100  # SW#P/contact_custom_fields/get
LISTS_PER_QUERY = 25  # SW#P/contacts/get, parameter lists
TAGS_PER_QUERY = 50  # SW#P/contacts/get, parameter tags
XREFS_PER_QUERY = 500  # SW#P/contacts/contact_id_xrefs

EMAIL = 80  # SW#D/EmailAddress
IMPORT_EMAIL = 50  # SW#D/JsonImportContact, SW#D/ContactCreateOrUpdateInput
NEW_SUBSCRIBER_DAYS = 30  # SW#P/contacts/counts

ACCESS_TOKEN_S = 86_400  # staff answer, community post 402882
REFRESH_IDLE_DAYS = 180  # the same
AUTHORIZATION_CODE_S = 300  # staff answer: single use, about five minutes
DEVICE_CODE_S = 1_800  # not published; RFC 8628 leaves it to the server
DEVICE_INTERVAL_S = 5  # RFC 8628 default
TOKEN_CALLS_PER_SECOND = 1  # staff answer, FACTS 1.3
