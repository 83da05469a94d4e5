"""The smallest typer program that validates YAML files against a JSON Schema.

usage: validate.py SCHEMA FILE...
"""

import json
from pathlib import Path

import typer
import yaml
from jsonschema import Draft7Validator

app = typer.Typer()


@app.command()
def main(schema: Path, files: list[Path]) -> None:
    """Validate files."""
    validator = Draft7Validator(json.loads(schema.read_text("utf-8")))
    for file in files:
        validator.validate(yaml.safe_load(file.read_text("utf-8")))
    typer.echo(f"{len(files)} files")


if __name__ == "__main__":
    app()
