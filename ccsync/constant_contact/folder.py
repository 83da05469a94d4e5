"""Where a user's own files live (request budget, tokens) and how they are made private. No content is read here."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


def user_folder(environ: Mapping[str, str]) -> Path:
    """The folder of ccsync's per-user files; it need not exist.

    `CCSYNC_HOME` when set; else the platform's folder for state: `$XDG_STATE_HOME/ccsync` (by default
    `~/.local/state/ccsync`), on macOS `~/Library/Application Support/ccsync`.
    Source: XDG Base Directory Specification 0.8.
    """
    if chosen := environ.get("CCSYNC_HOME"):
        return Path(chosen).expanduser()
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "ccsync"
    state = environ.get("XDG_STATE_HOME", "")
    # The specification: a relative path is invalid and is to be ignored.
    return (Path(state) if Path(state).is_absolute() else home / ".local" / "state") / "ccsync"


def config_folder(environ: Mapping[str, str]) -> Path:
    """The folder of what a user would keep: the sign-ins. `CCSYNC_HOME` when set; else `$XDG_CONFIG_HOME/ccsync` (by
    default `~/.config/ccsync`), on macOS the same folder as `user_folder`."""
    if environ.get("CCSYNC_HOME") or sys.platform == "darwin":
        return user_folder(environ)
    home = Path(environ.get("HOME") or Path.home())
    config = environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if Path(config).is_absolute() else home / ".config") / "ccsync"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder of copies that can be lost: `cache` in `CCSYNC_HOME` when set; else `$XDG_CACHE_HOME/ccsync` (by
    default `~/.cache/ccsync`), on macOS `~/Library/Caches/ccsync`."""
    if environ.get("CCSYNC_HOME"):
        return user_folder(environ) / "cache"
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "ccsync"
    cache = environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if Path(cache).is_absolute() else home / ".cache") / "ccsync"


def make_private(folder: Path) -> Path:
    """Makes the folder and its missing parents, for this user only, whatever the umask. Raises OSError."""
    missing = []
    place = folder
    while not place.exists():
        missing.append(place)
        place = place.parent
    for place in reversed(missing):
        try:
            place.mkdir(mode=PRIVATE_FOLDER)
        except FileExistsError:  # another process was quicker
            continue
        place.chmod(PRIVATE_FOLDER)
    return folder


def open_private(path: Path, flags: int) -> int:
    """Opens a file of this user's, made with mode 0600 when missing; returns the descriptor. Raises OSError.

    A symbolic link is refused: whoever may write in the folder could point it at another file.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
    if os.fstat(descriptor).st_mode & 0o077:
        os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def write_private(path: Path, content: bytes) -> None:
    """Replaces a file of this user's as a whole, durably: written aside, flushed to the disk, renamed, and the folder
    flushed. Whoever reads sees the old file or the new one. Raises OSError; then the old one stands."""
    make_private(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.unlink(missing_ok=True)
    descriptor = open_private(aside, os.O_WRONLY | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
