"""The environment variables that a project refers to, told by whether they hold secrets. Their values are not read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from ccsync.core.spec import Secret

_VARIABLE = re.compile(r"(?<!\$)\$\{env:([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Variables:
    """secrets: those that keys for secrets refer to. plain: the others. Sorted; no name is in both."""

    secrets: tuple[str, ...]
    plain: tuple[str, ...]


def variables_of(*declared: object) -> Variables:
    """Of connections, sources and the like, as they are before references are resolved."""
    secrets: set[str] = set()
    plain: set[str] = set()
    for text, secret in _texts(declared):
        (secrets if secret else plain).update(_VARIABLE.findall(text))
    return Variables(tuple(sorted(secrets)), tuple(sorted(plain - secrets)))


def _texts(value: object) -> Iterator[tuple[str, bool]]:
    match value:
        case str():
            yield value, False
        case Secret():
            yield value.reference, True
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case tuple() | list():
            for inner in value:
                yield from _texts(inner)
        case _ if is_dataclass(value) and not isinstance(value, type):
            for field in fields(value):
                yield from _texts(getattr(value, field.name))
        case _:
            return
