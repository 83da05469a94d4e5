"""How the text of a value becomes what a field takes: dates, numbers, words, choices. SQL text; run elsewhere.

Values are text already (`values.py`), without surrounding white space and never blank (`canonical.py`). Every format is
its own fixed point: what it gives, it leaves as it is. That is how `apply` tells whether a plan's values still fit.
"""

from collections.abc import Sequence

from ccsync.core.change import Unusable
from ccsync.core.fields import CHOICES_SEPARATOR, FieldSpec, Kind
from ccsync.core.key import SPACE
from ccsync.engine.canonical import filled_sql
from ccsync.engine.quote import literal

_DATE = r"[1-9]\d{3}-\d{1,2}-\d{1,2}|[1-9]\d{3}/\d{1,2}/\d{1,2}|\d{1,2}/\d{1,2}/[1-9]\d{3}|\d{1,2}-\d{1,2}-[1-9]\d{3}"
_DATE_FORMATS = "['%Y-%m-%d', '%Y/%m/%d', '%m/%d/%Y', '%m-%d-%Y']"
"""The spellings that the vendor takes for an anniversary. Source: openapi.yml 3.0.178, #/definitions/JsonImportContact.
Month before day, as there; what else a text may mean is not guessed."""
_ISO_DAY = r"[1-9]\d{3}-\d\d-\d\d"
_TIME = r"[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?"
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_NO_CHOICE = r"""[\s\[\]",;]*"""

_PARTS = {Kind.MONTH: "0?[1-9]|1[0-2]", Kind.DAY: "0?[1-9]|[12][0-9]|3[01]"}

WHY_NOT = {
    Kind.MONTH: Unusable.INVALID_NUMBER,
    Kind.DAY: Unusable.INVALID_NUMBER,
    Kind.DATE: Unusable.INVALID_DATE,
    Kind.MOMENT: Unusable.INVALID_DATE,
    Kind.NUMBER: Unusable.INVALID_NUMBER,
    Kind.BOOLEAN: Unusable.INVALID_BOOLEAN,
    Kind.CHOICE: Unusable.INVALID_CHOICE,
    Kind.CHOICES: Unusable.INVALID_CHOICE,
}
"""Why a value that has no format is unusable, by the kind of its field. Free text always has one."""


def given_sql(text: str, spec: FieldSpec) -> str:
    """SQL for the text that is to be formatted, NULL for none. An empty list of choices is none."""
    if spec.kind is Kind.CHOICES:
        return f"CASE WHEN NOT regexp_full_match({text}, {literal(_NO_CHOICE)}) THEN {filled_sql(text)} END"
    return filled_sql(text)


def format_sql(text: str, spec: FieldSpec, *, of_date: bool = False) -> str:
    """SQL for the text as the field takes it; NULL where it takes none like that. text: SQL that gives VARCHAR.

    of_date: the text is a date, of which the field is the month or the day.
    """
    match spec.kind:
        case Kind.TEXT:
            return text
        case Kind.MONTH | Kind.DAY if of_date:
            return f"CAST({spec.kind}({_date_sql(text)}) AS VARCHAR)"
        case Kind.MONTH | Kind.DAY:
            whole = f"regexp_full_match({text}, {literal(_PARTS[spec.kind])})"
            return f"CASE WHEN {whole} THEN ltrim({text}, '0') END"
        case Kind.DATE:
            return f"strftime({_date_sql(text)}, '%Y-%m-%d')"
        case Kind.MOMENT:
            return _moment_sql(text)
        case Kind.NUMBER:
            return _number_sql(text, spec)
        case Kind.BOOLEAN:
            yes, no = (", ".join(literal(word) for word in words) for words in (_TRUE, _FALSE))
            return f"CASE WHEN lower({text}) IN ({yes}) THEN 'true' WHEN lower({text}) IN ({no}) THEN 'false' END"
        case Kind.CHOICE:
            return _choice_sql(text, spec.choices)
        case Kind.CHOICES:
            return _choices_sql(text, spec.choices)


def why_sql(given: str, formatted: str, spec: FieldSpec) -> str | None:
    """SQL (BOOLEAN) for a value that has no format, to be told as WHY_NOT; None for a kind that takes everything."""
    return f"{given} IS NOT NULL AND {formatted} IS NULL" if spec.kind in WHY_NOT else None


def truncated_sql(text: str, spec: FieldSpec) -> str:
    """SQL for as much of free text as the field holds."""
    if spec.max_chars is None or spec.kind is not Kind.TEXT:
        return text
    return f"CASE WHEN {too_long_sql(text, spec)} THEN {filled_sql(f'left({text}, {spec.max_chars})')} ELSE {text} END"


def too_long_sql(text: str, spec: FieldSpec) -> str:
    """SQL (BOOLEAN) for a text that is longer than the field holds."""
    return f"(strlen({text}) > {spec.max_chars} AND length({text}) > {spec.max_chars})"  # bytes need no counting


def _date_sql(text: str) -> str:
    """A DATE. Of a moment, its day (in UTC where it was one): the text begins with it."""
    day = f"regexp_replace({text}, {literal(f'^({_ISO_DAY}){_TIME}$')}, {literal(chr(92) + '1')})"
    return (
        f"CASE WHEN regexp_full_match({text}, {literal(_ISO_DAY)}) THEN TRY_CAST({text} AS DATE)"
        f" WHEN regexp_full_match({text}, {literal(f'{_ISO_DAY}{_TIME}')}) THEN TRY_CAST({day} AS DATE)"
        f" WHEN regexp_full_match({text}, {literal(_DATE)})"
        f" THEN CAST(try_strptime({text}, {_DATE_FORMATS}) AS DATE) END"
    )


def _moment_sql(text: str) -> str:
    moment = f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return (
        f"CASE WHEN regexp_full_match({text}, {literal(f'{_ISO_DAY}(?:{_TIME})?')})"
        f" THEN strftime({moment}, '%Y-%m-%dT%H:%M:%SZ') END"
    )


def _number_sql(text: str, spec: FieldSpec) -> str:
    """Rounded, halves away from zero, to the decimals that the field keeps; no exponent, no zeros that say nothing."""
    number = f"TRY_CAST({text} AS DECIMAL(38, {spec.decimals}))"
    plain = f"CAST({number} AS VARCHAR)"
    if spec.decimals:
        plain = f"rtrim(rtrim({plain}, '0'), '.')"
    allowed = "" if spec.negative else f" AND {number} >= 0"
    return f"CASE WHEN regexp_full_match({text}, {literal(_NUMBER)}){allowed} THEN {plain} END"


def _choice_sql(text: str, choices: tuple[str, ...]) -> str:
    """The label as it stands there; else the one that differs in case only, spelled as the account does."""
    folded = [label.lower() for label in choices]
    alone = [label for label in choices if folded.count(label.lower()) == 1]
    exact = f"list_extract({_list(choices)}, list_position({_list(choices)}, {text}))"
    return f"COALESCE({exact}, list_extract({_list(alone)}, list_position({_list(alone, lower=True)}, lower({text}))))"


def _list(labels: Sequence[str], *, lower: bool = False) -> str:
    items = (f"lower({literal(label)})" if lower else literal(label) for label in labels)
    return f"[{', '.join(items)}]::VARCHAR[]"


def _choices_sql(text: str, choices: tuple[str, ...]) -> str:
    """The labels, each once, in an order of their own, so that equal sets are equal texts.

    A JSON list is read as one. In other text, unless all of it is one choice, they stand between commas where there are
    any, else between semicolons. A label that holds the separator can't be sent.
    """
    sendable = tuple(label for label in choices if CHOICES_SEPARATOR not in label)
    comma = literal(CHOICES_SEPARATOR)
    listed = f"(starts_with({text}, '[') AND json_valid({text}))"
    parts = (
        f"CASE WHEN {listed} THEN from_json(CASE WHEN {listed} THEN {text} END, '[\"VARCHAR\"]')"
        f" WHEN {_choice_sql(text, sendable)} IS NOT NULL THEN [{text}]"
        f" WHEN contains({text}, {comma}) THEN string_split({text}, {comma}) ELSE string_split({text}, ';') END"
    )
    filled = f"[trim(part, {literal(SPACE)}) FOR part IN {parts} IF trim(part, {literal(SPACE)}) <> '']"
    named = f"[{_choice_sql('word', sendable)} FOR word IN {filled}]"
    joined = f"array_to_string(list_sort(list_distinct({named})), {comma})"
    return f"CASE WHEN NOT list_contains([label IS NULL FOR label IN {named}], true) THEN nullif({joined}, '') END"
