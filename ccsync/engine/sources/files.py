"""Which files a source is made of, and whether they stayed the same while they were read. Nothing here opens one."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from ccsync.core.spec import Source
from ccsync.errors import Diagnostic, InvalidError, Where


@dataclass(frozen=True, slots=True)
class SourceFile:
    """name: relative to the config directory. mark: what changes when the file does (inode, size, time in ns)."""

    path: Path
    name: str
    size: int
    mark: tuple[int, int, int, int]


def find_files(root: Path, source: Source, suffix: str | None = None) -> tuple[SourceFile, ...]:
    """The files that `source.path` means, sorted by path. Raises InvalidError (E401) when there are none.

    suffix: a folder stands for the files below it that end so; None when a folder makes no sense.
    """
    pattern = str(root / source.path)
    if suffix is not None and Path(pattern).is_dir():
        pattern = str(Path(glob.escape(pattern)) / "**" / f"*{suffix}")
    paths = [Path(pattern)] if Path(pattern).is_file() else _matches(pattern)
    if not paths:
        raise InvalidError(
            Diagnostic(
                "E401",
                f"source {source.name}: no file at {source.path}",
                detail="nothing was read",
                hint="the path is relative to the config directory; check its spelling and the permissions",
            )
        )
    return tuple(describe_file(path, root, source) for path in paths)


def describe_file(path: Path, root: Path, source: Source) -> SourceFile:
    """A file as it is now. Raises InvalidError (E401) when it can't be read, or its name would be a pattern."""
    if glob.has_magic(str(path)):
        summary = f"source {source.name}: a file's path holds one of the characters * ? ["
        raise InvalidError(Diagnostic("E401", summary, hint="rename it", where=Where(path.name)))
    mark = _mark(path)
    if mark is None or not os.access(path, os.R_OK):
        raise InvalidError(Diagnostic("E401", f"source {source.name}: a file can't be read", where=Where(path.name)))
    return SourceFile(path, os.path.relpath(path, root), mark[2], mark)


def check_unchanged(source: str, files: tuple[SourceFile, ...]) -> None:
    """Raises InvalidError (E421), naming every file that is not what it was when the source was opened."""
    changed = [file for file in files if _mark(file.path) != file.mark]
    if changed:
        raise InvalidError(
            *(
                Diagnostic(
                    "E421",
                    f"source {source}: the file changed while it was read",
                    detail="what was read may be half old and half new; nothing was sent",
                    hint="run again when the file is complete; write it aside and rename it",
                    where=Where(file.name),
                )
                for file in changed
            )
        )


def _matches(pattern: str) -> list[Path]:
    if not glob.has_magic(pattern):
        return []
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - takes absolute patterns, skips hidden files
    return sorted(path for path in map(Path, names) if path.is_file())


def _mark(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
