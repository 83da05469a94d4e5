"""The use case `readmit`: let held-back people be added again. The only way back that is ours to give.

Sends nothing: the next plan takes them for new. Who opted out of the whole account can only come back by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ccsync.core.spec import Connection, ExportName
from ccsync.errors import Diagnostic, InvalidError
from ccsync.planner import check_account
from ccsync.ports import Lease, LedgerWriter, Live, LiveReader, NextGeneration, Snapshot, Stewardship


@dataclass(frozen=True, slots=True)
class Readmission:
    """How many of those asked for were let in again, and why the others were not. serial: of the state afterwards."""

    readmitted: int
    on_list: int
    unsubscribed: int
    unknown: int
    serial: int


def readmit(
    export: ExportName,
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

    Raises InvalidError (E614) for an export that was never applied, DeniedError (E304) and what the ports raise.
    """
    ledger = snapshot.ledgers.get(export)
    if ledger is None:
        raise InvalidError(
            Diagnostic("E614", f"{export} was never applied: nobody is held back", hint="see `ccsync status`")
        )
    check_account(connection.name, snapshot.accounts.get(connection.name), reader.account().id)
    same_list = [
        other
        for other in snapshot.ledgers.values()
        if (other.account, other.list_id) == (ledger.account, ledger.list_id)
    ]
    live = Live(reader.export_members(ledger.list_id, (), workdir), reader.export_unsubscribed(workdir))
    found = stewardship.readmit(same_list, snapshot.optouts, live, keys, workdir)
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
