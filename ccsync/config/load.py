"""Files → project, or every diagnostic at once: the one entrance to this room. The steps are done by its neighbours."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ccsync.config.build import build, build_notifications
from ccsync.config.check import check
from ccsync.config.declared import Declared, merge
from ccsync.config.digest import digest_of
from ccsync.config.files import ConfigFile, UnreadableError, config_files, find_config_dir, read_file, shown_name
from ccsync.config.findings import check_schema
from ccsync.config.queries import read_queries
from ccsync.config.resolve import resolve_references
from ccsync.config.rules import check_rules
from ccsync.config.yaml_core import Document, parse
from ccsync.core.spec import Notification, Project
from ccsync.errors import Diagnostic, InvalidError, Severity, Where

__all__ = ["Loaded", "find_config_dir", "load_notifications", "load_project"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without errors. files: those read, as they are shown to the user, in order."""

    project: Project
    warnings: tuple[Diagnostic, ...]
    files: tuple[str, ...]


def load_project(
    config_dir: Path, *, environ: Mapping[str, str], resolve: bool, sections: Collection[str] | None = None
) -> Loaded:
    """Reads and checks every file below the config directory.

    resolve: replace references by what the environment and files say. Without it they are only looked at for their
    form and stay, so no secret is needed. sections: those whose references `resolve` replaces, None for all; who
    applies a saved plan needs no source, who plans offline no token. The digest is the same either way. Raises
    InvalidError with all errors and warnings, in the order of files and lines.
    """
    documents, declared, problems = _read(config_dir)
    for document in documents:
        problems += check_schema(document.data, document)
    problems += check(declared)
    queries, unread = read_queries(declared, config_dir, shown_name(config_dir, config_dir))
    problems += unread
    _stop_at_errors(problems)

    root = os.path.abspath(config_dir)  # noqa: PTH100 - Path.resolve would follow links
    project = build(declared, root, queries, {})
    digest = digest_of(project)
    if resolve:
        resolved, secrets, missing = resolve_references(declared, environ, config_dir, sections)
        changed = resolved.data != declared.data
        _stop_at_errors([*missing, *(_check_resolved(resolved) if changed else ()), *problems])
        project = build(resolved, root, queries, secrets)
    files = tuple(document.file for document in documents)
    return Loaded(replace(project, digest=digest), _sorted(problems), files)


def load_notifications(config_dir: Path, environ: Mapping[str, str]) -> Mapping[str, Notification]:
    """The declared notifications, with what their references lead to. One that leads nowhere gives no value, and keeps
    the others from nothing. For a configuration that was found right before."""
    _, declared, _ = _read(config_dir)
    resolved, secrets, _ = resolve_references(declared, environ, config_dir, ("notifications",))
    return build_notifications(resolved, secrets)


def _read(config_dir: Path) -> tuple[list[Document], Declared, list[Diagnostic]]:
    files, found = config_files(config_dir)
    problems = list(found)
    if not files:
        summary = f"no *.yaml file below {shown_name(config_dir, config_dir)}"
        hint = "start a project with `ccsync init`, or give its folder with -C"
        raise InvalidError(*_sorted([Diagnostic("E109", summary, hint=hint), *problems]))
    documents = []
    for file in files:
        document, said = _parse(file)
        problems += said
        if document is not None:
            documents.append(document)
    is_complete = len(documents) == len(files) and not _has_errors(found)
    declared, twice = merge(tuple(documents), complete=is_complete)
    return documents, declared, [*problems, *twice]


def _parse(file: ConfigFile) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    try:
        return parse(read_file(file.path), file.shown)
    except UnreadableError as error:
        return None, (Diagnostic("E100", f"the file {error}", where=Where(file.shown)),)


def _check_resolved(declared: Declared) -> Iterable[Diagnostic]:
    """What is wrong with values that only their references brought in."""
    yield from check_schema({"version": 1, **declared.data}, declared)
    yield from check_rules(declared)


def _has_errors(problems: Iterable[Diagnostic]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _stop_at_errors(problems: Iterable[Diagnostic]) -> None:
    found = _sorted(problems)
    if _has_errors(found):  # what is not used says nothing while something else is wrong
        raise InvalidError(*(problem for problem in found if problem.code not in ("W101", "W104")))


def _sorted(problems: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    def order(problem: Diagnostic) -> tuple[str, int, int, str]:
        where = problem.where or Where("")
        return where.file, where.line or 0, where.column or 0, problem.code

    return tuple(sorted(dict.fromkeys(problems), key=order))
