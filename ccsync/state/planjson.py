"""`plan.json`, as it stands in plan files and journals: one spelling of a plan, and the checks that it is unharmed."""

import json

from ccsync.core.plan import PLAN_FORMAT, Plan, digest_of, from_document, plan_id_of, to_document
from ccsync.errors import Diagnostic, StaleError

PLAN_JSON = "plan.json"
MAX_PLAN_JSON_BYTES = 64 << 20  # a plan of a thousand exports takes about 4 MB


def plan_bytes(plan: Plan) -> bytes:
    text = json.dumps(to_document(plan), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def parse_plan(data: bytes) -> Plan:
    """The plan, exactly as it was written. Raises StaleError (E708) for another format, ValueError for damage."""
    try:
        document = json.loads(data)
        refuse_other_format(document)
        plan = from_document(document)
        unharmed = plan_bytes(plan) == data and plan.digest == digest_of(plan) and plan.plan_id == plan_id_of(plan)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError("plan.json is no plan") from error
    if not unharmed:
        raise ValueError("plan.json does not have the digest it names")
    return plan


def refuse_other_format(document: object) -> None:
    """Raises StaleError (E708) when this is a plan of another format version; silent on anything else."""
    found = document.get("format") if isinstance(document, dict) else None
    if type(found) is int and found != PLAN_FORMAT:
        raise StaleError(
            Diagnostic(
                "E708",
                f"the plan has format {found}; this ccsync reads and writes format {PLAN_FORMAT}",
                detail="It was made by another version of ccsync. Nothing was sent.",
                hint="run `ccsync plan -o FILE` again with this version",
            )
        )
