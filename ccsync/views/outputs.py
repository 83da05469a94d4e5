"""A plan as the `key=value` lines of a CI job's outputs: for `$GITHUB_OUTPUT`, and for files that are read alike."""

import re
from hashlib import sha256

from ccsync.core.change import Op
from ccsync.core.plan import ListAction, Plan, to_text
from ccsync.planner.report import total_estimate
from ccsync.views.block import op_count, removed_share
from ccsync.views.human import findings_of, summary_sentence
from ccsync.views.mask import mask_addresses, shown

_PLAIN = re.compile(r"[\w .,:+-]*", re.ASCII)


def output_lines(plan: Plan) -> str:
    """One line a key. A value from outside is set between delimiters that can't occur in it, each of its lines begun
    with `- `, so that no name of a list can set another key. Source: GitHub's documentation of GITHUB_OUTPUT."""
    total, estimate = plan.totals(), total_estimate(plan)
    values: dict[str, str | int | bool] = {
        "plan_id": plan.plan_id,
        "has_changes": plan.has_changes,
        "blocked": plan.blocked,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "refreshed": plan.refreshed,
        "add": total.add,
        "update": total.update,
        "remove": total.remove,
        "adopt": total.adopt,
        "forget": total.forget,
        "held_back": sum(op_count(Op.HELD_BACK, export) for export in plan.exports),
        "unusable": sum(op_count(Op.UNUSABLE, export) for export in plan.exports),
        "left_out": sum(sum(export.filtered.values()) for export in plan.exports),
        "settings": sum(len(export.unrecorded) for export in plan.exports),
        "lists_created": sum(export.list.action is ListAction.CREATE for export in plan.exports),
        "exports": " ".join(export.name for export in plan.exports if export.has_changes),
        "codes": " ".join(dict.fromkeys(finding.code for finding in findings_of(plan))),
        "api_calls": estimate.api_calls,
        "seconds": estimate.seconds,
        "state_serial": plan.base.serial,
        "created_at": to_text(plan.created_at),
        "expires_at": to_text(plan.expires_at),
        "summary": summary_sentence(total),
        "removals": _removals(plan),
    }
    return "".join(_line(key, _text(value)) for key, value in values.items())


def _removals(plan: Plan) -> str:
    return "\n".join(
        f"- {export.counts.remove} from {mask_addresses(shown(export.list.name))} ({export.name}),"
        f" {removed_share(export)}"
        for export in plan.exports
        if export.counts.remove
    )


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line(key: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return f"{key}={value}\n"
    delimiter = f"end_{sha256(value.encode()).hexdigest()[:32]}"
    return f"{key}<<{delimiter}\n{value}\n{delimiter}\n"
