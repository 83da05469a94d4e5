"""The rows of one table segment, in its isolated source, as an export wants them: an address, values, an order.

Column names and SQL of the user are checked and put together here; nothing is read yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import duckdb

from ccsync.core.spec import Column, Expression, Sql, TableSegment, Value
from ccsync.engine.quote import identifier, literal
from ccsync.engine.sources.isolated import IsolatedSource
from ccsync.engine.sources.tables import perhaps, spelled
from ccsync.engine.user_sql import RELATION, check_expression, check_query
from ccsync.engine.values import text_sql
from ccsync.errors import Diagnostic, InvalidError


class Form(Enum):
    """How a column is asked for: as the text that is sent; the same, with a list as a JSON list; as the source has it,
    to be compared; as a condition: true, or not (NULL is not true)."""

    TEXT = "text"
    LIST = "list"
    AS_IT_IS = "as it is"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Wish:
    """One column of a projection. name: what it is called there. what: whose it is, for messages."""

    name: str
    what: str
    expression: Expression
    form: Form = Form.TEXT


def project_rows(opened: IsolatedSource, segment: TableSegment, wishes: Sequence[Wish]) -> duckdb.DuckDBPyRelation:
    """A relation with one column a wish, bound but not run.

    Raises InvalidError with every problem: E402, E403 (SQL), E411 (columns), E412 (values that are no text).
    """
    rows, columns = rows_of(opened, segment)
    problems: list[Diagnostic] = []
    expressions: list[str] = []
    for wish in wishes:
        try:
            expressions.append(_expression(opened, rows, columns, wish))
        except InvalidError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise InvalidError(*problems)
    raw = ", ".join(f"{sql} AS {identifier(f'c{i}')}" for i, sql in enumerate(expressions))
    select = f"SELECT {raw} FROM {rows}"
    bound = _bind(opened, select, f"segment {segment.name}")
    if len(bound.columns) != len(wishes):
        raise InvalidError(_several([wish.what for wish in wishes if isinstance(wish.expression, Sql)]))
    texts = [_text(wish, f"c{i}", str(kind)) for i, (wish, kind) in enumerate(zip(wishes, bound.types, strict=True))]
    problems = [text for text in texts if isinstance(text, Diagnostic)]
    if problems:
        raise InvalidError(*problems)
    return _bind(opened, f"SELECT {', '.join(map(str, texts))} FROM ({select})", f"segment {segment.name}")


def rows_of(opened: IsolatedSource, segment: TableSegment) -> tuple[str, tuple[str, ...]]:
    """The segment's rows as SQL for a FROM clause, and their columns. Raises InvalidError (E402, E403)."""
    what = f"segment {segment.name}" + (f" ({segment.query_file})" if segment.query_file else "")
    if segment.query is not None:
        rows = f"({check_query(opened.connection, segment.query, what)}\n) AS {RELATION}"
        return rows, tuple(_bind(opened, f"SELECT * FROM {rows}", what).columns)
    if segment.where is None:
        return RELATION, opened.columns
    condition = check_expression(opened.connection, segment.where, f"the condition of {what}")
    rows = f"(SELECT * FROM {RELATION} WHERE {condition}) AS {RELATION}"
    _bind(opened, f"SELECT * FROM {rows}", f"the condition of {what}")
    return rows, opened.columns


def _expression(opened: IsolatedSource, rows: str, columns: tuple[str, ...], wish: Wish) -> str:
    match wish.expression:
        case Column(name):
            known = spelled(name, columns)
            if known is None:
                summary = f"{wish.what}: source {opened.name} has no column {name!r}"
                raise InvalidError(Diagnostic("E411", summary, hint=perhaps(name, columns)))
            return f"{RELATION}.{identifier(known)}"
        case Sql(text):
            checked = check_expression(opened.connection, text, wish.what)
            _bind(opened, f"SELECT 1 FROM {rows} WHERE ({checked}) IS NULL", wish.what)  # refuses aggregates, windows
            return checked
        case Value(text):
            return literal(text)


def _bind(opened: IsolatedSource, sql: str, what: str) -> duckdb.DuckDBPyRelation:
    try:
        return opened.connection.sql(sql)
    except duckdb.Error as error:
        problem = opened.complaint(error, what)
    raise problem


def _text(wish: Wish, column: str, kind: str) -> str | Diagnostic:
    name = identifier(wish.name)
    if wish.form is Form.AS_IT_IS:
        return f"{column} AS {name}"
    if wish.form is Form.CONDITION:
        return f"COALESCE({column}, false) AS {name}" if kind == "BOOLEAN" else _no_condition(wish, kind)
    if wish.form is Form.LIST and kind in ("VARCHAR[]", "JSON"):
        return f"to_json({column}) ->> '$' AS {name}"  # a list as JSON, a text as it is
    text = text_sql(column, kind)
    if text is None:
        return Diagnostic(
            "E412",
            f"{wish.what}: values of type {kind.partition('(')[0]} can't be sent",
            hint="pick one value out of it with `sql:`",
        )
    return f"{text} AS {name}"


def _no_condition(wish: Wish, kind: str) -> Diagnostic:
    return Diagnostic(
        "E403",
        f"{wish.what} is no condition: it gives {kind.partition('(')[0]}",
        hint="compare with something, like consent = 'yes'",
    )


def _several(whats: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "E403", f"{' or '.join(whats)} gives several columns", hint="name one column; no `*`, no COLUMNS()"
    )
