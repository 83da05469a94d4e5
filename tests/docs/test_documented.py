"""Whatever the program has is documented, and whatever the documents name exists."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from ccsync.catalogue import CATALOGUE
from ccsync.cli.app import app
from ccsync.cli.commands import COMMANDS
from ccsync.cli.pages import pages
from ccsync.config.load import load_project
from ccsync.errors import ExitCode

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED = ("command-line.md", "configuration.md", "errors.md")
BY_HAND = [ROOT / "README.md", ROOT / "CHANGELOG.md"] + [
    path for path in sorted(DOCS.rglob("*.md")) if path.name not in GENERATED
]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def commands() -> dict[str, Any]:  # Any: typer carries its own copy of click's types
    """`ccsync plan`, `ccsync state check`, … → the command."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}

    def walk(path: str, command: Any) -> None:
        inside = getattr(command, "commands", None)
        if inside is None:
            found[path] = command
            return
        for name in inside:
            walk(f"{path} {name}", command.get_command(None, name))

    walk("ccsync", group)
    return found


# ---------------------------------------------------------------- generated pages


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_what_the_program_says(name: str) -> None:
    assert text_of(name) == pages()[name], "run `make docs`"


def test_every_command_and_option_is_documented() -> None:
    page = text_of("command-line.md")
    found = commands()
    assert {path.split()[1] for path in found} == {each.name for each in COMMANDS}
    for path, command in found.items():
        heading = re.search(rf"^##+ {re.escape(path)}\n(.*?)(?=^##+ |\Z)", page, re.MULTILINE | re.DOTALL)
        assert heading, path
        for parameter in command.params:
            if parameter.param_type_name == "option" and "--help" not in parameter.opts:
                for name in parameter.opts:
                    assert f"`{name}`" in heading.group(1), f"{path} {name}"
                assert (parameter.help or "").strip(), f"{path} {parameter.opts} has no help"


def test_every_exit_code_is_documented() -> None:
    page = text_of("command-line.md")
    for code in ExitCode:
        assert re.search(rf"^\| {int(code)} \|", page, re.MULTILINE), code


def test_every_key_of_the_configuration_is_documented() -> None:
    schema = json.loads((ROOT / "schemas" / "config.schema.json").read_text(encoding="utf-8"))
    page = text_of("configuration.md")
    for name, part in _keys(schema):
        assert part.get("description", "").strip() or "$ref" in part or "const" in part, f"{name} has no description"
        assert re.search(rf"`[^`\n]*\b{re.escape(name)}\b[^`\n]*`|^#+ {re.escape(name)}$", page, re.MULTILINE), name


def _keys(part: Any) -> Iterator[tuple[str, Any]]:  # Any: JSON
    if isinstance(part, dict):
        for name, inner in part.get("properties", {}).items():
            if isinstance(inner, dict) and name != "version":
                yield name, inner
        for inner in part.values():
            yield from _keys(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _keys(inner)


def test_every_code_that_is_said_is_documented_and_every_documented_code_is_said() -> None:
    said: set[str] = set()
    for path in (ROOT / "ccsync").rglob("*.py"):
        if path.parent.name != "catalogue":
            said |= set(re.findall(r"\"([EW]\d{3})\"", path.read_text(encoding="utf-8")))
    documented = set(re.findall(r"^## ([EW]\d{3}):", text_of("errors.md"), re.MULTILINE))
    assert documented == set(CATALOGUE)
    assert said - documented == set()
    assert documented - said == set()


def test_every_entry_says_what_happened_and_what_to_do() -> None:
    for code, entry in CATALOGUE.items():
        assert entry.title.strip(), code
        assert entry.meaning.strip().endswith("."), code
        assert entry.remedy.strip(), code
        assert entry.exit_code is None or code.startswith("E"), code


# ---------------------------------------------------------------- pages by hand


@pytest.mark.parametrize("page", BY_HAND, ids=lambda path: path.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = commands()
    groups = {path.rsplit(" ", 1)[0] for path in known if path.count(" ") > 1}
    for words in _command_lines(text):
        path = next((p for p in (" ".join(words[:3]), " ".join(words[:2])) if p in known), None)
        if path is None:
            assert " ".join(words[:2]) in groups or words[1].startswith("-"), f"{page.name}: {' '.join(words)}"
            continue
        options = {name for parameter in known[path].params for name in parameter.opts} | {"--help", "-h"}
        for word in words[2:]:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in options, f"{page.name}: {' '.join(words)}"
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in re.findall(r"(?:`|^|\s)make ([a-z-]+)`?", "\n".join(_code(text)), re.MULTILINE):
        assert target in targets, f"{page.name}: make {target}"
    for code in re.findall(r"\b[EW]\d{3}\b", text):
        assert code in CATALOGUE, f"{page.name}: {code}"


def _code(text: str) -> Iterator[str]:
    """Everything on a page that is set as code: blocks and spans."""
    yield from re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def _command_lines(text: str) -> Iterator[list[str]]:
    for code in _code(text):
        for line in code.splitlines():
            line = line.removeprefix("$ ").split(" #")[0]
            if line.startswith("ccsync ") and "…" not in line:
                words = shlex.split(line.replace("[", "").replace("]", ""))
                yield [word for word in words if word not in ("&", ">")]


@pytest.mark.parametrize("page", [*BY_HAND, DOCS / "configuration.md"], ids=lambda path: path.name)
def test_configurations_on_a_page_are_valid(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(version: 1\n.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for number, block in enumerate(blocks):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "ccsync.yaml").write_text(block, encoding="utf-8")
        load_project(folder, environ={}, resolve=False)


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*BY_HAND, *(DOCS / name for name in GENERATED)]:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name}: {link}"
            if anchor:
                assert anchor in _anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# ---------------------------------------------------------------- what must not be published


FORBIDDEN = (
    re.compile(r"/(?:work|root)/\w"),
    re.compile(r"/tmp/(?!ccsync)\w+/"),
    re.compile(r"(?:index-url|extra-index-url|find-links)\s*="),
    re.compile(r"https?://[\w.-]*(?:pypi|artifactory|nexus|mirror)[\w.-]*"),
)


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    here = Path(__file__).relative_to(ROOT).as_posix()
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or name == here or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        for pattern in FORBIDDEN:
            found = pattern.search(text)
            assert not found, f"{name}: {found.group() if found else ''}"


def test_the_constraints_are_names_and_versions_and_cover_what_is_declared() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = set()
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==[A-Za-z0-9.]+", line)
        assert match, line
        pinned.add(re.sub(r"[-_.]+", "-", match.group(1)).lower())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", each)[0]).lower() for each in declared} - {"ccsync"}
    assert "duckdb" in names
    assert names <= pinned
