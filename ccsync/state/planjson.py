"""`plan.json`, as it stands in plan files and journals: one spelling of a plan, and the checks that it is unharmed."""

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

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
        if not _fits(plan, Plan):
            raise TypeError("a part is of a wrong kind")
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


def _fits(value: object, hint: Any) -> bool:  # Any: types as values
    """Whether a value is of the type that its dataclass declares, all the way down."""
    hint = getattr(hint, "__supertype__", hint)  # of a NewType
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = parts[:1] * len(value) if parts[1:] == (...,) else parts
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        return type(value) is hint and all(_fits(getattr(value, name), part) for name, part in hints.items())
    return type(value) is hint


@cache
def _hints(kind: type) -> Mapping[str, Any]:  # Any: types as values
    return get_type_hints(kind)
