"""Sealing what ccsync stores: keys from the environment, and authenticated encryption of bytes and of files.

What is sealed, and where it is kept, is decided by the rooms that store it.

A sealed thing is `magic ‖ key id ‖ salt ‖ chunk…`. Its own key is HKDF-SHA-256 of the user's key, with that salt and
with purpose and name as its info, so bytes that are moved to another name, or used for another purpose, don't open.
Each chunk is AES-256-GCM with its number and whether it is the last as the nonce, so chunks can't be cut off, added, or
put in another order. Source: Hoang, Reyhanitabar, Rogaway and Vizár, *Online Authenticated-Encryption* (STREAM).
"""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ccsync.errors import DeniedError, Diagnostic, InvalidError, StaleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = "CCSYNC_KEY"
OLD_KEYS = "CCSYNC_OLD_KEYS"
KEY_BYTES = 32
CHUNK_BYTES = 1 << 20
_MAGIC = b"ccsync sealed 1\n"
_ID_BYTES, _SALT_BYTES, _TAG_BYTES = 8, 32, 16
_HEADER_BYTES = len(_MAGIC) + _ID_BYTES + _SALT_BYTES
BEGINNING_BYTES = len(_MAGIC) + _ID_BYTES  # by which `is_sealed` and `Keys.is_current` tell
_FEWEST_DISTINCT = 16  # of 32 random bytes about 30 are distinct; fewer than 16 in less than one of 10^15 keys
_FILE = re.compile(r"\$\{file:(.+)\}")


class Purpose(StrEnum):
    """What a sealed thing is for; each has keys of its own. The words stand in messages."""

    STATE = "state"
    PLAN = "plan"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class _Key:
    """id: tells a wrong key from damage; it says nothing of the key."""

    secret: bytes = field(repr=False)
    id: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that seals, and those that only unseal what was sealed before a rotation. repr shows none of them."""

    current: _Key
    old: tuple[_Key, ...] = ()

    @property
    def name(self) -> str:
        """Of the key that seals; it tells keys apart and says nothing of them."""
        return self.current.id.hex()

    def seal(self, data: bytes, purpose: Purpose, name: str) -> bytes:
        """Never the same bytes twice. name: what else the bytes are bound to; "" for what may be renamed."""
        return b"".join(self.seal_chunks((data,), purpose, name))

    def unseal(self, data: bytes, purpose: Purpose, name: str) -> bytes:
        """Raises DeniedError (E721) for another key, StaleError (E723) when it is not as it was sealed."""
        return b"".join(self.unseal_chunks((data,), purpose, name))

    def seal_chunks(self, chunks: Iterable[bytes], purpose: Purpose, name: str) -> Iterator[bytes]:
        """As `seal`, piece by piece, so that a file need not fit into memory. How it is cut into pieces is lost."""
        header = _MAGIC + self.current.id + secrets.token_bytes(_SALT_BYTES)
        cipher = _cipher(self.current, header, purpose, name)
        yield header
        for number, (chunk, last) in enumerate(_even(chunks, CHUNK_BYTES)):
            yield cipher.encrypt(_nonce(number, last=last), chunk, header)

    def unseal_chunks(self, chunks: Iterable[bytes], purpose: Purpose, name: str) -> Iterator[bytes]:
        """As `unseal`, piece by piece. Every piece is authentic, but whether it is all shows only at the end: what was
        given before an error is to be thrown away."""
        from cryptography.exceptions import InvalidTag

        header, rest = _split(iter(chunks))
        if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
            raise _damaged(purpose, name)
        cipher = _cipher(self._of(header, purpose, name), header, purpose, name)
        for number, (chunk, last) in enumerate(_even(rest, CHUNK_BYTES + _TAG_BYTES)):
            try:
                yield cipher.decrypt(_nonce(number, last=last), chunk, header)
            except InvalidTag:
                raise _damaged(purpose, name) from None

    def is_current(self, beginning: bytes) -> bool:
        """Whether something is sealed with the key that seals now. beginning: at least its first BEGINNING_BYTES."""
        return beginning.startswith(_MAGIC + self.current.id)

    def _of(self, header: bytes, purpose: Purpose, name: str) -> _Key:
        wanted = header[len(_MAGIC) : len(_MAGIC) + _ID_BYTES]
        for key in (self.current, *self.old):
            if key.id == wanted:
                return key
        raise DeniedError(
            Diagnostic(
                "E721",
                f"{_what(purpose, name)} is sealed with another key ({wanted.hex()}, here is {self.name})",
                detail="Nothing was read, changed or sent.",
                hint=f"set {KEY} to the key it was sealed with; after a rotation, put the former key into {OLD_KEYS}",
            )
        )


def load_keys(environ: Mapping[str, str]) -> Keys | None:
    """The keys of `CCSYNC_KEY` and `CCSYNC_OLD_KEYS`; None when no key is set: then nothing is sealed.

    A value is a key as `fresh_key` makes it, or `${file:PATH}` of a file that holds one; old keys are separated by
    spaces or commas. Raises InvalidError (E722) for what is no key, or none that anybody should use.
    """
    if not environ.get(KEY):
        return None
    old = environ.get(OLD_KEYS, "").replace(",", " ").split()
    return Keys(_key(environ[KEY], KEY), tuple(_key(text, OLD_KEYS) for text in old))


def fresh_key() -> str:
    """32 random bytes as 43 characters of base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()


def is_sealed(beginning: bytes) -> bool:
    """Whether something is sealed. beginning: likewise."""
    return beginning.startswith(_MAGIC)


def key_missing(purpose: Purpose, name: str) -> DeniedError:
    """The refusal of something sealed where no key is set."""
    return DeniedError(
        Diagnostic(
            "E720",
            f"{_what(purpose, name)} is sealed, and {KEY} is not set",
            detail="Nothing was read, changed or sent.",
            hint=f"set {KEY} to the key it was sealed with",
        )
    )


def key_needed() -> DeniedError:
    """The refusal of a command that seals where no key is set."""
    return DeniedError(
        Diagnostic(
            "E720",
            f"{KEY} is not set, so nothing can be sealed",
            detail="Nothing was changed.",
            hint=f"make a key with `ccsync generate key` and set {KEY}",
        )
    )


def _key(value: str, variable: str) -> _Key:
    text = value.strip()
    if (reference := _FILE.fullmatch(text)) is not None:
        try:
            text = Path(reference[1]).expanduser().read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(variable, f"the file it names can't be read ({type(error).__name__})") from None
    try:
        secret = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _unusable(variable, "it is not base64url") from None
    if len(secret) != KEY_BYTES:
        raise _unusable(variable, f"it stands for {len(secret)} bytes, not {KEY_BYTES}")
    if len(set(secret)) < _FEWEST_DISTINCT or all(0x20 <= byte < 0x7F for byte in secret):
        raise _unusable(variable, "it is no random key but a text or a pattern, which can be guessed")
    return _Key(secret, _derived(secret, b"", b"key id", _ID_BYTES))


def _unusable(variable: str, why: str) -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E722",
            f"{variable} can't be used: {why}",
            detail="Nothing was read, changed or sent.",
            hint="make a key with `ccsync generate key` and keep it where your other secrets are",
        )
    )


def _derived(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    try:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError:
        raise InvalidError(
            Diagnostic(
                "E722",
                f"{KEY} is set, but sealing needs a package that is not installed",
                detail="Nothing was read, changed or sent.",
                hint="pip install 'ccsync[encryption]'",
            )
        ) from None
    return HKDF(SHA256(), size, salt or None, b"ccsync sealing 1\0" + info).derive(secret)


def _cipher(key: _Key, header: bytes, purpose: Purpose, name: str) -> "AESGCM":
    bound = b"\0".join((b"contents", purpose.encode(), name.encode()))
    subkey = _derived(key.secret, header[-_SALT_BYTES:], bound, KEY_BYTES)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(subkey)


def _nonce(number: int, *, last: bool) -> bytes:
    # Every sealed thing has a key of its own, so a counter never repeats a nonce.
    return number.to_bytes(11) + bytes([last])


def _split(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The header, and what follows it."""
    found = b""
    for chunk in chunks:
        found += chunk
        if len(found) >= _HEADER_BYTES:
            break
    return found[:_HEADER_BYTES], _chain(found[_HEADER_BYTES:], chunks)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _even(chunks: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in chunks of `size`, and whether each is the last; at least one, which may be empty."""
    pending = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(pending) + len(view) > size:
            room = size - len(pending)
            yield bytes(pending) + bytes(view[:room]), False
            pending.clear()
            view = view[room:]
        pending += view
    yield bytes(pending), True


def _what(purpose: Purpose, name: str) -> str:
    return f"the {purpose}" + (f" ({name})" if name else "")


def _damaged(purpose: Purpose, name: str) -> StaleError:
    return StaleError(
        Diagnostic(
            "E723",
            f"{_what(purpose, name)} is not as it was sealed: it was changed, cut off, or moved here from elsewhere",
            detail="It was not used; nothing was changed or sent.",
            hint="find out who can write there, and go back to a copy that is known to be good",
        )
    )
