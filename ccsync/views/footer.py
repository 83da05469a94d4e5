"""What applying a plan takes and what leaves: calls, bytes, time, the day's quota, new contacts, personal data."""

from collections import defaultdict

from ccsync.core.cost import SHARED_CALLS
from ccsync.core.plan import ExportPlan, Plan
from ccsync.core.spec import ConnectionName
from ccsync.planner.report import total_estimate
from ccsync.views.frame import Frame
from ccsync.views.text import Line, counted, line, number, size

DEFAULT_HOST = "Constant Contact"


def footer_lines(plan: Plan, frame: Frame) -> list[Line]:
    total = total_estimate(plan)
    takes = (
        f"{counted(total.api_calls, 'API call')}{_share(plan, frame)}, {size(total.bytes)}, {minutes(total.seconds)}"
    )
    lines = [line(("Applying takes ", "dim"), takes, hang=15)]
    adds = plan.totals().add
    if adds:
        lines.append(
            line(
                ("New contacts  ", "dim"),
                f" at most {number(adds)}; the fee follows the highest number of active contacts",
                hang=15,
            )
        )
    return [*lines, *_leaving(plan, frame)]


def minutes(seconds: int) -> str:
    return "under a minute" if seconds < 60 else f"about {counted(round(seconds / 60), 'minute')}"


def _share(plan: Plan, frame: Frame) -> str:
    """Of the day's quota of the busiest connection; nothing when the quota isn't known."""
    calls: dict[ConnectionName, int] = defaultdict(lambda: SHARED_CALLS)
    for export in plan.exports:
        if export.has_changes:
            calls[export.connection] += export.estimate.api_calls
    shares = [
        (100 * n / frame.vendors[name].requests_per_day, frame.vendors[name].requests_per_day)
        for name, n in calls.items()
        if name in frame.vendors
    ]
    if not shares:
        return ""
    percent, per_day = max(shares)
    said = f"{percent:.1f} %" if percent >= 0.1 else "under 0.1 %"
    return f" ({said} of the day's {number(per_day)})"


def _leaving(plan: Plan, frame: Frame) -> list[Line]:
    sending = [export for export in plan.exports if export.people]
    return [
        line(("Leaves        ", "dim"), f" {_what_leaves(export, frame)}{_whose(export, sending)}", hang=15)
        for export in sending
    ]


def _what_leaves(export: ExportPlan, frame: Frame) -> str:
    vendor = frame.vendors.get(export.connection)
    people = "1 person's" if export.people == 1 else f"{number(export.people)} people's"
    goes = "go" if export.fields or export.people != 1 else "goes"
    return f"{people} {', '.join(('email', *export.fields))} {goes} to {vendor.host if vendor else DEFAULT_HOST}"


def _whose(export: ExportPlan, sending: list[ExportPlan]) -> str:
    return f" ({export.name})" if len(sending) > 1 else ""
