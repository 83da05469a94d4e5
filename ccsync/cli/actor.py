"""Who is acting: `--as`, `CCSYNC_ACTOR`, the CI system's user, git's user.email, the OS user. What they may do is in
`core/permission.py`."""

import getpass
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "CCSYNC_ACTOR"

CI_USERS = (
    "GITHUB_ACTOR",
    "GITLAB_USER_EMAIL",
    "GITLAB_USER_LOGIN",
    "BUILD_REQUESTEDFOREMAIL",  # Azure Pipelines
    "BITBUCKET_STEP_TRIGGERER_UUID",
    "CIRCLE_USERNAME",
    "BUILDKITE_BUILD_CREATOR_EMAIL",
    "BUILD_USER_ID",  # Jenkins, build user plugin
    "DRONE_COMMIT_AUTHOR",
)
"""Where CI systems name the person who started a job. Looked at in this order."""

GIT_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Actor:
    """source: where the name was found, for messages and the run record."""

    name: str
    source: str


def find_actor(
    asked: str | None,
    environ: Mapping[str, str],
    git_email: Callable[[], str | None],
    os_user: Callable[[], str | None],
) -> Actor:
    """The first name found, in the order of the public contract; `unknown` when there is none."""
    return next(_actors(asked, environ, git_email, os_user), Actor("unknown", "nowhere"))


def found_actors(
    asked: str | None,
    environ: Mapping[str, str],
    git_email: Callable[[], str | None],
    os_user: Callable[[], str | None],
) -> tuple[Actor, ...]:
    """Every name found, in that order: the first one counts, the others were passed over."""
    return tuple(_actors(asked, environ, git_email, os_user))


def _actors(
    asked: str | None,
    environ: Mapping[str, str],
    git_email: Callable[[], str | None],
    os_user: Callable[[], str | None],
) -> Iterator[Actor]:
    if asked:
        yield Actor(asked, "--as")
    for variable in (VARIABLE, *CI_USERS):
        if environ.get(variable):
            yield Actor(environ[variable], variable)
    for find, source in ((git_email, "git user.email"), (os_user, "the OS user")):
        name = find()
        if name:
            yield Actor(name, source)


def git_email(folder: Path) -> str | None:
    """git's user.email as it applies in a folder; None without git or without one set."""
    return _git(folder, "config", "--get", "user.email") or None


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out in a folder, for the run record; None outside a repository."""
    return _git(folder, "rev-parse", "HEAD") or None


def repository_place(folder: Path) -> str:
    """Where a folder is within its repository, `configs`, empty for the root. Outside one: as it was given, if that is
    relative."""
    found = _git(folder, "rev-parse", "--show-prefix")
    place = found if found is not None else "" if folder.is_absolute() else folder.as_posix()
    return "" if place == "." else place.strip("/")


def _git(folder: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and no shell
            ("git", *args),  # noqa: S607 - whichever git the user has
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def os_user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
