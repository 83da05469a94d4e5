"""What SQL a user may write, decided on its parse tree. The instance it runs in is made by `sources/isolated.py`.

The text must be one SELECT (or one expression) over the relation `source`, or over those of a plan: no other table,
view, file or table function, and no function that looks at the program around it. The instance it runs in holds nothing
else anyway; the two walls are independent.
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from ccsync.engine.complaints import first_line
from ccsync.errors import Diagnostic, InvalidError

RELATION = "source"

_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_REFERENCES = {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "PIVOT", "EMPTY"}
_TABLE_FUNCTIONS = {"unnest", "range", "generate_series", "json_each", "json_tree"}
_REFUSED_FUNCTIONS = {
    "current_setting",
    "getenv",
    "getvariable",
    "json_deserialize_sql",
    "json_serialize_plan",
    "json_serialize_sql",
    "nextval",
    "pg_sleep",
    "setseed",
    "setval",
    "sleep_ms",
    "write_log",
}

Tree = Any  # Any: a JSON document of DuckDB's own making


def check_query(
    connection: duckdb.DuckDBPyConnection, text: str, what: str, relations: tuple[str, ...] = (RELATION,)
) -> str:
    """The one SELECT in the text, without the semicolon behind it. Raises InvalidError (E402, E403).

    what: whose text it is, for messages. connection: any; it only parses. relations: those it may read, in lower case.
    """
    select = _without_semicolon(text)
    tree = _parse(connection, select, what)
    if len(tree["statements"]) != 1:
        raise _refused("E403", f"{what} holds {len(tree['statements'])} statements; it must be one SELECT")
    _check_tree(tree["statements"][0]["node"], what, relations)
    return select


def check_expression(connection: duckdb.DuckDBPyConnection, text: str, what: str) -> str:
    """The text, wrapped in parentheses, when it is one expression. Raises InvalidError (E402, E403)."""
    wrapped = f"({text}\n)"  # the line break ends a trailing comment
    for sql in (f"SELECT {text}\n", f"SELECT {wrapped}"):  # alone, so that it closes no parenthesis it did not open
        statements = _parse(connection, sql, what)["statements"]
        if len(statements) != 1 or not _is_bare(statements[0]["node"]):
            raise _refused("E403", f"{what} is not one expression")
        _check_tree(statements[0]["node"], what, (RELATION,))
    return wrapped


def _without_semicolon(text: str) -> str:
    """The text up to its first semicolon when nothing but comments and semicolons follows; else the text."""
    tokens = [(at, kind) for at, kind in duckdb.tokenize(text) if kind != duckdb.token_type.comment]
    raw = text.encode()  # positions count bytes
    ends = [at for at, kind in tokens if kind == duckdb.token_type.operator and raw[at : at + 1] == b";"]
    if ends and all(at in ends for at, _ in tokens if at >= ends[0]):
        return raw[: ends[0]].decode()
    return text


def _parse(connection: duckdb.DuckDBPyConnection, sql: str, what: str) -> Tree:
    try:
        ((text,),) = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [sql]).fetchall()
    except duckdb.Error as error:
        raise _refused("E402", f"{what} is no SQL that DuckDB can read: {type(error).__name__}") from None
    tree = json.loads(text)
    if not tree["error"]:
        return tree
    if tree["error_type"] == "not implemented":
        raise _refused("E403", f"{what} is not a SELECT")
    raise _refused("E402", f"{what}: {first_line(tree['error_message'])}")


def _is_bare(node: Tree) -> bool:
    """Whether a tree is `SELECT expression` and nothing more: one column, no table, condition, grouping or order."""
    return (
        node["type"] == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not node["select_list"][0]["alias"]
        and not node["cte_map"]["map"]
        and not any(
            node[part]
            for part in (
                "modifiers",
                "where_clause",
                "group_expressions",
                "group_sets",
                "having",
                "sample",
                "qualify",
            )
        )
    )


def _check_tree(tree: Tree, what: str, relations: tuple[str, ...]) -> None:
    """Raises InvalidError (E403) with everything in the tree that a user's SQL may not do."""
    objects = list(_objects(tree))
    ctes = {entry["key"].lower() for part in objects for entry in _cte_entries(part)}
    found = [f"names the common table expression {name}" for name in sorted(ctes) if _is_system_name(name)]
    found += [problem for part in objects if (problem := _problem(part, ctes, relations)) is not None]
    if found:
        diagnostics = [_diagnostic("E403", f"{what} {problem}", relations) for problem in dict.fromkeys(found)]
        raise InvalidError(*diagnostics)


def _cte_entries(part: Tree) -> list[Tree]:
    cte_map = part.get("cte_map")
    return list(cte_map["map"]) if isinstance(cte_map, dict) else []


def _is_system_name(name: str) -> bool:
    """Names under which a view of DuckDB's own could be meant outside of the part where the name is the user's."""
    return name.startswith(("duckdb_", "pragma_", "sqlite_", "pg_", "information_schema"))


def _problem(part: Tree, ctes: set[str], relations: tuple[str, ...]) -> str | None:
    kind = str(part.get("type", ""))
    if kind == "BASE_TABLE":
        return _table_problem(part, ctes, relations)
    if kind == "TABLE_FUNCTION":
        name = str(part["function"]["function_name"]).lower()
        return None if name in _TABLE_FUNCTIONS else f"calls {name}(); it may read {_named(relations)} only"
    if "function_name" in part and str(part["function_name"]).lower() in _REFUSED_FUNCTIONS:
        return f"calls {part['function_name']}(), which is not allowed"
    if part.get("class") == "PARAMETER":
        return "holds a parameter (`?` or `$1`), which has no value here"
    if kind.endswith("_NODE") and kind not in _NODES:
        return "is not a SELECT"
    if _is_reference(part) and kind not in _REFERENCES:
        return f"uses {kind}; it may read {_named(relations)} only"
    return None


def _table_problem(part: Tree, ctes: set[str], relations: tuple[str, ...]) -> str | None:
    name = str(part["table_name"])
    if part["schema_name"] or part["catalog_name"]:
        return f"reads a table of another schema; it may read {_named(relations)} only"
    if name.lower() in relations or name.lower() in ctes:
        return None
    return f"reads another table than {_named(relations)}"


def _named(relations: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in relations)


def _is_reference(part: Tree) -> bool:
    """Table references are the objects with a type, an alias and a sample, but no class (expressions have one)."""
    return "type" in part and "sample" in part and "alias" in part and "class" not in part


def _objects(tree: Tree) -> Iterator[dict[str, Tree]]:
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            yield part
            stack.extend(reversed(part.values()))
        elif isinstance(part, list):
            stack.extend(reversed(part))


def _refused(code: str, summary: str) -> InvalidError:
    return InvalidError(_diagnostic(code, summary))


def _diagnostic(code: str, summary: str, relations: tuple[str, ...] = (RELATION,)) -> Diagnostic:
    if relations != (RELATION,):
        return Diagnostic(code, summary, hint=f"write one SELECT over the relations {_named(relations)}")
    hint = f"write one SELECT, or one expression, over the relation `{RELATION}`"
    return Diagnostic(code, summary, hint=hint)
