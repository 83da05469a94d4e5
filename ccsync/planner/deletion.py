"""What a plan says of exports that are gone from the configuration, that must not be, or that have no connection."""

from collections.abc import Iterator, Sequence

from ccsync.core.spec import ExportName, Project, Protection
from ccsync.errors import Diagnostic, Severity
from ccsync.planner.targets import Target
from ccsync.ports.ledger import Ledger, Snapshot

_LIFTED = "to delete it for good, set `prevent_delete: false` there, apply, and delete it then"


def protection_of(target: Target) -> tuple[Protection, ...]:
    """As declared; of an export that is gone, as the state keeps it."""
    if target.export is not None:
        return target.export.protection
    return target.ledger.protection if target.ledger else ()


def unrecorded(target: Target) -> tuple[str, ...]:
    """Keys that the state must know before the declaration goes: otherwise deleting it would do what stood there when
    something else last changed."""
    if target.export is None or target.ledger is None:
        return ()
    differs = {
        "on_delete": target.export.on_delete is not target.ledger.on_delete,
        "prevent_delete": target.export.protection != target.ledger.protection,
    }
    return tuple(key for key, changed in differs.items() if changed)


def deletion_refused(target: Target, targets: Sequence[Target]) -> tuple[Diagnostic, ...]:
    """E222 for an export that is gone and must not be, by itself or for its list's sake. Protection counts as recorded
    and as declared: neither taking it off nor putting it on works before an apply has told the state."""
    if target.detached or target.export is not None or target.ledger is None:
        return ()
    if target.is_protected:
        return (_refused(target.ledger, "it is protected (`prevent_delete: true`)"),)
    for other in targets:
        recorded = other.ledger.protection if other.ledger else ()
        if other.place == target.place and Protection.LIST in {*protection_of(other), *recorded}:
            why = f"its list is protected by {other.name} (`list: {{prevent_delete: true}}`)"
            return (_refused(target.ledger, why),)
    return ()


def absent_exports(project: Project, snapshot: Snapshot) -> Iterator[Diagnostic]:
    """Of exports that are declared without a connection (W213), and of those that went together with theirs (W514,
    or E222 when they were protected): nothing can be planned for either."""
    for name in project.detached:
        yield Diagnostic(
            "W213",
            f"export {name} has no connection (`connection: null`), so it is not planned",
            Severity.WARNING,
            detail=_staying(snapshot, name),
            hint=f"give it one under exports.{name}.connection",
        )
    for ledger in snapshot.ledgers.values():
        gone = ledger.export not in {*project.exports, *project.detached}
        if gone and ledger.connection not in project.connections:
            yield _gone_together(ledger)


def _gone_together(ledger: Ledger) -> Diagnostic:
    if Protection.EXPORT in ledger.protection:
        return _refused(
            ledger, f"it is protected (`prevent_delete: true`), and its connection {ledger.connection} is gone"
        )
    return Diagnostic(
        "W514",
        f"export {ledger.export} and its connection {ledger.connection} are no longer declared",
        Severity.WARNING,
        detail=f"Its {ledger.members:,} members stay on their list and in the state: without the connection nothing"
        " can be done about them.",
        hint="declare the connection again to have `on_delete` carried out",
    )


def _refused(ledger: Ledger, why: str) -> Diagnostic:
    return Diagnostic(
        "E222",
        f"{ledger.export} is no longer declared, but {why}",
        detail=f"Its {ledger.members:,} members stay where they are. Nothing is applied while this stands.",
        hint=f"declare {ledger.export} again; {_LIFTED}",
    )


def _staying(snapshot: Snapshot, name: ExportName) -> str:
    ledger = snapshot.ledgers.get(name)
    return f"Its {ledger.members:,} members stay on their list." if ledger else "It was never applied."
