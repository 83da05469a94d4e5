"""Rules about several declarations: names that lead somewhere, segments without cycles, no work done twice.

Rules within one declaration are in `rules.py`, the schema's in `findings.py`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ccsync.config.declared import Declared, Path, suppressions
from ccsync.config.findings import did_you_mean, name_of
from ccsync.config.listref import ListProblemError, parse_list_id
from ccsync.config.rules import check_rules, check_values
from ccsync.core.spec import SetOperation
from ccsync.errors import Diagnostic, Severity

# Any: YAML data, not checked yet. Data of a wrong shape are passed over: the schema has refused them.

_SHOWABLE = re.compile(r"[\w -]{1,63}")  # anything else may be more than a mistyped name

_ONE = {"connections": "connection", "sources": "source", "segments": "segment"}


def check(declared: Declared) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with the declarations beyond their shape, errors and warnings."""
    found = [*check_values(declared), *check_rules(declared), *_cycles(declared), *_same_work(declared)]
    if declared.complete:
        found += _unknown(declared)
        found += _unused(declared)
    found += _roles(declared)
    return tuple(dict.fromkeys(found))


def operands(segment: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """(path within the segment, name) of the segments that a combined segment is made of."""
    for operation in (SetOperation.ANY_OF, SetOperation.ALL_OF):
        yield from _names(segment.get(operation), (operation.value,))
    difference = segment.get(SetOperation.EXCEPT)
    if isinstance(difference, dict):
        if isinstance(difference.get("base"), str):
            yield ("except", "base"), difference["base"]
        yield from _names(difference.get("minus"), ("except", "minus"))


def _names(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    for index, name in enumerate(value if isinstance(value, list) else ()):
        if isinstance(name, str):
            yield (*path, index), name


def _uses(declared: Declared) -> Iterator[tuple[Path, str, str]]:
    """(path, section, name) of every place that names a connection, source or segment."""
    for name, segment in declared.entries("segments"):
        if isinstance(segment.get("source"), str):
            yield ("segments", name, "source"), "sources", segment["source"]
        for path, operand in operands(segment):
            yield ("segments", name, *path), "segments", operand
    for name, connection in declared.entries("connections"):
        for place, entry in suppressions(name, connection):
            if isinstance(entry.get("source"), str):
                yield (*place, "source"), "sources", entry["source"]
    for name, export in declared.entries("exports"):
        if isinstance(export.get("connection"), str):
            yield ("exports", name, "connection"), "connections", export["connection"]
        for path, segment_name in _names(export.get("segments"), ("segments",)):
            yield ("exports", name, *path), "segments", segment_name


def _unknown(declared: Declared) -> Iterator[Diagnostic]:
    for path, section, name in _uses(declared):
        known = declared.data[section]
        if name in known:
            continue
        hint = did_you_mean(name, known) or _elsewhere(declared, section, name)
        if hint is None:
            hint = f"declared are: {', '.join(sorted(known)[:10])}" if known else f"no {section} are declared"
        named = f" `{name}`" if _SHOWABLE.fullmatch(name) else ""
        summary = f"`{name_of(path)}` names an unknown {_ONE[section]}{named}"
        yield Diagnostic("E110", summary, hint=hint, where=declared.where(path))


def _elsewhere(declared: Declared, section: str, name: str) -> str | None:
    for other, one in _ONE.items():
        if other != section and name in declared.data[other]:
            return f"`{name}` is a {one}"
    return None


def _cycles(declared: Declared) -> Iterator[Diagnostic]:
    """One diagnostic a cycle, at the operand that closes it. Walks without recursion: chains may be long."""
    edges = {name: list(operands(segment)) for name, segment in declared.entries("segments")}
    done: set[str] = set()
    for start in edges:
        todo = [] if start in done else [(start, iter(edges[start]))]
        trail = {start: 0}  # name → how many are before it
        while todo:
            name, rest = todo[-1]
            for path, operand in rest:
                if operand in trail:
                    circle = [*list(trail)[trail[operand] :], operand]
                    shown = " → ".join(circle if len(circle) <= 8 else [*circle[:4], "…", *circle[-3:]])
                    where = declared.where(("segments", name, *path))
                    yield Diagnostic("E111", f"the segment `{operand}` is made of itself: {shown}", where=where)
                elif operand in edges and operand not in done:
                    trail[operand] = len(trail)
                    todo.append((operand, iter(edges[operand])))
                    break
            else:
                done.add(name)
                del trail[name]
                todo.pop()


def _same_work(declared: Declared) -> Iterator[Diagnostic]:
    """Two exports that put the same segment on the same list."""
    first: dict[tuple[str, str, str], str] = {}
    for name, export in declared.entries("exports"):
        target = _list_key(export.get("list"))
        connection = export.get("connection")
        if target is None or not isinstance(connection, str):
            continue
        for path, segment in _names(export.get("segments"), ("segments",)):
            other = first.setdefault((connection, target, segment), name)
            if other != name:
                summary = f"the exports `{other}` and `{name}` put the same segment `{segment}` on the same list"
                where = declared.where(("exports", name, *path))
                yield Diagnostic("E116", summary, hint="leave it to one of them", where=where)


def _list_key(target: Any) -> str | None:
    if isinstance(target, dict) and isinstance(target.get("name"), str):
        return f"name {target['name']}"
    identifier = target.get("id") if isinstance(target, dict) else target
    if not isinstance(identifier, str):
        return None
    try:
        return f"id {parse_list_id(identifier)}"
    except ListProblemError:
        return None


def _unused(declared: Declared) -> Iterator[Diagnostic]:
    if not declared.data["exports"]:
        summary = "no exports are declared, so there is nothing to do"
        yield Diagnostic("W104", summary, Severity.WARNING, hint="declare one under `exports:`")
        return
    used: dict[str, set[str]] = {section: set() for section in _ONE}
    for path, section, name in _uses(declared):
        if section != "segments" or path[0] == "exports":
            used[section].add(name)
    used["segments"] = _reached(declared, used["segments"])
    for section, one in _ONE.items():
        for name in sorted(set(declared.data[section]) - used[section]):
            where = declared.where((section, name), key=True)
            yield Diagnostic("W101", f"the {one} `{name}` is not used", Severity.WARNING, where=where)


def _reached(declared: Declared, names: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        segment = declared.data["segments"].get(name)
        if name not in reached and isinstance(segment, dict):
            todo += [operand for _, operand in operands(segment)]
        reached.add(name)
    return reached


def _roles(declared: Declared) -> Iterator[Diagnostic]:
    roles = declared.data["roles"]
    if roles and not roles.get("administrators"):
        summary = "`roles` names no administrators, so nobody can sign in or give consent"
        where = declared.where(("roles", next(iter(roles))), key=True)
        yield Diagnostic("W103", summary, Severity.WARNING, hint="add `administrators: […]`", where=where)
