"""From rows as a source gives them to people: key, values, and why a row can't be used. SQL text; run elsewhere."""

from collections.abc import Sequence

from ccsync.core.change import Unusable
from ccsync.core.fields import field_spec
from ccsync.core.spec import Duplicates, Keep
from ccsync.engine.canonical import filled_sql, key_sql, why_no_key_sql
from ccsync.engine.quote import identifier, literal
from ccsync.ports import Relation

EMAIL = "email"
"""What the address is called among the rows of a source, as they are asked for."""

UNUSABLE_ADDRESS_CHARS = 320  # longer than any address may be (RFC 3696); more of it helps nobody
NUL, NO_NUMBER = "!nul:", "!number:"
"""What `why` begins with, before the target, where a value is no reason to leave a row out but an error in the data."""

_NUMBERS = {"birthday_month": "0?[1-9]|1[0-2]", "birthday_day": "0?[1-9]|[12][0-9]|3[01]"}


def order_column(number: int) -> str:
    """What the columns of `duplicates.order_by` are called, counted from 0."""
    return f"order {number}"


def leaf_sql(rows: Relation, fields: Sequence[str], orders: int, condition: str) -> str:
    """SELECT of a leaf (key, raw, why, <field> VARCHAR per field, `order 0`, …) from the rows of a segment.

    rows: (email VARCHAR, fields VARCHAR, order columns of any type). condition: SQL over `key`. raw: the address where
    there is no key. why: NULL for a usable row, else why not.
    """
    columns = [identifier(field) for field in fields]
    order_by = [identifier(order_column(i)) for i in range(orders)]
    values = [f"{_value_sql(field)} AS {identifier(field)}" for field in fields]
    raw = f"CASE WHEN key IS NULL THEN left({EMAIL}, {UNUSABLE_ADDRESS_CHARS}) END AS raw"
    inner = ", ".join([EMAIL, f"{key_sql(EMAIL)} AS key", *values, *order_by])
    outer = ", ".join(["key", raw, f"{_why_sql(fields)} AS why", *columns, *order_by])
    return f"SELECT {outer} FROM (SELECT {inner} FROM {identifier(rows)}) WHERE {condition}"


def keys_sql(rows: Relation) -> str:
    """SELECT of the keys (key VARCHAR) of rows with a column `email`: NULL where there is none, and as often as they
    occur. To filter here would work every key out twice; to tell repeats apart costs more than looking at them twice.
    """
    return f"SELECT {key_sql(EMAIL)} AS key FROM {identifier(rows)}"


def copies_sql(leaf: Relation, fields: Sequence[str], duplicates: Duplicates) -> str:
    """SELECT of the rows (number BIGINT, the leaf's rowid) that are a copy too many: all but the first, or all.

    Which one is first never depends on the order of the rows: what `order_by` leaves open, the values decide. Only
    usable rows whose key's hash occurs twice are compared; the hash lives no longer than the query.
    """
    hashes = f"SELECT hash(key) FROM {identifier(leaf)} WHERE why IS NULL GROUP BY hash(key) HAVING count(*) > 1"
    order_by = [
        f"{identifier(order_column(i))} {'DESC' if by.descending else 'ASC'} NULLS LAST"
        for i, by in enumerate(duplicates.order_by)
    ]
    order_by += [f"{identifier(field)} ASC NULLS LAST" for field in fields]
    kept = 1 if duplicates.keep is Keep.FIRST else 0
    return (
        "SELECT number FROM ("
        "SELECT rowid AS number, count(*) OVER (PARTITION BY key) AS copies,"
        f" row_number() OVER (PARTITION BY key ORDER BY {', '.join([*order_by, 'rowid'])}) AS place"
        f" FROM {identifier(leaf)} WHERE why IS NULL AND hash(key) IN ({hashes})"
        f") WHERE copies > 1 AND place > {kept}"
    )


def _value_sql(field: str) -> str:
    filled = filled_sql(identifier(field))
    return f"ltrim({filled}, '0')" if field in _NUMBERS else filled


def _why_sql(fields: Sequence[str]) -> str:
    cases = [f"WHEN contains({identifier(field)}, chr(0)) THEN {literal(NUL + field)}" for field in fields]
    cases += [
        f"WHEN NOT regexp_full_match({identifier(field)}, {literal(_NUMBERS[field])}) THEN {literal(NO_NUMBER + field)}"
        for field in fields
        if field in _NUMBERS
    ]
    cases.append(f"WHEN key IS NULL THEN {why_no_key_sql(EMAIL)}")
    limits = [(identifier(field), field_spec(field).max_chars) for field in fields]
    too_long = [
        f"(strlen({column}) > {limit} AND length({column}) > {limit})"  # bytes first: they need no counting
        for column, limit in limits
        if limit is not None
    ]
    if too_long:
        cases.append(f"WHEN {' OR '.join(too_long)} THEN {literal(Unusable.FIELD_TOO_LONG)}")
    return f"CASE {' '.join(cases)} END"
