"""Which list is meant: an id, a pasted web address, or a name. Nothing is asked of the account here."""

import re
from urllib.parse import urlsplit

from ccsync.config.interpolate import has_reference
from ccsync.core.address import is_loopback
from ccsync.core.spec import ListId, ListRef

_UUID = re.compile(r"(?<![0-9a-fA-F-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F-])")
_HOSTS = ("constantcontact.com", "cc.email")


class ListProblemError(ValueError):
    """Why no list is meant by this, with the way out as `hint`."""

    def __init__(self, summary: str, hint: str) -> None:
        super().__init__(summary)
        self.hint = hint


def parse_list_id(value: str | int) -> ListId:
    """The list's UUID in lower case, out of itself or a web address. A text with references stays as it is.

    Raises ListProblemError.
    """
    text = str(value).strip()
    if has_reference(text):
        return ListId(text)
    if text.isdecimal():
        raise ListProblemError(
            "a plain number is a list id of the old v2 API",
            "open the list in Constant Contact and paste its web address, or look it up with `ccsync lists CONNECTION`",
        )
    if _UUID.fullmatch(text):
        return ListId(text.lower())
    if text.lower().startswith(("https://", "http://")):
        return _from_address(text)
    raise ListProblemError(
        "this is neither a list id (a UUID) nor a list's web address",
        "a list's name stands under `list: {name: …}`; `ccsync lists CONNECTION` prints the ids",
    )


def parse_list(value: str | dict[str, object]) -> ListRef:
    """The list that an export's `list` names; its shape has been checked. Raises ListProblemError."""
    if not isinstance(value, dict):
        return ListRef(id=parse_list_id(value))
    identifier = value.get("id")
    kept = bool(value.get("prevent_delete", False))
    if isinstance(identifier, str | int):
        return ListRef(id=parse_list_id(identifier), prevent_delete=kept)
    return ListRef(name=str(value["name"]), create=bool(value.get("create", False)), prevent_delete=kept)


def _from_address(address: str) -> ListId:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    if not is_loopback(host) and not any(host == known or host.endswith(f".{known}") for known in _HOSTS):
        raise ListProblemError(
            "this web address is not one of Constant Contact's",
            "open the list in Constant Contact and copy the address from the browser",
        )
    found = {uuid.lower() for uuid in _UUID.findall(address)}
    if len(found) == 1:
        return ListId(found.pop())
    raise ListProblemError(
        "this web address names more than one id" if found else "this web address holds no list id (a UUID)",
        "`ccsync lists CONNECTION` prints the ids; write `list: {id: …}`",
    )
