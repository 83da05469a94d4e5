"""Durable writing to a local disk: the `Disk` shim through which every change goes, and the write protocol over it.

What the files mean is not here; see `store.py` and the modules above it.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from ccsync.errors import Diagnostic, StorageError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
TEMP_PREFIX = ".tmp-"
CHUNK_BYTES = 1 << 20

_HINTS = {
    errno.ENOSPC: "free some space on that disk and run the command again",
    errno.EDQUOT: "free some space on that disk and run the command again",
    errno.EROFS: "the file system is read-only; make it writable or set `workspace.state` to another folder",
    errno.EACCES: "give the user who runs ccsync the right to read and write there",
    errno.EPERM: "give the user who runs ccsync the right to read and write there",
}


class Disk(Protocol):
    """Every operation that changes a disk, one method each, so that a test can make the n-th one fail or stop there.

    All raise OSError. Descriptors are those of the operating system.
    """

    def create(self, path: Path) -> int:
        """Opens a new file for writing; it must not exist. Nobody but its owner can read it, whatever the umask."""

    def extend(self, path: Path) -> int:
        """Opens a file for writing at its end; makes it, as `create` does, when there is none."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Writes all of `data`."""

    def sync(self, descriptor: int) -> None: ...

    def close(self, descriptor: int) -> None: ...

    def cut(self, path: Path, size_bytes: int) -> None:
        """Shortens a file."""

    def sync_folder(self, folder: Path) -> None:
        """Makes the names in a folder durable."""

    def rename(self, source: Path, target: Path) -> None:
        """Moves a file or folder; a file at `target` is replaced at once."""

    def link(self, source: Path, target: Path) -> None:
        """Gives a file a second name. Raises FileExistsError when there is something at `target`."""

    def unlink(self, path: Path) -> None: ...

    def make_folder(self, path: Path) -> None:
        """Makes one folder that only its owner can enter. Raises FileExistsError."""

    def remove_folder(self, path: Path) -> None:
        """Removes an empty folder."""


def open_private(path: Path, flags: int) -> int:
    """os.open for a file that only its owner can read. With os.O_RDWR | os.O_CREAT: for a lock file.

    The mode is given to open(), so there is no moment in which others could read. A umask that takes even the owner's
    rights away is undone afterwards, which opens the file to nobody else.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    if flags & os.O_CREAT and os.fstat(descriptor).st_mode & stat.S_IRWXU != FILE_MODE:
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


class LocalDisk:
    """The real `Disk`."""

    def create(self, path: Path) -> int:
        return open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def extend(self, path: Path) -> int:
        return open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def cut(self, path: Path, size_bytes: int) -> None:
        os.truncate(path, size_bytes)

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network file systems can't sync a folder; they write names at once
                raise
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        self.link_or_rename(source, target, os.link)

    def link_or_rename(self, source: Path, target: Path, link: Callable[[Path, Path], None]) -> None:
        try:
            link(source, target)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            # A file system without hard links: the state lock keeps a second writer away between the two steps.
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
            source.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        path.mkdir(FOLDER_MODE)
        if path.stat().st_mode & stat.S_IRWXU != FOLDER_MODE:
            path.chmod(FOLDER_MODE)

    def remove_folder(self, path: Path) -> None:
        path.rmdir()


@contextmanager
def disk_trouble(doing: str) -> Iterator[None]:
    """Turns an OSError into StorageError (E713). doing: what could not be done, as in `read the state`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, doing) from error


def storage_error(error: OSError, doing: str) -> StorageError:
    name = Path(error.filename).name if isinstance(error.filename, str) else None
    why = error.strerror or type(error).__name__
    return StorageError(
        Diagnostic(
            "E713",
            f"could not {doing}: {why}" + (f" ({name})" if name else ""),
            detail="Nothing is half-written: every file is the old one or the new one.",
            hint=_HINTS.get(error.errno or 0, "look at the disk, then run `ccsync state check`"),
        )
    )


def make_folders(disk: Disk, folder: Path) -> None:
    """Makes a folder and those above it, and makes their names durable."""
    missing = [folder, *folder.parents]
    missing = missing[: next((n for n, path in enumerate(missing) if path.is_dir()), len(missing))]
    for path in reversed(missing):
        with suppress(FileExistsError):
            disk.make_folder(path)
        disk.sync_folder(path.parent)


def replace_file(disk: Disk, path: Path, chunks: Iterable[bytes]) -> None:
    """Writes a file so that its name stands for the old content or all of the new, and the new is durable on return."""
    temp = _write_temp(disk, path, chunks)
    try:
        disk.rename(temp, path)
    except OSError:
        with suppress(OSError):
            disk.unlink(temp)
        raise
    disk.sync_folder(path.parent)


def write_new_file(disk: Disk, path: Path, chunks: Iterable[bytes]) -> bool:
    """As `replace_file`, but changes nothing and returns False when there is a file of that name already."""
    temp = _write_temp(disk, path, chunks)
    try:
        disk.link(temp, path)
    except FileExistsError:
        return False
    finally:
        with suppress(OSError):
            disk.unlink(temp)
    disk.sync_folder(path.parent)
    return True


def _write_temp(disk: Disk, path: Path, chunks: Iterable[bytes]) -> Path:
    # A name of its own for each writer: two that shared one could each rename the other's unfinished file.
    temp = path.with_name(f"{TEMP_PREFIX}{secrets.token_hex(6)}-{path.name}")
    try:
        descriptor = disk.create(temp)
        try:
            for chunk in chunks:
                disk.write(descriptor, chunk)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
    except Exception:
        with suppress(OSError):
            disk.unlink(temp)
        raise
    return temp


def remove_tree(disk: Disk, folder: Path) -> None:
    """Takes a folder away at once, then deletes what was in it. What a killed deletion leaves, `sweep` removes."""
    trash = folder.with_name(f"{TEMP_PREFIX}{secrets.token_hex(6)}-{folder.name}")
    try:
        disk.rename(folder, trash)
    except FileNotFoundError:
        return
    disk.sync_folder(folder.parent)
    with suppress(OSError):
        _delete_tree(disk, trash)


def _delete_tree(disk: Disk, folder: Path) -> None:
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.is_symlink():
            _delete_tree(disk, child)
        else:
            disk.unlink(child)
    disk.remove_folder(folder)


def sweep(disk: Disk, folder: Path, name: str | None = None) -> None:
    """Removes what killed writes and deletions left in a folder; with a name, only what was to become that file.

    Best effort: what can't be removed now is tried again next time.
    """
    with suppress(OSError):
        for child in sorted(folder.iterdir()):
            if not is_leftover(child.name, name):
                continue
            with suppress(OSError):
                if child.is_dir() and not child.is_symlink():
                    _delete_tree(disk, child)
                else:
                    disk.unlink(child)


def is_leftover(found: str, name: str | None = None) -> bool:
    """Whether `found` is the name of an unfinished write or deletion (of the file `name`, if given)."""
    match = re.fullmatch(re.escape(TEMP_PREFIX) + "[0-9a-f]{12}-(.+)", found)
    return match is not None and name in (None, match[1])


def chunks_of(path: Path) -> Iterator[bytes]:
    """A file's content, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def sha256_of(path: Path) -> str:
    """Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class SourceChangedError(OSError):
    """A file was not what it was a moment ago."""


def checked_chunks(path: Path, sha256: str) -> Iterator[bytes]:
    """A file's content; raises SourceChangedError at its end when the digest is another."""
    seen = hashlib.sha256()
    for chunk in chunks_of(path):
        seen.update(chunk)
        yield chunk
    if seen.hexdigest() != sha256:
        raise SourceChangedError(errno.EIO, "the file changed while it was copied", str(path))
