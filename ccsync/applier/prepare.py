"""Before the first change: account, rights, lists and fields are checked, and the look that closes the firewall."""

from collections.abc import Iterator
from pathlib import Path

from ccsync.applier.deck import Deck
from ccsync.core.cost import SHARED_CALLS, paging_is_cheaper
from ccsync.core.event import FirewallClosed, ListMade
from ccsync.core.fields import CUSTOM_FIELD_PREFIX
from ccsync.core.guard import day_quota
from ccsync.core.plan import ExportPlan, ListAction
from ccsync.core.record import IdsResolved, ListCreated, ListIntended, Looked
from ccsync.core.spec import ConnectionName, ListId
from ccsync.errors import (
    DeniedError,
    Diagnostic,
    GuardError,
    InvalidError,
    OutcomeUnknownError,
    Severity,
    StaleError,
)
from ccsync.ports.live import Destination, Live, LiveFile


def check_remote(deck: Deck, connection: ConnectionName) -> None:
    """Everything that can be known to be wrong before anything is sent.

    Raises GuardError (E506, E507), DeniedError (E304, E30x), InvalidError (E601, E602, E431) and StaleError (E610: a
    list of a name that the plan was to create exists by now).
    """
    destination = deck.destination(connection)
    _check_quota(deck, connection)
    check_account(deck, connection)
    destination.check_access()
    lists = {known.id: known.name for known in destination.lists()}
    problems = [problem for export in deck.exports(connection) for problem in _list_problems(deck, export, lists)]
    problems += _field_problems(deck, connection)
    if problems:
        raise InvalidError(*problems)
    _check_contract(deck, connection)


def _check_quota(deck: Deck, connection: ConnectionName) -> None:
    """Raises GuardError (E507): others may have used up the day's quota since the plan was made."""
    exports = deck.exports(connection)
    calls = sum(export.estimate.api_calls for export in exports) + SHARED_CALLS
    left = deck.destination(connection).calls_left_today()
    per_day = deck.means.limits[connection].requests_per_day
    found = [day_quota(export.name, calls, left, per_day, deck.allowed) for export in exports]
    if any(each and each.severity is Severity.ERROR for each in found):
        raise GuardError(*(each for each in found if each))


def _check_contract(deck: Deck, connection: ConnectionName) -> None:
    """Raises GuardError (E506): plans without refresh did not measure the account, and others may have added since."""
    limit = deck.means.limits[connection].max_contacts
    adding = [export for export in deck.exports(connection) if export.counts.add]
    unasked = [export for export in adding if f"{export.name}:max_contacts" not in deck.allowed]
    if limit is None or not unasked:
        return
    contacts = deck.destination(connection).contacts_total() + sum(export.counts.add for export in adding)
    if contacts > limit:
        allow = " ".join(f"--allow {export.name}:max_contacts" for export in unasked)
        raise GuardError(
            Diagnostic(
                "E506",
                f"the plan may bring connection {connection} to {contacts:,} contacts; the contract allows {limit:,}",
                detail="Nothing was sent.",
                hint=f"check the source; if it is meant, run again with {allow}",
                guard="max_contacts",
            )
        )


def check_account(deck: Deck, connection: ConnectionName) -> None:
    """Raises DeniedError (E304) when the token belongs to another account than the plan or the state."""
    found = deck.destination(connection).account().id
    for pinned in (deck.plan.accounts.get(connection), deck.means.snapshot.accounts.get(connection)):
        if pinned and pinned != found:
            raise DeniedError(
                Diagnostic(
                    "E304",
                    f"connection {connection} is signed in to another account than the plan was made for",
                    detail=f"The plan belongs to account {pinned}; the token is for {found}. Nothing was sent.",
                    hint="sign in to the right account, or plan again",
                )
            )
    deck.accounts[connection] = found


def _list_problems(deck: Deck, export: ExportPlan, lists: dict[ListId, str]) -> Iterator[Diagnostic]:
    if export.list.action is ListAction.CREATE:
        if export.list.name in lists.values():
            raise StaleError(
                Diagnostic(
                    "E610",
                    f"{export.name}: a list called {export.list.name!r} exists by now; the plan was to create it",
                    hint="plan again",
                )
            )
    elif export.list.id not in lists:
        if export.deleted and export.list.id is not None:
            deck.gone_lists.add(export.list.id)
        else:
            yield Diagnostic("E601", f"the list of {export.name} is gone: {export.list.id}", hint="plan again")


def _field_problems(deck: Deck, connection: ConnectionName) -> list[Diagnostic]:
    """Custom fields that are gone, and those whose definition is another than the plan's and whose values don't fit."""
    asking = [(export, custom) for export in deck.exports(connection) if (custom := _custom_fields(export))]
    if not asking:
        return []
    known = {field.target: field.definition for field in deck.destination(connection).custom_fields()}
    problems = []
    for export, custom in asking:
        problems += [
            Diagnostic("E602", f"{export.name}: custom field {target} is gone", hint="plan again")
            for target in custom
            if target not in known
        ]
        changed = {
            target: known[target]
            for target in custom
            if target in known and export.definitions.get(target) != known[target]
        }
        problems += [
            Diagnostic(
                "E431",
                f"{export.name}: {rows:,} values of {target} don't fit the field as the account has it now",
                detail=f"Its type is {known[target].type} now. Nothing was sent.",
                hint="plan again without --no-refresh",
            )
            for target, rows in deck.means.work.bodies.misfits(deck.changes[export.name], changed).items()
        ]
    return problems


def _custom_fields(export: ExportPlan) -> tuple[str, ...]:
    if export.deleted:
        return ()
    return tuple(target for target in export.fields if target.startswith(CUSTOM_FIELD_PREFIX))


LOOK_FRESH_S = 60.0
"""A batch that writes people who are on the list is not sent on an older look than this: they may have left meanwhile,
and an import would put them back (SURPRISES 1)."""


def look(deck: Deck) -> None:
    """Reads live again and takes everyone out of the plan who left or unsubscribed since (the firewall)."""
    number = len(deck.progress.looks) + 1
    drops: dict[str, str] = {}
    dropped: dict[str, int] = {}
    begun: dict[ConnectionName, float] = {}
    for connection in deck.connections():
        begun[connection] = deck.means.clock.monotonic()
        for export, live in read_live(deck, connection, f"look-{number}"):
            found = deck.means.work.firewall.drops(
                deck.changes[export.name],
                live,
                deck.fresh_folder(f"drops-{number}"),
                deck.drops(export.name),
                deck.ids(export.name),
            )
            name = f"look-{number}-{export.name}.parquet"
            deck.journal.keep(found.path, name)
            if found.ids is not None and export.counts.remove:
                _know_ids(deck, export, found.ids)
            drops[export.name] = name
            dropped[export.name] = sum(found.counts.values())
            deck.joined[export.name] = found.joined
            deck.means.sink(FirewallClosed(export.name, found.counts))
    deck.record(Looked(number, deck.now(), drops, dropped))
    ended = deck.means.clock.monotonic()
    for connection, at in begun.items():
        # A look shows who was there when its exports were asked for. Where looking itself takes longer than a look
        # stays fresh, looking for ever would help nobody: the second look and later ones count from their end.
        slow = ended - at > LOOK_FRESH_S
        deck.looked_at[connection] = ended if slow and number > 1 else at


def read_live(deck: Deck, connection: ConnectionName, name: str) -> Iterator[tuple[ExportPlan, Live]]:
    """Each export of a connection with live as it is now; a list is read once, however many exports it has."""
    destination = deck.destination(connection)
    folder = deck.fresh_folder(name)
    unsubscribed = destination.export_unsubscribed(folder)
    members: dict[ListId, LiveFile] = {}
    exports = deck.exports(connection)
    for export in exports:
        list_id = deck.list_id(export)
        if list_id is None or list_id in deck.gone_lists:
            yield export, Live(None, unsubscribed)
            continue
        if list_id not in members:
            fields = sorted({t for other in exports if deck.list_id(other) == list_id for t in other.fields})
            members[list_id] = destination.export_members(list_id, fields, folder)
        yield export, Live(members[list_id], unsubscribed)


def create_lists(deck: Deck, connection: ConnectionName) -> None:
    """Makes the lists that the plan says are to be made; exports that name the same new list share it."""
    made: dict[str, ListId] = {}
    for export in deck.exports(connection):
        if export.list.action is not ListAction.CREATE:
            continue
        name = export.list.name
        deck.record(ListIntended(export.name, name))
        if name not in made:
            deck.check_stop()
            deck.means.lease.check()
            made[name] = _create(deck, connection, name)
            deck.means.sink(ListMade(export.name, name, made[name]))
        deck.record(ListCreated(export.name, made[name]))


def _create(deck: Deck, connection: ConnectionName, name: str) -> ListId:
    destination = deck.destination(connection)
    try:
        return destination.create_list(name)
    except OutcomeUnknownError:
        # Names are unique and none was there a moment ago, so a list of this name now is the one just asked for.
        found = list_named(destination, name)
        return found or destination.create_list(name)


def list_named(destination: Destination, name: str) -> ListId | None:
    return next((known.id for known in destination.lists() if known.name == name), None)


def resolve_ids(deck: Deck, connection: ConnectionName) -> None:
    """Looks up the contact ids that removals need and the look did not show, the way that takes fewer calls. Ids of
    the ledger are not used: the address may be somebody else's contact by now."""
    destination = deck.destination(connection)
    for export in deck.exports(connection):
        list_id = deck.list_id(export)
        if not export.counts.remove or list_id is None:
            continue
        known = deck.ids(export.name)
        keys = deck.means.work.bodies.unresolved(deck.changes[export.name], deck.drops(export.name), known)
        if not keys:
            continue
        deck.check_stop()
        pages = (
            destination.page_members(list_id)
            if paging_is_cheaper(len(keys), export.members_before)
            else _looked_up(destination, list_id, keys)
        )
        into = deck.fresh_folder("ids") / "ids.parquet"
        deck.means.work.bodies.write_ids(pages, keys, known, into)
        _know_ids(deck, export, into)


def _know_ids(deck: Deck, export: ExportPlan, ids: Path) -> None:
    name = f"ids-{export.name}.parquet"
    deck.journal.keep(ids, name)
    deck.record(IdsResolved(export.name, name))


def _looked_up(
    destination: Destination, list_id: ListId, keys: tuple[str, ...]
) -> Iterator[tuple[tuple[str, str], ...]]:
    for key in keys:
        contact = destination.contact(key)
        if contact is not None and list_id in contact.list_ids:
            yield ((key, contact.id),)


__all__ = [
    "LOOK_FRESH_S",
    "check_account",
    "check_remote",
    "create_lists",
    "list_named",
    "look",
    "read_live",
    "resolve_ids",
]
