"""Which files make up a configuration, and their bytes. What stands in them is not known here."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ccsync.errors import Diagnostic, InvalidError, Severity, Where

MAX_FILE_BYTES = 10_000_000
"""A configuration file, query file or secret file beyond this is a mistake, not a declaration."""

CONFIG_DIR_VARIABLE = "CCSYNC_CONFIG_DIR"
DEFAULT_DIR = "configs"
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """shown: the name used in messages, see `shown_name`."""

    path: Path
    shown: str


def find_config_dir(option: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The config directory: the option, else the environment variable, else `configs` if it is there, else `cwd`.

    Relative paths are taken from `cwd`; with `Path()` they stay as the user gave them. Raises InvalidError (E109) when
    the directory that was asked for isn't one.
    """
    asked = option or (Path(environ[CONFIG_DIR_VARIABLE]) if environ.get(CONFIG_DIR_VARIABLE) else None)
    if asked is None:
        return cwd / DEFAULT_DIR if (cwd / DEFAULT_DIR).is_dir() else cwd
    found = cwd / asked
    if not found.is_dir():
        from_where = "" if option else f" (from {CONFIG_DIR_VARIABLE})"
        raise InvalidError(
            Diagnostic(
                "E109",
                f"the config directory {asked}{from_where} {'is a file' if found.exists() else 'does not exist'}",
                hint="give the folder that holds the YAML files with -C, or start one with `ccsync init`",
            )
        )
    return found


def shown_name(config_dir: Path, path: Path) -> str:
    """A file as messages name it: below the config directory as the user gave it, or below its last part when that was
    absolute. Always with forward slashes."""
    below = path.relative_to(config_dir) if path.is_absolute() or not config_dir.is_absolute() else path
    return (Path(config_dir.name) / below if config_dir.is_absolute() else config_dir / below).as_posix()


def config_files(config_dir: Path) -> tuple[tuple[ConfigFile, ...], tuple[Diagnostic, ...]]:
    """Every *.yaml and *.yml file below the directory, not below dot-folders, in sorted order.

    Links to folders are followed, but no folder is entered twice (W102 says so), so that a loop has an end. Folders
    that can't be read are errors: what they declare would silently be gone.
    """
    found: list[Path] = []
    problems: list[Diagnostic] = []
    entered: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        place = shown_name(config_dir, Path(error.filename))
        problems.append(Diagnostic("E100", f"the folder can't be read: {error.strerror}", where=Where(place)))

    for folder, folders, names in os.walk(config_dir, followlinks=True, onerror=unreadable):
        entered.add(_identity(Path(folder)))
        folders[:] = sorted(_enterable(config_dir, Path(folder), folders, entered, problems))
        found += [Path(folder) / name for name in names if name.endswith(_SUFFIXES) and not name.startswith(".")]
    files = (ConfigFile(path, shown_name(config_dir, path)) for path in sorted(found, key=lambda path: path.parts))
    return tuple(files), tuple(problems)


def _enterable(
    config_dir: Path, folder: Path, names: list[str], entered: set[tuple[int, int]], problems: list[Diagnostic]
) -> Iterator[str]:
    for name in sorted(names):
        if name.startswith("."):
            continue
        identity = _identity(folder / name)
        if identity in entered:
            place = Where(shown_name(config_dir, folder / name))
            summary = "this folder is read already under another name; it is not read again"
            problems.append(Diagnostic("W102", summary, Severity.WARNING, where=place))
            continue
        entered.add(identity)
        yield name


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


class UnreadableError(Exception):
    """Why a file can't be used, in words that follow its name."""


def read_file(path: Path) -> bytes:
    """The bytes of an ordinary file of bounded size. Raises UnreadableError; never waits for a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("is not an ordinary file")
            if status.st_size > MAX_FILE_BYTES:
                raise UnreadableError(f"holds {status.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError("does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UnreadableError(f"can't be read: {getattr(error, 'strerror', None) or 'not a path'}") from error
