"""Delivers one notice over one channel, within a bounded time, and never raises: why it failed is an answer."""

import json
import subprocess
import threading
from dataclasses import asdict
from urllib.parse import urlsplit

import httpx

from ccsync import __version__
from ccsync.core.address import is_loopback
from ccsync.core.notice import Notice
from ccsync.core.spec import Channel, Notification

NOTICE_FORMAT = 1
DEADLINE_S = 15.0
"""Of one delivery, name resolution and slow answers included."""

_TIMEOUT_S = 10.0


def deliver(notification: Notification, notice: Notice, deadline_s: float = DEADLINE_S) -> str | None:
    """None when it was delivered; else why not, in words that hold neither address nor token."""
    answers: list[str | None] = []

    def work() -> None:
        try:
            answers.append(_delivered(notification, notice, deadline_s))
        except Exception as error:  # noqa: BLE001 - a thread's own report would show addresses and tokens
            answers.append(f"it failed ({type(error).__name__})")

    # A thread, because neither name resolution nor an answer that drips in can be given a time in another way. It is
    # left behind when it takes too long: it ends with the process.
    thread = threading.Thread(target=work, daemon=True, name=f"notify-{notification.name}")
    thread.start()
    thread.join(deadline_s)
    return answers[0] if answers else f"it took longer than {deadline_s:g} seconds"


def _delivered(notification: Notification, notice: Notice, deadline_s: float) -> str | None:
    match notification.channel:
        case Channel.WEBHOOK:
            return _posted(notification, notice_document(notice))
        case Channel.SLACK:
            return _posted(notification, {"text": _escaped(notice.text)})
        case Channel.COMMAND:
            return _started(notification, notice, deadline_s)


def notice_document(notice: Notice) -> dict[str, object]:
    """The JSON of a webhook, and of a command's stdin."""
    return {"format": NOTICE_FORMAT, **asdict(notice), "codes": list(notice.codes), "text": notice.text}


def _posted(notification: Notification, document: dict[str, object]) -> str | None:
    secrets = [each for each in (notification.url, notification.token) if each is not None]
    if any(each.value is None for each in secrets):
        return "what its url or token refers to is not set"
    url = notification.url.value if notification.url else None
    if not url or not _may_be_asked(url):
        return "its url is no https address (http is for this machine only)"
    headers = {"User-Agent": f"ccsync/{__version__}"}
    if notification.token and notification.token.value:
        headers["Authorization"] = f"Bearer {notification.token.value}"
    parts = urlsplit(url)
    proxied = not is_loopback(parts.hostname or "")
    secure = parts.scheme == "https"  # reading the machine's certificates takes longer than posting
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=proxied, verify=secure) as client,
            client.stream("POST", url, json=document, headers=headers) as answer,
        ):
            return None if answer.is_success else f"it answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        return f"it could not be reached ({type(error).__name__})"  # the text of an error may hold the address


def _may_be_asked(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host or "")))


def _escaped(text: str) -> str:
    """Slack reads three characters as its own. Source: Slack API, "Formatting text for app surfaces"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _started(notification: Notification, notice: Notice, deadline_s: float) -> str | None:
    """The program gets the JSON on stdin. Its output is dropped; no shell reads its words."""
    if any("${" in word for word in notification.command):
        return "a reference in its command leads nowhere"
    try:
        process = subprocess.Popen(  # noqa: S603 - the configuration says which program, word by word
            notification.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError) as error:
        return f"the program could not be started ({type(error).__name__})"
    try:
        process.communicate(json.dumps(notice_document(notice)).encode(), timeout=deadline_s * 0.8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "the program took too long and was ended"
    return None if process.returncode == 0 else f"the program ended with {process.returncode}"
