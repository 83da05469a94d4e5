"""Makes a state in which every export owns its list: what `ccsync import --own` does, with a file for the account.

The ledgers are written by the product's own code and are what a refreshed apply would leave. A program of its own, for
the same reason as `people.py`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ccsync.adoption import import_list
from ccsync.cli.wiring import Needs, Place, open_workspace
from ccsync.core.spec import AccountId, ListId
from ccsync.ports.live import AccountInfo, LiveFile, LiveReader, RemoteList

from tests.bench.people import write_members


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
    with open_workspace(Place(Path(folder)), Needs.STATE) as whole:
        for number, export in enumerate(whole.project.exports.values()):
            region = int(export.name.removeprefix("region_")) if export.name.startswith("region_") else None
            with whole.afresh() as workspace, workspace.lock("import") as lease:
                import_list(
                    export,
                    workspace.project.connections[export.connection],
                    own=True,
                    run=f"bench-{number}",
                    snapshot=workspace.state.generations.snapshot(),
                    reader=cast(LiveReader, Account(export.name, Path(profiles), region)),
                    stewardship=workspace.stewardship,
                    writer=workspace.state.generations,
                    lease=lease,
                    workdir=workspace.fresh_folder(export.name),
                    clock=workspace.clock,
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
