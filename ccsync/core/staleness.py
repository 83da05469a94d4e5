"""Whether a saved plan may still be applied: time, state and configuration against those it was made from.

That the plan file is unharmed is checked where it is read; the account is checked against the remote side.
"""

from datetime import datetime

from ccsync.core.plan import Plan, StateRef, to_text
from ccsync.errors import Diagnostic, StaleError

_HINT = "run `ccsync plan -o FILE` again and review the new plan"


def check_plan(plan: Plan, current: StateRef, applied_as: int | None, config_digest: str, now: datetime) -> None:
    """Returns if the plan may be applied.

    current: the newest generation. applied_as: the serial this plan's id was applied as before, None if never.
    config_digest: of the configuration now. now: UTC, aware. Raises StaleError with every reason there is: E703
    expired, E704 already applied (then the state has moved on by its own doing, and only this is said), E705 another
    lineage, E706 another serial or digest, E707 another configuration.
    """
    if applied_as is not None:
        raise StaleError(_stale("E704", f"plan {plan.plan_id} was already applied, as serial {applied_as}"))
    reasons = (_expired(plan, now), _other_state(plan.base, current), _other_config(plan, config_digest))
    found = [reason for reason in reasons if reason is not None]
    if found:
        raise StaleError(*found)


def check_expected(plan: Plan, expected: str | None) -> None:
    """Returns if this is the plan that was reviewed, by its id; None expects nothing. Raises StaleError (E740)."""
    if expected is not None and plan.plan_id != expected:
        raise StaleError(_stale("E740", f"this is plan {plan.plan_id}; plan {expected} was expected"))


def _expired(plan: Plan, now: datetime) -> Diagnostic | None:
    if now < plan.expires_at:
        return None
    return _stale("E703", f"plan {plan.plan_id} expired at {to_text(plan.expires_at)}")


def _other_state(base: StateRef, current: StateRef) -> Diagnostic | None:
    if base == current:
        return None
    if base.serial and base.lineage != current.lineage:
        return _stale("E705", "the plan was made from another state than the one of this workspace (another lineage)")
    if base.serial == current.serial:
        return _stale("E706", f"the plan was made from another state with serial {base.serial} (another digest)")
    return _stale("E706", f"the plan was made from state serial {base.serial}; the state is at serial {current.serial}")


def _other_config(plan: Plan, config_digest: str) -> Diagnostic | None:
    if plan.config_digest == config_digest:
        return None
    return _stale("E707", "the configuration has changed since the plan was made")


def _stale(code: str, summary: str) -> Diagnostic:
    return Diagnostic(code, summary, detail="Nothing was sent.", hint=_HINT)
