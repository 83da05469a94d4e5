"""The objects of one bucket below one prefix, with conditional writes; through `obstore`, the extra `cloud`.

What the keys mean, and what is tried again, is in `remote.py`. What a store says of an error may hold a signed address,
so only its kind is passed on.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NewType, Protocol
from urllib.parse import urlsplit

from ccsync.core.address import is_loopback
from ccsync.errors import Diagnostic, InvalidError, StorageError

# Any: the objects of obstore, an extra that is imported late.

Tag = NewType("Tag", str)
"""The store's mark of one writing of one object (its ETag)."""

SCHEMES = ("s3", "gs", "az")
_CHUNK_BYTES = 8 << 20
_ENDPOINTS = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT")


class NotDoneError(Exception):
    """The condition of a write did not hold, or seemed not to: nothing was written by this very request."""


class UnsureError(Exception):
    """No answer, or one that says nothing: whether it was done is not known. kind: a word for people."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class Object:
    data: bytes
    tag: Tag


@dataclass(frozen=True, slots=True)
class Below:
    """What lies right below a prefix: the next part of each key, objects and folders apart."""

    objects: tuple[str, ...]
    folders: tuple[str, ...]


Content = bytes | Callable[[], Iterator[bytes]]
"""What is written: bytes, or what gives them piece by piece, anew at each call."""


class Objects(Protocol):
    """Each method raises UnsureError, and StorageError or InvalidError (E725, E728) for what will never work."""

    def get(self, key: str) -> Object | None: ...

    def tag(self, key: str) -> Tag | None:
        """The mark of what is there; None when nothing is."""

    def read(self, key: str, tag: Tag) -> Iterator[bytes]:
        """An object piece by piece. Raises NotDoneError when it is not the one with this mark."""

    def put(self, key: str, content: Content, *, over: Tag | None) -> Tag:
        """Writes the object if it still is the one with this mark (None: if there is none). Raises NotDoneError."""

    def overwrite(self, key: str, content: Content) -> None: ...

    def below(self, prefix: str) -> Below:
        """prefix: empty, or ending in `/`."""

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Every key below a prefix, sorted."""

    def delete(self, key: str) -> None:
        """One that is not there counts as deleted."""


def open_objects(address: str, environ: Mapping[str, str], timeout: timedelta = timedelta(minutes=2)) -> "CloudObjects":
    """The objects at an address as in `s3://bucket/prefix`.

    Credentials, region and endpoint are those of the environment, in the stores' own variables; http is for endpoints
    on this machine. timeout: of one request, an upload of a large file included. Raises InvalidError (E728) when the
    extra is missing or the environment can't be used.
    """
    scheme, bucket, prefix = split_address(address)
    endpoints = [environ[name] for name in _ENDPOINTS if environ.get(name)]
    is_local = bool(endpoints) and all(is_loopback(urlsplit(each).hostname or "") for each in endpoints)
    with _asked(address):
        store = _extra("obstore.store").from_url(
            f"{scheme}://{bucket}",
            client_options={
                "allow_http": is_local,
                "connect_timeout": timedelta(seconds=10),
                "timeout": timeout,
            },
            # What may be tried again, and what its outcome means then, is known to `remote.py` only.
            retry_config={"max_retries": 0},
        )
    return CloudObjects(store, prefix, address)


class CloudObjects:
    """`Objects` over a store of obstore. prefix: of all keys; empty, or ending in `/`. address: for messages."""

    def __init__(self, store: Any, prefix: str, address: str) -> None:
        self._obstore = _extra("obstore")
        self._store = store
        self.prefix = prefix
        self._address = address

    def get(self, key: str) -> Object | None:
        with _asked(self._address):
            try:
                answer = self._obstore.get(self._store, self.prefix + key)
                return Object(bytes(answer.bytes()), Tag(answer.meta["e_tag"]))
            except FileNotFoundError:
                return None

    def tag(self, key: str) -> Tag | None:
        with _asked(self._address):
            try:
                return Tag(self._obstore.head(self._store, self.prefix + key)["e_tag"])
            except FileNotFoundError:
                return None

    def read(self, key: str, tag: Tag) -> Iterator[bytes]:
        with _asked(self._address):
            try:
                answer = self._obstore.get(self._store, self.prefix + key, options={"if_match": tag})
            except FileNotFoundError:
                raise NotDoneError from None
            for chunk in answer.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(chunk)

    def put(self, key: str, content: Content, *, over: Tag | None) -> Tag:
        mode = "create" if over is None else {"e_tag": over}
        with _asked(self._address):
            # A conditional write is one request: what is written so is small.
            answer = self._obstore.put(self._store, self.prefix + key, _given(content), mode=mode, use_multipart=False)
            return Tag(answer["e_tag"])

    def overwrite(self, key: str, content: Content) -> None:
        with _asked(self._address):
            self._obstore.put(self._store, self.prefix + key, _given(content))

    def below(self, prefix: str) -> Below:
        with _asked(self._address):
            found = self._obstore.list_with_delimiter(self._store, self.prefix + prefix)
        start = len(self.prefix + prefix)
        return Below(
            tuple(sorted(each["path"][start:] for each in found["objects"])),
            tuple(sorted(path.rstrip("/")[start:] for path in found["common_prefixes"])),
        )

    def keys(self, prefix: str) -> tuple[str, ...]:
        with _asked(self._address):
            found = [
                each["path"] for some in self._obstore.list(self._store, prefix=self.prefix + prefix) for each in some
            ]
        return tuple(sorted(path[len(self.prefix) :] for path in found))

    def delete(self, key: str) -> None:
        with _asked(self._address), suppress(FileNotFoundError):
            self._obstore.delete(self._store, self.prefix + key)


@contextmanager
def _asked(address: str) -> Iterator[None]:
    failures = _extra("obstore.exceptions")
    problem: Exception
    try:
        yield
        return
    except (failures.AlreadyExistsError, failures.PreconditionError):
        problem = NotDoneError()
    except (failures.PermissionDeniedError, failures.UnauthenticatedError):
        problem = _refused(address, "it refuses the credentials, or they lack a right there")
    except FileNotFoundError:
        problem = _refused(address, "there is no such bucket or container")
    except (failures.GenericError, failures.JoinError):
        problem = UnsureError("no useful answer")
    except (failures.BaseError, ValueError) as error:
        problem = _unusable(address, type(error).__name__.removesuffix("Error"))
    raise problem from None  # the with statement would keep what the store said as its context


def _refused(address: str, why: str) -> StorageError:
    return StorageError(
        Diagnostic(
            "E725",
            f"the store of the state can't be used: {why}",
            detail=f"Address: {address}. Nothing was sent after that.",
            hint="check the address, and the credentials in the environment: reading, listing, writing and deleting"
            " are needed",
        )
    )


def _unusable(address: str, kind: str) -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E728",
            f"the store of the state can't be opened ({kind})",
            detail=f"Address: {address}. Nothing was read, changed or sent.",
            hint="check the address, and the store's variables in the environment",
        )
    )


def is_address(state: str) -> bool:
    """Whether a place of the state is an address and not a folder."""
    return "://" in state


def split_address(address: str) -> tuple[str, str, str]:
    """Scheme, bucket, and the prefix of all keys: empty, or ending in `/`. Raises InvalidError (E728)."""
    scheme, _, rest = address.partition("://")
    bucket, _, prefix = rest.partition("/")
    parts = prefix.strip("/").split("/") if prefix.strip("/") else []
    if scheme not in SCHEMES or not bucket or any(part in ("", ".", "..") for part in parts) or set(rest) & set("?#@"):
        raise InvalidError(
            Diagnostic(
                "E728",
                f"{scheme}://… is no address for the state" if scheme not in SCHEMES else "no address for the state",
                detail="Nothing was read, changed or sent.",
                hint="use s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or a folder",
            )
        )
    return scheme, bucket, "".join(f"{part}/" for part in parts)


def _given(content: Content) -> Any:
    return content if isinstance(content, bytes) else content()


def _extra(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InvalidError(
            Diagnostic(
                "E728",
                "state in an object store needs a package that is not installed",
                detail="Nothing was read, changed or sent.",
                hint="pip install 'ccsync[cloud]'",
            )
        ) from None
