"""The tutorial is true: every command on it is run, in order, and prints what the page says it prints."""

import re
from pathlib import Path

import pytest

from tests.docs.console import rewritten, run, settled, steps_of

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_every_command_of_the_tutorial_prints_what_the_page_says(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = TUTORIAL.read_text(encoding="utf-8")
    steps = steps_of(page)
    done = run(steps, tmp_path)
    if request.config.getoption("--update-golden"):
        page = rewritten(page, steps, [output for output, _ in done])
        TUTORIAL.write_text(page, encoding="utf-8")
        steps = steps_of(page)
    for number, (step, (output, code)) in enumerate(zip(steps, done, strict=True)):
        assert settled(output) == settled(step.output), step.command
        shown = number + 1 < len(steps) and steps[number + 1].command == "echo $?"
        assert code == 0 or shown, f"{step.command} exits {code}: {output}"


def test_the_readme_shows_what_the_tutorial_shows() -> None:
    tutorial = {step.command: settled(step.output) for step in steps_of(TUTORIAL.read_text(encoding="utf-8"))}
    shown = [step for step in steps_of((ROOT / "README.md").read_text(encoding="utf-8")) if step.output]
    assert shown, "the README shows a plan"
    for step in shown:
        assert settled(step.output) == tutorial.get(step.command), step.command


def test_every_way_to_write_a_shell_block_is_one_of_two() -> None:
    """`console` blocks are run; `sh` blocks are for what a test can't do: installing, opening a browser."""
    for page in (TUTORIAL, ROOT / "README.md"):
        kinds = set(re.findall(r"^```(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert kinds <= {"console", "sh", "yaml", "json"}, page
