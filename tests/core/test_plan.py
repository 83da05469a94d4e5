"""The plan as a value: it survives its document, and its two digests see what they should."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from ccsync.core.batch import Batch, BatchKind, Transport
from ccsync.core.change import Counts, zero_held_back, zero_unusable
from ccsync.core.plan import (
    Estimate,
    ExportPlan,
    ListAction,
    ListTarget,
    Plan,
    SourceRead,
    StateRef,
    digest_of,
    from_document,
    plan_id_of,
    sealed,
    to_document,
)
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave
from ccsync.errors import Diagnostic, Severity, Where

EXPORT = ExportPlan(
    name=ExportName("news"),
    connection=ConnectionName("cc"),
    account=AccountId("acc"),
    list=ListTarget(ListId("1"), "VIP"),
    fields=("first_name", "cf:tier"),
    mapping={"first_name": "aa", "cf:tier": "bb"},
    on_leave=OnLeave.REMOVE_FROM_LIST,
    on_delete=OnDelete.KEEP_MEMBERS,
    members_before=10,
    members_after=12,
    desired=12,
    source_rows=13,
    managed=10,
    counts=Counts(add=3, remove=1),
    held_back=zero_held_back(),
    unusable=zero_unusable(),
    fields_changed={},
    reasons={"segment_joined": 3},
    findings=(Diagnostic("W512", "renamed", Severity.WARNING, where=Where("a.yaml", 1, 2)),),
    batches=(Batch(1, BatchKind.REMOVAL, 1, 40), Batch(2, BatchKind.IMPORT, 3, 120, 1, Transport.CSV)),
    sources=(SourceRead("crm", 13, (("a.csv", 5),)),),
    estimate=Estimate(5, 6, 160),
    changes_sha256="ff",
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = sealed(
    Plan(
        ccsync="0.1.0",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        workspace="w",
        refreshed=True,
        complete=True,
        base=StateRef("l", 1, "d"),
        config_digest="c",
        accounts={ConnectionName("cc"): AccountId("acc")},
        exports=(EXPORT,),
        allowed=("news:max_remove",),
    )
)


def test_a_plan_survives_its_document() -> None:
    assert from_document(json.loads(json.dumps(to_document(PLAN)))) == PLAN


def test_the_id_ignores_times_and_the_digest_does_not() -> None:
    later = replace(PLAN, created_at=NOW + timedelta(hours=1), expires_at=NOW + timedelta(hours=25))
    assert plan_id_of(later) == PLAN.plan_id
    assert digest_of(later) != PLAN.digest


def test_the_id_sees_every_part_that_is_no_time() -> None:
    others = {
        "ccsync": "0.2.0",
        "workspace": "x",
        "refreshed": False,
        "complete": False,
        "base": StateRef("l", 2, "d"),
        "config_digest": "x",
        "accounts": {},
        "exports": (replace(EXPORT, changes_sha256="00"),),
        "allowed": (),
        "findings": EXPORT.findings,
        "format": 2,
    }
    times_and_seals = {"created_at", "expires_at", "plan_id", "digest"}
    assert set(others) | times_and_seals == {f.name for f in fields(Plan)}
    assert all(plan_id_of(replace(PLAN, **{name: value})) != PLAN.plan_id for name, value in others.items())


def test_a_plan_that_only_creates_a_list_has_changes() -> None:
    still = replace(EXPORT, counts=Counts(unchanged=5))
    assert not replace(PLAN, exports=(still,)).has_changes
    assert replace(PLAN, exports=(replace(still, list=ListTarget(None, "VIP", ListAction.CREATE)),)).has_changes


def test_an_error_among_the_findings_makes_a_plan_unapplyable() -> None:
    wrong = replace(EXPORT, findings=(Diagnostic("E501", "too many", guard="max_remove"),))
    assert PLAN.applyable
    assert not replace(PLAN, exports=(wrong,)).applyable
