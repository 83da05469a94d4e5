"""Rules about web addresses in a configuration: which may be sent to, and which hold a password. Nothing is called."""

import re
from urllib.parse import urlsplit

from ccsync.core.address import is_loopback

_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:(?P<password>[^\s@/]+)@", re.IGNORECASE)


def endpoint_problem(address: str) -> str | None:
    """Why this can't be the base address of the API, as the rest of a sentence; None when it can."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no web address"
    if any(character.isspace() or not character.isprintable() for character in address):
        return "is no web address"
    if parts.scheme not in ("https", "http") or not host:
        return "must be a web address that starts with https://"
    if parts.scheme == "http" and not is_loopback(host):
        return "must be https: http is for this machine only (127.0.0.1, ::1, localhost)"
    if "@" in parts.netloc:
        return "must not hold a user or a password"
    if parts.query or parts.fragment:
        return "must end with a path, without ? and #"
    return None


def has_password(text: str) -> bool:
    """Whether a web address or DSN in the text holds a password that is not a reference."""
    return any(not found["password"].startswith("${") for found in _WITH_PASSWORD.finditer(text))
