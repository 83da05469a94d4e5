"""Every fault of the sandbox in every phase of a run, and what is to come of it: the tables that `test_faults.py` holds
the program to and `docs/reliability.md` shows. Runs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Phase:
    """When a fault strikes. call: the destination's call whose first request it meets; after: not before this call
    was made. kind: the activity that the phase asks for, None where it asks for none."""

    name: str
    title: str
    call: str
    after: str = ""
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What strikes. order: for the sandbox's `/faults`; empty for what is done otherwise (`name` says what)."""

    name: str
    title: str
    order: Mapping[str, Any]


PHASES = (
    Phase("plan", "plan: list read", "export_members", kind="contact_exports"),
    Phase("plan_optouts", "plan: opt-outs read", "export_unsubscribed", kind="contact_exports"),
    Phase("checks", "apply: checks", "account"),
    Phase("look", "look: list", "export_members", kind="contact_exports"),
    Phase("look_optouts", "look: opt-outs", "export_unsubscribed", kind="contact_exports"),
    Phase("list", "list made", "create_list"),
    Phase("ids", "ids looked up", "contact"),
    Phase("removal", "removal sent", "start_removal", kind="remove_list_memberships"),
    Phase("removing", "removal awaited", "look", "start_removal"),
    Phase("csv", "CSV import sent", "start_import:csv", kind="contacts_file_import"),
    Phase("json", "JSON import sent", "start_import:json", kind="contacts_json_import"),
    Phase("importing", "imports awaited", "look", "start_import:json"),
    Phase("read_back", "read-back", "export_members", "start_import:json", kind="contact_exports"),
    Phase("recover", "recovery", "look"),
)

EVER = {"times": None}
TOO_HIGH = {"items_total_count": 99, "person_count": 98, "items_completed_count": 98}
REQUESTS = (
    Fault("lost_before", "connection lost, request not handled", {"kind": "drop_before"}),
    Fault("lost_after", "answer lost, request handled", {"kind": "drop_after"}),
    Fault("truncated", "half an answer", {"kind": "truncated"}),
    Fault("hang", "no answer for an hour, then no connection", {"kind": "hang"}),
    Fault("slow", "an answer after 90 seconds", {"kind": "delay", "seconds": 90}),
    Fault("500", "500", {"status": 500}),
    Fault("500_after", "500, request handled", {"status": 500, "after": True}),
    Fault("503", "503", {"status": 503}),
    Fault("html", "502, a page of HTML", {"kind": "html"}),
    Fault("throttled", "429 throttled", {"kind": "throttled"}),
    Fault("queue_full", "429 queue full", {"kind": "queue_full"}),
    Fault("quota", "429 quota exceeded", {"kind": "quota_exceeded"}),
    Fault("401", "401, a token that can't be renewed", {"kind": "unauthorized"}),
    Fault("403", "403", {"kind": "forbidden"}),
    Fault("409", "409", {"status": 409, "shape": "array"}),
    Fault("lost_ever", "no connection, for good", {"kind": "drop_before"} | EVER),
    Fault("503_ever", "503, for good", {"status": 503} | EVER),
    Fault("throttled_ever", "429 throttled, for good", {"kind": "throttled"} | EVER),
    Fault("queue_full_ever", "429 queue full, for good", {"kind": "queue_full"} | EVER),
)
SIGN_IN = (
    Fault("expired", "access token over", {}),
    Fault("renewal_lost", "access token over, the answer to its renewal lost", {}),
    Fault("rotated", "access token over, refresh token used by another machine", {}),
    Fault("revoked", "sign-in revoked", {}),
)
JOBS = (
    Fault("stuck", "job never ends", {"mishap": "stuck"}),
    Fault("failed", "job failed", {"mishap": "failed"}),
    Fault("failed_after", "job failed, all was done", {"mishap": "failed_after"}),
    Fault("timed_out", "job timed out half way", {"mishap": "timed_out"}),
    Fault("cancelled", "job cancelled", {"mishap": "cancelled"}),
    Fault("partial", "half the rows refused, counted", {"mishap": "partial"}),
    Fault("cut_off", "half the rows dropped without a word", {"mishap": "cut_off"}),
    Fault("lying", "all done, counters one too low", {"mishap": "lying"}),
    Fault("boasting", "half done, counters far too high", {"mishap": "cut_off", "counters": TOO_HIGH}),
    Fault("download", "file cut off in the download", {"kind": "truncated", "path": "/contact*_exports/*"}),
    Fault("day_later", "26 hours pass, and the job never ended", {"mishap": "stuck"}),
    Fault("forgotten", "11 days pass, and the job is forgotten", {}),
)
LATER_S = {"day_later": 26 * 3600.0, "forgotten": 11 * 86_400.0}
"""Fault → how long passes between the end of a killed run and its recovery."""

Cell = tuple[Fault, Phase]


def applies(fault: Fault, phase: Phase) -> bool:
    """Whether there is such a cell: a job's fault needs a phase that asks for a job."""
    if fault in REQUESTS or fault in SIGN_IN:
        return True
    if fault.name in LATER_S:
        return phase.name == "recover"
    exports = phase.kind == "contact_exports"
    return exports if fault.name == "download" else phase.kind is not None


CELLS: tuple[Cell, ...] = tuple(
    (fault, phase) for fault in (*REQUESTS, *SIGN_IN, *JOBS) for phase in PHASES if applies(fault, phase)
)

QUICK = frozenset(
    {
        ("html", "plan_optouts"),
        ("hang", "look"),
        ("500_after", "removal"),
        ("lost_after", "csv"),
        ("lost_after", "json"),
        ("throttled_ever", "importing"),
        ("expired", "ids"),
        ("rotated", "json"),
        ("partial", "csv"),
        ("boasting", "json"),
        ("download", "read_back"),
        ("forgotten", "recover"),
    }
)
"""(fault, phase) of the cells that `make test` runs; `make test-long` runs all."""

READS = {"plan", "plan_optouts", "look", "look_optouts", "read_back"}
CHANGED = {"ids", "removal", "removing", "csv", "json", "importing", "read_back"}
"""Phases of an apply that has changed something already: the list was made."""


def _ends(code: int, said: str, reading: str = "", **other: str) -> Mapping[str, str]:
    """Phase → exit code, then the code said: 6 once something was changed, until then `code`. reading: what is said of
    a list that can't be read. other: phases that end in another way."""
    named = {phase.name: reading if reading and phase.name in READS else said for phase in PHASES}
    return {name: f"{6 if name in CHANGED else code} {text}" for name, text in named.items()} | other


_ENDINGS: Mapping[str, Mapping[str, str]] = {
    "quota": _ends(6, "E604"),
    "401": _ends(8, "E302"),
    "403": _ends(8, "E308", checks="8 E303"),
    "409": _ends(1, "E620", list="1 E610", **dict.fromkeys(READS, "0")),
    "lost_ever": _ends(1, "E603", reading="E624"),
    "503_ever": _ends(1, "E603", reading="E624"),
    "throttled_ever": _ends(1, "E606"),
    "queue_full_ever": _ends(1, "E606"),
    "renewal_lost": _ends(1, "E627"),
    "rotated": _ends(8, "E305"),
    "revoked": _ends(8, "E305"),
    "stuck": _ends(1, "E605", reading="E624"),
}
"""Of the faults that ccsync does not get over by itself."""

EXPECTED: Mapping[tuple[str, str], str] = {
    (fault.name, phase.name): _ENDINGS.get(fault.name, {}).get(phase.name, "0") for fault, phase in CELLS
}
"""(fault, phase) → exit code, then the codes said."""
