"""References in string values: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, and `$${` for a plain `${`.

Which values may hold references, and which must, is decided in the schema and in `check.py`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ccsync.config.files import UnreadableError, read_file
from ccsync.config.yaml_core import decode

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}"
    r"|\$\{file:(?P<path>[^}]+)\}"
    r"|(?P<wrong>\$\{)"
)
_WHOLE_REFERENCE = re.compile(r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[^}]+)\}")


class MissingError(Exception):
    """A reference leads nowhere. The text says which, in words for the user, without any value."""


def has_reference(text: str) -> bool:
    return "${" in text


def is_malformed(text: str) -> bool:
    """Whether a `${` stands there that begins no reference."""
    return "${" in text and any(found["wrong"] for found in _REFERENCE.finditer(text))


def is_reference(text: str) -> bool:
    """Whether the text is one reference and nothing else: what a secret must be."""
    return _WHOLE_REFERENCE.fullmatch(text) is not None


def with_defaults(text: str) -> str:
    """The text with the defaults of its references filled in, other references left standing."""
    return _REFERENCE.sub(lambda found: found[0] if found["default"] is None else found["default"], text)


def replace_references(text: str, environ: Mapping[str, str], root: Path) -> str:
    """The text with its references replaced; files are relative to `root` and lose the line breaks at their end.

    Raises MissingError for the first variable that is not set or empty, or file that can't be read or is empty.
    """
    if "${" not in text:
        return text
    return _REFERENCE.sub(lambda found: _value(found, environ, root), text)


def _value(found: re.Match[str], environ: Mapping[str, str], root: Path) -> str:
    if found["escaped"]:
        return "${"
    if found["name"]:
        value = environ.get(found["name"], "") or found["default"]
        if not value and found["default"] is None:
            how = "is set but empty" if found["name"] in environ else "is not set"
            raise MissingError(f"the environment variable {found['name']} {how}")
        return value or ""
    if found["path"]:
        return _content(found["path"], root)
    return found[0]  # malformed: E107 has been said


def _content(path: str, root: Path) -> str:
    try:
        content = decode(read_file(root / path)).rstrip("\r\n")
    except UnreadableError as error:
        raise MissingError(f"the file {path} {error}") from error
    except UnicodeDecodeError:
        raise MissingError(f"the file {path} is not UTF-8 text") from None
    if not content:
        raise MissingError(f"the file {path} is empty")
    if "\0" in content:
        raise MissingError(f"the file {path} holds a NUL character")
    return content
