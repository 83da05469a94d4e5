"""The use case `import`: take over a list that exists. Seeds the ledger from live and sends nothing."""

from dataclasses import dataclass, replace
from pathlib import Path

from ccsync.core.plan import to_text
from ccsync.core.spec import Connection, Export
from ccsync.core.target import Known, Pinned, resolve_list
from ccsync.errors import Diagnostic, InvalidError
from ccsync.planner import check_account, mapping_digests, other_account
from ccsync.ports.clock import Clock
from ccsync.ports.ledger import Lease, Ledger, LedgerWriter, NextGeneration, Snapshot
from ccsync.ports.live import Live, LiveReader
from ccsync.ports.stewardship import Stewardship


@dataclass(frozen=True, slots=True)
class Imported:
    """members: of the ledger now. new: not in the ledger before. gone: in the ledger before, not on the list any more;
    they are remembered as having left. serial: of the state afterwards."""

    export: str
    list_name: str
    members: int
    new: int
    gone: int
    serial: int


def import_list(
    export: Export,
    connection: Connection,
    *,
    own: bool,
    run: str,
    snapshot: Snapshot,
    reader: LiveReader,
    stewardship: Stewardship,
    writer: LedgerWriter,
    lease: Lease,
    workdir: Path,
    clock: Clock,
) -> Imported:
    """Everyone on the export's list becomes a member in its ledger: adopted, or ours with `own`. The caller holds the
    lock and has settled what was pending.

    Raises DeniedError (E304), InvalidError (E601 and what `resolve_list` finds, E613 for a list still to be created)
    and what the ports raise; then nothing changed.
    """
    account = reader.account().id
    check_account(connection.name, snapshot.accounts.get(connection.name), account)
    before = snapshot.ledgers.get(export.name)
    if before and before.account != account:
        raise InvalidError(other_account(export.name, before))
    pinned = Pinned(before.list_id, before.list_name) if before else None
    resolved = resolve_list(export, pinned, [Known(known.id, known.name, known.members) for known in reader.lists()])
    if resolved.target is None:
        raise InvalidError(*resolved.diagnostics)
    if resolved.target.id is None:
        raise InvalidError(
            Diagnostic(
                "E613",
                f"the list of {export.name} does not exist yet, so there is nobody to import",
                hint="`ccsync apply` creates it",
            )
        )
    fields = tuple(field.target for field in export.fields)
    live = Live(reader.export_members(resolved.target.id, fields, workdir), reader.export_unsubscribed(workdir))
    draft = Ledger(
        export=export.name,
        connection=connection.name,
        account=account,
        list_id=resolved.target.id,
        list_name=resolved.target.name,
        path=workdir,
        fields=fields,
        mapping=mapping_digests(export),
        on_leave=export.on_leave,
        on_delete=export.on_delete,
        protection=export.protection,
        desired=before.desired if before else 0,
        members=0,
        definitions=before.definitions if before else {},
    )
    adopted = stewardship.adopt(
        draft,
        before.path if before else None,
        snapshot.optouts,
        live,
        own=own,
        run=run,
        at=to_text(clock.now()),
        into=workdir,
    )
    ledgers = {**snapshot.ledgers, export.name: _filled(draft, adopted.ledger, adopted.members)}
    lease.check()
    ref = writer.commit(
        snapshot.ref,
        NextGeneration(
            accounts={**snapshot.accounts, connection.name: account},
            ledgers=tuple(ledgers[name] for name in sorted(ledgers)),
            optouts=adopted.optouts,
            run=run,
            plan_id="",
            counts={"adopt": adopted.new, "forget": adopted.gone},
        ),
    )
    return Imported(export.name, resolved.target.name, adopted.members, adopted.new, adopted.gone, ref.serial)


def _filled(draft: Ledger, path: Path, members: int) -> Ledger:
    return replace(draft, path=path, members=members)
