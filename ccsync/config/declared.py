"""All files of a configuration taken together: plain data by section and name, and the place of every value.

Nothing is checked here but that no name is declared twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ccsync.config.yaml_core import Document
from ccsync.errors import Diagnostic, Where

NAMED_SECTIONS = {
    "connections": "connection",
    "sources": "source",
    "segments": "segment",
    "exports": "export",
    "policy": "policy rule",
    "approvals": "approval",
    "notifications": "notification",
}
"""Section → what one entry of it is called."""

SECTIONS = ("workspace", "roles", *NAMED_SECTIONS)

Path = tuple[str | int, ...]
"""From the top of a file, like ("exports", "weekly", "segments", 0)."""


@dataclass(frozen=True, slots=True)
class Declared:
    """data: section → name → what stands there, whatever its type; sections that are no mapping are left out.

    complete: whether every file could be read; if not, a name that isn't here may still be declared.
    """

    data: dict[str, dict[str, Any]]  # Any: YAML data, not checked yet
    documents: dict[tuple[str, str], Document]
    complete: bool

    def where(self, path: Path, *, key: bool = False) -> Where | None:
        """The place of the value at `path`, or of its key. None for what no file declares."""
        document = self.documents.get((str(path[0]), str(path[1]))) if len(path) > 1 else None
        return document.where(path, key=key) if document else None

    def entries(self, section: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries of a section that are mappings, sorted by name."""
        for name in sorted(self.data[section]):
            entry = self.data[section][name]
            if isinstance(entry, dict):
                yield name, entry

    def with_data(self, data: dict[str, dict[str, Any]]) -> "Declared":
        """The same places with other data, as after the references were replaced."""
        return Declared(data, self.documents, self.complete)


def suppressions(connection: str, entry: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:  # Any: YAML data
    """The entries of a connection's `suppress` that are mappings, each with its place."""
    found = entry.get("suppress")
    for index, each in enumerate(found if isinstance(found, list) else ()):
        if isinstance(each, dict):
            yield ("connections", connection, "suppress", index), each


def merge(documents: tuple[Document, ...], *, complete: bool) -> tuple[Declared, tuple[Diagnostic, ...]]:
    """The sections of all files. Of a name that is declared twice the first stands, and a diagnostic names both."""
    data: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    owners: dict[tuple[str, str], Document] = {}
    twice: list[Diagnostic] = []
    for document in documents:
        for section, name in _names(document):
            first = owners.get((section, name))
            if first is None:
                owners[section, name] = document
                data[section][name] = document.data[section][name]
            else:
                twice.append(_twice(section, name, first, document))
    return Declared(data, owners, complete), tuple(twice)


def _names(document: Document) -> Iterator[tuple[str, str]]:
    if not isinstance(document.data, dict):
        return
    for section in SECTIONS:
        names = document.data.get(section)
        if isinstance(names, dict):
            yield from ((section, name) for name in names)


def _twice(section: str, name: str, first: Document, second: Document) -> Diagnostic:
    path = (section, name)
    what = f"the {NAMED_SECTIONS[section]} `{name}`" if section in NAMED_SECTIONS else f"`{section}.{name}`"
    return Diagnostic(
        "E102",
        f"{what} is declared here and at {first.where(path, key=True)}",
        hint="remove or rename one of them",
        where=second.where(path, key=True),
    )
