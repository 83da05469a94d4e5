"""The one way in which rows become people: parse, judge, collapse, match, write; all of it in SQL, never row by row.

Reading request bodies is ``upload``'s work; deciding when a merge happens is the activity queue's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from ccsync.sandbox import columns, limits
from ccsync.sandbox.store import literal, stamp


@dataclass(frozen=True, slots=True)
class Incoming:
    """Rows on their way in.

    ``relation`` is SQL that can stand behind FROM and gives text columns ``c0 … cN``, in the order of ``columns``
    (the names of the import: ``email``, ``first_name``, ``cf:NAME`` …). ``fields`` maps the ``cf:`` columns to the
    numbers of the custom fields; a column without a number is skipped.
    """

    relation: str
    columns: tuple[str, ...]
    fields: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    """SQL for whether a ``cf:`` column's field takes its cell, which stands there as ``{cell}``."""
    rejects: bool = False
    """Whether reading leaves unreadable lines in DuckDB's ``reject_errors``."""
    fallback: str | None = None
    """Another relation for the same rows, for a file that the first one gives up on."""


@dataclass(frozen=True, slots=True)
class MergeRules:
    """How to treat the rows: the switches that bear on an import, and what the caller is."""

    list_nos: tuple[int, ...] = ()
    empty_value: str = "ignore"
    bad_cf_value: str = "reject"
    dup_winner: str = "first"
    unsub_fields: str = "updated"
    role_address: str = "accept"
    non_ascii_address: str = "correctable"
    fifty_list_overflow: str = "skip_row"
    membership_bumps: bool = True
    email_max: int = limits.IMPORT_EMAIL
    max_rows: int | None = limits.ROWS_PER_IMPORT
    may_overflow_lists: bool = False
    everyone_joins: bool = False
    salt: int = 0


@dataclass(frozen=True, slots=True)
class MergeCounts:
    """What a merge did. ``rows`` are data rows read, good or bad; ``readded`` are people who had left a list."""

    rows: int = 0
    errors: int = 0
    correctable: int = 0
    cannot_add: int = 0
    created: int = 0
    updated: int = 0
    revived: int = 0
    joined: int = 0
    readded: int = 0


class MergeFailed(Exception):  # noqa: N818  an outcome of the vendor's, not a fault of ours
    """The whole import is refused by a rule; nothing was written."""


def merge(db: duckdb.DuckDBPyConnection, incoming: Incoming, rules: MergeRules, now: datetime) -> MergeCounts:
    """Merge rows into the people of the account. Additive: nobody leaves a list by it.

    Rules: an address is trimmed and lower-cased, rows of one address collapse, only supplied values change, new
    people are ``implicit`` by ``Account``, deleted people come back with their old fields, people who left a list
    are put back on it, the globally unsubscribed are not.
    Source: SW#P/activities/contacts_json_import, FACTS 2.2.
    """
    plan = _Columns(incoming, rules)
    total = _stage(db, plan, incoming, rules)
    scanned = rules.max_rows != 0  # DuckDB doesn't open a file of which no row is asked for
    unreadable = _unreadable(db) if incoming.rejects and scanned else 0
    _choose_winners(db, rules, by_phone=plan.has("sms_number"))
    skipped = _refuse_overflow(db, rules)
    moment = stamp(now)
    created = _insert_people(db, plan, rules, moment)
    revived = _count(db, "SELECT count(*) FROM winners WHERE was_deleted")
    updated = _update_people(db, plan, rules, moment)
    _write_values(db, plan, moment)
    _write_phones(db, plan, moment)
    _write_addresses(db, plan, moment)
    joined, readded = _join_lists(db, rules, moment)
    verdicts: dict[str, int] = dict(
        db.execute("SELECT verdict, count(*) FROM staged GROUP BY verdict ORDER BY verdict").fetchall()
    )
    cannot = _count(db, "SELECT count(*) FROM winners WHERE permission = 'unsubscribed'") if rules.list_nos else 0
    db.execute("DROP VIEW writable")
    for table in ("staged", "winners"):
        db.execute(f"DROP TABLE {table}")
    return MergeCounts(
        rows=total + unreadable, errors=verdicts.get("error", 0) + skipped + unreadable,
        correctable=verdicts.get("correctable", 0), cannot_add=cannot, created=created, updated=updated,
        revived=revived, joined=joined, readded=readded,
    )  # fmt: skip


class _Columns:
    """Which of the known columns this import has, as SQL over ``c0 … cN``."""

    def __init__(self, incoming: Incoming, rules: MergeRules) -> None:
        self._rules = rules
        self._checks = incoming.checks
        self._at = {name: f"c{at}" for at, name in enumerate(incoming.columns)}
        if "home country" in self._at:
            self._at["home_country"] = self._at["home country"]
        self.core = [name for name in columns.CORE_TEXT if name in self._at]
        self.birthday = [name for name in columns.BIRTHDAY if name in self._at]
        self.phones = sorted({columns.PHONE_KIND[name] for name in columns.PHONE_KIND if name in self._at})
        self.addresses = sorted(
            {kind for prefix, kind in columns.ADDRESS_KIND.items() for part in columns.ADDRESS_PART
             if prefix + part in self._at}
        )  # fmt: skip
        self.values = [
            (incoming.fields[name], self.custom_value(name)) for name in incoming.columns if name in incoming.fields
        ]
        self.checked = [name for name in incoming.columns if name != "lists"]

    def has(self, name: str) -> bool:
        return name in self._at

    def raw(self, name: str) -> str:
        """The value as sent, NULL where the import has no such column."""
        return self._at.get(name, "NULL::VARCHAR")

    def value(self, name: str) -> str:
        """The value that counts: NULL means leave alone, an empty string means clear."""
        if name not in self._at:
            return "NULL::VARCHAR"
        trimmed = f"trim({self._at[name]})"
        return trimmed if self._rules.empty_value == "clear" else f"nullif({trimmed}, '')"

    def bad(self, name: str) -> str | None:
        """SQL for a value that the custom field doesn't take; None for a field that takes any."""
        if name not in self._checks:
            return None
        cell = f"nullif(trim({self.raw(name)}), '')"
        return f"({cell} IS NOT NULL AND NOT coalesce({self._checks[name].replace('{cell}', cell)}, FALSE))"

    def custom_value(self, name: str) -> str:
        bad = self.bad(name)
        if bad is None or self._rules.bad_cf_value == "reject":
            return self.value(name)
        return f"CASE WHEN NOT {bad} THEN {self.value(name)} END"

    def first_of(self, names: Sequence[str]) -> str:
        """The first value that is there among columns that mean the same."""
        return "coalesce(" + ", ".join([self.value(name) for name in names] + ["NULL::VARCHAR"]) + ")"

    def phone(self, kind: str) -> str:
        return self.first_of([name for name, its in columns.PHONE_KIND.items() if its == kind and self.has(name)])

    def address(self, kind: str, part: str) -> str:
        prefixes = [prefix for prefix, its in columns.ADDRESS_KIND.items() if its == kind]
        if part != "street":
            return self.first_of([prefix + part for prefix in prefixes if self.has(prefix + part)])
        joined = [
            f"CASE WHEN {self.value(prefix + 'street')} IS NOT NULL OR {self.value(prefix + 'street2')} IS NOT NULL "
            f"THEN concat_ws(' ', {self.value(prefix + 'street')}, {self.value(prefix + 'street2')}) END"
            for prefix in prefixes
        ]
        return "coalesce(" + ", ".join(joined) + ")"


_PARTS = ("street", "city", "state", "zip", "country")


def _verdict(plan: _Columns, rules: MergeRules) -> str:
    # Correctable and other errors apart. Source: SW#D/ActivityImport.
    email = "lower(trim(" + plan.raw("email") + "))"
    there = f"nullif({email}, '') IS NOT NULL"
    pattern = literal(columns.address_pattern(rules.non_ascii_address))
    cases = [
        (f"NOT coalesce({there}, FALSE) AND nullif(trim({plan.raw('sms_number')}), '') IS NULL", "correctable"),
        (f"{there} AND length({email}) > {rules.email_max}", "correctable"),
        (
            f"{there} AND NOT regexp_full_match({email}, {pattern})",
            "correctable",
        ),
    ]
    if rules.role_address == "correctable":
        cases.append((f"{there} AND regexp_full_match({email}, {literal(columns.ROLE_ADDRESS)})", "correctable"))
    if plan.birthday:
        month, day = (f"nullif(trim({plan.raw(name)}), '')" for name in columns.BIRTHDAY)
        cases.append((f"({month} IS NULL) <> ({day} IS NULL)", "correctable"))
        for name, text in (("birthday_month", month), ("birthday_day", day)):
            bounds = f"coalesce(try_cast({text} AS INTEGER), 0) BETWEEN 1 AND {columns.BIRTHDAY[name]}"
            cases.append((f"{text} IS NOT NULL AND NOT ({bounds})", "correctable"))
    if plan.has("anniversary"):
        text = f"nullif(trim({plan.raw('anniversary')}), '')"
        formats = ", ".join(literal(one) for one in columns.ANNIVERSARY_FORMATS)
        cases.append((f"{text} IS NOT NULL AND try_strptime({text}, [{formats}]) IS NULL", "correctable"))
    for name in plan.checked:
        if name not in ("email", "anniversary", *columns.BIRTHDAY):
            cases.append((f"length({plan.raw(name)}) > {columns.max_length(name)}", "error"))
        if rules.bad_cf_value == "reject" and (bad := plan.bad(name)):
            cases.append((bad, "error"))
        if rules.empty_value == "reject" and name != "email":
            cases.append((f"{plan.raw(name)} = ''", "error"))
    return "CASE " + " ".join(f"WHEN {test} THEN '{verdict}'" for test, verdict in cases) + " ELSE 'ok' END"


def _stage(db: duckdb.DuckDBPyConnection, plan: _Columns, incoming: Incoming, rules: MergeRules) -> int:
    wanted = ["line", f"{_verdict(plan, rules)} AS verdict"]
    wanted.append(f"nullif(lower(trim({plan.raw('email')})), '') AS email")
    wanted.append(f"nullif(trim({plan.raw('sms_number')}), '') AS sms_number")
    wanted.append(f"nullif(trim({plan.raw('sms_consent_date')}), '') AS sms_consent_date")
    wanted.append(f"nullif(trim({plan.raw('permission_to_send')}), '') AS wanted_permission")
    wanted.append(f"try_cast(nullif(trim({plan.raw('created_at')}), '') AS TIMESTAMP) AS wanted_created_at")
    wanted.append(f"{plan.raw('lists')} AS lists")
    wanted += [f"{plan.value(name)} AS {name}" for name in plan.core]
    wanted += [f"try_cast({plan.value(name)} AS TINYINT) AS {name}" for name in plan.birthday]
    wanted += [f"{text} AS v{number}" for number, text in plan.values]
    wanted += [f"{plan.phone(kind)} AS phone_{kind}" for kind in plan.phones]
    wanted += [f"{plan.address(kind, part)} AS {part}_{kind}" for kind in plan.addresses for part in _PARTS]
    cut = "" if rules.max_rows is None else f" LIMIT {rules.max_rows}"
    cells = ", ".join(f"c{at}" for at in range(len(incoming.columns)))
    source = f"SELECT row_number() OVER () AS line, {cells} FROM {incoming.relation}{cut}"
    db.execute(f"CREATE OR REPLACE TEMP TABLE staged AS SELECT {', '.join(wanted)} FROM ({source})")
    return _count(db, "SELECT count(*) FROM staged")


def _unreadable(db: duckdb.DuckDBPyConnection) -> int:
    lines = _count(db, "SELECT count(DISTINCT line) FROM reject_errors")
    db.execute("DROP TABLE IF EXISTS reject_errors")
    db.execute("DROP TABLE IF EXISTS reject_scans")
    return lines


def _choose_winners(db: duckdb.DuckDBPyConnection, rules: MergeRules, *, by_phone: bool) -> None:
    # Which row of an address counts is found by its line; a new person's number is made from the line too. Both do
    # without a window function, which would cost more than all the rest.
    first_free = _count(db, "SELECT coalesce(max(seq), 0) FROM contacts")
    best = "min(line)" if rules.dup_winner == "first" else "max(line)"
    same = "c.email = s.email" if not by_phone else "coalesce(c.email, c.sms_number) = coalesce(s.email, s.sms_number)"
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE winners AS
        WITH best AS (
            SELECT {best} AS line FROM staged WHERE verdict = 'ok' GROUP BY coalesce(email, sms_number)
        )
        SELECT s.*, c.seq IS NULL AS is_new, coalesce(c.seq, {first_free} + s.line) AS seq,
            coalesce(c.permission::VARCHAR, s.wanted_permission, 'implicit') AS permission,
            coalesce(c.deleted_at IS NOT NULL, FALSE) AS was_deleted
        FROM staged s SEMI JOIN best ON best.line = s.line LEFT JOIN contacts c ON {same}"""
    )


def _refuse_overflow(db: duckdb.DuckDBPyConnection, rules: MergeRules) -> int:
    # At most 50 lists a contact; what an import does with the 51st is a switch.
    if not rules.may_overflow_lists or not rules.list_nos:
        return 0
    targets = ", ".join(str(number) for number in rules.list_nos)
    too_many = (
        f"SELECT w.seq FROM winners w JOIN memberships m ON m.seq = w.seq WHERE NOT w.was_deleted GROUP BY w.seq "
        f"HAVING count(*) FILTER (m.list_no NOT IN ({targets})) + {len(rules.list_nos)} > {limits.LISTS_PER_CONTACT}"
    )
    skipped = _count(db, f"SELECT count(*) FROM ({too_many})")
    if skipped and rules.fifty_list_overflow == "fail_job":
        raise MergeFailed("A contact can be a member of at most 50 lists.")
    db.execute(f"DELETE FROM winners WHERE seq IN ({too_many})")
    return skipped


def _insert_people(db: duckdb.DuckDBPyConnection, plan: _Columns, rules: MergeRules, moment: datetime) -> int:
    given = [*plan.core, *plan.birthday]
    named = "".join(f", {name}" for name in given)
    values = "".join(f", nullif({name}, '')" if name in plan.core else f", {name}" for name in given)
    db.execute(
        f"""INSERT INTO contacts (seq, contact_id, email, sms_number, sms_consent_date, permission, create_source,
            created_at, updated_at, email_created_at, email_updated_at, opt_in_source, opt_in_date,
            opt_out_source, opt_out_date, confirm_status{named})
        SELECT seq, md5({literal(str(rules.salt))} || ':' || seq || ':' || coalesce(email, sms_number))::UUID, email,
            sms_number, sms_consent_date, CASE WHEN email IS NOT NULL THEN permission END, 'Account',
            born, born, CASE WHEN email IS NOT NULL THEN born END, CASE WHEN email IS NOT NULL THEN born END,
            CASE WHEN email IS NOT NULL THEN 'Account' END, CASE WHEN email IS NOT NULL THEN born END,
            CASE WHEN permission = 'unsubscribed' THEN 'Contact' END,
            CASE WHEN permission = 'unsubscribed' THEN born END, 'off'{values}
        FROM (SELECT *, coalesce(wanted_created_at, $moment) AS born FROM winners) WHERE is_new ORDER BY seq""",
        {"moment": moment},
    )
    return _count(db, "SELECT count(*) FROM winners WHERE is_new")


def _update_people(db: duckdb.DuckDBPyConnection, plan: _Columns, rules: MergeRules, moment: datetime) -> int:
    given = [*plan.core, *plan.birthday]
    new = {
        name: f"CASE WHEN w.{name} IS NULL THEN contacts.{name} ELSE nullif(w.{name}, '') END"
        if name in plan.core
        else f"coalesce(w.{name}, contacts.{name})"
        for name in given
    }
    differs = " OR ".join(
        [f"contacts.{name} IS DISTINCT FROM ({expr})" for name, expr in new.items()] + ["w.was_deleted"]
    )
    among = " WHERE permission <> 'unsubscribed'" if rules.unsub_fields == "untouched" else ""
    db.execute(f"CREATE OR REPLACE TEMP VIEW writable AS SELECT * FROM winners{among}")
    sets = "".join(f", {name} = {expr}" for name, expr in new.items())
    if not _count(db, "SELECT count(*) FROM writable WHERE NOT is_new"):
        return 0
    return _count(
        db,
        f"""UPDATE contacts SET deleted_at = NULL, updated_at = $moment, update_source = 'Account'{sets}
        FROM writable w WHERE contacts.seq = w.seq AND NOT w.is_new AND ({differs})""",
        {"moment": moment},
    )


def _write_values(db: duckdb.DuckDBPyConnection, plan: _Columns, moment: datetime) -> None:
    if not plan.values:
        return
    parts = " UNION ALL ".join(
        f"SELECT seq, {number} AS field_no, v{number} AS value FROM writable WHERE v{number} IS NOT NULL"
        for number, _ in plan.values
    )
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE changed_values AS
        SELECT n.seq, n.field_no, n.value FROM ({parts}) n
        LEFT JOIN custom_values o ON o.seq = n.seq AND o.field_no = n.field_no
        WHERE coalesce(o.value, '') IS DISTINCT FROM n.value"""
    )
    db.execute("DELETE FROM custom_values o USING changed_values n WHERE o.seq = n.seq AND o.field_no = n.field_no")
    db.execute("INSERT INTO custom_values SELECT seq, field_no, value FROM changed_values WHERE value <> ''")
    db.execute(
        """UPDATE contacts SET updated_at = $moment, update_source = 'Account'
        FROM (SELECT DISTINCT seq FROM changed_values) n
        WHERE contacts.seq = n.seq AND contacts.created_at < $moment""",
        {"moment": moment},
    )
    db.execute("DROP TABLE changed_values")


def _write_phones(db: duckdb.DuckDBPyConnection, plan: _Columns, moment: datetime) -> None:
    for kind in plan.phones:
        db.execute(
            f"""DELETE FROM phones o USING writable n
            WHERE o.seq = n.seq AND o.kind = '{kind}' AND n.phone_{kind} IS NOT NULL"""
        )
        db.execute(
            f"""INSERT INTO phones SELECT seq, '{kind}', phone_{kind}, uuid(), $moment, $moment FROM writable w
            WHERE phone_{kind} <> '' AND (SELECT count(*) FROM phones p WHERE p.seq = w.seq) < 3""",
            {"moment": moment},
        )


def _write_addresses(db: duckdb.DuckDBPyConnection, plan: _Columns, moment: datetime) -> None:
    for kind in plan.addresses:
        there = " OR ".join(f"n.{part}_{kind} IS NOT NULL" for part in _PARTS)
        merged = ", ".join(
            f"CASE WHEN n.{part}_{kind} IS NULL THEN o.{old} ELSE nullif(n.{part}_{kind}, '') END AS {old}"
            for part, old in zip(_PARTS, ("street", "city", "state", "postal_code", "country"), strict=True)
        )
        db.execute(
            f"""CREATE OR REPLACE TEMP TABLE new_addresses AS
            SELECT n.seq, {merged}, coalesce(o.address_id, uuid()) AS address_id,
                coalesce(o.created_at, $moment) AS born_at
            FROM writable n LEFT JOIN addresses o ON o.seq = n.seq AND o.kind = '{kind}' WHERE {there}""",
            {"moment": moment},
        )
        db.execute(f"DELETE FROM addresses o USING new_addresses n WHERE o.seq = n.seq AND o.kind = '{kind}'")
        db.execute(
            f"""INSERT INTO addresses SELECT seq, '{kind}', street, city, state, postal_code, country, address_id,
                born_at, $moment FROM new_addresses""",
            {"moment": moment},
        )
        db.execute("DROP TABLE new_addresses")


def _join_lists(db: duckdb.DuckDBPyConnection, rules: MergeRules, moment: datetime) -> tuple[int, int]:
    joined = readded = 0
    allowed = "" if rules.everyone_joins else " WHERE w.permission <> 'unsubscribed'"
    for number in rules.list_nos:
        db.execute(
            f"""CREATE OR REPLACE TEMP TABLE joiners AS SELECT w.seq, w.is_new FROM winners w
            ANTI JOIN (SELECT seq FROM memberships WHERE list_no = {number}) m ON m.seq = w.seq{allowed}"""
        )
        joined += _count(db, f"INSERT INTO memberships SELECT {number}, seq FROM joiners ORDER BY seq")
        readded += _count(
            db,
            f"""UPDATE left_lists SET returned_at = $moment, returned_by = 'import' FROM joiners j
            WHERE left_lists.seq = j.seq AND list_no = {number} AND returned_at IS NULL""",
            {"moment": moment},
        )
        if rules.membership_bumps:
            db.execute(
                "UPDATE contacts SET updated_at = $moment FROM joiners j WHERE contacts.seq = j.seq AND NOT j.is_new",
                {"moment": moment},
            )
    return joined, readded


def _count(db: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object] | None = None) -> int:
    found = db.execute(sql, dict(parameters)) if parameters else db.execute(sql)
    row = found.fetchone()
    return int(row[0] or 0) if row else 0
