"""Where the JSON Schemas of the program are, in a checkout and in an installed wheel alike. What they say is theirs."""

import json
from pathlib import Path
from typing import Any

CONFIG_SCHEMA = "config.schema.json"


def schema_path(name: str = CONFIG_SCHEMA) -> Path:
    """The file of a schema, like `plan.schema.json`. Raises FileNotFoundError for a name that does not ship."""
    package = Path(__file__).parents[1]
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(name)


def load_schema(name: str = CONFIG_SCHEMA) -> dict[str, Any]:  # Any: a JSON document
    """The schema of that name. Raises FileNotFoundError as `schema_path` does."""
    document: dict[str, Any] = json.loads(schema_path(name).read_bytes())
    return document
