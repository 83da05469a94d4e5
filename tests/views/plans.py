"""Plans as values, for the views' tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ccsync.core.change import Counts, Op, zero_filtered, zero_held_back, zero_unusable
from ccsync.core.plan import Estimate, ExportPlan, ListAction, ListTarget, Plan, StateRef, sealed
from ccsync.core.row import ChangeDetail, ChangeRow
from ccsync.core.spec import AccountId, ConnectionName, ExportName, ListId, OnDelete, OnLeave
from ccsync.errors import Diagnostic, Severity
from ccsync.views.frame import Frame, Purpose, Vendor

NOW = datetime(2026, 11, 24, 15, 36, tzinfo=UTC)
CONNECTION = ConnectionName("newsletter")
VENDORS = {CONNECTION: Vendor("api.cc.email", 10_000)}

BLOCKED = Diagnostic(
    "E501",
    "weekly_newsletter removes 2,400 of 11,990 members (20.02 %); the limit is 20 %",
    hint="check the source; if it is meant, run again with --allow weekly_newsletter:max_remove",
    guard="max_remove",
)
WARNED = Diagnostic(
    "W510",
    "the list of weekly_newsletter has 4 members already",
    Severity.WARNING,
    detail="Who left it earlier can't be known: such people may be added again.",
)


def export_plan(name: str = "weekly_newsletter", **changes: object) -> ExportPlan:
    quiet = ExportPlan(
        name=ExportName(name),
        connection=CONNECTION,
        account=AccountId("account-1"),
        list=ListTarget(ListId("123a3f10-01ab-11e6-8106-00163e6dbd8c"), "Weekly newsletter"),
        fields=("first_name", "last_name"),
        mapping={},
        on_leave=OnLeave.REMOVE_FROM_LIST,
        on_delete=OnDelete.KEEP_MEMBERS,
        members_before=12_004,
        members_after=12_004,
        desired=12_004,
        source_rows=12_020,
        managed=11_990,
        counts=Counts(unchanged=12_004),
        held_back=zero_held_back(),
        unusable=zero_unusable(),
        filtered=zero_filtered(),
        fields_changed={},
        reasons={},
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]  # a test's own keywords


def busy_export() -> ExportPlan:
    """One of everything."""
    return export_plan(
        members_after=12_005,
        counts=Counts(add=3, update=1, remove=2, adopt=2, forget=1, unchanged=11_998, foreign=14),
        held_back={"opted_out": 5, "unsubscribed": 2, "rejected": 0},
        unusable={**zero_unusable(), "invalid_email": 2, "missing_email": 1},
        filtered={"consent_missing": 4, "suppressed": 1},
        fields_changed={"first_name": 1},
        reasons={"segment_joined": 3, "segment_left": 1, "source_row_gone": 1, "field_changed:first_name": 1},
        drift={"last_name": 3},
        people=6,
        estimate=Estimate(14, 30, 1_234),
    )


def plan_of(*exports: ExportPlan, **changes: object) -> Plan:
    plan = Plan(
        ccsync="0.1.0",
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
        workspace="contoso_marketing",
        refreshed=True,
        complete=True,
        base=StateRef("lineage-1", 41, "digest-1"),
        config_digest="config-1",
        accounts={CONNECTION: AccountId("account-1")},
        exports=exports,
    )
    return sealed(replace(plan, **changes))  # type: ignore[arg-type]  # a test's own keywords


def new_list_export() -> ExportPlan:
    return export_plan(
        "vips",
        list=ListTarget(None, "VIP [EU]", ListAction.CREATE),
        members_before=0,
        members_after=1_204,
        counts=Counts(add=1_204),
        people=1_204,
        managed=0,
        estimate=Estimate(12, 70, 98_000),
    )


def detail() -> ChangeDetail:
    def row(op: Op, key: str | None, reason: str, **values: str) -> ChangeRow:
        return ChangeRow(op, key, reason, before={"first_name": "Ann"}, after=dict(values))

    return ChangeDetail(
        reasons={
            Op.ADD: {"segment_joined": 3},
            Op.REMOVE: {"segment_left": 1, "source_row_gone": 1},
            Op.ADOPT: {"already_on_list": 2},
            Op.FORGET: {"already_gone": 1},
        },
        samples={
            Op.ADD: (row(Op.ADD, "bob@example.com", "segment_joined"),),
            Op.UPDATE: (row(Op.UPDATE, "anna@example.com", "field_changed:first_name", first_name="Anna"),),
            Op.REMOVE: (row(Op.REMOVE, "carla@mail.example.org", "segment_left"),),
            Op.UNUSABLE: (
                row(Op.UNUSABLE, "no address at all", "invalid_email"),
                row(Op.UNUSABLE, None, "missing_email"),
            ),
        },
    )


def frame(purpose: Purpose = Purpose.PLAN, *, samples: bool = False, **changes: object) -> Frame:
    details = {ExportName("weekly_newsletter"): detail() if samples else ChangeDetail(detail().reasons)}
    return replace(Frame(purpose, details, VENDORS), **changes)  # type: ignore[arg-type]  # a test's own keywords
