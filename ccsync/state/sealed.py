"""A store that seals what goes into another one and unseals what comes out of it. What seals are is in `sealing.py`.

Without a key it passes everything through, but refuses what is sealed there.

What was written before there was a key stays readable, as far as it proves itself: the files of a generation have their
digests in a sealed HEAD; a journal proves nothing, so beside a sealed HEAD it must be sealed too.
"""

import secrets
from collections.abc import Callable
from pathlib import Path

from ccsync.errors import Diagnostic, StaleError
from ccsync.sealing import BEGINNING_BYTES, Keys, Purpose, is_sealed, key_missing
from ccsync.state.files import LocalDisk, checked_chunks, chunks_of, disk_trouble, make_folders, replace_file, sha256_of
from ccsync.state.head import HEAD
from ccsync.state.journal import JOURNALS
from ccsync.state.store import Store, Stored, Version


class SealedStore:
    """`Store` over a store. scratch: gives a private folder, for this process, where files are sealed and unsealed.

    What reads also raises DeniedError (E720, E721) and StaleError (E723).
    """

    def __init__(self, inner: Store, keys: Keys | None, scratch: Callable[[], Path]) -> None:
        self.inner = inner
        self._keys = keys
        self._scratch = scratch
        self._unsealed: dict[tuple[str, int, int, int], Path] = {}

    def get(self, name: str) -> Stored | None:
        stored = self.inner.get(name)
        if stored is None:
            return None
        if is_sealed(stored.data):
            return Stored(self._key_for(name).unseal(stored.data, Purpose.STATE, name), stored.version, sealed=True)
        self._allow_plain(name)
        return stored

    def fetch(self, name: str) -> Path | None:
        path = self.inner.fetch(name)
        if path is None:
            return None
        with disk_trouble("unseal a file of the state"):
            if not is_sealed(_beginning(path)):
                self._allow_plain(name)
                return path
            stat = path.stat()
            seen = (name, stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if seen not in self._unsealed:
                target = self._target(name)
                replace_file(
                    LocalDisk(), target, self._key_for(name).unseal_chunks(chunks_of(path), Purpose.STATE, name)
                )
                self._unsealed[seen] = target
        return self._unsealed[seen]

    def put_if_absent(self, name: str, data: bytes, *, beside: str | None = None) -> bool:
        return self.inner.put_if_absent(name, self._sealed(data, name), beside=beside)

    def swap(self, name: str, data: bytes, expected: Version | None) -> bool:
        return self.inner.swap(name, self._sealed(data, name), expected)

    def put_file(self, name: str, path: Path, sha256: str) -> None:
        if self._keys is None:
            self.inner.put_file(name, path, sha256)
            return
        with disk_trouble("seal a file of the state"):
            sealed = self._target(name)
            sealing = self._keys.seal_chunks(checked_chunks(path, sha256), Purpose.STATE, name)
            replace_file(LocalDisk(), sealed, sealing)
            try:
                self.inner.put_file(name, sealed, sha256_of(sealed))
            finally:
                sealed.unlink()
                sealed.parent.rmdir()

    def list(self, prefix: str) -> tuple[str, ...]:
        return self.inner.list(prefix)

    def delete(self, prefix: str) -> None:
        self.inner.delete(prefix)

    def sweep(self, prefix: str) -> None:
        self.inner.sweep(prefix)

    def is_current(self, name: str) -> bool:
        """Whether a name is sealed with the key that seals now."""
        path = self.inner.fetch(name)
        with disk_trouble("read the state"):
            return path is not None and self._keys is not None and self._keys.is_current(_beginning(path))

    def _key_for(self, name: str) -> Keys:
        if self._keys is None:
            raise key_missing(Purpose.STATE, name)
        return self._keys

    def _sealed(self, data: bytes, name: str) -> bytes:
        return data if self._keys is None else self._keys.seal(data, Purpose.STATE, name)

    def _allow_plain(self, name: str) -> None:
        if self._keys is None or not name.startswith(JOURNALS):
            return
        head = self.inner.get(HEAD)
        if head is not None and is_sealed(head.data):
            raise StaleError(
                Diagnostic(
                    "E723",
                    f"{name} is not sealed, though the state is",
                    detail="It was written by nobody who has the key. It was not used; nothing was changed or sent.",
                    hint="`ccsync state restore` drops the journal after asking",
                )
            )

    def _target(self, name: str) -> Path:
        folder = self._scratch() / secrets.token_hex(8)
        make_folders(LocalDisk(), folder)
        return folder / Path(name).name


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING_BYTES)
