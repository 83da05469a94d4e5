"""HTML as values: what isn't `Html` already is escaped, so that no text from outside can become markup."""

from html import escape

from ccsync.views.mask import shown


class Html(str):
    """Text that is markup already. Made by `element` and by constants of ours only."""

    __slots__ = ()


EMPTY = Html("")
_VOID = frozenset({"meta", "rect", "path", "line"})


def element(tag: str, *children: str, **attributes: str | float | None) -> Html:
    """`class_` and `for_` lose their underscore, others become dashes; an attribute of None is left out."""
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_escaped(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{said}/>")
    return Html(f"<{tag}{said}>{join(*children)}</{tag}>")


def join(*parts: str) -> Html:
    return Html("".join(part if isinstance(part, Html) else _escaped(part) for part in parts))


def _escaped(text: str) -> str:
    return escape(shown(text), quote=True)


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
