"""The declarations with the references in string values replaced. What a reference looks like: `interpolate.py`."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ccsync.config.declared import Declared
from ccsync.config.declared import Path as Place
from ccsync.config.findings import name_of
from ccsync.config.interpolate import MissingError, replace_references
from ccsync.config.rules import NOTIFICATION_SECRETS, SECRET_KEYS, SECRET_OPTIONS
from ccsync.errors import Diagnostic

# Any: YAML data.

Secrets = dict[tuple[str, str], str]
"""(connection, source or notification, key) → the secret. Kept apart from the data, so that no check can come to show
one.

A key below a source's `options` is `options.KEY`.
"""


def resolve_references(
    declared: Declared, environ: Mapping[str, str], root: Path, sections: Collection[str] | None = None
) -> tuple[Declared, Secrets, tuple[Diagnostic, ...]]:
    """The declarations with other values, their secrets, and what is missing (E106), where its reference stands.

    sections: those to look at, None for all; the others stay as they are.
    """
    resolver = _Resolver(declared, environ, root)
    data = {
        section: entries if sections is not None and section not in sections else resolver.value((section,), entries)
        for section, entries in declared.data.items()
    }
    return declared.with_data(data), resolver.secrets, tuple(resolver.missing)


class _Resolver:
    def __init__(self, declared: Declared, environ: Mapping[str, str], root: Path) -> None:
        self.secrets: Secrets = {}
        self.missing: list[Diagnostic] = []
        self._declared = declared
        self._environ = environ
        self._root = root

    def value(self, path: Place, value: Any) -> Any:
        match value:
            case dict():
                return {key: self.value((*path, key), inner) for key, inner in value.items()}
            case list():
                return [self.value((*path, index), inner) for index, inner in enumerate(value)]
            case str() if "${" in value:
                return self._text(path, value)
            case _:
                return value

    def _text(self, path: Place, text: str) -> str:
        try:
            resolved = replace_references(text, self._environ, self._root)
        except MissingError as missing:
            hint = "set it, or use `ccsync validate`, which needs no environment and no secrets"
            where = self._declared.where(path)
            self.missing.append(Diagnostic("E106", f"`{name_of(path)}`: {missing}", hint=hint, where=where))
            return text
        if path[-1] in SECRET_KEYS or (path[0] == "notifications" and path[-1] in NOTIFICATION_SECRETS):
            self.secrets[str(path[1]), str(path[-1])] = resolved
            return text
        if path[0] == "sources" and len(path) > 2 and path[2] in SECRET_OPTIONS:
            self.secrets[str(path[1]), ".".join(map(str, path[2:]))] = resolved
            return text
        return resolved
