"""`ccsync state list|show|check|restore|migrate|rekey|unlock`. What is done to the state is `state`'s."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.display import progress_shown, warn
from ccsync.cli.lock import release_lock
from ccsync.cli.options import Acting, AutoApprove, ConfigDir, Json, LockTimeout, Reveal
from ccsync.cli.prompt import confirm
from ccsync.cli.recovery import settle_all
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.permission import Action
from ccsync.engine.remembering import remember
from ccsync.engine.rows import read_held_back
from ccsync.errors import Diagnostic, ExitCode, InvalidError, Severity, StaleError, UsageError
from ccsync.ports.ledger import Lease, Snapshot
from ccsync.state.mending import Listed
from ccsync.state.meta import Meta
from ccsync.views.document import diagnostic_document
from ccsync.views.mask import mask_email
from ccsync.views.tables import table_lines
from ccsync.views.text import Line, line, number, tally

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="Look at the state, check it, restore it, move it, seal it anew."
)


@app.command(name="list")
def list_state(
    held_back: Annotated[bool, typer.Option("--held-back", help="List the people kept off their lists.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most N people of each export.")] = 20,
    reveal: Reveal = False,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """List the generations that are kept, newest first; or the people held back."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.SAVE_PLAN if held_back else Action.LOOK)
        if held_back:
            _list_held_back(workspace, limit, reveal=reveal, as_json=as_json)
            return
        found = workspace.state.history()
    if as_json:
        write_json({"format": 1, "generations": [_listed(each) for each in found]})
        return
    rows = [
        (
            str(each.serial),
            each.meta.created_at if each.meta else "can't be read",
            each.meta.run if each.meta else "-",
            tally(each.meta.counts) or "-" if each.meta else "-",
            "current" if each.current else "",
        )
        for each in found
    ]
    show(table_lines(("serial", "made", "run", "rows", ""), rows) if rows else [line("No state yet.")])


def _listed(each: Listed) -> dict[str, object]:
    meta = each.meta
    return {
        "serial": each.serial,
        "folder": each.folder,
        "current": each.current,
        "created_at": meta.created_at if meta else None,
        "run": meta.run if meta else None,
        "plan_id": meta.plan_id if meta else None,
        "counts": dict(meta.counts) if meta else None,
        "restored_from": meta.restored_from if meta else None,
    }


def _list_held_back(workspace: Workspace, limit: int, *, reveal: bool, as_json: bool) -> None:
    snapshot = workspace.state.generations.snapshot()
    rows = [
        (name, row)
        for name, ledger in snapshot.ledgers.items()
        for row in read_held_back(workspace.session, ledger.path, limit)
    ]
    shown = [(name, row.key if reveal else mask_email(row.key), row) for name, row in rows]
    if as_json:
        held = [{**asdict(row), "export": name, "key": key} for name, key, row in shown]
        write_json({"format": 1, "held_back": held})
        return
    cells = [(name, key, row.status, row.reason, row.changed_at) for name, key, row in shown]
    show(table_lines(("export", "person", "status", "reason", "since"), cells) if cells else [line("Nobody.")])


@app.command(name="show")
def show_state(
    serial: Annotated[int | None, typer.Argument(metavar="[SERIAL]", help="Default: the newest.")] = None,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Show one generation: its run, its exports and their lists."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        meta = _meta(workspace.state.history(), serial)
    if as_json:
        write_json({"format": 1, **asdict(meta)})
        return
    show(_meta_lines(meta))


def _meta(found: tuple[Listed, ...], serial: int | None) -> Meta:
    for each in found:
        if each.serial == serial or (serial is None and each.current):
            if each.meta is None:
                raise StaleError(
                    Diagnostic("E709", f"generation {each.serial} can't be read", hint="ccsync state check")
                )
            return each.meta
    said = "there is no state yet" if serial is None else f"there is no generation {serial}"
    raise InvalidError(Diagnostic("E716", said, hint="`ccsync state list` shows those that are kept"))


def _meta_lines(meta: Meta) -> list[Line]:
    lines = [
        line(f"serial {meta.serial} · made {meta.created_at} · run {meta.run or '-'}", hang=2),
        line(f"lineage {meta.lineage} · plan {meta.plan_id or '-'}", hang=2),
    ]
    if meta.restored_from is not None:
        lines.append(line(f"restored from serial {meta.restored_from}"))
    rows = [
        (name, f'"{each.list_name}"', each.list_id, number(each.members), ", ".join(each.fields))
        for name, each in meta.ledgers.items()
    ]
    return [*lines, *(table_lines(("export", "list", "list id", "members", "fields"), rows) if rows else [])]


@app.command()
def check(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> int:
    """Check every byte of the state against its digests. Exit 5 when it can't be trusted."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        found = tuple(workspace.state.check())
    broken = any(each.severity is Severity.ERROR for each in found)
    if as_json:
        write_json({"format": 1, "sound": not broken, "diagnostics": [diagnostic_document(each) for each in found]})
    else:
        warn(found)
        show([line("The state is damaged." if broken else "The state is sound.")])
    return int(ExitCode.STALE if broken else ExitCode.DONE)


@app.command()
def restore(
    serial: Annotated[int | None, typer.Argument(metavar="[SERIAL]", help="Default: the newest intact one.")] = None,
    auto_approve: AutoApprove = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Go on from an older generation. The lists are not touched; the next plan shows what differs.

    An interrupted run is settled first.
    """
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.OVERRIDE)
        with workspace.lock("state restore", timeout_s=lock_timeout) as lease:
            which = f"generation {serial}" if serial is not None else "the newest intact generation"
            if not auto_approve:
                confirm(
                    f"Go on from {which}? It becomes a new generation; later ones stay, and so does the memory of who"
                    " left.\nThe lists are not touched; the next plan shows what differs.",
                    "state restore",
                )
            _settle_first(workspace, lease)
            unreadable = _journal_unreadable(workspace)
            ref = workspace.state.restore(serial, lambda old, newer: _remember(workspace, old, newer))
            dropped = workspace.state.journals.discard() if unreadable else ()
    show([line(f"The state is at serial {ref.serial}. Next: ", ("ccsync plan", "bold"))])
    for run in dropped:
        show([line(f"The journal of run {run} could not be read and was dropped.")])


def _remember(workspace: Workspace, restored: Snapshot, newer: tuple[Snapshot, ...]) -> Path | None:
    folder = workspace.fresh_folder("restore")
    return remember(workspace.session, restored, newer, folder)


def _settle_first(workspace: Workspace, lease: Lease) -> None:
    """What an interrupted run did belongs to the generations before the one that is to come. Where the state can't be
    read, restoring comes first and the next command settles."""
    try:
        interrupted = workspace.state.journals.pending() is not None
        workspace.state.generations.snapshot()
    except StaleError:
        return
    if interrupted:
        workspace.need(Needs.ACCOUNT)
        with progress_shown(workspace):
            settle_all(workspace, lease)


def _journal_unreadable(workspace: Workspace) -> bool:
    try:
        workspace.state.journals.pending()
    except StaleError:
        return True
    return False


@app.command()
def migrate(
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help="s3://…, gs://…, az://…, or a folder.", show_default=False)
    ],
    auto_approve: AutoApprove = False,
    lock_timeout: LockTimeout = 0.0,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Move the state to another place, and refuse the old one from then on.

    Copies the generations and the run records and reads them back. The lists are not touched.
    """
    from ccsync.state.moving import migrate as move

    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.OVERRIDE)
        target = workspace.opening.open(place, workspace.folder)
        if target.place == workspace.state.place:
            raise UsageError(Diagnostic("E900", "the state is there already"))
        if not auto_approve:
            confirm(f"Move the state from {workspace.state.place} to {target.place}?", "state migrate")
        with workspace.lock("state migrate", timeout_s=lock_timeout) as lease, workspace.hold(target, "state migrate"):
            lease.check()
            moved = move(workspace.state, target)
    show(
        [
            line(f"Moved: serial {moved.ref.serial}, {moved.generations} generations, read back from {target.place}."),
            line(
                "Now set ",
                (f"workspace.state: {place}", "bold"),
                " and commit it. The old state is refused from now on.",
            ),
        ]
    )
    if moved.left:
        show([line(f"{moved.left} older generations are damaged and were left behind.")])


@app.command()
def rekey(lock_timeout: LockTimeout = 0.0, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Seal all of the state with CCSYNC_KEY, also what is not sealed yet.

    After a change of keys, CCSYNC_OLD_KEYS must hold the former one until this has run.
    """
    from ccsync.sealing import key_needed
    from ccsync.state.moving import rekey as seal_anew

    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.OVERRIDE)
        if workspace.keys is None:
            raise key_needed()
        with workspace.lock("state rekey", timeout_s=lock_timeout) as lease:
            lease.check()
            done, left = seal_anew(workspace.state)
    show([line(f"Sealed {number(done)} files of the state with the key {workspace.keys.name}.")])
    if left:
        show([line(f"{number(left)} damaged files of older generations were left as they are.")])


@app.command()
def unlock(auto_approve: AutoApprove = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """The same as `ccsync lock release`."""
    release_lock(Place(config_dir, acting), "state unlock", auto_approve=auto_approve)
