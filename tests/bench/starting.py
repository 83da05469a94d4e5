"""Row `startup`: what it costs to start the program, against the smallest programs of its kind."""

from pathlib import Path

from tests.bench.project import EXPORT, REGIONS, declaration
from tests.bench.results import Result, at_most, line
from tests.bench.runs import ROOT, Program, fresh, interleaved, ratio
from tests.bench.scale import RAW, Scale


def startup(scale: Scale, work: Path) -> Result:
    program, folder = str(RAW / "product.py"), fresh(work / "files")
    files = _ten_files(folder)
    schema = str(ROOT / "schemas/config.schema.json")
    rounds = scale.rounds(15)
    empty, version, help_, floor, validate = interleaved(
        [
            Program("an empty typer program's `--help`", (str(RAW / "empty.py"), "--help")),
            Program("`ccsync --version`", (program, "--version")),
            Program("`ccsync --help`", (program, "--help")),
            Program("typer, PyYAML and jsonschema over ten files", (str(RAW / "validate.py"), schema, *files)),
            Program("`ccsync validate`, ten files", (program, "validate", "--config-dir", str(folder))),
        ],
        rounds,
        work,
        warm=scale.warm,
    )
    return Result(
        "startup",
        "Starting",
        0,
        rounds,
        [line(empty), line(version, empty), line(help_, empty), line(floor), line(validate, floor)],
        [
            at_most("`ccsync --version`, by an empty typer program's `--help`", 1.2, ratio(version, empty), "x"),
            at_most("`ccsync --help`, by the same", 1.2, ratio(help_, empty), "x"),
            at_most("`ccsync validate` of ten files, by its floor", 1.5, ratio(validate, floor), "x"),
        ],
    )


def _ten_files(folder: Path) -> list[str]:
    """A project of ten exports in as many files."""
    names = [f"region_{number}" for number in range(REGIONS)]
    rest = [f"version: 1\nexports:\n{EXPORT.format(name=name)}" for name in names[1:]]
    for number, text in enumerate([declaration(names, names[:1]), *rest]):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    return [str(path) for path in sorted(folder.glob("*.yaml"))]
