"""`ccsync exports fields`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from ccsync.cli.access import authorize
from ccsync.cli.display import progress_shown
from ccsync.cli.import_list import declared_export
from ccsync.cli.options import Acting, ConfigDir, Json, Reveal
from ccsync.cli.terminal import show, write_json
from ccsync.cli.wiring import Needs, Place, Workspace, open_workspace
from ccsync.core.fields import CUSTOM_FIELD_PREFIX, FieldSpec, Kind, field_spec
from ccsync.core.permission import Action
from ccsync.core.spec import Column, Export, Expression, Field, Sql, Value
from ccsync.engine.summary import filled_fields
from ccsync.errors import CcsyncError
from ccsync.ports.desired import Definitions
from ccsync.views.document import Document
from ccsync.views.mask import cut, mask_addresses
from ccsync.views.tables import table_lines
from ccsync.views.text import counted, line, number

_EXPRESSION_CHARS = 24
_SAMPLE_CHARS = 16


def fields(
    export: Annotated[str, typer.Argument(metavar="EXPORT", show_default=False)],
    no_refresh: Annotated[bool, typer.Option("--no-refresh", help="Don't ask Constant Contact.")] = False,
    reveal: Reveal = False,
    as_json: Json = False,
    config_dir: ConfigDir = None,
    acting: Acting = None,
) -> None:
    """What an export sends, field by field: where from, type, limit, how many people have it, a sample.

    Asks the account for its custom fields; if it can't be asked, says so and tells them from the last apply.
    """
    with open_workspace(Place(config_dir, acting), Needs.SOURCES) as workspace:
        declared = declared_export(workspace.project, export)
        authorize(workspace, Action.SAVE_PLAN, (declared.connection,))
        asked = _asked(workspace, declared, refresh=not no_refresh)
        desired = workspace.desires.desired(declared, asked.definitions)
        targets = [field.target for field in declared.fields]
        found = filled_fields(workspace.session, desired.relation, targets)
    rows = [_row(field, asked, *found[field.target], reveal=reveal) for field in declared.fields]
    if as_json:
        head = {"format": 1, "export": export, "email": _expression(declared.email), "people": desired.size}
        write_json({**head, "account_asked": asked.why_not is None, "why_not": asked.why_not, "fields": rows})
        return
    people = counted(desired.size, "person", "people")
    show([line(f"{export}: {people}, known by {_expression(declared.email)}", hang=4)])
    if asked.why_not:
        show([line(("the account was not asked", "yellow"), f": {asked.why_not}", hang=4)])
    show(table_lines(("field", "from", "type", "limit", "filled", "sample"), [_cells(row) for row in rows]))


@dataclass(frozen=True, slots=True)
class _Asked:
    """definitions: of custom fields, as far as known. why_not: why the account was not asked; None when it was."""

    definitions: Definitions
    why_not: str | None = None


def _asked(workspace: Workspace, export: Export, *, refresh: bool) -> _Asked:
    """What the account says of its custom fields, or else what it said at the last apply."""
    ledger = workspace.state.generations.snapshot().ledgers.get(export.name)
    known = ledger.definitions if ledger else {}
    if not refresh:
        return _Asked(known, "--no-refresh")
    try:
        workspace.need(Needs.EVERYTHING)
        with progress_shown(workspace):
            custom = workspace.destination(export.connection).custom_fields()
    except CcsyncError as error:
        return _Asked(known, error.diagnostics[0].summary)
    return _Asked({each.target: each.definition for each in custom})


def _row(field: Field, asked: _Asked, filled: int, sample: str | None, *, reveal: bool) -> Document:
    """One field as `--json` tells it."""
    definition = asked.definitions.get(field.target)
    spec = field_spec(field.target, definition)
    is_custom = field.target.startswith(CUSTOM_FIELD_PREFIX)
    unknown = "not known" if asked.why_not else "not there"
    return {
        "target": field.target,
        "from": _expression(field.expression),
        "type": (definition.type if definition else unknown) if is_custom else str(spec.kind),
        "limit": _limit(spec),
        "max_chars": spec.max_chars,
        "decimals": spec.decimals if spec.kind is Kind.NUMBER else None,
        "choices": list(spec.choices),
        "on_too_long": str(field.on_too_long),
        "on_null": str(field.on_null),
        "filled": filled,
        "sample": sample if sample is None or reveal else mask_addresses(sample),
    }


def _cells(row: Document) -> tuple[str, ...]:
    source, sample = cut(row["from"], _EXPRESSION_CHARS), cut(row["sample"] or "", _SAMPLE_CHARS)
    return (row["target"], source, row["type"], row["limit"], number(row["filled"]), sample)


def _limit(spec: FieldSpec) -> str:
    match spec.kind:
        case Kind.TEXT:
            return f"{spec.max_chars} chars"
        case Kind.NUMBER:
            return counted(spec.decimals, "decimal") if spec.decimals else "whole"
        case Kind.CHOICE | Kind.CHOICES:
            return counted(len(spec.choices), "choice")
        case _:
            return ""


def _expression(expression: Expression) -> str:
    match expression:
        case Column(name):
            return name
        case Sql(text):
            return f"sql: {text}"
        case Value(text):
            return f"value: {text}"
