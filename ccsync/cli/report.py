"""A plan in the formats that aren't for the terminal, and the history of its lists from the state's generations."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ccsync.cli import terminal
from ccsync.cli.clock import SystemClock
from ccsync.cli.display import SAMPLES, vendors_of
from ccsync.cli.wiring import private_folder, state_at
from ccsync.core.plan import Plan
from ccsync.core.spec import ExportName, Project
from ccsync.engine.rows import read_detail
from ccsync.engine.session import Session
from ccsync.errors import CcsyncError, Diagnostic
from ccsync.views.document import Page
from ccsync.views.frame import Frame, Purpose

if TYPE_CHECKING:
    from ccsync.views.report.charts import Point


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB_OUTPUT = "github-output"


def rendered(
    output_format: Format,
    plan: Plan,
    frame: Frame,
    pages: Mapping[ExportName, Page],
    project: Project | None,
    stale: tuple[Diagnostic, ...],
) -> str:
    """Any format but TEXT, which is the terminal's. stale: why `apply` would refuse the plan."""
    match output_format:
        case Format.MARKDOWN:
            from ccsync.views.markdown import plan_markdown

            return plan_markdown(plan, frame)
        case Format.HTML:
            from ccsync.views.report.page import Material, report_page

            return report_page(plan, Material(frame, _history(plan, project), pages, stale))
        case Format.GITHUB_OUTPUT:
            from ccsync.views.outputs import output_lines

            return output_lines(plan)
        case Format.TEXT:
            raise ValueError("text goes to the terminal")


def _history(plan: Plan, project: Project | None) -> Mapping[ExportName, tuple["Point", ...]]:
    """A point for each generation that is kept, oldest first. A report does without when no state can be read."""
    if project is None:
        return {}
    try:
        with private_folder() as folder:
            state = state_at(project, SystemClock(), lambda: folder)
            metas = [each.meta for each in reversed(state.history()) if each.meta is not None]
            runs = {run.serial: run.counts for run in state.runs.runs() if run.serial}
    except CcsyncError:
        return {}
    from ccsync.views.report.charts import Point

    return {
        export.name: tuple(
            Point(
                meta.created_at,
                meta.serial,
                meta.ledgers[export.name].members,
                runs.get(meta.serial, {}).get(export.name, {}).get("add", 0),
                runs.get(meta.serial, {}).get(export.name, {}).get("remove", 0),
            )
            for meta in metas
            if export.name in meta.ledgers
        )
        for export in plan.exports
    }


def frame_of(
    session: Session,
    changes: Mapping[ExportName, Path],
    project: Project | None,
    saved: str,
    *,
    reveal: bool,
    samples: bool = True,
) -> Frame:
    """What surrounds a plan that is shown from a file. samples: whether the acting user may see rows at all."""
    shown = SAMPLES if samples and terminal.shows_samples() else 0
    details = {name: read_detail(session, path, shown) for name, path in changes.items()}
    return Frame(Purpose.SHOW, details, vendors_of(project) if project else {}, saved, reveal)
