"""`ccsync status`: the state at a glance. Asks no account."""

from dataclasses import asdict
from typing import Any

import typer

from ccsync.cli.access import authorize
from ccsync.cli.options import Acting, ConfigDir, Json
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.permission import Action, role_of
from ccsync.engine.rows import count_rows_of, count_statuses
from ccsync.ports.ledger import Snapshot
from ccsync.views.tables import table_lines
from ccsync.views.text import BLANK, Line, line, number

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Document = dict[str, Any]  # Any: JSON


@app.command()
def status(as_json: Json = False, config_dir: ConfigDir = None, acting: Acting = None) -> None:
    """Show the state: exports, members, the last run, what is pending."""
    with open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        found = _status(workspace)
    if as_json:
        write_json(found)
    else:
        show(_lines(found))


def _status(workspace: Workspace) -> Document:
    state = workspace.state
    snapshot = state.generations.snapshot()
    holder = state.lock.holder()
    pending = None if holder else state.journals.pending()  # a journal that is being written is nothing to read
    last = state.runs.last_run()
    role = role_of(workspace.project.roles, workspace.actor.name)
    return {
        "format": 1,
        "workspace": workspace.project.name,
        "config_dir": str(workspace.folder),
        "state": state.place,
        "serial": snapshot.ref.serial,
        "lineage": snapshot.ref.lineage,
        "exports": _exports(workspace, snapshot),
        "opted_out": count_rows_of(workspace.session, snapshot.optouts) if snapshot.optouts else 0,
        "pending_run": pending.run if pending else None,
        "lock": asdict(holder) if holder else None,
        "last_run": asdict(last) if last else None,
        "actor": {"name": workspace.actor.name, "source": workspace.actor.source, "role": str(role) if role else None},
    }


def _exports(workspace: Workspace, snapshot: Snapshot) -> list[Document]:
    """Declared exports and those that only the state knows, by name."""
    detached = workspace.project.detached
    names = sorted({*workspace.project.exports, *detached, *snapshot.ledgers})
    found = []
    for name in names:
        ledger = snapshot.ledgers.get(name)
        counts = count_statuses(workspace.session, ledger.path) if ledger else {}
        export = workspace.project.exports.get(name) or detached.get(name)
        found.append(
            {
                "name": name,
                "declared": export is not None,
                "detached": name in detached,
                "connection": ledger.connection if ledger else export.connection if export else None,
                "list": {"id": ledger.list_id, "name": ledger.list_name} if ledger else None,
                "members": counts.get("member", 0),
                "held_back": {"opted_out": counts.get("opted_out", 0), "rejected": counts.get("rejected", 0)},
            }
        )
    return found


def _standing(export: Document) -> str:
    if export["detached"]:
        return " (no connection)"
    return "" if export["declared"] else " (no longer declared)"


def _lines(found: Document) -> list[Line]:
    serial = f"state serial {found['serial']}" if found["serial"] else "no state yet"
    lines = [line((found["workspace"], "bold"), f" · {serial} · {found['state']}", hang=2), BLANK]
    rows = [
        (
            f"{each['name']}{_standing(each)}",
            f'"{each["list"]["name"]}"' if each["list"] else "never applied",
            number(each["members"]),
            number(sum(each["held_back"].values())),
        )
        for each in found["exports"]
    ]
    lines += table_lines(("export", "list", "members", "held back"), rows) if rows else [line("No exports.")]
    lines.append(BLANK)
    if found["opted_out"]:
        who = (
            "1 person who left a list is"
            if found["opted_out"] == 1
            else f"{number(found['opted_out'])} people who left a list are"
        )
        lines.append(line(f"{who} kept off it (`ccsync readmit`)."))
    lines += _run_lines(found)
    actor = found["actor"]
    lines.append(line(f"Acting: {actor['name']} ({actor['source']}), {actor['role'] or 'no role'}.", hang=2))
    return lines


def _run_lines(found: Document) -> list[Line]:
    lines = []
    last = found["last_run"]
    if last:
        said = f"Last run: {last['run']}, {last['command']} by {last['actor']}, {last['outcome']}, {last['ended']}."
        lines.append(line(said, hang=2))
    holder = found["lock"]
    if holder:
        lines.append(line(f"Locked by `ccsync {holder['command']}` on {holder['host']} (pid {holder['pid']}).", hang=2))
    elif found["pending_run"]:
        lines.append(
            line(
                ("! ", "bold yellow"),
                f"Run {found['pending_run']} was interrupted. Settle it with ",
                ("ccsync recover", "bold"),
                "; the next plan or apply does so first.",
                hang=2,
            )
        )
    return lines
