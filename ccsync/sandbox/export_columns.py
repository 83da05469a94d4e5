"""The columns of an export file: the headings of the web interface, and the SQL that fills them.

Whom a file holds is decided in ``exports``. The headings are those seen in real export files (FACTS 2.6 and public
scripts that read such files), which are labels for people, not names of the API; dates are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ccsync.sandbox.account import Account
from ccsync.sandbox.store import literal, quoted

_DATE = "'%Y-%m-%d %H:%M:%S'"
_STATUS = """CASE WHEN c.deleted_at IS NOT NULL THEN 'Deleted' ELSE CASE c.permission
    WHEN 'explicit' THEN 'Active' WHEN 'implicit' THEN 'Active' WHEN 'unsubscribed' THEN 'Unsubscribed'
    WHEN 'pending_confirmation' THEN 'Awaiting Confirmation' WHEN 'temp_hold' THEN 'Temporary Hold'
    ELSE 'Not Set' END END"""
_PERMISSION = """CASE c.permission WHEN 'explicit' THEN 'Express' WHEN 'implicit' THEN 'Implied'
    WHEN 'pending_confirmation' THEN 'Pending' WHEN 'unsubscribed' THEN 'Unsubscribed' ELSE 'None' END"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the API's name of the field, the heading in the file, the SQL over the joined tables."""

    field: str
    heading: str
    sql: str


def _date(column: str) -> str:
    return f"strftime(c.{column}, {_DATE})"


_PHONES = tuple(
    Column("phone_number", f"Phone - {kind}", f"phone.{kind}") for kind in ("home", "mobile", "other", "work")
)
_ADDRESSES = tuple(
    Column(field, f"{label} - {kind.capitalize()}", f"address.{part}_{kind}")
    for kind in ("home", "other", "work")
    for field, label, part in (
        ("street", "Street address line 1", "street"),
        ("city", "City", "city"),
        ("state", "State/Province", "state"),
        ("zip", "Zip/Postal Code", "postal_code"),
        ("country", "Country", "country"),
    )
)
_BIRTHDAY = "CASE WHEN c.birthday_month IS NOT NULL THEN format('{:02d}/{:02d}', c.birthday_month, c.birthday_day) END"

HEAD = (
    Column("email_address", "Email address", "c.email"),
    Column("first_name", "First name", "c.first_name"),
    Column("last_name", "Last name", "c.last_name"),
    Column("company_name", "Company", "c.company_name"),
    Column("job_title", "Job title", "c.job_title"),
    Column("email_address", "Email status", _STATUS),
    Column("email_address", "Email permission status", _PERMISSION),
    Column("email_address", "Email update source", "c.update_source"),
    Column("email_optin_date", "Confirmed Opt-In Date", _date("opt_in_date")),
    Column("email_optin_source", "Confirmed Opt-In Source", "c.opt_in_source"),
    Column("email_optout_date", "Confirmed Opt-Out Date", _date("opt_out_date")),
    Column("email_optout_source", "Confirmed Opt-Out Source", "c.opt_out_source"),
    Column("email_optout_reason", "Confirmed Opt-Out Reason", "c.opt_out_reason"),
)
TAIL = (
    Column("birthday", "Birthday", _BIRTHDAY),
    Column("birthday_day", "Birthday Day", "c.birthday_day"),
    Column("birthday_month", "Birthday Month", "c.birthday_month"),
    Column("anniversary", "Anniversary", "c.anniversary"),
    Column("sms_number", "SMS number", "c.sms_number"),
    Column("sms_consent_date", "SMS consent date", "c.sms_consent_date"),
    Column("sms_status", "SMS status", "c.sms_permission"),
    Column("website", "Website", "NULL"),
    Column("social_profiles", "Social profiles", "NULL"),
)
END = (
    Column("notes", "Notes", "note.text"),
    Column("", "Tags", "tagged.names"),
    Column("email_lists", "Email Lists", "in_lists.names"),
    Column("source_name", "Source Name", "'API'"),
    Column("created_at", "Created At", _date("created_at")),
    Column("updated_at", "Updated At", _date("updated_at")),
)
# Left out unless named, for an export of all fields does not show them (seen in real files).
ONLY_WHEN_NAMED = frozenset(
    {"birthday_day", "birthday_month", "website", "social_profiles", "sms_number", "sms_consent_date", "sms_status",
     "notes", "email_optin_date", "email_optin_source"}
)  # fmt: skip


def file_query(account: Account, fields: Sequence[str] | None, *, with_id: bool, sort: bool) -> str:
    """Write the query of a file over the temporary table ``exported(seq)``; ``fields`` None means all."""
    named = tuple(fields) if fields is not None else None
    chosen = [Column("contact_id", "Contact ID", "c.contact_id")] if with_id else []
    chosen += [one for one in (*HEAD, *_PHONES, *_ADDRESSES, *TAIL) if _wanted(one, named)]
    if named is None:
        chosen += [Column("custom", one.label, f"custom.v{one.number}") for one in list(account.fields.values())]
    chosen += [one for one in END if _wanted(one, named)]
    headings = _distinct([one.heading for one in chosen])
    cells = ", ".join(f"{one.sql} AS {quoted(heading)}" for one, heading in zip(chosen, headings, strict=True))
    order = " ORDER BY c.seq" if sort else ""
    joins = "".join(_joins(account, " ".join(one.sql for one in chosen)))
    return f"SELECT {cells} FROM exported e JOIN contacts c ON c.seq = e.seq{joins}{order}"


def _wanted(one: Column, named: tuple[str, ...] | None) -> bool:
    return one.field not in ONLY_WHEN_NAMED if named is None else one.field in named


def _distinct(headings: Sequence[str]) -> list[str]:
    # A custom field may carry the label of a standard one; SQL wants the column names apart.
    seen: dict[str, int] = {}
    out = []
    for heading in headings:
        key = heading.casefold()
        seen[key] = seen.get(key, 0) + 1
        out.append(heading if seen[key] == 1 else f"{heading} ({seen[key]})")
    return out


def _joins(account: Account, cells: str) -> list[str]:
    joins = []
    among = "seq IN (SELECT seq FROM exported)"
    if "phone." in cells:
        kinds = ", ".join(
            f"any_value(phone_number) FILTER (kind = '{k}') AS {k}" for k in ("home", "mobile", "other", "work")
        )
        joins.append(
            f" LEFT JOIN (SELECT seq, {kinds} FROM phones WHERE {among} GROUP BY seq) phone ON phone.seq = c.seq"
        )
    if "address." in cells:
        parts = ", ".join(
            f"any_value({part}) FILTER (kind = '{kind}') AS {part}_{kind}"
            for kind in ("home", "other", "work")
            for part in ("street", "city", "state", "postal_code", "country")
        )
        joins.append(
            f" LEFT JOIN (SELECT seq, {parts} FROM addresses WHERE {among} GROUP BY seq) address ON address.seq = c.seq"
        )
    if "custom." in cells:
        values = ", ".join(
            f"any_value(value) FILTER (field_no = {one.number}) AS v{one.number}"
            for one in list(account.fields.values())
        )
        joins.append(
            f" LEFT JOIN (SELECT seq, {values} FROM custom_values WHERE {among} GROUP BY seq) custom "
            f"ON custom.seq = c.seq"
        )
    if "note." in cells:
        joins.append(
            f" LEFT JOIN (SELECT seq, string_agg(content, chr(10) ORDER BY created_at) AS text FROM notes "
            f"WHERE {among} GROUP BY seq) note ON note.seq = c.seq"
        )
    if "tagged." in cells:
        joins.append(
            _names("tagged", "taggings", "tag_no", [(one.number, one.name) for one in list(account.tags.values())])
        )
    if "in_lists." in cells:
        joins.append(
            _names("in_lists", "memberships", "list_no", [(one.number, one.name) for one in account.active_lists()])
        )
    return joins


def _names(alias: str, table: str, column: str, names: Sequence[tuple[int, str]]) -> str:
    # A comma-joined list of names, as real files have it, ambiguous where a name holds a comma.
    pairs = ", ".join(f"({number}, {literal(name)})" for number, name in names) or "(NULL::INTEGER, NULL::VARCHAR)"
    return (
        f" LEFT JOIN (SELECT m.seq, string_agg(n.name, ', ' ORDER BY n.number) AS names FROM {table} m "
        f"JOIN (VALUES {pairs}) n(number, name) ON n.number = m.{column} "
        f"WHERE m.seq IN (SELECT seq FROM exported) GROUP BY m.seq) {alias} ON {alias}.seq = c.seq"
    )
