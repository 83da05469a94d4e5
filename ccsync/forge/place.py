"""Which pull request is meant and how to reach it: what the CI system says in the environment. Nothing is asked."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from ccsync.core.address import is_loopback
from ccsync.errors import DeniedError, Diagnostic, UsageError


class Kind(StrEnum):
    GITHUB = "GitHub"
    GITLAB = "GitLab"


@dataclass(frozen=True, slots=True)
class Place:
    """api: base address without a trailing slash; the token goes nowhere else. project: `owner/name`, or GitLab's id.

    run_url: of the CI run that is going on, None outside of one.
    """

    kind: Kind
    api: str
    project: str
    number: int
    token: str = field(repr=False)
    run_url: str | None = None


def find_place(environ: Mapping[str, str], number: int | None) -> Place:
    """number: of the pull request, None to ask the environment.

    Raises UsageError (E770) when there is no pull request, DeniedError (E771) when there is no token. Sources: the
    default environment variables of GitHub Actions, the predefined variables of GitLab CI.
    """
    if environ.get("GITLAB_CI"):
        return _gitlab(environ, number)
    if environ.get("GITHUB_REPOSITORY"):
        return _github(environ, number)
    raise _nowhere("neither GITHUB_REPOSITORY nor GITLAB_CI is set")


def _github(environ: Mapping[str, str], number: int | None) -> Place:
    project = environ["GITHUB_REPOSITORY"]
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", project):
        raise _nowhere("GITHUB_REPOSITORY is not OWNER/NAME")
    server = environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    run = environ.get("GITHUB_RUN_ID", "")
    return Place(
        Kind.GITHUB,
        _checked(environ.get("GITHUB_API_URL") or "https://api.github.com", "GITHUB_API_URL"),
        project,
        number or _number_of_event(environ),
        _token(environ, ("GITHUB_TOKEN", "GH_TOKEN"), "env: {GITHUB_TOKEN: ${{ github.token }}}"),
        _address(f"{server}/{project}/actions/runs/{run}") if run else None,
    )


def _gitlab(environ: Mapping[str, str], number: int | None) -> Place:
    project, asked = environ.get("CI_PROJECT_ID", ""), environ.get("CI_MERGE_REQUEST_IID", "")
    if not project.isdecimal():
        raise _nowhere("CI_PROJECT_ID is not set")
    if number is None and not asked.isdecimal():
        raise _nowhere("this pipeline belongs to no merge request (CI_MERGE_REQUEST_IID is not set)")
    return Place(
        Kind.GITLAB,
        _checked(environ.get("CI_API_V4_URL") or "https://gitlab.com/api/v4", "CI_API_V4_URL"),
        project,
        number or int(asked),
        _token(environ, ("GITLAB_TOKEN",), "a project access token with scope api; GitLab's job token may not comment"),
        _address(environ.get("CI_JOB_URL", "")),
    )


def _number_of_event(environ: Mapping[str, str]) -> int:
    try:
        event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        return int((event.get("pull_request") or event["issue"])["number"])
    except (KeyError, TypeError, ValueError, AttributeError, OSError):
        ref = re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF", ""))
        if ref:
            return int(ref[1])
    raise _nowhere("this run belongs to no pull request")


def _token(environ: Mapping[str, str], names: tuple[str, ...], hint: str) -> str:
    for name in names:
        token = environ.get(name, "")
        if token and token.isascii() and token.isprintable() and " " not in token:
            return token
    raise DeniedError(
        Diagnostic(
            "E771",
            f"there is no token to comment with: {' or '.join(names)} is not set",
            detail="Tokens are read from the environment only. Nothing was posted.",
            hint=hint,
        )
    )


def _checked(address: str, name: str) -> str:
    """https, or http on this machine: a token must not travel in the open."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not safe or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise _nowhere(f"{name} is no https address")
    return address.rstrip("/")


def _address(text: str) -> str | None:
    """As it may stand in a link; None for anything else."""
    return text if re.fullmatch(r"https?://[\w.:/-]+", text, re.ASCII) else None


def _nowhere(why: str) -> UsageError:
    return UsageError(
        Diagnostic(
            "E770",
            f"there is no pull request to comment on: {why}",
            detail="Nothing was posted.",
            hint="run this in a job of a pull request or merge request, or give --pull-request N",
        )
    )
