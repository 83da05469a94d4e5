"""Diagnostics as the workflow commands that GitHub Actions shows beside the lines of a pull request."""

from ccsync.catalogue import hint_of
from ccsync.errors import Diagnostic


def annotation_line(diagnostic: Diagnostic) -> str:
    """`::error file=…,line=…,col=…,title=…::…`. Source: GitHub's documentation of workflow commands; what must be
    escaped is what its toolkit escapes."""
    place = diagnostic.where
    properties = {"title": f"{diagnostic.code} {diagnostic.summary}"}
    if place is not None:
        numbers = {"line": place.line, "col": place.column}
        known = {name: str(number) for name, number in numbers.items() if number is not None}
        properties = {"file": place.file, **known, **properties}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    hint = hint_of(diagnostic)
    message = "\n".join(
        part for part in (diagnostic.summary, diagnostic.detail, f"hint: {hint}" if hint else None) if part
    )
    return f"::{diagnostic.severity.value} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
