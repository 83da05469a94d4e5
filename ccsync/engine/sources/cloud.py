"""Objects of S3, Google Cloud Storage and Azure, fetched into a private folder; from there on they are files.

Through `obstore`, an extra. What a store says of an error may hold a signed address, so only its kind is passed on.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ccsync.core.spec import Source
from ccsync.engine.session import make_private
from ccsync.engine.sources.extras import load_extra
from ccsync.engine.sources.files import SourceFile, describe_file
from ccsync.engine.sources.remote import revealed
from ccsync.errors import CcsyncError, Diagnostic, InvalidError, StorageError, Where

# Any: the objects of obstore, an extra that is imported late.

SCHEMES = ("s3", "gs", "az")
_CHUNK_BYTES = 8_000_000
_MAGIC = re.compile(r"[*?\[]")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_cloud(path: str) -> bool:
    return path.partition("://")[0] in SCHEMES and "://" in path


def fetch_files(source: Source, suffix: str | None, into: Path) -> tuple[SourceFile, ...]:
    """The objects that `source.path` means, as files: one, those of a glob, or those below a folder that end so.

    suffix: see `find_files`. into: a private folder. Raises InvalidError: E401 (none), E421, E424, E425; StorageError.
    """
    bucket = Bucket(source, into)
    wanted = _pattern(bucket.prefix, suffix)
    fixed = PurePosixPath(*_fixed_parts(bucket.prefix))
    keys = [key for key in bucket.keys(str(fixed)) if wanted.fullmatch(key)]
    if not keys and not _MAGIC.search(bucket.prefix):
        keys = [key for key in bucket.keys(str(fixed.parent)) if wanted.fullmatch(key)]
    if not keys:
        raise InvalidError(
            Diagnostic(
                "E401",
                f"source {source.name}: no object at its path",
                detail="nothing was read",
                hint="check the bucket and the path, upper and lower case included",
            )
        )
    return bucket.fetch(keys)


class Bucket:
    """The bucket that a source's path begins with. prefix: the rest of the path."""

    def __init__(self, source: Source, into: Path) -> None:
        self._source = source
        self._into = into
        self._obstore = load_extra(source, "cloud", "obstore")
        self._failures = load_extra(source, "cloud", "obstore.exceptions")
        self.address, self.prefix = _split(source.path)
        self._seen: dict[str, str | None] = {}
        with self._asked():
            self._store = self._open()

    def _open(self) -> Any:
        options = {
            key.removeprefix("options."): revealed(value) for key, value in self._source.options.items() if "." in key
        }
        endpoints = _endpoints(options)
        is_local = bool(endpoints) and all(urlsplit(value).hostname in _LOOPBACK for value in endpoints)
        store = load_extra(self._source, "cloud", "obstore.store")
        return store.from_url(
            self.address,
            config=options,
            client_options={
                "allow_http": is_local,
                "connect_timeout": timedelta(seconds=10),
                "timeout": timedelta(hours=1),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
        )

    def keys(self, folder: str) -> list[str]:
        """All keys below a folder, sorted; `.` is the whole bucket."""
        found: list[str] = []
        with self._asked():
            for some in self._obstore.list(self._store, prefix=None if folder == "." else folder):
                for each in some:
                    self._seen[each["path"]] = each["e_tag"]
                    found.append(each["path"])
        return sorted(found)

    def fetch(self, keys: Sequence[str]) -> tuple[SourceFile, ...]:
        """Downloads objects that were listed, each as it was then (else E421), below the private folder."""
        return tuple(self._fetched(key) for key in keys)

    def _fetched(self, key: str) -> SourceFile:
        path = self._into / key
        name = f"{self.address}/{key}"
        if ".." in PurePosixPath(key).parts:
            raise InvalidError(Diagnostic("E401", f"source {self._source.name}: an object's key leads upwards"))
        tag = self._seen.get(key)
        try:
            _make_private_folder(path.parent)
            make_private(path)
            with path.open("wb") as file, self._asked(key):
                answer = self._obstore.get(self._store, key, options={"if_match": tag} if tag else {})
                for chunk in answer.stream(min_chunk_size=_CHUNK_BYTES):
                    file.write(chunk)
        except OSError as error:
            text = f"source {self._source.name}: an object can't be kept: {error.strerror}"
            raise StorageError(Diagnostic("E713", text, detail="nothing was sent")) from None
        found = describe_file(path, self._into, self._source)
        return SourceFile(found.path, name, found.size, found.mark)

    @contextmanager
    def _asked(self, key: str | None = None) -> Iterator[None]:
        try:
            yield
            return
        except self._failures.PreconditionError:
            problem: CcsyncError = self._problem("E421", "an object changed while it was read", "run again", key)
        except self._failures.NotFoundError:
            problem = self._problem("E401", "the bucket or an object is not there", "check the path", key)
        except (self._failures.BaseError, ValueError) as error:
            hint = "check the bucket, the credentials and `options` of the source"
            kind = type(error).__name__.removesuffix("Error")
            problem = self._problem("E425", f"the object store can't be reached, or refuses ({kind})", hint, key)
        raise problem from None  # the with statement would keep what the store said as its context

    def _problem(self, code: str, what: str, hint: str, key: str | None) -> InvalidError:
        where = Where(f"{self.address}/{key}") if key else None
        summary = f"source {self._source.name}: {what}"
        return InvalidError(Diagnostic(code, summary, detail="nothing was sent", hint=hint, where=where))


def _endpoints(options: Mapping[str, str]) -> list[str]:
    """Where the store is, as far as the options say. Of Google's, the service account's key says it."""
    found = [value for key, value in options.items() if key.endswith("endpoint")]
    for key, value in options.items():
        if key.endswith("service_account_key"):
            with suppress(ValueError):
                told = json.loads(value)
                found += [str(told["gcs_base_url"])] if isinstance(told, dict) and "gcs_base_url" in told else []
    return found


def _make_private_folder(path: Path) -> None:
    """Makes a folder and those above it that are missing, all of them 0700."""
    if not path.is_dir():
        _make_private_folder(path.parent)
        path.mkdir(mode=0o700)


def _split(path: str) -> tuple[str, str]:
    """`s3://bucket` and the path in it."""
    scheme, _, rest = path.partition("://")
    bucket, _, prefix = rest.partition("/")
    return f"{scheme}://{bucket}", prefix.strip("/")


def _fixed_parts(pattern: str) -> list[str]:
    """The folders before the first that holds a wildcard; all of it where there is none."""
    parts = pattern.split("/")
    magic = [at for at, part in enumerate(parts) if _MAGIC.search(part)]
    return parts[: magic[0]] if magic else parts


def _pattern(prefix: str, suffix: str | None) -> re.Pattern[str]:
    """What keys must look like: `*` and `?` stay within a folder, `**` stands for any number of folders."""
    if _MAGIC.search(prefix):
        parts = prefix.split("/")
        text = "".join(
            "(?:[^/]+/)*" if part == "**" else _part(part) + ("/" if at < len(parts) - 1 else "")
            for at, part in enumerate(parts)
        )
        return re.compile(text + ("[^/]+" if parts[-1] == "**" else ""), re.DOTALL)
    below = f"|{re.escape(prefix)}{'/' if prefix else ''}.*{re.escape(suffix)}" if suffix else ""
    return re.compile(re.escape(prefix) + below, re.DOTALL)


def _part(part: str) -> str:
    text = re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.sub(r"\\\[(!?)(.+?)\\\]", lambda m: f"[{'^' if m[1] else ''}{m[2].replace(chr(92) + '-', '-')}]", text)
