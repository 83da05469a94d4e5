"""The use case `readmit`: let held-back people be added again. The only way back that is ours to give.

Sends nothing: the next plan takes them for new. Who opted out of the whole account can only come back by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ccsync.core.spec import AccountId, Connection, Export, ListId
from ccsync.core.target import Known, resolve_list
from ccsync.errors import Diagnostic, InvalidError
from ccsync.planner import check_account, other_account
from ccsync.ports.ledger import Lease, LedgerWriter, NextGeneration, Snapshot
from ccsync.ports.live import Live, LiveReader
from ccsync.ports.stewardship import Stewardship


@dataclass(frozen=True, slots=True)
class Readmission:
    """How many of those asked for were let in again, and why the others were not. serial: of the state afterwards."""

    readmitted: int
    on_list: int
    unsubscribed: int
    unknown: int
    serial: int


def readmit(
    export: Export,
    connection: Connection,
    keys: Sequence[str] | None,
    *,
    run: str,
    snapshot: Snapshot,
    reader: LiveReader,
    stewardship: Stewardship,
    writer: LedgerWriter,
    lease: Lease,
    workdir: Path,
) -> Readmission:
    """Lets held-back people of the export's list in again, for every export on that list. keys: canonical addresses,
    None for everyone held back. The caller holds the lock, has settled what was pending and records the reason given.

    An export that was never applied may have people held back too: other exports on its list remember them.

    Raises InvalidError (E601, E614, E615) for an export without a list, DeniedError (E304) and what the ports raise.
    """
    account = reader.account().id
    check_account(connection.name, snapshot.accounts.get(connection.name), account)
    list_id = _list_of(export, account, snapshot, reader)
    same_list = [other for other in snapshot.ledgers.values() if (other.account, other.list_id) == (account, list_id)]
    live = Live(reader.export_members(list_id, (), workdir), reader.export_unsubscribed(workdir))
    found = stewardship.readmit((account, list_id), same_list, snapshot.optouts, live, keys, workdir)
    ledgers = dict(snapshot.ledgers)
    for name, (path, members) in found.ledgers.items():
        ledgers[name] = replace(ledgers[name], path=path, members=members)
    lease.check()
    ref = snapshot.ref
    if found.readmitted:
        ref = writer.commit(
            snapshot.ref,
            NextGeneration(
                accounts=snapshot.accounts,
                ledgers=tuple(ledgers[name] for name in sorted(ledgers)),
                optouts=found.optouts,
                run=run,
                plan_id="",
                counts={"readmit": found.readmitted},
            ),
        )
    return Readmission(found.readmitted, found.on_list, found.unsubscribed, found.unknown, ref.serial)


def _list_of(export: Export, account: AccountId, snapshot: Snapshot, reader: LiveReader) -> ListId:
    """The list that the export was applied to, or that it names."""
    ledger = snapshot.ledgers.get(export.name)
    if ledger is not None:
        if ledger.account != account:
            raise InvalidError(other_account(export.name, ledger))
        return ledger.list_id
    resolved = resolve_list(export, None, [Known(known.id, known.name) for known in reader.lists()])
    if resolved.target is None:
        raise InvalidError(*resolved.diagnostics)
    if resolved.target.id is None:
        raise InvalidError(
            Diagnostic(
                "E614", f"the list of {export.name} does not exist yet: nobody is held back", hint="see `ccsync status`"
            )
        )
    return resolved.target.id
