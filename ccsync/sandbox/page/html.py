"""Writes HTML so that nothing can be forgotten to be escaped: text goes in as text, markup only as ``Markup``.

No page is put together here.
"""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def tag(element: str, /, *inner: object, **attributes: object) -> Markup:
    """Write an element. Inner text is escaped unless it is ``Markup``; ``None`` and ``False`` attributes are left out.

    A trailing underscore of an attribute's name is dropped (``class_``), others become hyphens.
    """
    given = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{element}{given}>{join(*inner)}</{element}>")


def join(*parts: object) -> Markup:
    """Put parts one after another, escaping what is not ``Markup``."""
    return Markup("".join(part if isinstance(part, Markup) else escape(str(part)) for part in parts))
