r"""The rule that makes an e-mail address a key, for single addresses. Its twin for columns is `engine/canonical.py`.

A key: surrounding white space stripped, every code point lower-cased by itself (so `Σ` is `σ` wherever it stands and
`İ` is `i`), composed to Unicode's form NFC (so one person typed in two ways is one key), at most 50 characters, one
`@`, no white space, control or invisible character and none of `()<>[],;:\`, a domain with a dot and no empty label.
"""

import re
import unicodedata

from ccsync.core.change import Unusable
from ccsync.core.fields import EMAIL_MAX_CHARS

SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space. Source: Unicode's White_Space property and the four separators that `str.isspace` counts besides."""

FORBIDDEN = (
    (0x00, 0x20),
    (0x28, 0x29),  # ( )
    (0x2C, 0x2C),  # ,
    (0x3A, 0x3C),  # : ; <
    (0x3E, 0x3E),  # >
    (0x5B, 0x5D),  # [ \\ ]
    (0x7F, 0xA0),
    (0xAD, 0xAD),  # soft hyphen
    (0x61C, 0x61C),
    (0x1680, 0x1680),
    (0x180E, 0x180E),
    (0x2000, 0x200F),  # spaces, zero width characters, direction marks
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE007F),
)
"""First and last code point of what no address may hold: white space, controls, what can't be seen (with it, two
addresses that look alike would be two people), and the signs that mail needs around and between addresses (RFC 5322,
3.2.3). Two dots in a row stay usable: some hosts give such addresses, and the vendor's rule is not published."""

_BAD = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in FORBIDDEN)
_VALID = re.compile(rf"[^@{_BAD}]+@[^@.{_BAD}]+(?:\.[^@.{_BAD}]+)+")


def canonical_key(text: str | None) -> str | None:
    """The key of an address as it stands in a source, or None when it is unusable; `why_no_key` says why."""
    form = _canonical_form(text)
    return form if _VALID.fullmatch(form) and len(form) <= EMAIL_MAX_CHARS else None


def why_no_key(text: str | None) -> Unusable | None:
    """Why an address gives no key; None when it gives one."""
    form = _canonical_form(text)
    if not form:
        return Unusable.MISSING_EMAIL
    if not _VALID.fullmatch(form):
        return Unusable.INVALID_EMAIL
    return Unusable.EMAIL_TOO_LONG if len(form) > EMAIL_MAX_CHARS else None


def _canonical_form(text: str | None) -> str:
    lowered = "".join(character.lower()[0] for character in (text or "").strip(SPACE))
    return unicodedata.normalize("NFC", lowered)
