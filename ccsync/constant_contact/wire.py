"""Sends one request, once: addresses, pacing, the last safety check, and whether a whole answer came back.

Whether to try again, and what an answer means, is `http.py`.
"""

import io
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import httpx

from ccsync import __version__
from ccsync.constant_contact import failures
from ccsync.constant_contact.answers import Answer
from ccsync.constant_contact.auth import BearerAuth, TokenSource
from ccsync.constant_contact.budget import RequestBudget
from ccsync.constant_contact.routes import Outgoing, check_outgoing, find_route, not_sent
from ccsync.constant_contact.waiting import pause
from ccsync.core.address import is_loopback
from ccsync.core.spec import Connection
from ccsync.errors import Diagnostic, InvalidError, StorageError
from ccsync.ports.clock import Clock

MAX_DOCUMENT_BYTES = 64_000_000
"""Of an answer that is read into memory; the largest that the API gives (500 contacts or activities) is under 2 MB."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. connect, read, write, pool: of one step on the wire. answer: of a whole answer, so that one that drips
    in byte by byte ends too."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 60.0
    pool: float = 10.0
    answer: float = 900.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call. path: below the base address, with its query when it comes from a link. into: where a download goes.

    At most one of json (an encoded document) and file (name and content, sent with `form` as multipart) is set.
    """

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    json: bytes | None = None
    form: Mapping[str, str] | None = None
    file: tuple[str, bytes] | None = None
    into: BinaryIO | None = None

    @property
    def bare_path(self) -> str:
        return self.path.partition("?")[0]


class Lost(Exception):  # noqa: N818 - it is no error yet: `http.py` decides
    """No whole answer came. sent: whether any of the request may have been read. again: whether trying may help."""

    def __init__(self, why: str, *, sent: bool, again: bool = True) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent
        self.again = again


class Wire:
    """The connection to one API. transport: for tests; else httpx's own, with the environment's proxies unless the
    host is this machine. Redirects are never followed.

    skew_s: by how much our clock was ahead of the server's at the last answer that told its time, in whole seconds;
    None before. Source: RFC 9110 6.6.1, Date.
    """

    def __init__(
        self, connection: Connection, tokens: TokenSource, budget: RequestBudget, clock: Clock, *,
        transport: httpx.BaseTransport | None, timeouts: Timeouts,
    ) -> None:  # fmt: skip
        self.calls_made = 0
        self.skew_s: float | None = None
        self._connection = connection
        self._budget = budget
        self._clock = clock
        self._answer_s = timeouts.answer
        self._base = address(connection.endpoints.api)
        self._root = self._base.raw_path.decode("ascii").rstrip("/")
        self._client = new_client(self._base, transport, timeouts, BearerAuth(tokens, self._is_ours))
        self._client.event_hooks = {"request": [self._before_sending]}

    def close(self) -> None:
        self._client.close()

    @property
    def host(self) -> str:
        return self._base.netloc.decode("ascii")

    def send(self, call: Call) -> Answer:
        """One request, or two when the token had to be renewed. Raises Lost; RejectedError (E625, E621), DeniedError
        and QuotaError before anything was sent."""
        find_route(call.method, call.bare_path)
        request = self._request(call)
        try:
            response = self._client.send(request, stream=True)
            try:
                return self._receive(response, call.into)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            # Raised while connecting (TLS and a proxy's tunnel included): the request itself was not begun.
            untrusted = _is_about_certificates(error)
            why = "its certificate is not trusted" if untrusted else _reason(error)
            raise Lost(why, sent=False, again=not untrusted) from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise Lost("its address can't be used", sent=False, again=False) from None
        except (httpx.HTTPError, OSError) as error:
            # OSError: of a transport that doesn't translate; our own disk's trouble is a StorageError by now.
            raise Lost(_reason(error), sent=True) from None

    def below(self, href: str) -> str:
        """The path below the base address that a link of the API leads to. Raises RejectedError (E621) for a link to
        another host. Source: links are paths beginning `/v3/`, without host (FACTS 2.7)."""
        try:
            url = httpx.URL(href)
            path = url.raw_path.decode("ascii")
        except (httpx.InvalidURL, UnicodeError):
            raise failures.link_elsewhere(self._connection, self.host) from None
        if (url.host or url.scheme) and not self._is_ours(url):
            raise failures.link_elsewhere(self._connection, self.host)
        for prefix in (self._root, "/v3"):
            if prefix and path.startswith(prefix + "/"):
                return path[len(prefix) :]
        return path

    def _request(self, call: Call) -> httpx.Request:
        url = httpx.URL(f"{self._base.scheme}://{self.host}{self._root}{call.path}")
        if call.file is not None:
            # httpx writes the multipart content type itself: a hand-set one gets a 415 (FACTS 2.3).
            name, content = call.file
            return self._client.build_request(
                call.method, url, data=dict(call.form or {}), files={"file": (name, content, "text/csv")}
            )
        if call.json is not None:
            headers = {"Content-Type": "application/json"}
            return self._client.build_request(call.method, url, content=call.json, headers=headers)
        # params=None keeps the query of a link; an empty mapping would drop it.
        return self._client.build_request(call.method, url, params=call.params or None)

    def _before_sending(self, request: httpx.Request) -> None:
        """Runs for every request that leaves, replays included: nothing goes around it."""
        path, _, _ = request.url.raw_path.decode("ascii").partition("?")
        if not self._is_ours(request.url) or not path.startswith(self._root + "/"):
            raise not_sent("requests go to the configured API only")
        length = request.headers.get("Content-Length")
        bulky = request.method == "POST" and path.endswith("_import")
        check_outgoing(
            Outgoing(
                request.method,
                path[len(self._root) :],
                int(length) if length is not None else None,
                None if bulky else request.content,
            )
        )
        pause(self._clock, self._budget.take())
        self.calls_made += 1

    def _receive(self, response: httpx.Response, into: BinaryIO | None) -> Answer:
        kept = io.BytesIO()
        target = into if into is not None and response.status_code == 200 else kept
        deadline = self._clock.monotonic() + self._answer_s
        _restart(target)
        for chunk in response.iter_bytes():
            _write(target, chunk)
            if target is kept and kept.tell() > MAX_DOCUMENT_BYTES:
                raise Lost("its answer is far too long", sent=True, again=False)
            if self._clock.monotonic() > deadline:
                raise Lost("its answer took too long", sent=True)
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and response.num_bytes_downloaded != int(announced):
            raise Lost("its answer ended early", sent=True)
        media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        headers = response.headers
        body = kept.getvalue()
        self._note_time(headers.get("Date"))
        return Answer(response.status_code, body, media, headers.get("Retry-After"), headers.get("Location"))

    def _note_time(self, date: str | None) -> None:
        with suppress(ValueError, TypeError):  # TypeError: a date without a zone
            self.skew_s = (self._clock.now() - parsedate_to_datetime(date or "")).total_seconds()

    def _is_ours(self, url: httpx.URL) -> bool:
        return (url.scheme, url.host, url.port) == (self._base.scheme, self._base.host, self._base.port)


def _restart(target: BinaryIO) -> None:
    try:
        target.seek(0)
        target.truncate()
    except OSError as error:
        raise disk_trouble(error) from error


def _write(target: BinaryIO, chunk: bytes) -> None:
    try:
        target.write(chunk)
    except OSError as error:
        raise disk_trouble(error) from error


def disk_trouble(error: OSError) -> StorageError:
    return StorageError(
        Diagnostic(
            "E713",
            "a file that Constant Contact sent could not be written to the disk",
            detail=f"The system says: {error.strerror}. Nothing more was sent.",
            hint="free some space, then run the command again",
        )
    )


def address(text: str) -> httpx.URL:
    """An endpoint's base address. Raises InvalidError (E622) for one that a token must not be sent to."""
    try:
        url = httpx.URL(text.rstrip("/"))
    except httpx.InvalidURL:
        raise _unusable_address() from None
    safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
    if not safe or not url.host or url.userinfo or url.query or url.fragment:
        raise _unusable_address()
    return url


def _unusable_address() -> InvalidError:
    return InvalidError(
        Diagnostic(
            "E622",
            "an address under `endpoints` can't be used: it must be https://…, or http://… on this machine",
            detail="Nothing was sent.",
            hint="correct `endpoints` of the connection",
        )
    )


def new_client(
    base: httpx.URL, transport: httpx.BaseTransport | None, timeouts: Timeouts, auth: httpx.Auth | None = None
) -> httpx.Client:
    """An HTTP client for one host. A loopback address is never asked through a proxy; TLS is not even set up for it."""
    _hush()
    return httpx.Client(
        auth=auth,
        transport=transport,
        verify=base.scheme == "https",
        trust_env=not is_loopback(base.host),
        follow_redirects=False,
        timeout=httpx.Timeout(connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool),
        headers={"User-Agent": f"ccsync/{__version__}", "Accept": "*/*"},
    )


def _hush() -> None:
    """httpx logs every address, queries with e-mail addresses included; httpcore logs headers."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: Exception) -> str:
    """Words of ours for what went wrong: the library's own may quote what was sent."""
    match error:
        case httpx.ConnectTimeout():
            return "no connection within the time allowed"
        case httpx.ConnectError():
            return "no connection"
        case httpx.ProxyError():
            return "the proxy refuses"
        case httpx.PoolTimeout():
            return "no free connection"
        case httpx.TimeoutException():
            return "no answer within the time allowed"
        case httpx.DecodingError():
            return "its answer can't be decoded"
        case _:
            return "the connection broke"
