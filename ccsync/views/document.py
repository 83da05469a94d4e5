"""The documents of `--json`: a plan, its rows, diagnostics. Names are stable: additions are allowed.

A plan's document holds no row unless rows are asked for (`show`). Described by `schemas/plan_output.schema.json`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ccsync.catalogue import hint_of
from ccsync.core.plan import ExportPlan, ListAction, Plan, to_text
from ccsync.core.row import ChangeRow
from ccsync.core.spec import ExportName
from ccsync.errors import Diagnostic, Severity
from ccsync.planner.report import total_estimate
from ccsync.views.mask import mask_addresses, mask_email

FORMAT = 1

Document = dict[str, Any]  # Any: JSON


def plan_document(plan: Plan, warnings: Iterable[Diagnostic] = ()) -> Document:
    """`plan --json` and `show --json`. warnings: what belongs to the command and not to the plan."""
    total = total_estimate(plan)
    return {
        "format": FORMAT,
        "ccsync": plan.ccsync,
        "plan_id": plan.plan_id,
        "created_at": to_text(plan.created_at),
        "expires_at": to_text(plan.expires_at),
        "workspace": plan.workspace,
        "refreshed": plan.refreshed,
        "complete": plan.complete,
        "applyable": plan.applyable,
        "blocked": plan.blocked,
        "has_changes": plan.has_changes,
        "base": {"lineage": plan.base.lineage, "serial": plan.base.serial, "digest": plan.base.digest},
        "config_digest": plan.config_digest,
        "accounts": dict(plan.accounts),
        "allowed": list(plan.allowed),
        "exports": [_export(export) for export in plan.exports],
        "summary": _summary(plan),
        "estimate": {"api_calls": total.api_calls, "seconds": total.seconds, "bytes": total.bytes},
        "findings": [finding_document(finding) for finding in plan.findings],
        "warnings": [finding_document(warning) for warning in warnings],
    }


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one export that were asked for. total: rows that match, shown or not."""

    rows: tuple[ChangeRow, ...]
    total: int


def with_rows(document: Document, pages: Mapping[ExportName, Page], *, reveal: bool) -> Document:
    """The plan's document with `rows` and `rows_total` in each export asked for."""
    exports = []
    for export in document["exports"]:
        page = pages.get(export["name"])
        if page is None:
            exports.append(export)
            continue
        rows = [row_document(row, reveal=reveal) for row in page.rows]
        exports.append({**export, "rows_total": page.total, "rows": rows})
    return {**document, "exports": exports}


def row_document(row: ChangeRow, *, reveal: bool) -> Document:
    def value(text: str | None) -> str | None:
        return text if text is None or reveal else mask_addresses(text)

    return {
        "op": str(row.op),
        "email": row.key if row.key is None or reveal else mask_email(row.key),
        "contact_id": row.contact_id,
        "reason": row.reason,
        "changed": list(row.changed),
        "before": {name: value(text) for name, text in row.before.items()},
        "after": {name: value(text) for name, text in row.after.items()},
    }


def error_document(diagnostics: Iterable[Diagnostic]) -> Document:
    """The first error under `error`, all of them under `errors`, warnings under `warnings`."""
    found = tuple(diagnostics)
    errors = [each for each in found if each.severity is Severity.ERROR] or list(found)
    return {
        "format": FORMAT,
        "error": diagnostic_document(errors[0]),
        "errors": [diagnostic_document(each) for each in errors],
        "warnings": [diagnostic_document(each) for each in found if each.severity is Severity.WARNING],
    }


def validation_document(diagnostics: Iterable[Diagnostic], files: Iterable[str], *, valid: bool) -> Document:
    """`validate --json`: `valid`, `files` and all `diagnostics` always, and an error document's keys if invalid."""
    found = tuple(diagnostics)
    document: Document = {} if valid else error_document(found)
    return {
        **document,
        "format": FORMAT,
        "valid": valid,
        "files": list(files),
        "diagnostics": [diagnostic_document(each) for each in found],
    }


def diagnostic_document(diagnostic: Diagnostic) -> Document:
    where = diagnostic.where
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "hint": hint_of(diagnostic),
        "where": None if where is None else {"file": where.file, "line": where.line, "column": where.column},
    }


def finding_document(finding: Diagnostic) -> Document:
    return {
        "code": finding.code,
        "guard": finding.guard,
        "severity": str(finding.severity),
        "summary": finding.summary,
        "detail": finding.detail,
        "hint": hint_of(finding),
    }


def _export(export: ExportPlan) -> Document:
    counts = export.counts
    return {
        "name": export.name,
        "connection": export.connection,
        "list": {"id": export.list.id, "name": export.list.name, "action": str(export.list.action)},
        "deleted": export.deleted,
        "unrecorded": list(export.unrecorded),
        "members": {"before": export.members_before, "after": export.members_after},
        "counts": {
            "add": counts.add,
            "update": counts.update,
            "remove": counts.remove,
            "adopt": counts.adopt,
            "forget": counts.forget,
            "unchanged": counts.unchanged,
            "foreign": counts.foreign,
        },
        "held_back": dict(export.held_back),
        "unusable": dict(export.unusable),
        "filtered": dict(export.filtered),
        "fields": list(export.fields),
        "fields_changed": _counted(export.fields_changed),
        "reasons": _counted(export.reasons),
        "drift": _counted(export.drift),
        "people": export.people,
        "findings": [finding_document(finding) for finding in export.findings],
        "estimate": {
            "api_calls": export.estimate.api_calls,
            "seconds": export.estimate.seconds,
            "bytes": export.estimate.bytes,
        },
    }


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _summary(plan: Plan) -> Document:
    totals = plan.totals()
    return {
        "add": totals.add,
        "update": totals.update,
        "remove": totals.remove,
        "adopt": totals.adopt,
        "forget": totals.forget,
        "lists_created": sum(1 for export in plan.exports if export.list.action is ListAction.CREATE),
    }
