"""`ccsync verify`: whether a saved plan may still be applied. Nothing is sent or changed; the checks are `core`'s."""

from pathlib import Path
from typing import Annotated

import typer

from ccsync.cli import planning
from ccsync.cli.access import authorize
from ccsync.cli.display import warn
from ccsync.cli.options import Acting, ConfigDir, ExpectPlanId
from ccsync.cli.recovery import is_pending
from ccsync.cli.terminal import show
from ccsync.cli.wiring import Needs, Place, open_workspace, private_folder
from ccsync.core import staleness
from ccsync.core.guard import blocking
from ccsync.core.permission import Action
from ccsync.core.plan import to_text
from ccsync.errors import Diagnostic, GuardError, Severity
from ccsync.state.planfile import read_plan
from ccsync.views.human import NO_CHANGES, summary_sentence
from ccsync.views.text import line

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan saved by `ccsync plan -o`.", show_default=False)],
    expect_plan_id: ExpectPlanId = None,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """Say whether a saved plan may still be applied; asks nothing of the network.

    Exit 0 when `apply` would take it, 5 when it is stale, expired, edited, applied already or not the one expected, 3
    when a guard or a policy rule blocks it and no approval lets it pass.
    """
    with private_folder() as folder, open_workspace(Place(config_dir, acting), Needs.STATE) as workspace:
        authorize(workspace, Action.LOOK)
        plan, _ = read_plan(file, folder, keys=workspace.keys)
        staleness.check_expected(plan, expect_plan_id)
        generations = workspace.state.generations
        base, applied = generations.snapshot().ref, generations.applied_as(plan.plan_id)
        staleness.check_plan(plan, base, applied, workspace.project.digest, workspace.clock.now())
        passing = planning.passing(workspace, plan, ())
        blocked = blocking(plan, passing.allowed)
        if blocked:
            raise GuardError(*blocked, *passing.notes)
        said = summary_sentence(plan.totals()) if plan.has_changes else NO_CHANGES
        show([line(said), line(f"Plan {plan.plan_id} may be applied until {to_text(plan.expires_at)}.")])
        if is_pending(workspace):
            warn((_unsettled(),))


def _unsettled() -> Diagnostic:
    return Diagnostic(
        "W741",
        "an interrupted run is not settled",
        Severity.WARNING,
        detail="`apply` settles it first; what it finds may make this plan stale.",
        hint="run `ccsync recover`, then plan again if it found anything",
    )
