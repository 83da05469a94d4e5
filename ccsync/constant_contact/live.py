"""What a list holds now: export jobs, downloaded and checked. What follows from it is the planner's and the engine's.

An export that can't be trusted is never used: people missing from it would count as having left. Source: FACTS 2.6.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccsync.constant_contact import failures
from ccsync.constant_contact.activities import fetch, parse_activity, start_export
from ccsync.constant_contact.exportfile import NotWhole, Shape, shape_of
from ccsync.constant_contact.headings import asked_fields, columns
from ccsync.constant_contact.http import ApiClient, link
from ccsync.constant_contact.wire import disk_trouble
from ccsync.core.event import Noticed
from ccsync.core.fields import CUSTOM_FIELD_PREFIX
from ccsync.core.record import ActivityId
from ccsync.core.spec import ListId
from ccsync.errors import Diagnostic, NotFoundError, OutcomeUnknownError, RejectedError, Severity
from ccsync.ports.live import ActivityState, CustomField, LiveFile

JOBS = 3
"""How many export jobs are tried. An export changes nothing, so one whose answer was lost is simply started again."""
DOWNLOADS = 3
DEADLINE_S = 3600.0
"""For one job. Microsoft's export of a million profiles to the same API "may take up to an hour" (FACTS 2.7)."""
GROWTH = 1.5

SHORT_ROWS = 10
SHORT_SHARE = 0.1
"""An export that lacks more members than this, against the list's own count, is not believed, nor is one that holds so
many more: it may be of the whole account. The count may lag, and what exactly it counts is not documented, so a small
difference is only told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One export. list_id: None for everyone unsubscribed. what: for messages. counted: members of the list when it was
    last heard of. count: asks again; raises NotFoundError for a list gone. Both None where nothing counts."""

    list_id: ListId | None
    what: str
    fields: tuple[str, ...] = ()
    counted: int | None = None
    count: Callable[[], int | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Exported:
    """The file of a completed job. counted: the people that its job counted, None when it did not say."""

    path: Path
    shape: Shape
    counted: int | None

    @property
    def announced(self) -> int | None:
        """The people that are certainly in it: the job may have counted the header line as well."""
        return None if self.counted is None else min(self.counted, self.shape.rows)


def export(api: ApiClient, wanted: Wanted, custom: Callable[[], Sequence[CustomField]], into: Path) -> LiveFile:
    """Exports, waits, downloads and checks. Raises NotFoundError for a list gone, TransientError (E624) for an export
    that can't be trusted, and as ApiClient.get and .post. custom: asked only when a custom field is wanted."""
    fields = asked_fields(wanted.fields)
    why = "its job was not started"
    for _ in range(JOBS):
        try:
            activity = start_export(api, wanted.list_id, fields)
        except OutcomeUnknownError:
            why = "the answers to the request for it were lost"
            continue
        except RejectedError:
            wanted.count()
            if not fields:
                raise
            fields = ()  # perhaps it does not know a name of ours; all columns are always right
            continue
        try:
            done = _finished(api, wanted, activity, into)
            _check_size(api, wanted, done)
        except NotWhole as found:
            why = str(found)
            continue
        needed = any(target.startswith(CUSTOM_FIELD_PREFIX) for target in wanted.fields)
        found_columns = columns(done.shape.header, wanted.fields, custom() if needed else ())
        return LiveFile(done.path, found_columns, done.announced)
    raise failures.export_not_whole(api.connection, wanted.what, why)


def _finished(api: ApiClient, wanted: Wanted, activity: ActivityId, into: Path) -> Exported:
    """Waits for a job and downloads its file. Raises NotWhole."""
    clock, (wait_s, longest_s) = api.clock, api.connection.limits.poll_seconds
    deadline = clock.monotonic() + DEADLINE_S
    percent = None
    while clock.monotonic() <= deadline:
        api.wait("jobs", wait_s, open_jobs=1, percent=percent)
        wait_s = min(longest_s, wait_s * GROWTH)
        document, _ = fetch(api, activity)
        now = parse_activity(document, activity)
        percent = now.percent
        if now.state is ActivityState.RUNNING:
            continue
        if now.state is not ActivityState.COMPLETED:
            raise NotWhole("its job failed" if now.state is ActivityState.FAILED else "its job was forgotten")
        items = _most(now.counters.items, now.counters.completed)
        href = link(document, "results") or f"/v3/contact_exports/{activity}"
        return _download(api, href, items, into / f"export-{activity}.csv")
    raise failures.export_not_whole(api.connection, wanted.what, "its job did not end within an hour")


def _most(*counters: int | None) -> int | None:
    """Of the people to export and those exported: a job that ends with less than it was to do is not to be believed."""
    return max((counter for counter in counters if counter is not None), default=None)


def _download(api: ApiClient, href: str, items: int | None, path: Path) -> Exported:
    """Raises NotWhole."""
    why = NotWhole("it was not tried")
    part = path.with_suffix(".part")
    for _ in range(DOWNLOADS):
        _fetch_file(api, href, part)
        try:
            shape = shape_of(part)
            if not columns(shape.header, (), ()):
                raise NotWhole("it has no column with e-mail addresses")
            # The job's own count; whether it counts the header line is not documented.
            if items is not None and shape.rows + 1 < items:
                raise NotWhole(f"it holds {shape.rows:,} of the {items:,} people that its job counted")
        except NotWhole as found:
            why = found
            continue
        part.replace(path)
        return Exported(path, shape, items)
    part.unlink(missing_ok=True)
    raise why


def _fetch_file(api: ApiClient, href: str, part: Path) -> None:
    """The link's spelling differs from the route's in the contract; a 404 to one is tried with the other."""
    other = href.replace("/contacts_exports/", "/contact_exports/")
    if other == href:
        other = href.replace("/contact_exports/", "/contacts_exports/")
    try:
        with part.open("w+b") as file:
            try:
                api.download(href, file)
            except NotFoundError:
                api.download(other, file)
    except OSError as error:
        raise disk_trouble(error) from error


def _check_size(api: ApiClient, wanted: Wanted, done: Exported) -> None:
    """Holds the file against the list's own count of members. Raises NotWhole; NotFoundError for a list gone.

    An empty file is never taken at its word, for a deleted list may export as one. Where the job and the list both
    count more people than the file holds, even one is too many.
    """
    rows = done.shape.rows
    if wanted.list_id is None or (rows and wanted.counted is not None and 0 <= rows - wanted.counted <= SHORT_ROWS):
        return
    members = wanted.count()
    short = members - rows if members is not None else 0
    both = done.counted is not None and done.counted > rows
    if members is not None and short > (0 if both else max(SHORT_ROWS, members * SHORT_SHARE)):
        raise NotWhole(f"it holds {rows:,} of the list's {members:,} members")
    if members is not None and -short > max(SHORT_ROWS, members * SHORT_SHARE):
        raise NotWhole(f"it holds {rows:,} people, and the list has {members:,} members")
    if short > 0:
        api.tell(
            Noticed(
                Diagnostic(
                    "W603",
                    f"the export of {wanted.what} holds {short:,} fewer people than the list counts",
                    Severity.WARNING,
                    detail="The count of a list may lag behind. Who is missing from the export counts as not on the"
                    " list.",
                    hint="if the next plan holds people back who are on the list, run `ccsync plan` again",
                )
            )
        )
