"""The working project that `ccsync init` writes: the same files as the repository's `configs/`, and an editor's schema.

The wheel carries them under `ccsync/config/scaffold`; in a checkout they are read from where they are.
"""

from pathlib import Path

from ccsync.config.schema import CONFIG_SCHEMA, schema_path
from ccsync.errors import Diagnostic, InvalidError, StorageError, Where

CONFIG_FILES = (
    ".gitignore",
    "connections.yaml",
    "data/customers.csv",
    "exports.yaml",
    "queries/north_americans.sql",
    "segments.yaml",
    "sources.yaml",
)
"""Named one by one: a checkout's `configs` may also hold state, which must never be copied."""

_GITIGNORE = b".ccsync/\n*.ccplan\n.env\n"


def write_scaffold(target: Path) -> tuple[Path, ...]:
    """Writes the project below `target`, which is made if need be, and returns the files written, in order.

    A `.gitignore` that is there already stays as it is. Raises InvalidError (E122), having written nothing, when any
    other file is in the way, and StorageError (E713) when the disk refuses.
    """
    content = {Path("configs") / name: (scaffold_dir() / name).read_bytes() for name in CONFIG_FILES}
    content[Path("schemas") / CONFIG_SCHEMA] = schema_path().read_bytes()
    if not (target / ".gitignore").exists():
        content[Path(".gitignore")] = _GITIGNORE
    in_the_way = sorted(file for file in content if _is_there(target / file))
    if in_the_way:
        hint = "give another folder, or move these files away"
        summary = "this file is in the way; nothing was written"
        raise InvalidError(
            *(Diagnostic("E122", summary, hint=hint, where=Where((target / file).as_posix())) for file in in_the_way)
        )
    written: list[Path] = []
    try:
        for file in sorted(content):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            with (target / file).open("xb") as out:
                out.write(content[file])
            written.append(target / file)
    except OSError as error:
        where = Where(str(error.filename or target))
        summary = f"the file can't be written: {error.strerror}; {len(written)} of {len(content)} files were written"
        raise StorageError(Diagnostic("E713", summary, where=where)) from error
    return tuple(written)


def scaffold_dir() -> Path:
    """The folder that holds CONFIG_FILES."""
    installed = Path(__file__).with_name("scaffold")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()
