"""Makes a state in which every export owns its list: what `ccsync import --own` does, with a file for the account.

The ledgers are written by the product's own code and are what a refreshed apply would leave. A program of its own, for
the same reason as `people.py`.
"""

import secrets
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from ccsync.adoption import import_list
from ccsync.config.load import load_project
from ccsync.core.spec import AccountId, ListId
from ccsync.engine.session import Session
from ccsync.engine.stewardship import Steward
from ccsync.ports import AccountInfo, LiveFile, LiveReader, RemoteList
from ccsync.state.lock import Holder
from ccsync.state.opening import open_state

from tests.bench.people import write_members
from tests.support.world import RunningClock


@dataclass(frozen=True, slots=True)
class Account:
    """An account in which the list of the export `name` holds the people of a region, or everyone."""

    name: str
    profiles: Path
    region: int | None

    def account(self) -> AccountInfo:
        return AccountInfo(AccountId("bench-account"), "bench")

    def lists(self) -> tuple[RemoteList, ...]:
        return (RemoteList(ListId(f"bench-{self.name}"), self.name),)

    def export_members(self, list_id: ListId, fields: Sequence[str], into: Path) -> LiveFile:
        path = into / "members.csv"
        write_members(path, self.profiles, self.region)
        return LiveFile(path, {name: name for name in ("email", "contact_id", *fields)})

    def export_unsubscribed(self, into: Path) -> LiveFile:
        path = into / "unsubscribed.csv"
        path.write_text("email\n", encoding="utf-8")
        return LiveFile(path, {"email": "email"})


def main(folder: str, profiles: str) -> None:
    """Owns the list of each export of the project in `folder`. An export called `region_3` has those of region 3."""
    project = load_project(Path(folder), environ={}, resolve=False).project
    state = open_state(Path(folder) / project.state, RunningClock(), lambda: secrets.token_hex(16))
    holder = Holder("bench", "here", 1, "import", "2026-10-01T12:00:00Z")
    for export in project.exports.values():
        region = int(export.name.removeprefix("region_")) if export.name.startswith("region_") else None
        with ExitStack() as stack:
            work = Path(stack.enter_context(TemporaryDirectory()))
            session = stack.enter_context(Session(work))
            import_list(
                export,
                project.connections[export.connection],
                own=True,
                run="bench",
                snapshot=state.generations.snapshot(),
                reader=cast(LiveReader, Account(export.name, Path(profiles), region)),
                stewardship=Steward(session),
                writer=state.generations,
                lease=stack.enter_context(state.lock.acquire(holder)),
                workdir=work,
                clock=RunningClock(),
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
