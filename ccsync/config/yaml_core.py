"""One YAML file as plain data with a place for every node: YAML 1.2 core scalars, nothing executed, everything bounded.

What the data mean is not known here; files are found and read in `files.py`.
"""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from ccsync.errors import Diagnostic, Where

MAX_NODES = 200_000
"""Values in one file, aliases written out. Far beyond any configuration, small enough to stop a bomb at once."""

MAX_DEPTH = 50
"""Levels of nesting, aliases written out. The schema knows eight."""

Scalar = None | bool | int | float | str
Place = tuple[int, int]  # line and column, both from 1

_CORE = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN = re.compile(r"\.(?:nan|NaN|NAN)")
_MAY_BE_NUMBER = frozenset("0123456789+-.")

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What may not stand in a file: control characters, and the line breaks that only YAML 1.1 knows (NEL, LS, PS)."""

_BREAK = re.compile("\r\n|\r|\n")


class Node:
    """One value of a file. `data` is plain: dict, list or scalar.

    `nodes` holds the children of a dict or a list, `keys` the places of a dict's keys. size and height count what the
    data hold with aliases written out.
    """

    __slots__ = ("column", "data", "height", "keys", "line", "nodes", "size")

    def __init__(self, data: Any, line: int, column: int) -> None:  # Any: YAML data
        self.data = data
        self.line = line
        self.column = column
        self.keys: dict[str, Place] = _NO_KEYS
        self.nodes: dict[str, Node] | list[Node] = _NO_NODES
        self.size = 1
        self.height = 0


_NO_KEYS: dict[str, Place] = {}  # shared by all scalars; never written to
_NO_NODES: dict[str, Node] = {}


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read. `file` is its name as it is shown to the user."""

    file: str
    root: Node

    @property
    def data(self) -> Any:  # Any: YAML data
        return self.root.data

    def where(self, path: tuple[str | int, ...], *, key: bool = False) -> Where:
        """The place of the value at `path`, or of its key (of an entry of a list: of the entry).

        Where the path leads on beyond the data, the nearest value or key above.
        """
        node = self.root
        place = key_place = (node.line, node.column)
        for part in path:
            if isinstance(node.nodes, dict) and isinstance(part, str) and part in node.nodes:
                key_place, node = node.keys[part], node.nodes[part]
            elif isinstance(node.nodes, list) and isinstance(part, int) and part < len(node.nodes):
                node = node.nodes[part]
                key_place = (node.line, node.column)
            else:
                break
            place = (node.line, node.column)
        return Where(self.file, *(key_place if key else place))


def parse(raw: bytes, file: str) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Reads the bytes of one YAML file. No document when it can't be trusted as a whole; then there are diagnostics."""
    text, problem = _decode(raw, file)
    if problem is not None:
        return None, (problem,)
    composer = _Composer(file)
    try:
        root = composer.compose(text)
    except _UnusableError as unusable:
        return None, (*composer.found, unusable.diagnostic)
    except yaml.MarkedYAMLError as error:
        return None, (*composer.found, _syntax(error, text, file))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: escapes that name no character, in the pure parser
        return None, (*composer.found, Diagnostic("E101", f"not valid YAML: {type(error).__name__}", where=Where(file)))
    return Document(file, root), tuple(composer.found)


def scalar(text: str) -> Scalar:
    """What a plain (unquoted) scalar means by the core schema of YAML 1.2.2, section 10.3.2. Raises ValueError for a
    whole number of more digits than Python converts."""
    if text in _CORE:
        return _CORE[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return float(infinite[1] + "inf")
    return float("nan") if _NAN.fullmatch(text) else text


def decode(raw: bytes) -> str:
    """The text of a UTF-8 file, with or without a byte order mark. Raises UnicodeDecodeError."""
    return raw.removeprefix(b"\xef\xbb\xbf").decode()


def _decode(raw: bytes, file: str) -> tuple[str, Diagnostic | None]:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "", Diagnostic("E101", "is UTF-16 text", hint="save the file as UTF-8", where=Where(file, 1, 1))
    try:
        text = decode(raw)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        return "", Diagnostic(
            "E101", "is not UTF-8 text", hint="save the file as UTF-8", where=_at(file, before, len(before))
        )
    if refused := _REFUSED.search(text):
        return "", Diagnostic(
            "E101",
            f"holds the character U+{ord(refused[0]):04X}, which may not stand in a YAML file",
            hint='remove it, or write it as an escape between double quotes, like "\\u2028"',
            where=_at(file, text, refused.start()),
        )
    return text, None


def _at(file: str, text: str, index: int) -> Where:
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, index):
        line, start = line + 1, found.end()
    return Where(file, line, index - start + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or "it can't be read"
    where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
    hint = None
    if mark and _indented_by_tab(text, mark.line):
        hint = "indent with spaces, not with tabs"
    elif "':'" in said or "mapping values" in said or "block mapping" in said:
        hint = "look at the indentation, and put quotes around text that holds a colon, # or a bracket"
    return Diagnostic("E101", f"not valid YAML: {said}", hint=hint, where=where)


def _indented_by_tab(text: str, line: int) -> bool:
    lines = _BREAK.split(text, line + 1)
    return line < len(lines) and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]


class _UnusableError(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class _Open:
    """A list or dict whose end has not come yet."""

    __slots__ = ("anchor", "key", "node")

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: str | None = None


class _Composer:
    """Turns the parser's events into nodes, with a stack of its own, so that nesting can't exhaust Python's."""

    def __init__(self, file: str) -> None:
        self.found: list[Diagnostic] = []
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._root: Node | None = None
        self._nodes = 0
        self._documents = 0

    def compose(self, text: str) -> Node:
        for event in yaml.parse(text, Loader=_LOADER):
            match event:
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent():
                    self._start(event, {}, {})
                case yaml.SequenceStartEvent():
                    self._start(event, [], [])
                case yaml.CollectionEndEvent():
                    self._end()
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    self._document(event)
                case _:  # the ends of documents, and of the stream
                    pass
        return self._root or Node(None, 1, 1)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fail("E101", "holds several documents", event, "put each into a file of its own, and remove the ---")
        if event.version not in (None, (1, 2)):
            self._fail("E101", "asks for another YAML than 1.2", event, "remove the %YAML line")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        data: Scalar = event.value
        if event.implicit[0] and event.tag is None:
            try:
                data = scalar(event.value)
            except ValueError:
                self._report("E101", "a number of so many digits can't be read", event, "put quotes around it")
        if isinstance(data, str) and "\0" in data:
            self._report("E101", "text may not hold a NUL character", event)
        if isinstance(data, str) and not data.isascii() and _has_surrogate(data):
            self._report("E101", "text holds half of a surrogate pair", event, "write the character itself")
        node = Node(data, *_place(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._add(node, event, event.value)

    def _start(self, event: yaml.CollectionStartEvent, data: Any, nodes: Any) -> None:  # Any: an empty dict or list
        self._refuse_tag(event)
        self._refuse_as_key(event)
        if len(self._stack) >= MAX_DEPTH:
            self._fail("E108", f"is nested more than {MAX_DEPTH} levels deep", event)
        node = Node(data, *_place(event))
        node.nodes = nodes
        if isinstance(data, dict):
            node.keys = {}
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # open: an alias to it from within would have no end
        self._stack.append(_Open(node, event.anchor))

    def _end(self) -> None:
        done = self._stack.pop()
        if done.anchor is not None:
            self._anchors[done.anchor] = done.node
        self._add(done.node, None, "")

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None and name in self._anchors:
            self._fail("E108", f"the alias *{name} stands inside its own anchor", event)
        if node is None:
            self._fail("E101", f"the alias *{name} has no anchor &{name} before it", event)
        if len(self._stack) + node.height > MAX_DEPTH:
            self._fail("E108", f"is nested more than {MAX_DEPTH} levels deep by the alias *{name}", event)
        if isinstance(node.data, dict | list):
            self._refuse_as_key(event)
        self._count(node.size, event)
        self._add(node, event, str(node.data), counted=True)

    def _count(self, more: int, event: yaml.NodeEvent | None) -> None:
        self._nodes += more
        if self._nodes > MAX_NODES:
            self._fail("E108", f"holds more than {MAX_NODES:,} values, aliases written out", event)

    def _add(self, node: Node, event: yaml.NodeEvent | None, raw: str, *, counted: bool = False) -> None:
        if not counted:
            self._count(1, event)
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if isinstance(parent.node.nodes, list):
            parent.node.nodes.append(node)
            parent.node.data.append(node.data)
        elif parent.key is None:
            assert event is not None  # a collection as a key was refused at its start
            parent.key = self._key(node, event, raw, parent.node)
            return
        else:
            parent.node.nodes[parent.key] = node
            parent.node.data[parent.key] = node.data
            parent.key = None
        parent.node.size += node.size
        parent.node.height = max(parent.node.height, node.height + 1)

    def _key(self, node: Node, event: yaml.NodeEvent, raw: str, parent: Node) -> str:
        key = node.data
        if not isinstance(key, str):
            kind = "true or false" if isinstance(key, bool) else "nothing" if key is None else "a number"
            self._report("E101", f"a key must be text; unquoted, this one means {kind}", event, "put quotes around it")
            key = raw
        elif key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            self._report("E101", "YAML 1.2 has no merge key <<", event, "repeat the keys")
        if key in parent.keys:
            first = parent.keys[key][0]
            self._report(
                "E102", f"the key `{_short(key)}` stands here and in line {first}", event, "remove one of them"
            )
        else:
            parent.keys[key] = _place(event)
        return key

    def _refuse_as_key(self, event: yaml.NodeEvent) -> None:
        parent = self._stack[-1] if self._stack else None
        if parent is not None and isinstance(parent.node.nodes, dict) and parent.key is None:
            self._fail("E101", "a key must be text, not a list or a mapping", event)

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self._report("E101", "YAML tags (!…) are not used here", event, "remove the tag")

    def _report(self, code: str, summary: str, event: yaml.Event, hint: str | None = None) -> None:
        self.found.append(Diagnostic(code, summary, hint=hint, where=Where(self._file, *_place(event))))

    def _fail(self, code: str, summary: str, event: yaml.Event | None, hint: str | None = None) -> NoReturn:
        where = Where(self._file, *_place(event)) if event is not None else Where(self._file)
        raise _UnusableError(Diagnostic(code, summary, hint=hint, where=where))


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    assert mark is not None  # both parsers set it on every event
    return mark.line + 1, mark.column + 1


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _short(key: str) -> str:
    return key if len(key) <= 60 else key[:57] + "…"


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Any: the C parser is missing where libyaml is
