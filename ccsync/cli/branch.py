"""What git knows of a branch: the configuration where it left its base, and the files it touches. Compares nothing."""

import os
import subprocess
from pathlib import Path

from ccsync.cli.wiring import private_folder
from ccsync.config.load import load_project
from ccsync.config.touched import touched_exports
from ccsync.core.spec import ExportName, Project
from ccsync.errors import Diagnostic, InvalidError, Severity, UsageError

GIT_TIMEOUT_S = 60
_DECLARED_IN = ("*.yaml", "*.yml", "*.sql")


def touched_since(config_dir: Path, base: str) -> tuple[tuple[ExportName, ...], tuple[Diagnostic, ...]]:
    """The exports that the working tree touches since it left `base`, and a warning (W742) when there was no sound
    configuration then.

    Raises UsageError (E741) when git can't say, InvalidError for a configuration with errors.
    """
    top = Path(_git(config_dir, "rev-parse", "--show-toplevel").rstrip("\n"))
    inside = _git(config_dir, "rev-parse", "--show-prefix").rstrip("\n")
    commit = _left_at(config_dir, base)
    now = load_project(config_dir, environ={}, resolve=False).project
    with private_folder() as folder:
        before = _project_at(commit, top, folder, inside)
    changed = [os.path.relpath(name, inside or ".") for name in _changed_files(top, commit)]
    touched = touched_exports(now, before, (Path(name).as_posix() for name in changed))
    return touched, () if before else (_unsound(base),)


def _left_at(folder: Path, base: str) -> str:
    """The commit where this branch left `base`; `base` itself when their histories (as far as fetched) never meet."""
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}").strip()
    except UsageError:
        raise _unknown(f"git knows no commit {base!r} here") from None
    try:
        return _git(folder, "merge-base", commit, "HEAD").strip()
    except UsageError:
        return commit


def _project_at(commit: str, top: Path, folder: Path, inside: str) -> Project | None:
    """The project as it was. Only what can declare something is written out: a repository may hold much else."""
    index = {"GIT_INDEX_FILE": str(folder / "index")}
    _git(top, "read-tree", commit, env=index)
    names = _git(top, "ls-files", "-z", "--", *_DECLARED_IN, env=index)
    tree = folder / "tree"
    tree.mkdir()
    _git(top, "checkout-index", "-z", "--stdin", f"--prefix={tree}/", env=index, given=names)
    if not (tree / inside).is_dir():
        return None
    try:
        return load_project(tree / inside, environ={}, resolve=False).project
    except InvalidError:
        return None


def _changed_files(top: Path, commit: str) -> list[str]:
    """Names relative to the top: what differs from the commit in the working tree, and what git doesn't know yet."""
    differing = _git(top, "diff", "--name-only", "--no-renames", "-z", commit, "--")
    new = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    return [name for name in (differing + new).split("\0") if name]


def _git(folder: Path, *args: str, env: dict[str, str] | None = None, given: str | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a ref can be no option, see `_left_at`
            ("git", *args),  # noqa: S607 - whichever git the user has
            cwd=folder,
            env={**os.environ, **(env or {})},
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unknown("git did not answer") from error
    if done.returncode:
        raise _unknown(done.stderr.strip().partition("\n")[0] or f"git {args[0]} found nothing")
    return done.stdout


def _unknown(said: str) -> UsageError:
    return UsageError(
        Diagnostic(
            "E741",
            f"--changed has nothing to compare with: {said}",
            detail="Nothing was planned.",
            hint="fetch the base (`git fetch origin main`; in CI: check out with full history), or leave --changed out",
        )
    )


def _unsound(base: str) -> Diagnostic:
    return Diagnostic(
        "W742",
        f"there is no sound configuration at {base}",
        Severity.WARNING,
        detail="Every export counts as touched.",
    )
