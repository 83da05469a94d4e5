"""Which accounts and lists a plan is about: those asked for, and those that concern them. Reads no rows."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from ccsync.core.plan import ListTarget
from ccsync.core.policy import WHOLE_PLAN
from ccsync.core.spec import AccountId, Connection, ConnectionName, Export, ExportName, Project, Protection
from ccsync.core.target import Known, Pinned, missing_custom_fields, resolve_list
from ccsync.errors import DeniedError, Diagnostic, InvalidError
from ccsync.ports.desired import Definitions
from ccsync.ports.ledger import Ledger, Snapshot
from ccsync.ports.live import CustomField, LiveReader


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """exports: the ones asked for by name, None for all. allowed: `EXPORT:GUARD`. valid_for: until it expires."""

    version: str
    exports: tuple[ExportName, ...] | None = None
    refresh: bool = True
    allowed: tuple[str, ...] = ()
    valid_for: timedelta = timedelta(hours=24)

    def asks_for(self, name: ExportName) -> bool:
        return self.exports is None or name in self.exports


@dataclass(frozen=True, slots=True)
class Account:
    """What was fetched of a connection's account; everything but the id is unknown without a refresh."""

    connection: Connection
    id: AccountId
    reader: LiveReader | None = None
    lists: tuple[Known, ...] | None = None
    custom_fields: tuple[CustomField, ...] | None = None
    contacts: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An export and its list. export is None for one that is no longer declared; then `ledger` speaks for it. detached:
    it can't run (declared without a connection, gone together with it, or pointed at another list), and concerns others
    by its ledger alone."""

    name: ExportName
    export: Export | None
    ledger: Ledger | None
    account: Account
    list: ListTarget
    members: int | None
    notes: tuple[Diagnostic, ...] = ()
    detached: bool = False

    @property
    def place(self) -> tuple[AccountId, str]:
        """What two exports share when they write to the same list."""
        return self.account.id, self.list.id or f"new:{self.list.name}"

    @property
    def is_protected(self) -> bool:
        """Whether it was deleted although it must not be."""
        return self.export is None and self.ledger is not None and Protection.EXPORT in self.ledger.protection

    @property
    def fields(self) -> tuple[str, ...]:
        if self.export is not None:
            return tuple(f.target for f in self.export.fields)
        return self.ledger.fields if self.ledger else ()

    @property
    def definitions(self) -> Definitions:
        """Of the custom fields: as the account says now, else as it said before the last apply."""
        custom = self.account.custom_fields
        known = self.ledger.definitions if self.ledger else {}
        if custom is not None:
            known = {each.target: each.definition for each in custom}
        return {target: known[target] for target in self.fields if target in known}


def check_names(project: Project, options: PlanOptions, snapshot: Snapshot) -> None:
    """Raises InvalidError (E110, E213). A deleted export can be named as long as its ledger speaks for it."""
    known = {*project.exports, *project.detached, *snapshot.ledgers}
    unknown = [name for name in options.exports or () if name not in known]
    allowed = [name for name in options.allowed if name.partition(":")[0] not in {*known, WHOLE_PLAN}]
    problems = [
        Diagnostic("E110", f"no export is called {name!r}", hint=f"there are: {', '.join(project.exports)}")
        for name in (*unknown, *(name.partition(":")[0] for name in allowed))
    ]
    problems += [detached(name) for name in options.exports or () if name in project.detached]
    if problems:
        raise InvalidError(*problems)


def detached(name: str) -> Diagnostic:
    """E213, for an export without a connection that was asked for by name."""
    return Diagnostic(
        "E213",
        f"export {name} has no connection (`connection: null`), so it does not run",
        detail="Nothing was planned. Its members stay on their list.",
        hint=f"give it one under exports.{name}.connection",
    )


def open_accounts(
    project: Project, options: PlanOptions, snapshot: Snapshot, readers: Callable[[Connection], LiveReader]
) -> Mapping[ConnectionName, Account]:
    """One entry a connection that this plan touches, or that belongs to an account that it touches: exports on one list
    concern each other over whichever connection they reach it."""
    names = {export.connection for export in project.exports.values() if options.asks_for(export.name)}
    deleted = (
        ledger
        for ledger in snapshot.ledgers.values()
        if ledger.export not in project.exports and ledger.export not in project.detached
    )
    names |= {
        ledger.connection
        for ledger in deleted
        if options.asks_for(ledger.export) and ledger.connection in project.connections
    }
    opened = {name: _account(project.connections[name], options, snapshot, readers) for name in sorted(names)}
    by_id = {account.id: account for account in opened.values()}
    for name, connection in project.connections.items():
        same = by_id.get(snapshot.accounts.get(name, AccountId("")))
        if name not in opened and same is not None and same.id:
            opened[name] = replace(same, connection=connection)
    return opened


def _account(
    connection: Connection, options: PlanOptions, snapshot: Snapshot, readers: Callable[[Connection], LiveReader]
) -> Account:
    pinned = snapshot.accounts.get(connection.name)
    if not options.refresh:
        _check_pinned(connection, pinned, snapshot)
        return Account(connection, pinned or AccountId(""))
    reader = readers(connection)
    found = reader.account()
    check_account(connection.name, pinned, found.id)
    reader.check_access()
    return Account(
        connection,
        found.id,
        reader,
        tuple(Known(known.id, known.name, known.members) for known in reader.lists()),
        reader.custom_fields(),
        reader.contacts_total(),
    )


def _check_pinned(connection: Connection, pinned: AccountId | None, snapshot: Snapshot) -> None:
    """Raises InvalidError (E616): without its account, what is remembered of its lists can't be found."""
    if pinned or not snapshot.ref.serial:
        return
    raise InvalidError(
        Diagnostic(
            "E616",
            f"which account connection {connection.name} belongs to is not known yet",
            detail="Who left its lists is remembered by account; without it they could be taken for new.",
            hint="plan once without --no-refresh",
        )
    )


def check_account(connection: str, pinned: AccountId | None, found: AccountId) -> None:
    """Raises DeniedError (E304) when a connection's token belongs to another account than the one pinned to it."""
    if pinned and pinned != found:
        raise DeniedError(
            Diagnostic(
                "E304",
                f"connection {connection} is signed in to another account than before",
                detail=f"The state belongs to account {pinned}; the token is for {found}. Nothing was sent.",
                hint="sign in to the right account, or declare a new connection for the other one",
            )
        )


def find_targets(
    project: Project, options: PlanOptions, snapshot: Snapshot, accounts: Mapping[ConnectionName, Account]
) -> list[Target]:
    """Every export on these connections, planned or not, since exports on one list concern each other; besides, every
    other export whose ledger is of one of their accounts, detached."""
    targets: list[Target] = []
    problems: list[Diagnostic] = []
    for export in project.exports.values():
        if export.connection not in accounts:
            continue
        account = accounts[export.connection]
        asked_for = options.asks_for(export.name)
        ledger = snapshot.ledgers.get(export.name)
        if ledger and ledger.account != account.id:
            if asked_for:
                problems.append(other_account(export.name, ledger))
            ledger = None
        pinned = Pinned(ledger.list_id, ledger.list_name) if ledger else None
        resolved = resolve_list(export, pinned, account.lists, _remembered(snapshot, account.id))
        if resolved.target is None:
            if asked_for:
                problems.extend(resolved.diagnostics)
            continue
        targets.append(
            Target(export.name, export, ledger, account, resolved.target, resolved.members, resolved.diagnostics)
        )
    if problems:
        raise InvalidError(*problems)
    targets.extend(_by_ledger(project, snapshot, accounts, {target.name for target in targets if target.ledger}))
    return sorted(targets, key=lambda target: target.name)


def other_account(export: str, ledger: Ledger) -> Diagnostic:
    """E615: an export's ledger is of another account than its connection's."""
    return Diagnostic(
        "E615",
        f"{export} was last applied to another account ({ledger.account})",
        detail="Its ledger speaks of people of that account. Nothing was planned.",
        hint="give the export a new name for the other account; the old name then counts as deleted",
    )


def _remembered(snapshot: Snapshot, account: AccountId) -> tuple[Known, ...]:
    """Lists of the account that ledgers know by id and name."""
    return tuple(
        Known(ledger.list_id, ledger.list_name) for ledger in snapshot.ledgers.values() if ledger.account == account
    )


def _by_ledger(
    project: Project,
    snapshot: Snapshot,
    accounts: Mapping[ConnectionName, Account],
    spoken_for: Container[ExportName],
) -> list[Target]:
    """Exports that only the ledger speaks for: deleted ones, and those that can't run. Their members stay, and who left
    them left the list. A deleted one whose list is gone too has nothing left but to be forgotten."""
    by_id = {account.id: account for account in accounts.values()}
    targets = []
    for ledger in snapshot.ledgers.values():
        account = accounts.get(ledger.connection)
        deleted = ledger.export not in project.exports and ledger.export not in project.detached
        if account is None or account.id != ledger.account:
            account, deleted = by_id.get(ledger.account), False
        if account is None or ledger.export in spoken_for:
            continue
        known = next((known for known in account.lists or () if known.id == ledger.list_id), None)
        targets.append(
            Target(
                ledger.export,
                None,
                ledger,
                account,
                ListTarget(ledger.list_id, ledger.list_name),
                known.members if known else None,
                detached=not deleted,
            )
        )
    return targets


def is_planned(target: Target, options: PlanOptions) -> bool:
    return options.asks_for(target.name) and not target.detached


def with_fields_checked(target: Target) -> Target:
    if target.export is None or target.account.custom_fields is None:
        return target
    missing = missing_custom_fields(target.export, [custom.name for custom in target.account.custom_fields])
    if missing:
        raise InvalidError(missing)
    return target
