"""The use case `explain`: one person's story over all exports, and what a plan would do with them and why.

The verdict comes from the three-way table itself, narrowed to one person. Sends and writes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ccsync.core.spec import Connection, Project
from ccsync.planner import PlanOptions
from ccsync.planner.evidence import desired_evidence, diff_request
from ccsync.planner.targets import Account, Target, find_targets, open_accounts
from ccsync.ports.clock import Sink
from ccsync.ports.desired import Desires
from ccsync.ports.diff import Differ
from ccsync.ports.ledger import Snapshot
from ccsync.ports.live import Contact, LiveReader
from ccsync.ports.person import Narrowing, PersonalFacts


@dataclass(frozen=True, slots=True)
class Chapter:
    """One export's part. deleted: the export is no longer declared.

    permission: to send, as the account says; empty when there is no such contact, None when live was not asked.
    on_list: None when live was not asked. facts: see there.
    """

    export: str
    list_name: str
    deleted: bool
    permission: str | None
    on_list: bool | None
    facts: PersonalFacts


def explain(
    project: Project,
    key: str,
    *,
    version: str,
    refresh: bool,
    snapshot: Snapshot,
    desires: Desires,
    differ: Differ,
    narrowing: Narrowing,
    readers: Callable[[Connection], LiveReader],
    workdir: Path,
    sink: Sink,
) -> tuple[Chapter, ...]:
    """A chapter an export, by name. key: canonical address. One look-up a connection. Raises what the ports raise."""
    options = PlanOptions(version, refresh=refresh)
    accounts = open_accounts(project, options, snapshot, readers)
    targets = find_targets(project, options, snapshot, accounts)
    contacts = {name: _contact(account, key) for name, account in accounts.items()} if refresh else {}
    evidence = desired_evidence(targets, targets, desires, sink)
    chapters = []
    for number, target in enumerate(targets):
        if target.detached:  # it does not run, so there is no verdict; what it knows counts for the others
            continue
        folder = workdir / f"story-{number}"
        folder.mkdir(mode=0o700)
        contact = contacts.get(target.account.connection.name)
        request = narrowing.narrow(
            diff_request(target, targets, evidence, snapshot, desires), key, contact, asked=refresh, into=folder
        )
        facts = narrowing.facts(request, differ.diff(request).changes)
        chapters.append(_chapter(target, contact, facts, asked=refresh))
    return tuple(chapters)


def _contact(account: Account, key: str) -> Contact | None:
    return account.reader.contact(key) if account.reader else None


def _chapter(target: Target, contact: Contact | None, facts: PersonalFacts, *, asked: bool) -> Chapter:
    on_list = contact is not None and target.list.id in contact.list_ids
    return Chapter(
        target.name,
        target.list.name,
        target.export is None,
        (contact.status if contact else "") if asked else None,
        on_list if asked else None,
        facts,
    )
