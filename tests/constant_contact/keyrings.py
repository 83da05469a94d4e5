"""A keyring over a file, by the library's own protocol, for tests: real enough for several processes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError, PasswordSetError


class FileKeyring(KeyringBackend):
    """Keeps passwords in a JSON file. locked: then it takes and gives nothing, as a keyring that nobody unlocked."""

    priority = 1  # type: ignore[assignment]  # the library's class property

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.locked = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "FileKeyring":
        return cls(Path(environ["CCSYNC_HOME"]) / "keyring.json")

    def _all(self) -> dict[str, str]:
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise PasswordSetError("locked")
        self._keep(self._all() | {f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._all()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not there")
        self._keep(kept)

    def _keep(self, passwords: Mapping[str, str]) -> None:
        """At once, as a real keyring does: readers take no lock."""
        aside = self.file.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(passwords))
        aside.replace(self.file)
