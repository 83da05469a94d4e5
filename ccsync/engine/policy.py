"""Runs policy rules: a user's SQL over a plan, in an instance that can reach nothing but that plan. What a finding does
to the plan is `core/policy.py`.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ccsync.core.change import CHANGING_OPS, HeldBack, Op
from ccsync.core.plan import ExportPlan, Plan
from ccsync.core.policy import Breach
from ccsync.core.spec import ExportName, PolicyRule
from ccsync.engine.complaints import first_line
from ccsync.engine.quote import identifier, literal
from ccsync.engine.session import TEXT_ERRORS, Session
from ccsync.engine.sources.isolated import fresh_instance
from ccsync.engine.user_sql import check_query
from ccsync.errors import Diagnostic, InvalidError

RELATIONS = ("plan_summary", "plan_changes")

SUMMARY = (
    ("export", "VARCHAR"),
    ("connection", "VARCHAR"),
    ("list", "VARCHAR"),
    ("creates_list", "BOOLEAN"),
    ("deleted", "BOOLEAN"),
    ("members_before", "BIGINT"),
    ("members_after", "BIGINT"),
    ("managed", "BIGINT"),
    ("desired", "BIGINT"),
    ("source_rows", "BIGINT"),
    *((op.value, "BIGINT") for op in CHANGING_OPS),
    ("unchanged", "BIGINT"),
    ("foreign", "BIGINT"),
    *((reason.value, "BIGINT") for reason in HeldBack),
    ("unusable", "BIGINT"),
    ("filtered", "BIGINT"),
    ("drift", "BIGINT"),
    ("people", "BIGINT"),
    ("api_calls", "BIGINT"),
    ("refreshed", "BOOLEAN"),
    ("checked_at", "TIMESTAMP"),
)
"""Columns of `plan_summary`: one row an export of the plan, without changes or with. checked_at: UTC."""

CHANGES = (
    ("export", "VARCHAR"),
    ("op", "VARCHAR"),
    ("email", "VARCHAR"),
    ("domain", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("fields", "VARCHAR[]"),
)
"""Columns of `plan_changes`: one row a change, people held back and unusable rows included. fields: names of those that
an update changes; values of fields are not there. A finding can't show a row: only what it is about and a count."""


class PolicyRunner:
    """The `Policies` port. The session is asked for its folder and limits only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def breaches(
        self, plan: Plan, changes: Mapping[ExportName, Path], rules: Mapping[str, PolicyRule], at: datetime
    ) -> tuple[Breach, ...]:
        if not rules:
            return ()
        session = self._session
        found: list[Breach] = []
        problems: list[Diagnostic] = []
        spill = session.workdir / "policy"  # of its own: an instance tidies its folder away when it closes
        with closing(fresh_instance(spill, session.memory_limit, session.threads)) as connection:
            _fill(connection, plan, changes, at)
            for rule in rules.values():
                try:
                    found += _run(connection, rule, [export.name for export in plan.exports])
                except InvalidError as error:
                    problems += error.diagnostics
        if problems:
            raise InvalidError(*problems)
        return tuple(found)


def _fill(connection: duckdb.DuckDBPyConnection, plan: Plan, changes: Mapping[ExportName, Path], at: datetime) -> None:
    """Makes the two relations, then shuts the instance: it reads the plan's own files and nothing else."""
    columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in SUMMARY)
    connection.execute(f"CREATE TABLE plan_summary ({columns})")
    for export in plan.exports:
        row = _summary(plan, export, at)
        connection.execute(f"INSERT INTO plan_summary VALUES ({', '.join('?' for _ in row)})", row)
    files = {export.name: changes[export.name] for export in plan.exports if export.name in changes}
    parts = [_changes(plan.export(name), path) for name, path in files.items()] or [_no_changes()]
    connection.execute(f"CREATE VIEW plan_changes AS {' UNION ALL '.join(parts)}")
    paths = ", ".join(literal(str(path)) for path in files.values())
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _summary(plan: Plan, export: ExportPlan, at: datetime) -> list[object]:
    return [
        export.name,
        export.connection,
        export.list.name,
        export.list.id is None,
        export.deleted,
        export.members_before,
        export.members_after,
        export.managed,
        export.desired,
        export.source_rows,
        *(getattr(export.counts, op.value) for op in CHANGING_OPS),
        export.counts.unchanged,
        export.counts.foreign,
        *(export.held_back.get(reason.value, 0) for reason in HeldBack),
        sum(export.unusable.values()),
        sum(export.filtered.values()),
        sum(export.drift.values()),
        export.people,
        export.estimate.api_calls,
        plan.refreshed,
        at.astimezone(UTC).replace(tzinfo=None),
    ]


def _changes(export: ExportPlan, path: Path) -> str:
    changed = ", ".join(
        f"CASE WHEN {identifier(f'after:{field}')} IS NOT NULL AND {identifier(f'after:{field}')}"
        f" IS DISTINCT FROM {identifier(f'before:{field}')} THEN {literal(field)} END"
        for field in export.fields
    )
    fields = f"list_filter([{changed}], lambda name: name IS NOT NULL)" if changed else "[]::VARCHAR[]"
    return (
        f"SELECT {literal(export.name)} AS export, op, key AS email, split_part(key, '@', 2) AS domain, reason,"
        f" CASE WHEN op = 'update' THEN {fields} ELSE [] END AS fields FROM read_parquet({literal(str(path))})"
    )


def _no_changes() -> str:
    return f"SELECT {', '.join(f'NULL::{kind} AS {identifier(name)}' for name, kind in CHANGES)} WHERE false"


# ---------------------------------------------------------------- one rule


def _run(connection: duckdb.DuckDBPyConnection, rule: PolicyRule, exports: list[str]) -> Iterator[Breach]:
    what = f"policy rule {rule.name}"
    try:
        select = check_query(connection, rule.sql, what, RELATIONS)
        names = [name for (name,) in connection.execute(_columns(select)).fetchall()]
        rows = connection.execute(_grouped(select, names)).fetchall()
    except InvalidError as error:
        raise InvalidError(*(_broken(each.summary, each.hint) for each in error.diagnostics)) from None
    except duckdb.Error as error:
        raise _failed(what, error) from None  # its text may hold data
    for export, op, count, has_count in rows:
        if export is not None and export not in exports:
            raise InvalidError(_broken(f"{what}: its column `export` holds what is no export of the plan", None))
        if op is not None and op not in set(Op):
            raise InvalidError(_broken(f"{what}: its column `op` holds what is no op", None))
        if not has_count:
            raise InvalidError(_broken(f"{what}: its column `count` is NULL", None))
        yield Breach(rule.name, export, Op(op) if op else None, count)


def _columns(select: str) -> str:
    return f"SELECT column_name FROM (DESCRIBE SELECT * FROM ({select}\n))"


def _grouped(select: str, names: list[str]) -> str:
    """Folds rows that are about the same; columns that say something else are not looked at, so that none is shown."""
    export = "CAST(export AS VARCHAR)" if "export" in names else "NULL::VARCHAR"
    op = "CAST(op AS VARCHAR)" if "op" in names else "NULL::VARCHAR"
    count = "CAST(sum(CAST(count AS BIGINT)) AS BIGINT)" if "count" in names else "count(*)"
    whole = "bool_and(count IS NOT NULL)" if "count" in names else "true"
    return (
        f"SELECT {export} AS about, {op} AS kind, {count}, {whole} FROM ({select}\n) GROUP BY ALL"
        " ORDER BY about NULLS FIRST, kind NULLS FIRST"
    )


def _failed(what: str, error: duckdb.Error) -> InvalidError:
    if isinstance(error, TEXT_ERRORS):
        return InvalidError(_broken(f"{what}: {first_line(str(error))}", None))
    return InvalidError(_broken(f"{what} failed on the plan: {type(error).__name__}", None))


def _broken(summary: str, hint: str | None) -> Diagnostic:
    return Diagnostic("E512", summary, detail="A rule that can't be run is no pass. Nothing was sent.", hint=hint)
