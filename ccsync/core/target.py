"""Which list an export means, and whether the account has what it needs. Pure: looks at what was fetched.

Lists are pinned by id once known: people rename and delete lists, so a name is only looked up the first time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ccsync.core.fields import CUSTOM_FIELD_PREFIX
from ccsync.core.plan import ListAction, ListTarget
from ccsync.core.spec import Export, ListId
from ccsync.errors import Diagnostic, Severity


@dataclass(frozen=True, slots=True)
class Pinned:
    """The list of the last apply: its id, and the name it had or was declared by then."""

    id: ListId
    name: str


@dataclass(frozen=True, slots=True)
class Known:
    """A list of the account as fetched. members: None when the API did not say."""

    id: ListId
    name: str
    members: int | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """target is None when there are errors among the diagnostics."""

    target: ListTarget | None
    members: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def resolve_list(
    export: Export, pinned: Pinned | None, lists: Sequence[Known] | None, remembered: Sequence[Known] = ()
) -> Resolved:
    """The list an export writes to. lists: None when live was not read (`--no-refresh`); then `remembered`, the lists
    of the account that ledgers know, tells which id a name has."""
    moved = _moved(export, pinned)
    if moved is not None:
        return Resolved(None, diagnostics=(moved,))
    wanted_id = pinned.id if pinned else export.list.id
    if lists is None:
        return _unseen(export, pinned, wanted_id, remembered)
    if wanted_id is not None:
        return _by_id(export, pinned, wanted_id, lists)
    return _by_name(export, lists)


def missing_custom_fields(export: Export, names: Sequence[str]) -> Diagnostic | None:
    """E602 when the export maps custom fields that the account does not have. names: of those it has."""
    wanted = [
        f.target.removeprefix(CUSTOM_FIELD_PREFIX) for f in export.fields if f.target.startswith(CUSTOM_FIELD_PREFIX)
    ]
    missing = [name for name in wanted if name not in names]
    if not missing:
        return None
    has = ", ".join(sorted(names)) or "none"
    return Diagnostic(
        "E602",
        f"{export.name} maps custom fields that the account does not have: {', '.join(missing)}",
        detail=f"The account has: {has}. An import names a field by its API name, not by its label.",
        hint="create the field in Constant Contact or mend `custom_fields:`",
    )


def _moved(export: Export, pinned: Pinned | None) -> Diagnostic | None:
    if pinned is None:
        return None
    same = export.list.id == pinned.id if export.list.id else export.list.name == pinned.name
    if same:
        return None
    return Diagnostic(
        "E611",
        f"{export.name} names another list than the one it was last applied to ({pinned.id})",
        detail="Its members stay on the old list; nothing was planned.",
        hint="give the export a new name: the old one then counts as deleted, and its `on_delete` says what becomes of"
        " its members",
    )


def _unseen(export: Export, pinned: Pinned | None, wanted_id: ListId | None, remembered: Sequence[Known]) -> Resolved:
    if wanted_id is None:
        wanted_id = next((known.id for known in remembered if known.name == export.list.name), None)
    if wanted_id is not None:
        return Resolved(ListTarget(wanted_id, pinned.name if pinned else export.list.name or wanted_id))
    if export.list.create and export.list.name:
        return Resolved(ListTarget(None, export.list.name, ListAction.CREATE))
    return Resolved(
        None,
        diagnostics=(
            Diagnostic(
                "E612",
                f"{export.name} names its list by name, and its id is not known yet",
                hint="plan once without --no-refresh",
            ),
        ),
    )


def _by_id(export: Export, pinned: Pinned | None, wanted: ListId, lists: Sequence[Known]) -> Resolved:
    found = next((known for known in lists if known.id == wanted), None)
    if found is None:
        detail = f"It was last seen as {pinned.name!r}." if pinned else None
        return Resolved(
            None,
            diagnostics=(
                Diagnostic(
                    "E601",
                    f"the list of {export.name} does not exist: {wanted}",
                    detail=detail,
                    hint=f"see `ccsync lists {export.connection}`; a deleted list is never made again by itself",
                ),
            ),
        )
    # A list declared by name keeps that name in the ledger, or every plan after a rename would look like a new list.
    name = found.name if export.list.id else export.list.name or found.name
    notes: tuple[Diagnostic, ...] = ()
    if pinned and pinned.name != found.name:
        notes = (
            Diagnostic(
                "W512",
                f"the list of {export.name} was renamed in Constant Contact: {pinned.name!r} is now {found.name!r}",
                Severity.WARNING,
                detail="Lists are pinned by id; the export goes on with the same list.",
            ),
        )
    return Resolved(ListTarget(found.id, name), found.members, notes)


def _by_name(export: Export, lists: Sequence[Known]) -> Resolved:
    name = export.list.name or ""
    found = [known for known in lists if known.name == name]
    if len(found) == 1:
        return Resolved(ListTarget(found[0].id, name), found[0].members)
    if not found and export.list.create:
        return Resolved(ListTarget(None, name, ListAction.CREATE), 0)
    summary = f"no list is called {name!r}" if not found else f"{len(found)} lists are called {name!r}"
    return Resolved(
        None,
        diagnostics=(
            Diagnostic(
                "E601",
                f"{export.name}: {summary}",
                hint=f"see `ccsync lists {export.connection}`, name the list by id, or add `create: true`",
            ),
        ),
    )
