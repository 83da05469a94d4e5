"""The page `docs/configuration.md`, made from the schema: every key, its kind, default and meaning. Nothing is checked.
The tools that write the pages of `docs/` call it; a test holds the page against it.
"""

import json
from collections.abc import Iterator
from typing import Any

from ccsync.config.schema import load_schema

# Any: parts of a JSON Schema.

_HEAD = """<!-- Made from schemas/config.schema.json. Change that, then run `make docs`. -->

# Configuration

{description}

- The config directory is given with `-C` or `--config-dir`, or with `CCSYNC_CONFIG_DIR`; otherwise it is `configs` if
  that exists, else the current folder. Every `*.yaml` and `*.yml` file below it is read, in sorted order, except below
  folders whose names begin with a dot. Relative paths in the configuration are relative to the config directory.
- How the declarations are spread over files makes no difference. The same name twice is an error.
- YAML is read as YAML 1.2: `true` and `false` are the only words for yes and no, dates are text, `012` is twelve. The
  same key twice, tags and several documents in one file are errors.
- Names are lower-case letters, digits and `_`, start with a letter and have at most 63 characters.
- In text values `${{env:NAME}}` is replaced by an environment variable, `${{env:NAME:-default}}` likewise with a
  default, and `${{file:PATH}}` by what a file holds, without the line breaks at its end. A variable that is not set or
  empty and a file that is missing or empty are errors, but not for `ccsync validate`, which leaves references alone.
  `$${{` stands for a plain `${{`.
- Secrets (`client_secret`, `access_token`, passwords in addresses) may only be such references.
- An editor completes and checks a file whose first line is
  `# yaml-language-server: $schema=../schemas/config.schema.json`; `ccsync init` writes it, `ccsync schema` prints the
  schema.

## Example

```yaml
{example}```
"""

EXAMPLE = """\
version: 1
workspace:
  name: contoso_marketing
  state: .ccsync
  privacy_statement: https://contoso.example/privacy

roles:
  administrators: [anna@contoso.example]
  contributors: [bob@contoso.example]
  viewers: ["*"]

connections:
  newsletter:
    type: constant_contact
    display_name: "Constant Contact: newsletter account (NL)"
    available_to: administrators_and_contributors
    consent: {data_privacy: agreed, agreed_by: anna@contoso.example, agreed_on: "2026-10-01"}
    auth: {flow: device, client_id: "${env:CC_CLIENT_ID}"}
    limits: {max_contacts: 50000}

sources:
  crm: {type: parquet, path: "data/customers/*.parquet"}
  shop: {type: sqlite, path: data/shop.sqlite}

segments:
  dutch: {source: crm, where: "country = 'NL'"}
  buyers: {source: shop, table: buyers, query: "SELECT * FROM source WHERE ltv > 5000"}
  dutch_buyers: {all_of: [dutch, buyers]}

exports:
  weekly_newsletter:
    display_name: "Weekly newsletter"
    connection: newsletter
    list: {name: "Weekly newsletter", create: true}
    segments: [dutch_buyers]
    data_matching: {email: email}
    attributes:
      first_name: first_name
      last_name: {sql: "upper(last_name)"}
    custom_fields:
      loyalty_tier: {sql: "CASE WHEN ltv > 5000 THEN 'gold' ELSE 'silver' END"}
    duplicates: {keep: first, order_by: ["updated_at desc"]}
    guards: {max_remove: {percent: 20, rows: 50000}}
"""

_SECTIONS = (
    ("workspace", "workspace", None),
    ("roles", "roles", None),
    ("connections", "connections.NAME", "connection"),
    ("segments", "segments.NAME", "segment"),
    ("exports", "exports.NAME", "export"),
    ("policy", "policy.NAME", "rule"),
    ("approvals", "approvals.NAME", "approval"),
    ("notifications", "notifications.NAME", "notification"),
)
_APART = {"guards": "see [guards](#guards)", "attributes": "see [attributes](#attributes)"}


def configuration_page() -> str:
    """The whole page as Markdown; the same for the same schema."""
    schema = load_schema()
    writer = _Writer(schema["definitions"])
    lines = [_HEAD.format(description=schema["description"], example=EXAMPLE)]
    for section, prefix, definition in _SECTIONS:
        if section == "segments":
            lines += [*_title("##", "sources", schema["properties"]["sources"]), *writer.sources()]
        part = schema["properties"][section]
        lines += _title("##", section, part)
        lines += writer.table(schema["definitions"][definition] if definition else part, prefix)
    attributes = schema["definitions"]["export"]["properties"]["attributes"]
    lines += [*_title("##", "attributes", attributes), *writer.attributes(attributes)]
    guards = schema["definitions"]["guards"]
    lines += [*_title("##", "guards", guards), *writer.table(guards, "guards")]
    return "\n".join(lines).rstrip("\n") + "\n"


def _title(level: str, title: str, part: dict[str, Any]) -> list[str]:
    return [f"{level} {title}", "", part["description"], ""]


class _Writer:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions

    def sources(self) -> list[str]:
        lines = []
        for kind in self._definitions["source"]["properties"]["type"]["enum"]:
            part = self._definitions[f"source_{kind}"]
            lines += [*_title("###", kind, part), *self.table(part, "sources.NAME")]
        return lines

    def attributes(self, part: dict[str, Any]) -> list[str]:
        rows = [f"| `{name}` | {_cell(schema['description'])} |" for name, schema in part["properties"].items()]
        takes = self._kind(self._definitions["expression"])
        return [f"Each takes: {takes}.", "", "| Attribute | Meaning |", "|---|---|", *rows, ""]

    def table(self, part: dict[str, Any], prefix: str) -> list[str]:
        rows = [
            f"| `{name}` | {_cell(takes)} | {_cell(default)} | {_cell(text)} |"
            for name, takes, default, text in self._rows(part, prefix)
        ]
        return ["| Key | Takes | Default | Meaning |", "|---|---|---|---|", *rows, ""]

    def _rows(self, part: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str, str]]:
        required = part.get("required", ())
        for key, given in part["properties"].items():
            schema = self._target(given)
            default = "required" if key in required else _default({**schema, **given})
            text = given.get("description", schema.get("description", ""))
            yield f"{prefix}.{key}", _APART.get(key) or self._kind(schema), default, text
            if key in _APART:
                continue
            if "properties" in schema:
                yield from self._rows(schema, f"{prefix}.{key}")
            elif "properties" in (inner := self._target(schema.get("items", {}))):
                yield from self._rows(inner, f"{prefix}.{key}[]")
            elif schema is self._definitions["list"]:
                yield from self._rows(schema["anyOf"][1], f"{prefix}.{key}")

    def _target(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def _kind(self, schema: dict[str, Any]) -> str:
        schema = self._target(schema)
        if schema is self._definitions["name"]:
            return "name"
        if schema is self._definitions["expression"]:
            return "column, `{column: …}`, `{sql: …}` or `{value: …}`"
        if schema is self._definitions["address"]:
            return "column, `{column: …}` or `{sql: …}`"
        if schema.get("writeOnly"):
            return "reference"
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self._kind(branch) for branch in schema["anyOf"]))
        if "enum" in schema:
            return ", ".join(f"`{_word(choice)}`" for choice in schema["enum"])
        if "const" in schema:
            return f"`{_word(schema['const'])}`"
        return self._plain_kind(schema)

    def _plain_kind(self, schema: dict[str, Any]) -> str:
        match schema.get("type"):
            case "array":
                if "maxItems" in schema:
                    return f"list of {schema['maxItems']} numbers"
                kinds = {"name": "list of names", "mapping": "list of mappings"}
                return kinds.get(self._kind(schema["items"]), "list of text")
            case "integer":
                return f"whole number{_range(schema)}"
            case "number":
                return f"number{_range(schema)}"
            case "boolean":
                return "`true` or `false`"
            case "object":
                return "mapping"
            case _:  # numbers that the schema takes besides text are there for a better diagnostic
                return "text"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    if above is not None:
        return f" above {above:,}" + (f", at most {high:,}" if high is not None else "")
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    return f" from {low:,}" if low is not None else ""


def _default(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return ""
    return f"`{_word(schema['default'])}`"


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
