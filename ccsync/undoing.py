"""The use case `undo`: a plan that takes back what one run did. Sends nothing; the plan is applied like any other.

It is made of generations, of which the last 30 are kept: the state before the run, after it, and now. It is no step
towards the configuration: the next plan proposes that again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ccsync.core.change import zero_filtered, zero_unusable
from ccsync.core.cost import estimate
from ccsync.core.guard import Measures, check_guards, softened
from ccsync.core.plan import ExportPlan, Plan, sealed
from ccsync.core.policy import judged
from ccsync.core.spec import AccountId, Connection, Export, ExportName, Project
from ccsync.errors import Diagnostic, InvalidError, Severity
from ccsync.planner.evidence import Evidence, refreshed
from ccsync.planner.report import file_digest, with_quota
from ccsync.planner.targets import PlanOptions, Target, find_targets, open_accounts
from ccsync.ports.clock import Clock, Sink
from ccsync.ports.ledger import Ledger, Snapshot
from ccsync.ports.live import Live, LiveReader
from ccsync.ports.policy import Policies
from ccsync.ports.undoing import Skipped, Undoer, Undone, UndoRequest, UndoSibling


@dataclass(frozen=True, slots=True)
class Sides:
    """Three generations. before: empty when the run made the first one. at: when the run's was made, UTC text."""

    run: str
    at: str
    before: Snapshot
    after: Snapshot
    now: Snapshot


def make_undo(
    project: Project,
    sides: Sides,
    *,
    version: str,
    allowed: tuple[str, ...],
    undoer: Undoer,
    readers: Callable[[Connection], LiveReader],
    policies: Policies,
    workdir: Path,
    clock: Clock,
    sink: Sink,
) -> tuple[Plan, Mapping[ExportName, Path]]:
    """The plan and its changes files. Lists are always read: who left since must not be put back.

    Raises InvalidError (E601, E615, E781) and what the ports raise. Guards and rules never raise.
    """
    touched = _touched(sides, undoer)
    possible = [name for name in touched if _why_not(project, sides, name) is None]
    options = PlanOptions(version=version, exports=tuple(possible), allowed=allowed)
    accounts = open_accounts(project, options, sides.now, readers)
    targets = {target.name: target for target in find_targets(project, options, sides.now, accounts)}
    # The ledger's fields are what is written back, whatever is mapped by now: that is the next plan's business.
    asked = [replace(targets[name], export=None) for name in possible]
    evidence = refreshed(asked, Evidence({}, {}), workdir, sink)
    undone = {
        target.name: undoer.undo(
            replace(_request(target, sides, evidence, possible), takes_only=_asks_sources(project, target))
        )
        for target in asked
    }
    adds: Counter[AccountId] = Counter()
    for target in asked:
        adds[target.account.id] += undone[target.name].diffed.counts.counts.add
    exports = tuple(
        _export_plan(target, project.exports[target.name], undone[target.name], sides, allowed, adds[target.account.id])
        for target in asked
    )
    created = clock.now().replace(microsecond=0)
    plan = Plan(
        ccsync=version,
        created_at=created,
        expires_at=created + options.valid_for,
        workspace=project.name,
        refreshed=True,
        complete=False,
        base=sides.now.ref,
        config_digest=project.digest,
        accounts={name: account.id for name, account in accounts.items() if account.id},
        exports=with_quota(exports, accounts, options),
        allowed=tuple(sorted(allowed)),
        findings=_findings(project, sides, touched, undone),
    )
    changes = {name: each.diffed.changes for name, each in undone.items()}
    plan = judged(plan, project.policy, policies.breaches(plan, changes, project.policy, clock.now()))
    return sealed(softened(plan, allowed)), changes


def _asks_sources(project: Project, target: Target) -> bool:
    """Whether what may be sent is decided by sources that an undo doesn't read."""
    return project.exports[target.name].require is not None or bool(target.account.connection.suppress)


def _touched(sides: Sides, undoer: Undoer) -> list[ExportName]:
    names = sorted({*sides.before.ledgers, *sides.after.ledgers})
    found = [name for name in names if undoer.touched(sides.run, *_paths(sides, name))]
    if not found:
        raise InvalidError(
            Diagnostic(
                "E781",
                f"run {sides.run} did nothing to anybody that could be undone",
                hint="`ccsync history` lists the runs with what they did",
            )
        )
    return found


def _paths(sides: Sides, name: ExportName) -> tuple[Path | None, Path | None]:
    before, after = sides.before.ledgers.get(name), sides.after.ledgers.get(name)
    return before.path if before else None, after.path if after else None


def _why_not(project: Project, sides: Sides, name: ExportName) -> str | None:
    """Why nothing of an export can be taken back; None when something may be."""
    if name not in project.exports:
        return "it is no longer declared"
    now = sides.now.ledgers.get(name)
    then = sides.after.ledgers.get(name) or sides.before.ledgers[name]
    if now is None:
        return "its ledger is gone"
    if (now.account, now.list_id) != (then.account, then.list_id):
        return "it has another list by now"
    return None


def _request(target: Target, sides: Sides, evidence: Evidence, possible: Sequence[ExportName]) -> UndoRequest:
    now = _ledger(target)
    before, after = _paths(sides, target.name)
    return UndoRequest(
        name=target.name,
        run=sides.run,
        fields=now.fields,
        account=now.account,
        list_id=now.list_id,
        before=before,
        after=after,
        now=now.path,
        siblings=_siblings(target.name, now, sides, possible),
        memories=tuple(memory for memory in (sides.after.optouts, sides.now.optouts) if memory is not None),
        live=Live(evidence.live[target.place], evidence.unsubscribed[target.account.id]),
    )


def _siblings(name: ExportName, place: Ledger, sides: Sides, possible: Sequence[ExportName]) -> tuple[UndoSibling, ...]:
    def there(ledger: Ledger | None) -> Path | None:
        same = ledger is not None and (ledger.account, ledger.list_id) == (place.account, place.list_id)
        return ledger.path if ledger is not None and same else None

    found = []
    for other in sorted({*sides.before.ledgers, *sides.now.ledgers} - {name}):
        before, now = there(sides.before.ledgers.get(other)), there(sides.now.ledgers.get(other))
        if before or now:
            found.append(UndoSibling(other, before, now, other in possible))
    return tuple(found)


def _ledger(target: Target) -> Ledger:
    assert target.ledger is not None, "an export without a ledger was left out before"
    return target.ledger


def _export_plan(
    target: Target, export: Export, undone: Undone, sides: Sides, allowed: tuple[str, ...], account_adds: int
) -> ExportPlan:
    ledger, diffed = _ledger(target), undone.diffed
    found, counts = diffed.counts, diffed.counts.counts
    connection = target.account.connection
    before = found.live or 0
    measures = Measures(
        desired=0,
        rows=0,
        unusable=0,
        managed=found.managed,
        previous=None,
        adds=counts.add,
        account_adds=account_adds,
        updates=counts.update,
        removes=counts.remove,
        max_profiles=export.max_profiles,
        max_contacts=connection.limits.max_contacts,
        account_contacts=target.account.contacts,
    )
    # Nothing was read from the sources, so the guards that look at them have nothing to say.
    guards = check_guards(target.name, replace(export.guards, min_rows=0), measures, allowed)
    return ExportPlan(
        name=target.name,
        connection=connection.name,
        account=target.account.id,
        list=target.list,
        fields=ledger.fields,
        mapping=ledger.mapping,
        on_leave=ledger.on_leave,
        on_delete=ledger.on_delete,
        members_before=before,
        members_after=before + counts.add - counts.remove,
        desired=ledger.desired,
        source_rows=0,
        managed=found.managed,
        counts=counts,
        held_back=found.held_back,
        unusable=zero_unusable(),
        filtered=zero_filtered(),
        definitions=ledger.definitions,
        fields_changed=found.fields_changed,
        reasons=found.reasons,
        findings=(*target.notes, *guards, *_skipped(target.name, undone, sides)),
        batches=diffed.batches,
        unresolved=diffed.unresolved,
        people=diffed.people,
        estimate=estimate(target.list, diffed.batches, diffed.unresolved, before, connection.limits),
        protection=ledger.protection,
        changes_sha256=file_digest(diffed.changes),
    )


# ---------------------------------------------------------------- what is said

_SKIPPED = {
    Skipped.LEFT: "left the list themselves",
    Skipped.CHANGED_SINCE: "changed again since",
    Skipped.GONE: "gone from the list since",
    Skipped.ON_LIST: "on the list",
    Skipped.OTHER_EXPORT: "held by another export too",
    Skipped.ADOPTED: "only taken over, or only forgotten",
    Skipped.UNKNOWN_BEFORE: "without a value before, or edited since",
    Skipped.NOT_ASKED: "sent only if the sources say so (`require`, `suppress`), which an undo doesn't read",
}


def _skipped(name: str, undone: Undone, sides: Sides) -> tuple[Diagnostic, ...]:
    people = sum(undone.skipped.values())
    if not people and not undone.unknown_values:
        return ()
    why = [f"{_SKIPPED[reason]}: {rows:,}" for reason, rows in undone.skipped.items()]
    if undone.unknown_values:
        why.append(
            f"values that stay, as their earlier one is not known or they were edited: {undone.unknown_values:,}"
        )
    said = f"{name}: not everything of run {sides.run} is undone (people left as they are: {people:,})"
    return (Diagnostic("W781", said, Severity.WARNING, detail="; ".join(why) + "."),)


def _findings(
    project: Project, sides: Sides, touched: Sequence[ExportName], undone: Mapping[ExportName, Undone]
) -> tuple[Diagnostic, ...]:
    removed = sum(each.diffed.counts.counts.remove for each in undone.values())
    stays = ["Mails that were sent stay sent."]
    if removed:
        stays.append(f"Whoever is taken off a list ({removed:,}) stays a contact of the account.")
    stays += [
        f"{name}: {why}, so nothing of it is undone." for name in touched if (why := _why_not(project, sides, name))
    ]
    return (
        Diagnostic(
            "W780",
            f"this plan undoes run {sides.run}, recorded at {sides.at}",
            Severity.WARNING,
            detail="It is no step towards the configuration: the next `ccsync plan` proposes that again.",
            hint="after applying it, mend the data or the configuration, and pause schedules until then",
        ),
        Diagnostic("W782", "what can't be undone stays", Severity.WARNING, detail="\n".join(stays)),
    )
