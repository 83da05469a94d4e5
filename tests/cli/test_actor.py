"""Who is acting."""

from pathlib import Path

import pytest
from ccsync.cli.actor import CI_USERS, Actor, find_actor, git_email


def nobody() -> str | None:
    return None


@pytest.mark.parametrize(
    ("asked", "environ", "git", "user", "expected"),
    [
        ("a", {"CCSYNC_ACTOR": "b", "GITHUB_ACTOR": "c"}, "d", "e", Actor("a", "--as")),
        (None, {"CCSYNC_ACTOR": "b", "GITHUB_ACTOR": "c"}, "d", "e", Actor("b", "CCSYNC_ACTOR")),
        (None, {"GITHUB_ACTOR": "c"}, "d", "e", Actor("c", "GITHUB_ACTOR")),
        (None, {"GITLAB_USER_EMAIL": "c"}, "d", "e", Actor("c", "GITLAB_USER_EMAIL")),
        (None, {}, "d", "e", Actor("d", "git user.email")),
        (None, {"CCSYNC_ACTOR": ""}, None, "e", Actor("e", "the OS user")),
        (None, {}, None, None, Actor("unknown", "nowhere")),
    ],
)
def test_the_first_name_found_counts(
    asked: str | None, environ: dict[str, str], git: str | None, user: str | None, expected: Actor
) -> None:
    assert find_actor(asked, environ, lambda: git, lambda: user) == expected


def test_every_ci_system_is_asked() -> None:
    for variable in CI_USERS:
        assert find_actor(None, {variable: "x"}, nobody, nobody).source == variable


def test_without_git_there_is_no_email(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_email(tmp_path) is None
