"""Makes data safe to show: addresses masked, control characters and direction marks spelt out. Knows no layout."""

import re
import unicodedata

_ADDRESS = re.compile(r"[^\s@<>\"',;:()\[\]]+@[^\s@<>\"',;:()\[\]]+")

_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move the cursor, turn the direction of text, hide, or stand for nothing."""

_JOINERS = frozenset("\u200c\u200d")
"""Format characters that words of some scripts need; between letters and marks they only choose a shape."""


def mask_email(address: str) -> str:
    """`anna@example.com` as `a***@e***.com`; what has no `@` keeps its first character only."""
    local, at, domain = address.rpartition("@")
    if not at:
        return f"{address[:1]}***"
    name, dot, top = domain.rpartition(".")
    return f"{local[:1]}***@{name[:1] if dot else domain[:1]}***{dot}{top if dot else ''}"


def mask_addresses(text: str) -> str:
    """The text with every address in it masked."""
    return _ADDRESS.sub(lambda found: mask_email(found[0]), text)


def shown(text: str) -> str:
    """The text as it may be put on a terminal: what is not printable is written as an escape, `\\x1b` or `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelt(char) if _hides(char, text, at) else char for at, char in enumerate(text))


def _hides(char: str, text: str, at: int) -> bool:
    if char in _JOINERS:
        return not (0 < at < len(text) - 1 and text[at - 1].isalpha() and not text[at + 1].isspace())
    return unicodedata.category(char) in _UNSHOWABLE


def _spelt(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cut(text: str, max_chars: int) -> str:
    """At most so many characters, the last one `…` when something was cut."""
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
