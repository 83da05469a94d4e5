"""The key rule and the blank rule as SQL over a whole column. For single addresses the same rule is `core/key.py`."""

from ccsync.core.change import Unusable
from ccsync.core.fields import EMAIL_MAX_CHARS
from ccsync.core.key import FORBIDDEN, SPACE
from ccsync.engine.quote import literal

_BAD = "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in FORBIDDEN)
_VALID = literal(rf"[^@{_BAD}]+@[^@.{_BAD}]+(\.[^@.{_BAD}]+)+")
_PLAIN = literal(r"[!-'*+\--9=?A-Z^-~]+@[!-'*+\-/-9=?A-Z^-~]+(\.[!-'*+\-/-9=?A-Z^-~]+)+")
"""Valid, ASCII, nothing to strip: nearly every address."""
_WHITE = "".join(f"\\x{{{ord(character):x}}}" for character in SPACE)
_TIGHT = literal(rf"(?s)[^{_WHITE}](.*[^{_WHITE}])?")  # neither blank nor anything to strip
_SPACE = literal(SPACE)


def key_sql(text: str) -> str:
    """SQL for the key of an address, NULL when it is unusable. text: SQL that gives VARCHAR or NULL."""
    form = _form(text)
    return (
        f"CASE WHEN regexp_full_match({text}, {_PLAIN}) THEN"
        f" CASE WHEN strlen({text}) <= {EMAIL_MAX_CHARS} THEN lower({text}) END"
        f" WHEN regexp_full_match({form}, {_VALID}) AND length({form}) <= {EMAIL_MAX_CHARS} THEN {form} END"
    )


def folded_sql(text: str) -> str:
    """SQL for an address spelled as keys are, NULL when blank; for addresses that need not be usable: the vendor's."""
    return f"CASE WHEN regexp_full_match({text}, {_PLAIN}) THEN lower({text}) ELSE nullif({_form(text)}, '') END"


def why_no_key_sql(text: str) -> str:
    """SQL for the reason (VARCHAR) why an address that has no key has none."""
    return (
        f"CASE WHEN {text} IS NULL OR trim({text}, {_SPACE}) = '' THEN '{Unusable.MISSING_EMAIL}'"
        f" WHEN NOT regexp_full_match({_form(text)}, {_VALID}) THEN '{Unusable.INVALID_EMAIL}'"
        f" ELSE '{Unusable.EMAIL_TOO_LONG}' END"
    )


def filled_sql(text: str) -> str:
    """SQL for a field's text without surrounding white space; NULL for blank, which means: leave the value alone."""
    return f"CASE WHEN regexp_full_match({text}, {_TIGHT}) THEN {text} ELSE nullif(trim({text}, {_SPACE}), '') END"


def _form(text: str) -> str:
    return f"nfc_normalize(lower(trim({text}, {_SPACE})))"
