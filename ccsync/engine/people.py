"""From rows as a source gives them to people: key, values, and why a row can't be used. SQL text; run elsewhere.

How one value is spelled is `formats.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ccsync.core.change import Filtered, Unusable
from ccsync.core.fields import BIRTHDAY, PHONE_KINDS, PHONES_MAX, FieldSpec, Kind
from ccsync.core.spec import Duplicates, Field, Keep, OnNull, OnTooLong
from ccsync.engine.canonical import key_sql, why_no_key_sql
from ccsync.engine.formats import WHY_NOT, format_sql, given_sql, too_long_sql, truncated_sql, why_sql
from ccsync.engine.quote import identifier, literal
from ccsync.ports.desired import Relation

EMAIL = "email"
"""What the address is called among the rows of a source, as they are asked for."""

CONSENT = "consent"
"""What the condition of `require` is called there: BOOLEAN, never NULL."""

UNUSABLE_ADDRESS_CHARS = 320  # longer than any address may be (RFC 3696); more of it helps nobody
NUL = "!nul:"
"""What `why` begins with, before the target, where a value is no reason to leave a row out but an error in the data."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A field as it is declared, and what its values must be."""

    field: Field
    spec: FieldSpec

    @property
    def target(self) -> str:
        return self.field.target

    @property
    def column(self) -> str:
        """The value as it is sent, as a quoted column."""
        return identifier(self.field.target)

    @property
    def given(self) -> str:
        """The value before it was formatted, as a quoted column; the same where nothing is to be formatted."""
        return identifier(f"given:{self.field.target}") if self.is_formatted else self.column

    @property
    def is_formatted(self) -> bool:
        return self.spec.kind is not Kind.TEXT or self.field.on_too_long is OnTooLong.TRUNCATE

    @property
    def formatted(self) -> str:
        """SQL of the value as it is sent, over `given`."""
        if self.spec.kind is Kind.TEXT:
            return truncated_sql(self.given, self.spec)
        return format_sql(self.given, self.spec, of_date=self.field.of_date)


def order_column(number: int) -> str:
    """What the columns of `duplicates.order_by` are called, counted from 0."""
    return f"order {number}"


def leaf_sql(rows: Relation, rules: Sequence[Rule], orders: int, condition: str, *, consent: bool = False) -> str:
    """SELECT of a leaf (key, raw, why, <field> VARCHAR per field, `order 0`, …) from the rows of a segment.

    rows: (email VARCHAR, fields VARCHAR, order columns of any type; with `consent`, a column of that name).
    condition: SQL over `key`. raw: the address where there is no key. why: NULL for a usable row, else why not.
    """
    order_by = [identifier(order_column(i)) for i in range(orders)]
    given = [f"{given_sql(identifier(rule.target), rule.spec)} AS {rule.given}" for rule in rules]
    asked = [EMAIL, *order_by, *([CONSENT] if consent else [])]
    source = f"SELECT {', '.join([*asked, f'{key_sql(EMAIL)} AS key', *given])} FROM {identifier(rows)}"
    formatted = [f"{rule.formatted} AS {rule.column}" for rule in rules if rule.is_formatted]
    if formatted:
        source = f"SELECT *, {', '.join(formatted)} FROM ({source})"
    if last := _fourth_phone(rules):
        source = f"SELECT * REPLACE (CASE WHEN NOT ({_all_phones(rules)}) THEN {last} END AS {last}) FROM ({source})"
    raw = f"CASE WHEN key IS NULL THEN left({EMAIL}, {UNUSABLE_ADDRESS_CHARS}) END AS raw"
    outer = ["key", raw, f"{_why_sql(rules, consent=consent)} AS why", *(rule.column for rule in rules), *order_by]
    return f"SELECT {', '.join(outer)} FROM ({source}) WHERE {condition}"


def keys_sql(rows: Relation) -> str:
    """SELECT of the keys (key VARCHAR) of rows with a column `email`: NULL where there is none, and as often as they
    occur. To filter here would work every key out twice; to tell repeats apart costs more than looking at them twice.
    """
    return f"SELECT {key_sql(EMAIL)} AS key FROM {identifier(rows)}"


def copies_sql(leaf: Relation, fields: Sequence[str], duplicates: Duplicates) -> str:
    """SELECT of the rows (number BIGINT, the leaf's rowid) that are a copy too many: all but the first, or all.

    Which one is first never depends on the order of the rows: what `order_by` leaves open is decided against a person
    who lacks consent in one of their rows, and then by the values. Only rows whose key's hash occurs twice are
    compared; the hash lives no longer than the query.
    """
    known = f"(why IS NULL OR why = {literal(Filtered.CONSENT_MISSING)}) AND key IS NOT NULL"
    hashes = f"SELECT hash(key) FROM {identifier(leaf)} WHERE {known} GROUP BY hash(key) HAVING count(*) > 1"
    order_by = [
        f"{identifier(order_column(i))} {'DESC' if by.descending else 'ASC'} NULLS LAST"
        for i, by in enumerate(duplicates.order_by)
    ]
    order_by += ["why ASC NULLS LAST", *(f"{identifier(field)} ASC NULLS LAST" for field in fields)]
    kept = 1 if duplicates.keep is Keep.FIRST else 0
    return (
        "SELECT number FROM ("
        "SELECT rowid AS number, count(*) OVER (PARTITION BY key) AS copies,"
        f" row_number() OVER (PARTITION BY key ORDER BY {', '.join([*order_by, 'rowid'])}) AS place"
        f" FROM {identifier(leaf)} WHERE {known} AND hash(key) IN ({hashes})"
        f") WHERE copies > 1 AND place > {kept}"
    )


def _why_sql(rules: Sequence[Rule], *, consent: bool) -> str:
    """Consent comes first: a row without it is not looked at any further."""
    cases = [f"WHEN NOT {CONSENT} THEN {literal(Filtered.CONSENT_MISSING)}"] if consent else []
    cases += [f"WHEN contains({rule.given}, chr(0)) THEN {literal(NUL + rule.target)}" for rule in rules]
    cases.append(f"WHEN key IS NULL THEN {why_no_key_sql(EMAIL)}")
    cases += [
        _because(f"{rule.given} IS NULL", Unusable.MISSING_VALUE, rule)
        for rule in rules
        if rule.field.on_null is OnNull.SKIP_ROW
    ]
    for rule in rules:
        if problem := why_sql(rule.given, rule.column, rule.spec):
            cases.append(_because(problem, WHY_NOT[rule.spec.kind], rule))
        if rule.spec.max_chars is not None:
            cases.append(_because(too_long_sql(rule.column, rule.spec), Unusable.FIELD_TOO_LONG, rule))
    if {rule.target for rule in rules} >= set(BIRTHDAY):
        month, day = (f"{identifier(part)} IS NULL" for part in BIRTHDAY)
        cases.append(f"WHEN ({month}) <> ({day}) THEN {literal(f'{Unusable.INVALID_DATE}:{BIRTHDAY[0]}')}")
    if _phones(rules) and not _fourth_phone(rules):
        cases.append(f"WHEN {_all_phones(rules)} THEN {literal(Unusable.TOO_MANY_PHONES)}")
    return f"CASE {' '.join(cases)} END"


def _because(problem: str, reason: Unusable, rule: Rule) -> str:
    return f"WHEN {problem} THEN {literal(f'{reason}:{rule.target}')}"


def _phones(rules: Sequence[Rule]) -> list[Rule]:
    """The phones of an export, if they are more than a contact can have."""
    phones = [rule for rule in rules if rule.target in PHONE_KINDS]
    return phones if len(phones) > PHONES_MAX else []


def _fourth_phone(rules: Sequence[Rule]) -> str | None:
    """The column of the phone that is left out where all are there, if there is one that may be."""
    may_go = [rule.column for rule in _phones(rules) if rule.field.on_too_long is OnTooLong.TRUNCATE]
    return may_go[-1] if may_go else None


def _all_phones(rules: Sequence[Rule]) -> str:
    return " AND ".join(f"{rule.column} IS NOT NULL" for rule in _phones(rules))
