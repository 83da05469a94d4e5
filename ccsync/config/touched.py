"""Which exports mean something else in one project than in another. Where that comes from is not known here."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import PurePosixPath

from ccsync.config.digest import meaning_of
from ccsync.core.spec import (
    CombinedSegment,
    Export,
    ExportName,
    Project,
    SegmentName,
    Source,
    SourceName,
    SourceType,
)


def touched_exports(now: Project, before: Project | None, changed_files: Iterable[str]) -> tuple[ExportName, ...]:
    """The exports to look at again, by name; those that are no longer declared included, those that have no connection
    (any more) not: they don't run.

    Both projects are loaded without resolving references; before: None when there was no sound one, which touches
    all. changed_files: relative to the config directory, with forward slashes; one that a source reads touches what
    uses the source. Exports on one list concern each other, so they are touched together.
    """
    if before is None or _shared(before) != _shared(now):
        return tuple(sorted({*now.exports, *(before.exports if before else ())} - {*now.detached}))
    files = tuple(changed_files)
    touched = {
        name
        for name in {*now.exports, *before.exports}
        if _meaning(now, name) != _meaning(before, name) or _reads_any(now, name, files)
    }
    places = {_place(project.exports[name]) for project in (now, before) for name in touched if name in project.exports}
    beside = {each.name for each in now.exports.values() if _place(each) in places}
    return tuple(sorted((touched | beside) - {*now.detached}))


_OF_NO_PLAN = ("name", "privacy_statement", "roles")
_BY_EXPORT = ("connections", "sources", "segments", "exports", "detached")


def _shared(project: Project) -> object:
    """What concerns the plan of every export, like where the state is."""
    names = (field.name for field in fields(Project) if field.name not in ("root", "digest", *_OF_NO_PLAN, *_BY_EXPORT))
    return {name: meaning_of(getattr(project, name)) for name in names}


def _place(export: Export) -> object:
    return export.connection, export.list.id, export.list.name


def _meaning(project: Project, name: ExportName) -> object:
    """The export with everything it is made of, without names of files; None when it isn't declared."""
    export = project.exports.get(name)
    if export is None:
        return None
    segments = sorted(_segments(project, export.segments))
    return meaning_of(
        [
            export,
            project.connections[export.connection],
            [project.segments[each] for each in segments],
            [project.sources[each] for each in _sources(project, segments)],
        ]
    )


def _segments(project: Project, names: Iterable[SegmentName]) -> set[SegmentName]:
    found: set[SegmentName] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            segment = project.segments[name]
            left += segment.operands if isinstance(segment, CombinedSegment) else ()
    return found


def _sources(project: Project, segments: Iterable[SegmentName]) -> list[SourceName]:
    found = (project.segments[name] for name in segments)
    return sorted({each.source for each in found if not isinstance(each, CombinedSegment)})


def _reads_any(project: Project, name: ExportName, files: tuple[str, ...]) -> bool:
    export = project.exports.get(name)
    if export is None or not files:
        return False
    sources = _sources(project, _segments(project, export.segments))
    starts = tuple(start for each in sources for start in _starts(project.sources[each]))
    return bool(starts) and any(file.startswith(starts) for file in files)


def _starts(source: Source) -> Iterator[str]:
    """How the names of its files begin: the part of its path before the first wildcard; rather too much than too
    little. A Common Data Model's data lie beside its manifest."""
    if not source.path or "://" in source.path or "${" in source.path:
        return
    path = PurePosixPath(os.path.normpath(source.path)).as_posix()
    if source.type is SourceType.CDM:
        path = PurePosixPath(path).parent.as_posix() + "/"
    yield path.partition("*")[0].partition("?")[0].partition("[")[0].removeprefix("./")
