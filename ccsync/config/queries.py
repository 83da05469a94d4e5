"""The SQL files that segments and policy rules name. What the SQL does is for the engine to find out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccsync.config.build import Query
from ccsync.config.declared import Declared, suppressions
from ccsync.config.declared import Path as Place
from ccsync.config.files import UnreadableError, read_file
from ccsync.config.findings import name_of
from ccsync.config.interpolate import has_reference
from ccsync.config.yaml_core import decode
from ccsync.errors import Diagnostic

_STATEMENT = re.compile(r"(?:SELECT|FROM|WITH)\s", re.IGNORECASE)


def read_queries(declared: Declared, config_dir: Path, shown_dir: str) -> tuple[dict[Place, Query], list[Diagnostic]]:
    """Where SQL is asked for → the SQL of the file named there, and what is wrong with the others. Line breaks become
    \n."""
    queries: dict[Place, Query] = {}
    problems: list[Diagnostic] = []
    for place, key, entry in _askers(declared):
        query = entry.get(key)
        if not isinstance(query, str) or not (query := query.strip()):
            continue
        try:
            file = _file_of(query)
            if file is not None:
                queries[place] = Query(_sql(config_dir / file), (Path(shown_dir) / file).as_posix())
        except UnreadableError as error:
            path = (*place, key)
            hint = "the path is relative to the config directory"
            summary = f"`{name_of(path)}`: {error}"
            problems.append(Diagnostic("E120", summary, hint=hint, where=declared.where(path)))
    return queries, problems


def _askers(declared: Declared) -> Iterator[tuple[Place, str, dict[str, Any]]]:  # Any: YAML data
    """(place, key, what stands there) of what may have SQL: segments, policy rules, and sources of people who must not
    be sent."""
    for section, key in (("segments", "query"), ("policy", "sql")):
        for name, entry in declared.entries(section):
            yield (section, name), key, entry
    for name, connection in declared.entries("connections"):
        for place, entry in suppressions(name, connection):
            yield place, "query", entry


def _file_of(query: str) -> str | None:
    """The path, if `query` names a file; None when it is SQL itself, which never is a single word."""
    if query.lower().endswith(".sql") and "\n" not in query and not _STATEMENT.match(query):
        if has_reference(query):
            raise UnreadableError("the path of a query file can't hold references")
        return query
    if query.split() == [query]:
        raise UnreadableError("this is neither a path that ends with .sql nor a SQL query")
    return None


def _sql(path: Path) -> str:
    try:
        text = decode(read_file(path)).replace("\r\n", "\n").replace("\r", "\n")
    except UnreadableError as error:
        raise UnreadableError(f"the file {error}") from error
    except UnicodeDecodeError:
        raise UnreadableError("the file is not UTF-8 text") from None
    if not text.strip():
        raise UnreadableError("the file is empty")
    if "\0" in text:
        raise UnreadableError("the file holds a NUL character")
    return text.strip()
