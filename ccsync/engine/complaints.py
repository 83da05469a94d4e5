"""What DuckDB's errors about a user's files and SQL become: a code, a place, and never a value. It raises nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ccsync.engine.session import TEXT_ERRORS, failure
from ccsync.errors import CcsyncError, Diagnostic, InvalidError, Where

_PASSED_ON = re.compile(r"Invalid Input Error: [a-z ]+ registered as '[^']*' failed: (?:\w+: )?")
_KIND = re.compile(r"((?:[A-Z][\w-]* )+Error): ")
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)\n")
_CSV_FILE = re.compile(r"\n  file = (.+)\n")
_CSV_COUNT = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)\n")
_JSON_PLACE = re.compile(r'(?:Malformed JSON|JSON transform error) in file "([^"\n]*)", (?:at byte \d+ )?in line (\d+)')
_JSON_FILE = re.compile(r'(?:Malformed JSON|JSON transform error) in file "([^"\n]*)"')
_NAMED_FILE = re.compile(r"""(?:[Ff]ile|in) ["']([^"'\n]+)["']""")
_TARGET_TYPE = re.compile(
    r"\bto (?:destination type )?((?:U?INT\d+|DECIMAL\(\d+,\d+\)|DOUBLE|FLOAT|BOOL|DATE|TIMESTAMP)\w*)\b"
)
_CANDIDATES = re.compile(r"^(?:Candidate bindings: |Did you mean )(?:: )?(\".+\")", re.MULTILINE)
_WHOLE_HEADER = re.compile(r"\"[^\",]*[;\t|][^\",]*\"")
_TEXT_KINDS = {"Parser Error", "Syntax Error", "Binder Error", "Catalog Error"}
_TOO_BIG = ("Maximum line size", "does not support a full read on this file", '"maximum_object_size" of')


@dataclass(frozen=True, slots=True)
class Files:
    """The files behind a source, to name one in a message. names: as a user wrote them, by absolute path."""

    source: str
    names: dict[str, str]

    @classmethod
    def of(cls, source: str, files: Sequence[tuple[Path, str]]) -> "Files":
        return cls(source, {str(path): name for path, name in files})


def is_passed_on(error: duckdb.Error) -> bool:
    """Whether an error came from the instance whose rows were read, not from the one that read them."""
    return _PASSED_ON.match(str(error)) is not None


def complaint(error: duckdb.Error, files: Files, what: str) -> CcsyncError:
    """The error that a user gets for one of DuckDB's, raised while `what` (a segment, an export's field) was read."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return failure(error)
    text = _PASSED_ON.sub("", str(error), count=1)
    match = _KIND.match(text)
    kind = match.group(1) if match else type(error).__name__
    body = text[match.end() :] if match else text
    if kind == "Out of Memory Error":
        return failure(duckdb.OutOfMemoryException(text))
    found = _of_csv(body, files) or _of_json(body, files) or _of_any_file(body, kind, files)
    return InvalidError(found or _of_sql(error, kind, body, files, what))


def first_line(message: str) -> str:
    """The first line of a message about SQL, without the text literals in it."""
    lines = message.strip().splitlines()
    return re.sub(r"'.*'", "'…'", lines[0]) if lines else ""


def _of_csv(body: str, files: Files) -> Diagnostic | None:
    named = [name for name in _CSV_FILE.findall(body) if name in files.names]
    where = Where(files.names[named[-1]]) if named else None
    line = _CSV_LINE.match(body)
    if line is None:
        if any(mark in body for mark in _TOO_BIG[:2]):
            return _too_big(where, files)
        if body.startswith("The CSV Parser state machine"):
            return _malformed(where, files, "a line can't be read: mixed line ends, or a quote inside a value")
        return None
    if where is not None:
        where = Where(where.file, int(line.group(1)))
    counts = _CSV_COUNT.search(body)
    if "Invalid unicode" in body:
        return _not_utf8(where, files)
    if any(mark in body for mark in _TOO_BIG):
        return _too_big(where, files)
    if counts:
        return _malformed(where, files, f"the row has {counts.group(2)} fields, the header {counts.group(1)}")
    return _malformed(where, files, "a quoted value does not end, or text stands behind its closing quote")


def _of_json(body: str, files: Files) -> Diagnostic | None:
    if body.startswith(_TOO_BIG[2]):
        return _too_big(None, files)
    place, named = _JSON_PLACE.match(body), _JSON_FILE.match(body)
    if named is None:
        return None
    where = Where(files.names.get(named.group(1), named.group(1)), int(place.group(2)) if place else None)
    if "invalid UTF-8" in body:
        return _not_utf8(where, files)
    if "duplicate key" in body:
        return _malformed(where, files, "an object has the same key twice")
    return _malformed(where, files, "it is not valid JSON")


def _of_any_file(body: str, kind: str, files: Files) -> Diagnostic | None:
    named = [files.names[name] for name in _NAMED_FILE.findall(body) if name in files.names]
    where = Where(named[0]) if named else None
    if "schema mismatch in glob" in body or "failed to cast column" in body:
        return Diagnostic(
            "E413",
            f"the files of source {files.source} do not have the same columns",
            detail="a column is missing or has another type in one of them; nothing was sent",
            hint="make the files alike, or narrow the path",
            where=where,
        )
    if "Failure in decode" in body or "invalid unicode" in body.lower() or "not valid UTF8" in body:
        return _not_utf8(where, files)
    if kind in ("IO Error", "Serialization Error", "HTTP Error") or where is not None:
        return Diagnostic(
            "E416",
            f"source {files.source} can't be read as the type it is declared to be",
            detail="the file is damaged, locked or of another format; nothing was sent",
            hint="check `type` and `path` of the source",
            where=where,
        )
    return None


def _of_sql(error: duckdb.Error, kind: str, body: str, files: Files, what: str) -> Diagnostic:
    hint = f"the columns are those of source {files.source}; see its `where`, `query` and `sql` texts"
    if isinstance(error, TEXT_ERRORS) or kind in _TEXT_KINDS:
        near = _CANDIDATES.search(body)
        meant = f"did you mean {near.group(1)}? " if near else ""
        if near and _WHOLE_HEADER.fullmatch(near.group(1)):
            meant, hint = "", f"the header of source {files.source} is one column; check its `delimiter`"
        return Diagnostic("E402", f"{what}: {first_line(body)}", detail="nothing was sent", hint=meant + hint)
    target = _TARGET_TYPE.search(body)
    said = f"a value can't be read as {target.group(1)}" if target else f"a value made the SQL fail ({kind})"
    return Diagnostic("E402", f"{what}: {said}", detail="nothing was sent", hint="use try_cast or try() in the SQL")


def _malformed(where: Where | None, files: Files, why: str) -> Diagnostic:
    hint = "mend the file; check `delimiter` and `quote` of the source"
    return Diagnostic("E415", f"source {files.source} can't be read: {why}", hint=hint, where=where)


def _not_utf8(where: Where | None, files: Files) -> Diagnostic:
    summary = f"source {files.source} holds text that is not UTF-8"
    return Diagnostic("E417", summary, hint="save the file as UTF-8", where=where)


def _too_big(where: Where | None, files: Files) -> Diagnostic:
    summary = f"source {files.source} holds a row that is larger than any row of people can be"
    hint = "look for a missing closing quote, or leave the large column out of the file"
    return Diagnostic("E418", summary, hint=hint, where=where)
