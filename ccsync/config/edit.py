"""Changes keys of one declaration in its file, leaving every other byte as it is. What may be declared is not known
here: the file is read again afterwards, and must say what it said but for these keys.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ccsync.config.files import ConfigFile, config_files, read_file
from ccsync.config.yaml_core import Document, parse, scalar
from ccsync.errors import Diagnostic, InvalidError, StorageError, Where

Scalar = str | bool
Values = Mapping[str, Scalar | Mapping[str, Scalar]]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.@+-]*")


@dataclass(frozen=True, slots=True)
class _Patch:
    """text stands in place of what is from start to end."""

    start: int
    end: int
    text: str


def set_keys(config_dir: Path, section: str, name: str, values: Values) -> Where:
    """Writes keys of the declaration `section.name` into the file that holds it, and returns the place of the first.

    Comments, order and spelling of everything else stay. values: scalars, or a mapping of scalars whose other keys
    stay. Raises InvalidError (E221) when the file can't be edited safely, StorageError (E713) when it can't be written;
    then it is as it was.
    """
    file, before = _holder(config_dir, section, name)
    raw = read_file(file.path)
    bom = raw[:3] if raw.startswith(b"\xef\xbb\xbf") else b""
    text = raw[len(bom) :].decode()
    refusal = _cannot(file, section, name, values)
    try:
        patches = list(_patches(_entry(text, section, name), values, text))
    except _UnsafeError as unsafe:
        raise refusal from unsafe
    changed = bom + _patched(text, patches).encode()
    after, problems = parse(changed, file.shown)
    if problems or after is None or after.data != _expected(before.data, section, name, values):
        raise refusal
    _replace(file.path.resolve(), changed, file.shown)
    return after.where((section, name, next(iter(values))), key=True)


def _holder(config_dir: Path, section: str, name: str) -> tuple[ConfigFile, Document]:
    files, _ = config_files(config_dir)
    for file in files:
        document, _ = parse(read_file(file.path), file.shown)
        if document is not None and isinstance(document.data, dict) and name in (document.data.get(section) or {}):
            return file, document
    raise InvalidError(Diagnostic("E110", f"no file declares {section}.{name}"))


class _UnsafeError(Exception):
    """What is there isn't written in a way that can be changed in place."""


def _entry(text: str, section: str, name: str) -> yaml.MappingNode:
    """The node of one declaration. Composed by PyYAML, which knows where each node begins and ends."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in (section, name):
        node = _value(_mapping(node), key)
    return _mapping(node)


def _mapping(node: yaml.Node | None) -> yaml.MappingNode:
    if not isinstance(node, yaml.MappingNode):
        raise _UnsafeError
    return node


def _value(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    """The value of a key; None when it isn't there. Raises for one that an alias brings in from elsewhere."""
    for key_node, value in mapping.value:
        if key_node.value == key:
            if value.start_mark.index < key_node.end_mark.index:
                raise _UnsafeError
            return value  # type: ignore[no-any-return]  # PyYAML's lists are not typed
    return None


def _patches(mapping: yaml.MappingNode, values: Values, text: str) -> Iterator[_Patch]:
    missing: list[str] = []
    for key, value in values.items():
        node = _value(mapping, key)
        if node is None:
            missing.append(f"{key}: {_written(value)}")
        elif isinstance(node, yaml.ScalarNode):
            yield _in_place(node, value)
        elif isinstance(value, Mapping):
            yield from _patches(_mapping(node), value, text)
        else:
            raise _UnsafeError
    if missing:
        yield _added(mapping, missing, text)


def _in_place(node: yaml.ScalarNode, value: Scalar | Mapping[str, Scalar]) -> _Patch:
    if node.style in ("|", ">"):
        raise _UnsafeError
    start, end = node.start_mark.index, node.end_mark.index
    blank = " " if start == end else ""  # `consent:` with nothing after it
    return _Patch(start, end, blank + _written(value))


def _added(mapping: yaml.MappingNode, entries: Sequence[str], text: str) -> _Patch:
    if mapping.flow_style:
        if not mapping.value:
            at = mapping.start_mark.index + 1
            return _Patch(at, at, ", ".join(entries))
        key, value = mapping.value[-1]
        at = max(value.end_mark.index, key.end_mark.index)
        return _Patch(at, at, "".join(f", {entry}" for entry in entries))
    at = _end_of(mapping)
    while at and text[at - 1] in "\r\n":  # a block scalar ends with its line break
        at -= 1
    line_end = re.compile(r"\r\n|\n|\r|\Z").search(text, at)
    assert line_end is not None, "the end of the text always matches"
    line_break = next(iter(re.findall(r"\r\n|\n|\r", text)), "\n")
    indent = " " * mapping.value[0][0].start_mark.column
    return _Patch(line_end.start(), line_end.start(), "".join(f"{line_break}{indent}{entry}" for entry in entries))


def _end_of(node: yaml.Node) -> int:
    """Where a node's own text ends: PyYAML takes blank lines and comments after a block for a part of it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _written(value: Scalar | Mapping[str, Scalar]) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = _PLAIN.fullmatch(value) and isinstance(scalar(value), str)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _patched(text: str, patches: Sequence[_Patch]) -> str:
    for patch in sorted(patches, key=lambda patch: patch.start, reverse=True):
        text = text[: patch.start] + patch.text + text[patch.end :]
    return text


def _expected(data: Any, section: str, name: str, values: Values) -> Any:  # Any: YAML data
    entry = dict(data[section][name])
    for key, value in values.items():
        entry[key] = {**(entry.get(key) or {}), **value} if isinstance(value, Mapping) else value
    return {**data, section: {**data[section], name: entry}}


def _cannot(file: ConfigFile, section: str, name: str, values: Values) -> InvalidError:
    lines = "; ".join(f"{key}: {_written(value)}" for key, value in values.items())
    return InvalidError(
        Diagnostic(
            "E221",
            f"{section}.{name} is written in a way that can't be changed in place (an alias, or text over lines)",
            detail="The file is as it was.",
            hint=f"write it under {section}.{name} yourself: {lines}",
            where=Where(file.shown),
        )
    )


def _replace(path: Path, content: bytes, shown: str) -> None:
    """Writes aside and renames, with the rights that the file has. Raises StorageError (E713)."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(path.stat().st_mode & 0o7777)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        summary = f"the file can't be written: {error.strerror}; it is as it was"
        raise StorageError(Diagnostic("E713", summary, where=Where(shown))) from error
